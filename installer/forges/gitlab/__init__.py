"""GitLab, as the place that keeps the code.

Only its resources, its checks and project/ import it.
"""
