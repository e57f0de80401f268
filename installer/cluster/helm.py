"""Every write to the cluster, through helm: releases are installed, repaired and uninstalled here."""

import json
import logging
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..config.settings import Settings
from ..engine.resource import Change
from ..support.errors import CommandFailed, InstallerError
from ..support.file_lock import Files, locked, machine
from ..support.parsing import understood
from ..support.process import attempt, run
from ..support.secret import redact
from ..support.wait import until
from ..support.write_guard import about_to_write
from .helm_release import PENDING, Made, Release, last_complete
from .kubectl import Cluster, Object
from .labels import ADDRESS, ARGOCD, NAMESPACE, PROJECT, REPOSITORY, identities, others, placed, taken
from .transient_errors import UNREACHABLE, refusal, with_retries

OBJECTS = str(Path(__file__).parent / "chart")
"""A chart of our own: it makes whatever its value `objects` lists."""

log = logging.getLogger(__name__)
_CONFLICT = re.compile(r"another operation .* is in progress")
_LONGEST = 660.0  # seconds that the longest run of helm may take: the installation of Argo CD
_ANSWER = "helm's answer"
HOLDER = "gitops-flask/holder"
"""The label of a release that names the machine whose helm wrote it last."""


class Helm:
    """helm 4, or 3 from 3.13 on, against one cluster, for one repository: another's releases are never written.

    Without settings it is nobody's, and every release is its own.
    """

    def __init__(self, cluster: Cluster, settings: Settings | None = None) -> None:
        self._cluster = cluster
        self._settings = settings

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

    def releases(self, namespace: str, selector: str = "") -> list[Release]:
        """Return the releases of a namespace in whatever state; `selector` asks for labels of the release itself."""
        every = [] if self.version >= (4, 0) else ["--all"]
        chosen = [f"--selector={selector}"] if selector else []
        said = self._run("list", *every, *chosen, f"--namespace={namespace}", "--output=json", "--max=0")
        with understood(_ANSWER):
            return [
                Release(r["name"], r["namespace"], int(r["revision"]), r["status"], str(r["chart"]), str(r["updated"]))
                for r in json.loads(said)
            ]

    def release(self, name: str, namespace: str) -> Release | None:
        """Return one release, or None; where it is another repository's, it says so."""
        if self._settings is None:
            return _named(name, self.releases(namespace))
        if found := _named(name, self.ours(namespace)):
            return found
        found = _named(name, self.releases(namespace))
        # who was killed while it uninstalled may have left no labels
        return found and replace(found, ours=self._address(found) in identities(self._settings).values())

    def ours(self, namespace: str) -> list[Release]:
        """Return the releases of a namespace that were made for our repository."""
        known = ",".join(identities(self._settings)) if self._settings else ""
        return self.releases(namespace, f"{REPOSITORY} in ({known})" if known else "")

    def made(self) -> list[Made]:
        """Return every release in the cluster that was made for our repository, whatever the settings were then."""
        if self._settings is None:
            return []
        whose = f"owner=helm,{REPOSITORY} in ({','.join(identities(self._settings))}),{ARGOCD},{NAMESPACE}"
        rows = self._cluster.labelled(
            "secrets",
            whose,
            ("version", "name", PROJECT, ARGOCD, NAMESPACE),
            (self._settings.argocd_namespace, self._settings.namespace),
        )
        with understood(_ANSWER):
            by_revision = sorted(rows, key=lambda row: int(row[1]))  # helm keeps the one before the newest, too
        return sorted({(home, rest[0]): Made(home, *rest) for home, _, *rest in by_revision}.values())

    def displace(self, thing: Object | None, name: str, namespace: str) -> bool:
        """Take an object from another release of ours, one of former settings; return whether one had it.

        Whoever may write the object says what its annotations name: a release that does not hold it stays.
        """
        annotations = (thing or {"metadata": {}})["metadata"].get("annotations") or {}
        holder = (annotations.get("meta.helm.sh/release-name"), annotations.get("meta.helm.sh/release-namespace"))
        if not holder[0] or holder == (name, namespace):
            return False
        found = self.release(str(holder[0]), str(holder[1]))
        if thing is not None and found is not None and found.ours and not self._holds(found, thing):
            reported = f"{thing['kind']} {thing['metadata']['name']}"
            what = f"{reported} says that the release {found.name} in {found.namespace} holds it, which does not."
            fix = f"Somebody changed its annotations: remove that {thing['kind']}, then run this again."
            raise InstallerError(what, fix)
        self.uninstall(str(holder[0]), str(holder[1]))
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
        return taken(f"release {name} in {namespace}", self._address(found), self._settings)

    def _address(self, release: Release) -> str:
        """Return the address of the repository that a release was made for: its objects say so, or its description."""
        made = self.values(release.name, release.namespace).get("objects") or []
        marked = [(each.get("metadata") or {}).get("annotations") or {} for each in made if isinstance(each, dict)]
        if addresses := [each[ADDRESS] for each in marked if ADDRESS in each]:
            return str(addresses[0])
        history = self._history(release)
        return next((said for said in (str(each.get("description")) for each in history[::-1]) if "://" in said), "")

    def values(self, name: str, namespace: str) -> Object:
        """Return the values that a release was given: never print them."""
        said = self._run("get", "values", name, f"--namespace={namespace}", "--output=json")
        with understood(_ANSWER):
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

    def _locked(self, name: str, namespace: str) -> AbstractContextManager[Files]:
        """Wait for a helm of this machine, of a killed installer perhaps, that works on this release."""
        return locked(f"release {name} in {namespace} at {self._cluster.server}", _LONGEST)

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
            after = self.release(name, namespace)
            if after and after.status in PENDING:
                raise

    def _last_complete(self, release: Release) -> int:
        """Return the revision that helm knows to be complete: only from there an upgrade removes what is obsolete.

        Where there is none, in a first installation, it is the half-made one, which a rollback completes.
        """
        with understood(_ANSWER):
            return last_complete({r["revision"]: r["status"] for r in self._history(release)}, release.revision)

    def _history(self, release: Release) -> list[Object]:
        where = f"--namespace={release.namespace}"
        said = self._run("history", release.name, where, "--output=json")
        with understood(_ANSWER):
            return [dict(each) for each in json.loads(said)]

    def _settled(self, name: str, namespace: str, grace: float) -> Release | None:
        """Return the release once nobody can still be working on it. We hold the file lock: nobody here is."""

        def look() -> tuple[Release | None] | None:
            release = self.release(name, namespace)
            if release is None or release.status not in PENDING or self._was_held_here(release):
                return (release,)
            return (release,) if release.age(datetime.now(UTC)) > grace else None

        if settled := look():
            return settled[0]
        log.info("a helm on another machine may be at work on %s: it is given %.0f s", name, grace)
        settled = until(look, grace + 5)
        return settled[0] if settled else self.release(name, namespace)

    def _was_held_here(self, release: Release) -> bool:
        """Return whether its last writer ran on this machine; who uninstalls leaves no label."""
        if release.status == "uninstalling" or not machine():
            return False
        return any(r.name == release.name for r in self.releases(release.namespace, f"{HOLDER}={machine()}"))

    def uninstall(self, name: str, namespace: str, timeout: float = 120) -> bool:
        """Remove a release of ours and wait for its objects; return whether there was one. It proves nothing yet."""
        with self._locked(name, namespace) as files:
            return self._uninstall(name, namespace, timeout, files)

    def _uninstall(self, name: str, namespace: str, timeout: float, files: Files) -> bool:
        found = self.release(name, namespace)
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
        once = partial(attempt, "helm", *arguments, *context, stdin=stdin, timeout=timeout, inherit=inherit)
        answer = with_retries(once, refusal) if arguments[0] in ("list", "get") and self._cluster.answered else once()
        if answer.status == 0:
            return answer.out
        said = redact(answer.err or answer.out)
        if _CONFLICT.search(said):
            raise InstallerError(f"Another helm is changing {arguments[2]}.", "Run this again when it is done.")
        shown = f"helm {' '.join(arguments[:3])}"  # the rest is long, and the values never were arguments
        if UNREACHABLE.search(said):
            raise self._cluster.failure(answer, shown)
        raise CommandFailed(shown, answer.status, said, "Fix what it names, then run this again.")


def _named(name: str, releases: list[Release]) -> Release | None:
    return next((release for release in releases if release.name == name), None)


def _which(thing: Object) -> tuple[Any, ...]:
    head = thing.get("metadata") or {}
    return thing.get("kind"), head.get("name"), head.get("namespace", "")


def objects(*manifests: Object) -> dict[str, Any]:
    """Return the values that make our own chart print these objects."""
    return {"objects": list(manifests)}
