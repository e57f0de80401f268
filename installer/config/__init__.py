"""gitops.yaml: the settings of one project, their forms, and the registry of code hosts and CIs.

Everything but support/ may import it, and so may the hooks.
"""
