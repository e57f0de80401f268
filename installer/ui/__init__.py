"""What people and programs read: console, progress, timeline, JSON documents.

Only cli.py and commands/ import it. It decides nothing; the packages below hand it what to show.
"""
