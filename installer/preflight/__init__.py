"""The checks before the first write. checks.py lists them all; each file holds those of one subject.

commands/ and ui/ import it. A check reads and yields findings; it changes nothing that stays
(a push to the registry is tried, and cancelled).
"""
