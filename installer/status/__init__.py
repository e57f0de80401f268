"""What was deployed, what the pods answer, and the wait until both agree.

What stands above imports it: preflight, ui, commands.
"""
