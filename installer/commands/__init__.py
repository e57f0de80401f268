"""The commands: what a user asks for, made of what the packages below offer.

cli.py imports it, and so does the post-generation hook. Nothing else may.
"""
