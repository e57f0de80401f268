"""A cluster and its helm as a test has them: objects in a dictionary, writes noted."""

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from installer.cluster.helm import Release
from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.engine.reconcile import Apply
from installer.engine.resource import Resource
from installer.forges.base import DeployKey

SETTINGS = Settings("Web", "web", "", "github.com", "acme", "private", "docker.io", "acme", "web-dev")
SEVERAL = replace(SETTINGS, environments=(Environment("dev", "web-dev"), Environment("test", "web-test", "dev")))
"""With a second environment."""
Object = dict[str, Any]


R = TypeVar("R")


def at_once(resource: R, patience: float = 0) -> R:
    """Let a resource wait for nothing, or not for long."""
    resource.patience = patience  # type: ignore[attr-defined]
    return resource


def release(name: str, status: str = "deployed") -> Release:
    return Release(name, "argocd", 1, status)


@dataclass
class Cluster:
    """What is there, by kind (as it is asked for) and name."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)
    content: list[str] = field(default_factory=list)
    forbidden: tuple[str, ...] = ()
    server: str = "v1.34.4"
    answered: bool = True

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        return self.objects.get((kind, name))

    def get_many(self, references: list[str], namespace: str = "") -> dict[str, Object]:
        found = [self.objects.get((kind, name)) for kind, name in (r.split("/") for r in references)]
        return {o["kind"]: o for o in found if o}

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> "list[Object]":
        return [o for (each, _), o in self.objects.items() if each in kind.split(",")]

    def allowed(self, verb: str, resource: str, namespace: str = "") -> bool:
        return resource not in self.forbidden

    def version(self) -> str:
        return self.server

    def everything_in(self, namespace: str) -> "list[str]":
        return self.content


@dataclass
class Helm:
    """The releases, and what was asked of helm."""

    there: list[Release] = field(default_factory=list)
    given: Object = field(default_factory=dict)
    installed: list[tuple[str, Object]] = field(default_factory=list)
    options: list[Object] = field(default_factory=list)
    uninstalled: list[str] = field(default_factory=list)

    def release(self, name: str, namespace: str) -> Release | None:
        return next((each for each in self.there if each.name == name), None)

    def ours(self, namespace: str) -> list[Release]:
        return [each for each in self.there if each.ours]

    def made(self) -> list[Release]:
        return []

    def displace(self, thing: Object | None, name: str, namespace: str) -> bool:
        return False

    def obstacle(self, name: str, namespace: str) -> None:
        return None

    def values(self, name: str, namespace: str) -> Object:
        return self.given

    def install(self, name: str, namespace: str, values: Object, **options: Any) -> None:
        self.installed.append((name, values))
        self.there = [*(each for each in self.there if each.name != name), release(name)]
        self.options.append(options)

    def uninstall(self, name: str, namespace: str, timeout: float = 0) -> bool:
        self.uninstalled.append(name)
        return True


@dataclass
class Keys:
    """A repository's deploy keys, and the order of what was done to them."""

    registered: list[DeployKey] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def list(self) -> "list[DeployKey]":
        return [*self.registered]

    def add(self, title: str, public: str) -> None:
        self.log.append("add")
        self.registered.append(DeployKey(100 + len(self.log), title, public, read_only=True))

    def remove(self, key: DeployKey) -> None:
        self.log.append("remove")
        self.registered.remove(key)


class Quiet:
    """Progress that nobody hears of."""

    def begins(self, title: str) -> None:
        pass

    def ends(self, title: str, outcome: str, seconds: float) -> None:
        pass


def change_of(resource: Resource[Any]) -> Any:
    """Return the change that a resource needs; None where it is as it should be."""
    return resource.diff(resource.observe())


def apply(resource: Resource[Any]) -> Any:
    """Make the change that a resource needs, and return it."""
    seen = resource.observe()
    change = resource.diff(seen)
    assert change
    resource.apply(seen, change)
    return change


def reconcile(resource: Resource[Any]) -> None:
    """Let the engine make it so, as `up` does: an error where it is blocked."""
    Apply([resource], Quiet()).run()
