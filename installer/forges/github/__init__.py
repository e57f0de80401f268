"""GitHub, as the place that keeps the code.

Each module may be imported like those of forges.
"""
