"""gitops.yaml: the settings of one project.

It imports support alone, and everything above imports it.
"""
