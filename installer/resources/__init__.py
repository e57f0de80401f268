"""The remote things that the installer looks after, one file each.

Only project and what stands above it import them.
"""
