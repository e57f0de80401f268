"""Make a generated project real: its GitHub repository, Argo CD, and the wiring between them."""

__version__ = "0.1.0"
