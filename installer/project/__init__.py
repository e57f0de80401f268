"""One project and all that it is wired to. This is the only place that wires: resources, code host, CI, cluster.

status/ and everything above import it; no resource does.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from ..config.settings import Settings
from ..engine.resource import Resource
from ..forges.base import DeployKeys, Forge, Requests, Webhooks
from ..forges.credentials import Credentials


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
