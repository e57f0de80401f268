"""A git server in the cluster, as the place that keeps the code of a project that is tried on one machine.

Only its resources and project/ import it.
"""
