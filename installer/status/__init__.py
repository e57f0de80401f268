"""What was deployed, what runs, and the wait until both agree. rollout.py decides that a rollout is finished.

preflight/ and everything above import it. Files that the reporter's pod runs import the standard library alone.
"""
