"""GitHub's published description of its API, cut down to what the stand-in answers."""
