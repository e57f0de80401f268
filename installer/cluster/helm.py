"""Every write to the cluster, through helm: releases are installed, repaired and uninstalled here."""

import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..config.environments import DEV
from ..config.settings import Settings
from ..engine.resource import Change, blocked
from ..support.errors import CommandFailed, InstallerError, reading
from ..support.file_lock import Files, about_to_write, locked, machine
from ..support.process import attempt, run
from ..support.secret import redact
from ..support.wait import until
from .kubectl import UNREACHABLE, Cluster, Object, refusal, with_retries
from .objects import ADDRESS, ARGOCD, ENVIRONMENT, NAMESPACE, PROJECT, REPOSITORY, identities, others, placed

PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
HOLDER = "gitops-flask/holder"
"""The label of a release that names the machine whose helm wrote it last."""
_OF_HELM = ("version", "name", "status", "createdAt", "modifiedAt")
_OURS = (REPOSITORY, PROJECT, ARGOCD, NAMESPACE, ENVIRONMENT, HOLDER)
LABELS = (*_OF_HELM, *_OURS)
"""What is read of the Secret that helm keeps of each revision: all else in there may be secret."""


@dataclass(frozen=True)
class Release:
    """One revision of a release, as far as it may be shown: helm's own `status` and `get values` hold secrets."""

    name: str
    namespace: str
    revision: int
    status: str
    written: float = 0
    """When helm wrote it last, in seconds since 1970 by its clock."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Ours, as far as it has them."""
    ours: bool = True
    """Whether it was made for the repository that we work for."""

    @classmethod
    def of(cls, row: Sequence[str]) -> "Release":
        """Read a namespace and `LABELS`; helm notes `modifiedAt` only from the second time on that it writes one."""
        namespace, version, name, status, created, modified, *ours = row
        written = max(float(created or 0), float(modified or 0))
        labels = {label: value for label, value in zip(_OURS, ours, strict=True) if value}
        return cls(name, namespace, int(version), status, written, labels)

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Return what the settings named when it was written: slug, Argo CD's namespace, the service's, environment."""
        slug, argocd, namespace = (self.labels.get(label, "") for label in (PROJECT, ARGOCD, NAMESPACE))
        return slug, argocd, namespace, self.labels.get(ENVIRONMENT, DEV)  # older releases are all of dev

    def age(self, now: float) -> float:
        """Return the seconds since helm last wrote it; 0 where its clock and ours disagree."""
        return max(0.0, now - self.written)


OBJECTS = str(Path(__file__).parent / "chart")
"""A chart of our own: it makes whatever its value `objects` lists."""

log = logging.getLogger(__name__)
_CONFLICT = re.compile(r"another operation .* is in progress")
_LONGEST = 660.0  # seconds that the longest run of helm may take: the installation of Argo CD
_ANSWER = "helm's answer"


class Helm:
    """helm 4, or 3 from 3.13 on, against one cluster, for one repository: another's releases are never written.

    Without settings it is nobody's, and every release is its own.
    """

    def __init__(self, cluster: Cluster, settings: Settings | None = None) -> None:
        self._cluster = cluster
        self._settings = settings
        self._table: dict[str | None, list[Release] | None] = {}
        """Every revision by namespace, None for all of them, as it was after our last write."""
        self._reading = threading.Lock()

    @cached_property
    def version(self) -> tuple[int, int]:
        """Return helm's own version, like (4, 3); raise where it is too old."""
        said = run("helm", "version", "--template={{.Version}}").strip()
        match = re.match(r"v(\d+)\.(\d+)", said)
        found = (int(match[1]), int(match[2])) if match else (4, 0)
        if found < (3, 13):
            reported = f"helm is {said}; 3.13 is the oldest that works."
            raise InstallerError(reported, "https://helm.sh/docs/intro/install")
        return found

    def releases(self, namespace: str) -> list[Release]:
        """Return the releases of a namespace as they are now, in whatever state."""
        return _newest(self._read(namespace) or [])

    def release(self, name: str, namespace: str) -> Release | None:
        """Return one release, or None; where it is another repository's, it says so.

        It is as it was when the first one was asked for, or after our last write: whoever writes looks again.
        """
        return self._judged(_named(name, self._known(namespace)))

    def ours(self, namespace: str) -> list[Release]:
        """Return the releases of a namespace that were made for our repository, as `release` does."""
        return [each for each in _newest(self._known(namespace)) if self._settings is None or self._marked(each)]

    def made(self) -> list[Release]:
        """Return every release in the cluster that was made for our repository, whatever the settings were then.

        Who may not look everywhere looks where the settings say.
        """
        if self._settings is None:
            return []
        found = self._once()
        if found is None:
            found = []
            places = (self._settings.argocd_namespace, *(each.namespace for each in self._settings.of_each()))
            for namespace in dict.fromkeys(places):
                with suppress(CommandFailed):
                    found += self._known(namespace)
        # one that somebody was killed at while it was uninstalled has the labels on its former revision alone
        whole = [each for each in found if self._marked(each) and {ARGOCD, NAMESPACE} <= each.labels.keys()]
        return sorted(_newest(whole), key=lambda each: (each.namespace, each.name))

    def _known(self, namespace: str) -> list[Release]:
        """Return every revision of a namespace."""
        if (every := self._once()) is not None:
            return [each for each in every if each.namespace == namespace]
        return self._once(namespace) or []

    def _once(self, namespace: str | None = None) -> list[Release] | None:
        """Return what `_read` does: it is read once, and again after each write of ours."""
        with self._reading:
            if namespace not in self._table:
                self._table[namespace] = self._read(namespace)
            return self._table[namespace]

    def _read(self, namespace: str | None = None) -> list[Release] | None:
        rows = self._cluster.labelled("secrets", "owner=helm", LABELS, namespace)
        with reading(_ANSWER):
            return rows if rows is None else sorted(map(Release.of, rows), key=lambda each: each.revision)

    def _marked(self, release: Release) -> bool:
        return self._settings is not None and release.labels.get(REPOSITORY) in identities(self._settings)

    def _judged(self, found: Release | None) -> Release | None:
        """Say whose it is: who was killed while it uninstalled may have left no labels."""
        if found is None or self._settings is None or self._marked(found):
            return found
        unlabelled = REPOSITORY not in found.labels
        return replace(found, ours=unlabelled and self._address(found) in identities(self._settings).values())

    def _now(self, name: str, namespace: str) -> Release | None:
        """Return one release as it is now, for whoever is about to write it."""
        return self._judged(_named(name, self.releases(namespace)))

    def displace(self, thing: Object, name: str, namespace: str) -> bool:
        """Take an object from another release of ours, one of former settings; return whether one had it.

        Whoever may write the object says what its annotations name: a release that does not hold it stays.
        """
        holder = holder_of(thing)
        if not holder[0] or holder == (name, namespace):
            return False
        found = self._now(*holder)
        if found is not None and found.ours and not self._holds(found, thing):
            reported = f"{thing['kind']} {thing['metadata']['name']}"
            what = f"{reported} says that the release {found.name} in {found.namespace} holds it, which does not."
            fix = f"Somebody changed its annotations: remove that {thing['kind']}, then run this again."
            raise InstallerError(what, fix)
        self.uninstall(*holder)
        return True

    def _holds(self, release: Release, thing: Object) -> bool:
        """Return whether an object is one of those that a release of our own chart was given."""
        made = self.values(release.name, release.namespace).get("objects") or []
        return _which(thing) in [_which(each) for each in made if isinstance(each, dict)]

    def obstacle(self, name: str, namespace: str) -> Change | None:
        """Say that a release which is to be written is another's; None where it is free or ours."""
        found = self.release(name, namespace)
        if found is None or found.ours or self._settings is None:
            return None
        return blocked(*others(f"release {name} in {namespace}", self._address(found), self._settings))

    def _address(self, release: Release) -> str:
        """Return the address of the repository that a release was made for: its objects say so, or its description."""
        made = self.values(release.name, release.namespace).get("objects") or []
        marked = [(each.get("metadata") or {}).get("annotations") or {} for each in made if isinstance(each, dict)]
        if addresses := [each[ADDRESS] for each in marked if ADDRESS in each]:
            return str(addresses[0])
        said = self._run("history", release.name, f"--namespace={release.namespace}", "--output=json")
        with reading(_ANSWER):
            described = [str(dict(each).get("description")) for each in json.loads(said)]
        return next((each for each in described[::-1] if "://" in each), "")

    def values(self, name: str, namespace: str) -> Object:
        """Return the values that a release was given: never print them."""
        said = self._run("get", "values", name, f"--namespace={namespace}", "--output=json")
        with reading(_ANSWER):
            found: Object = json.loads(said) or {}
            return dict(found)

    def install(
        self,
        name: str,
        namespace: str,
        values: Object,
        *,
        chart: str = OBJECTS,
        version: str = "",
        create_namespace: bool = False,
        take_ownership: bool = False,
        timeout: float = 60,
        grace: float = 15,
    ) -> None:
        """Make or change a release; recover one that a killed helm left in the middle.

        Where that helm ran elsewhere, nobody here can know that it has ended: it is given `grace` seconds.
        """
        marks = {**(placed(self._settings) if self._settings else {}), **({HOLDER: machine()} if machine() else {})}
        flags = [f"--version={version}"] if version else []
        flags += [f"--labels={','.join(f'{key}={value}' for key, value in marks.items())}"] if marks else []
        flags += [f"--description={self._settings.url}"] if self._settings else []
        flags += ["--create-namespace"] if create_namespace else []
        flags += ["--take-ownership"] if take_ownership else []
        with self._locked(name, namespace) as files:
            self._recover(name, namespace, grace, files)
            self._run(
                *("upgrade", "--install", name, chart, f"--namespace={namespace}", "--history-max=1"),
                *(*flags, *self._by_server(), f"--timeout={timeout:.0f}s", "--values=-"),
                stdin=json.dumps(values),
                timeout=timeout + 15,
                inherit=files,
            )

    @contextmanager
    def _locked(self, name: str, namespace: str) -> Iterator[Files]:
        """Wait for a helm of this machine, of a killed installer perhaps, that works on this release."""
        try:
            with locked(f"release {name} in {namespace} at {self._cluster.server}", _LONGEST) as files:
                yield files
        finally:
            with self._reading:
                self._table.clear()

    def _recover(self, name: str, namespace: str, grace: float, files: Files) -> None:
        """Bring a release that is stuck in the middle back to where helm accepts it."""
        release = self._settled(name, namespace, grace)
        if release and not release.ours and self._settings:
            raise InstallerError(*others(f"Release {name} in {namespace}", self._address(release), self._settings))
        if release is None or release.status not in PENDING:
            return
        if release.status == "uninstalling":
            self._uninstall(name, namespace, 120, files)
            return
        # Without hooks: the upgrade that follows runs them. Where it fails, the release is one that helm accepts too.
        revision = str(self._last_complete(release))
        steps = ("rollback", name, revision, f"--namespace={namespace}", "--history-max=1", "--no-hooks")
        try:
            self._run(*steps, *self._by_server(), timeout=180, inherit=files)
        except CommandFailed:
            after = self._now(name, namespace)
            if after and after.status in PENDING:
                raise

    def _last_complete(self, release: Release) -> int:
        """Return the revision that helm knows to be complete: only from there an upgrade removes what is obsolete.

        Where there is none, in a first installation, it is the half-made one, which a rollback completes.
        """
        every = [each for each in self._read(release.namespace) or [] if each.name == release.name]
        settled = [each.revision for each in every if each.status not in PENDING]
        deployed = [each.revision for each in every if each.status == "deployed"]
        return max(deployed or settled, default=release.revision)

    def _settled(self, name: str, namespace: str, grace: float) -> Release | None:
        """Return the release once nobody can still be working on it. We hold the file lock: nobody here is."""

        def look() -> tuple[Release | None] | None:
            release = self._now(name, namespace)
            if release is None or release.status not in PENDING or _was_held_here(release):
                return (release,)
            return (release,) if release.age(time.time()) > grace else None

        if settled := look():
            return settled[0]
        log.info("a helm on another machine may be at work on %s: it is given %.0f s", name, grace)
        settled = until(look, grace + 5)
        return settled[0] if settled else self._now(name, namespace)

    def uninstall(self, name: str, namespace: str, timeout: float = 120) -> bool:
        """Remove a release of ours and wait for its objects; return whether there was one. It proves nothing yet."""
        with self._locked(name, namespace) as files:
            return self._uninstall(name, namespace, timeout, files)

    def _uninstall(self, name: str, namespace: str, timeout: float, files: Files) -> bool:
        found = self._now(name, namespace)
        if found is None or not found.ours:
            return False
        flags = (f"--namespace={namespace}", "--wait", f"--timeout={timeout:.0f}s")
        self._run("uninstall", name, *flags, timeout=timeout + 15, inherit=files)
        return True

    def _by_server(self) -> list[str]:
        """Let the server merge, and win over fields that others changed; helm 3 knows neither flag."""
        return ["--server-side=true", "--force-conflicts"] if self.version >= (4, 0) else []

    def _run(self, *arguments: str, stdin: str = "", timeout: float = 60, inherit: Files = ()) -> str:
        if arguments[0] in ("upgrade", "rollback", "uninstall"):
            about_to_write()
        context = [f"--kube-context={self._cluster.context}"] if self._cluster.context else []
        stored: Any = {"env": {"HELM_DRIVER": "secret"}}  # where releases are looked for, whatever the user's helm does
        once = partial(attempt, "helm", *arguments, *context, stdin=stdin, timeout=timeout, inherit=inherit, **stored)
        answer = (
            with_retries(once, refusal) if arguments[0] in ("get", "history") and self._cluster.answered else once()
        )
        if answer.status == 0:
            return answer.out
        said = redact(answer.err or answer.out)
        if _CONFLICT.search(said):
            raise InstallerError(f"Another helm is changing {arguments[2]}.", "Run this again when it is done.")
        shown = f"helm {' '.join(arguments[:3])}"  # the rest is long, and the values never were arguments
        if UNREACHABLE.search(said):
            raise self._cluster.failure(answer, shown)
        raise CommandFailed(shown, answer.status, said, "Fix what it names, then run this again.")


def _newest(revisions: list[Release]) -> list[Release]:
    """Return each release as its newest revision is; helm keeps the one before it, too."""
    return [*{(each.namespace, each.name): each for each in revisions}.values()]


def _named(name: str, revisions: list[Release]) -> Release | None:
    return next((each for each in reversed(revisions) if each.name == name), None)


def _was_held_here(release: Release) -> bool:
    """Return whether its last writer ran on this machine; who uninstalls leaves no label."""
    return bool(machine()) and release.status != "uninstalling" and release.labels.get(HOLDER) == machine()


def _which(thing: Object) -> tuple[Any, ...]:
    head = thing.get("metadata") or {}
    return thing.get("kind"), head.get("name"), head.get("namespace", "")


def holder_of(thing: Object) -> tuple[str, str]:
    """Return name and namespace of the release that holds an object, as its annotations say; empty where none does."""
    annotations = thing["metadata"].get("annotations") or {}
    name, namespace = (annotations.get(f"meta.helm.sh/release-{each}") or "" for each in ("name", "namespace"))
    return str(name), str(namespace)


def objects(*manifests: Object) -> dict[str, Any]:
    """Return the values that make our own chart print these objects."""
    return {"objects": list(manifests)}
