"""Resources whose remote state is a dict."""

import threading
from typing import Any

from installer.engine.resource import Change, Field, Lane, Resource, blocked
from installer.support.errors import InstallerError


class Thing(Resource[Any]):
    """A resource whose remote state is a dict."""

    nothing = None

    def __init__(
        self,
        existing: dict[str, int],
        key: str,
        lane: Lane,
        *,
        needs: tuple[str, ...] = (),
        fails: str = "",
        blocked: bool = False,
    ):
        self.existing, self.key, self.lane, self.needs, self.fails = existing, key, lane, needs, fails
        self.blocked = blocked
        self.title = f"thing {key}"
        self.applied = threading.Event()

    def observe(self) -> int | None:
        return self.existing.get(self.key)

    def diff(self, seen: int | None) -> Change | None:
        if self.blocked:
            return blocked("somebody else's", "Rename it.")
        return None if seen == 1 else Change("create" if seen is None else "change", (Field("n", seen, 1),))

    def apply(self, seen: int | None, change: Change) -> None:
        assert change.effective
        if self.fails:
            raise InstallerError(self.fails, "fix it")
        assert all(self.existing.get(need) == 1 for need in self.needs), "a need was not there yet"
        self.existing[self.key] = 1
        self.applied.set()

    def remove(self) -> str:
        return "deleted" if self.existing.pop(self.key, None) else "was not there"


def things(existing: dict[str, int], **kwargs: Any) -> list[Thing]:
    return [
        Thing(existing, "repository", "github"),
        Thing(existing, "secret", "github", needs=("repository",), fails=kwargs.get("secret", "")),
        Thing(existing, "rules", "github", needs=("secret",)),
        Thing(existing, "argocd", "cluster"),
        Thing(existing, "credential", "cluster", needs=("secret",)),
    ]
