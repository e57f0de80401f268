"""The commands: one file each, each with one function.

Only cli.py and the hook import them.
"""
