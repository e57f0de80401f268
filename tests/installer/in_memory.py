"""A cluster and a helm in memory, behind the installer's own client of helm: both can be killed after any write."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from installer.cluster.helm import LABELS
from installer.cluster.helm import Helm as Client
from installer.config.settings import Settings
from installer.forges.base import DeployKey
from installer.support.errors import CommandFailed

Object = dict[str, Any]
Place = tuple[str, str, str]
KEEP = ("helm.sh/resource-policy", "keep")
_STATUS: dict[str, Object] = {
    "Namespace": {"status": {"phase": "Active"}},
    "Deployment": {"status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}},
}
"""What the cluster says at once of what it is given."""
_KEY = re.compile(r'(?<="sshPrivateKey": ")[^"]+|SHA256:[^"]+')


class Killed(BaseException):
    """The end of a process, as the kernel brings it: nothing catches it."""


@dataclass(frozen=True)
class Revision:
    """What helm keeps of one revision of a release."""

    home: str
    name: str
    number: int
    status: str
    labels: dict[str, str]
    description: str
    values: Object

    def row(self) -> tuple[str, ...]:
        """Return its namespace and labels; all were written long ago, so nobody is waited for."""
        known = {"version": str(self.number), "name": self.name, "status": self.status, "createdAt": "1764000000"}
        return (self.home, *((known | self.labels).get(label, "") for label in LABELS))


@dataclass
class Cluster:
    """Objects by namespace, kind and name, helm's revisions, and how often anything of it was written."""

    objects: dict[Place, Object] = field(default_factory=dict)
    revisions: dict[tuple[str, str, int], Revision] = field(default_factory=dict)
    deploy_keys: list[DeployKey] = field(default_factory=list)
    """Those of the repository: what is written at the code host counts as well."""
    writes: int = 0
    dies_after: int = 0
    """The write with which the process that does it ends; 0: none."""
    holds_on: bool = False
    """Whether nothing is ever removed, as with a finalizer that nobody takes off."""
    server = "https://127.0.0.1:6443"
    answered = True

    def written(self) -> None:
        self.writes += 1
        if self.writes == self.dies_after:
            raise Killed

    def put(self, revision: Revision) -> None:
        self.revisions[revision.home, revision.name, revision.number] = revision
        self.written()

    def of(self, home: str, name: str) -> list[Revision]:
        """Return the revisions of a release, the newest last."""
        found = (each for each in self.revisions.values() if (each.home, each.name) == (home, name))
        return sorted(found, key=lambda each: each.number)

    def state(self) -> Any:
        """Describe what is there, whatever it took to make it."""
        newest = {key[:2]: each for key, each in sorted(self.revisions.items(), key=lambda item: item[0])}
        releases = {key: (each.status, each.labels, each.values) for key, each in newest.items()}
        titles = sorted(each.title for each in self.deploy_keys)
        text = json.dumps([sorted(self.objects.items()), sorted(releases.items()), titles])
        return json.loads(_KEY.sub("a key", text))  # each run may make one of its own

    def is_empty(self) -> bool:
        return not (self.objects or self.revisions or self.deploy_keys)

    # --- what the installer reads ---------------------------------------------------------------

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        return next(iter(self.get_many([f"{kind}/{name}"], namespace).values()), None)

    def get_many(self, references: Sequence[str], namespace: str = "") -> dict[str, Object]:
        asked = {(_singular(kind), name) for kind, name in (each.split("/") for each in references)}
        found = [(kind, each) for (where, kind, name), each in self.objects.items() if where == namespace]
        return {kind: each for kind, each in found if (kind.lower(), each["metadata"]["name"]) in asked}

    def labelled(
        self, kind: str, selector: str, labels: Sequence[str], namespace: str | None = None
    ) -> list[tuple[str, ...]]:
        assert (kind, selector, labels) == ("secrets", "owner=helm", LABELS)
        return [each.row() for each in self.revisions.values() if namespace in (None, each.home)]

    def list(self, kind: str, namespace: str | None = None, selector: str = "") -> "list[Object]":
        kinds = {_singular(each) for each in kind.split(",")}
        found = [(each, labels_of(each)) for (where, name, _), each in self.objects.items()
                 if namespace in (None, where) and name.lower() in kinds]  # fmt: skip
        if marked := re.fullmatch(r"(\S+) in \((.+)\)", selector):
            return [each for each, labels in found if labels.get(marked[1]) in marked[2].split(",")]
        wanted = dict(each.split("=") for each in selector.split(",") if each)
        return [each for each, labels in found if wanted.items() <= labels.items()]

    def allowed(self, verb: str, resource: str, namespace: str = "") -> bool:
        return True

    def version(self) -> str:
        return "v1.34.4"

    def logs(self, pod: str, namespace: str, container: str, *, previous: bool = False) -> str:
        return ""

    def everything_in(self, namespace: str) -> "list[str]":
        return [f"{kind.lower()}/{name}" for where, kind, name in self.objects if where == namespace]


def labels_of(each: Object) -> dict[str, str]:
    return each["metadata"].get("labels") or {}


def _singular(kind: str) -> str:
    name = kind.partition(".")[0]
    return f"{name.removesuffix('ies')}y" if name.endswith("ies") else name.removesuffix("s")


