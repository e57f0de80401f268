"""The remote things that `up` creates and `down` removes, each with what belongs to it in one file.

project/ and everything above import it. A resource observes, compares, applies and removes; it knows no other.
"""
