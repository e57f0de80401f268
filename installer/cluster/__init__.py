"""The cluster: kubectl reads, helm writes, Argo CD's objects.

Forges and all above import it.
"""
