"""What people and machines read: console, progress, timeline, JSON.

Only cli.py and the commands import it.
"""
