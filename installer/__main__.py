"""`python -m installer VERB`: the console script's twin for a checkout."""

from .cli import main

main()
