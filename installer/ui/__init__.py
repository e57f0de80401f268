"""What people and machines read: console, progress, timeline, JSON.

Only the commands import it.
"""
