"""The remote things, one file each."""