@dataclass
class Keys:
    """The repository's deploy keys."""

    cluster: Cluster

    def list(self) -> "list[DeployKey]":
        return [*self.cluster.deploy_keys]

    def add(self, title: str, public: str) -> None:
        number = max((each.id for each in self.cluster.deploy_keys), default=0) + 1
        self.cluster.deploy_keys.append(DeployKey(number, title, public, read_only=True))
        self.cluster.written()

    def remove(self, key: DeployKey) -> None:
        self.cluster.deploy_keys.remove(key)
        self.cluster.written()


@dataclass
class ArgoCD:
    """Argo CD's CLI, for an Application that deployed nothing."""

    cluster: Cluster
    namespace: str = "argocd"

    def delete_application(self, name: str, seconds: float = 0) -> None:
        if not self.cluster.holds_on:
            del self.cluster.objects[self.namespace, "Application", name]
        self.cluster.written()

    let_go = delete_application


class Helm(Client):
    """The installer's client, whose helm is this: it does to the cluster what the real one does, write by write."""

    version = (4, 3)  # type: ignore[assignment]

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        edge: Any = cluster
        super().__init__(edge, settings)
        self._there = cluster

    def _run(self, *arguments: str, stdin: str = "", timeout: float = 60, inherit: Sequence[int] = ()) -> str:
        verb, *words = [each for each in arguments if not each.startswith("--")]
        flags = dict(each[2:].partition("=")[::2] for each in arguments if each.startswith("--"))
        run: Callable[..., str] = getattr(self, f"_{verb}s_")
        return run(words, flags, stdin)

    def _upgrades_(self, words: list[str], flags: dict[str, str], stdin: str) -> str:
        home, name = flags["namespace"], words[0]
        before = self._there.of(home, name)
        if before and before[-1].status.startswith(("pending", "uninstalling")):
            raise CommandFailed("helm upgrade", 1, "another operation (install/upgrade/rollback) is in progress")
        labels = dict(each.split("=") for each in flags["labels"].split(","))
        number = before[-1].number + 1 if before else 1
        status = "pending-upgrade" if before else "pending-install"
        made = Revision(home, name, number, status, labels, flags.get("description", ""), json.loads(stdin))
        return self._goes_to(made, take="take-ownership" in flags)

    def _rollbacks_(self, words: list[str], flags: dict[str, str], stdin: str) -> str:
        name, target = words
        *_, newest = self._there.of(flags["namespace"], name)
        back = self._there.revisions[flags["namespace"], name, int(target)]
        # whose the objects are a rollback does not ask (helm's pkg/action/rollback.go: "forceOwnership")
        return self._goes_to(replace(back, number=newest.number + 1, status="pending-rollback"), take=True)

    def _goes_to(self, made: Revision, *, take: bool) -> str:
        before = self._there.of(made.home, made.name)
        self._there.put(made)
        mark = {"meta.helm.sh/release-name": made.name, "meta.helm.sh/release-namespace": made.home}
        for each in made.values["objects"]:
            there = self._there.objects.get(_place(each), {"metadata": {"annotations": mark}})
            if not take and not mark.items() <= (there["metadata"].get("annotations") or {}).items():
                raise CommandFailed("helm upgrade", 1, "invalid ownership metadata")
            head = {**each["metadata"], "annotations": {**each["metadata"].get("annotations", {}), **mark}}
            self._there.objects[_place(each)] = {**each, "metadata": head, **_STATUS.get(each["kind"], {})}
            self._there.written()
        for revision in before:
            self._remove(revision, but=made)
        for revision in before[:-1]:
            del self._there.revisions[revision.home, revision.name, revision.number]
        for revision in before[-1:]:
            self._there.put(replace(revision, status="superseded"))
        self._there.put(replace(made, status="deployed"))
        return ""

    def _uninstalls_(self, words: list[str], flags: dict[str, str], stdin: str) -> str:
        *_, newest = every = self._there.of(flags["namespace"], words[0])
        self._there.put(replace(newest, status="uninstalling", labels={}))  # helm forgets them then
        for revision in every:
            self._remove(revision)
        for revision in every:
            del self._there.revisions[revision.home, revision.name, revision.number]
            self._there.written()
        return ""

    def _remove(self, revision: Revision, but: Revision | None = None) -> None:
        kept = [_place(each) for each in but.values["objects"]] if but else []
        for place in map(_place, revision.values["objects"]):
            there = self._there.objects.get(place)
            if there and place not in kept and KEEP not in there["metadata"]["annotations"].items():
                if not self._there.holds_on:
                    del self._there.objects[place]
                self._there.written()

    def _gets_(self, words: list[str], flags: dict[str, str], stdin: str) -> str:
        assert words[0] == "values"
        return json.dumps(self._there.of(flags["namespace"], words[1])[-1].values)

    def _historys_(self, words: list[str], flags: dict[str, str], stdin: str) -> str:
        every = self._there.of(flags["namespace"], words[0])
        return json.dumps([{"revision": each.number, "description": each.description} for each in every])


def _place(manifest: Object) -> Place:
    head = manifest["metadata"]
    return head.get("namespace", ""), manifest["kind"], head["name"]
