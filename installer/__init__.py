"""gitops-flask's installer: create, show, check and remove the deployment of a generated project.

cli.py is the way in; docs/explanation/architecture.md is the map. Imports run downward only: see pyproject.toml.
"""

__version__ = "0.1.0"
