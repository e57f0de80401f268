"""The CIs: what is asked of each, and the variables and tokens that each needs.

Resources and all above import it.
"""
