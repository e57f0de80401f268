"""The cluster: kubectl reads, helm writes, argocd and the objects of Argo CD.

forges/ and everything above import it. It knows Kubernetes and Argo CD, and no code host.
"""
