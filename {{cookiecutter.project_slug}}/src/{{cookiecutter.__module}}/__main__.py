"""`python -m {{ cookiecutter.__module }}` starts the production server."""

import gc

gc.disable()  # a quicker start, also of the worker; server.py turns it on again

if __name__ == "__main__":
    from .server import main

    main()
