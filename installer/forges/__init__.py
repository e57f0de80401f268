"""The code hosts, git, and the HTTP that they speak.

The CIs, the resources and all above import it.
"""
