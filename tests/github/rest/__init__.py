"""The REST API, one module for each side of it; importing this registers every route."""

from . import (  # noqa: F401
    accounts,
    actions,
    apps,
    commits,
    content,
    deployments,
    environments,
    hooks,
    jobs,
    pulls,
    repositories,
    rules,
    settings,
    statuses,
)
