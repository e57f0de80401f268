"""What is checked before the first write: checks.py lists them.

The commands and the console import it.
"""
