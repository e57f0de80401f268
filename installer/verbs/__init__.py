"""The verbs: one file each, one function each."""
