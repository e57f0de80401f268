"""The remote things that `up` creates and `down` removes, one file each, most of them one class.

project/ and everything above import it. A resource observes, compares, applies and removes; it knows no other.
"""
