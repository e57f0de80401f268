"""The REST API, one module for each side of it; importing this registers every route."""

from . import accounts, actions, apps, commits, content, deployments, jobs, pulls, repositories, rules, settings  # noqa: F401
