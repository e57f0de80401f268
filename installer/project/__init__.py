"""One project and all that it is wired to. This is the only place that wires: resources, code host, CI, cluster.

status/ and everything above import it; no resource does.
"""
