"""A kind of code host: what the installer needs of it, each part made by a function of its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..config.settings import Settings
from ..engine.resource import Resource
from ..forges.base import DeployKeys, Forge, Webhooks
from ..forges.credentials import Credentials
from ..forges.git import Login
from ..forges.requests import Requests


@dataclass(frozen=True)
class ForgeKind:
    """A kind of code host; what is made by one of these functions is given to the others."""

    connect: Callable[[Settings, Credentials], Forge]
    keys: Callable[[Any], DeployKeys]
    repository: Callable[..., Resource[Any]]
    """Makes the resource from settings, host and credentials; `remove_it` says whether `down` deletes it."""
    rules: Callable[[Settings, Any, tuple[str, ...], str], Resource[Any]]
    """The last arguments name the checks that a merge waits for, and whose they must be."""
    webhooks: Callable[[Any, Settings], Webhooks]
    requests: Callable[[Any], Requests]
    allows_initial_push: Callable[[Any], AbstractContextManager[None]] = nullcontext
    """Makes the block in which the first push may add to a branch that is there."""
    login: Callable[[Any, Credentials], Login] = lambda _, credentials: credentials.login
    """Returns what git logs in with to push, from code host and credentials."""
    resources: Callable[..., list[Resource[Any]]] | None = None
    """Makes all resources of a project, in the place of the list that code hosts and their CIs have in common."""
