"""`python -m {{ cookiecutter.__module }}` starts the production server."""

from .server import main

if __name__ == "__main__":
    main()
