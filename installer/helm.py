"""Every write to the cluster, through helm: releases are installed, mended and uninstalled here."""

import json
import logging
import re
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from .errors import CommandFailed, InstallerError
from .kubectl import Cluster, Object
from .reach import UNREACHABLE, patiently
from .release import PENDING, Release, last_complete
from .secret import redact
from .shell import attempt, run
from .turn import Files, machine, turn
from .wait import until
from .writing import about_to_write

OBJECTS = str(Path(__file__).parent / "chart")
"""A chart of our own: it makes whatever its value `objects` lists."""

log = logging.getLogger(__name__)
_CONFLICT = re.compile(r"another operation .* is in progress")
_LONGEST = 660.0  # seconds that the longest run of helm may take: the installation of Argo CD
HOLDER = "gitops-flask/holder"
"""The label of a release that names the machine whose helm wrote it last."""


class Helm:
    """helm 4, or 3 from 3.13 on, against one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    @cached_property
    def version(self) -> tuple[int, int]:
        """Return helm's own version, like (4, 3); raise where it is too old."""
        said = run("helm", "version", "--template={{.Version}}").strip()
        match = re.match(r"v(\d+)\.(\d+)", said)
        found = (int(match[1]), int(match[2])) if match else (4, 0)
        if found < (3, 13):
            told = f"helm is {said}; 3.13 is the oldest that works."
            raise InstallerError(told, "https://helm.sh/docs/intro/install")
        return found

    def releases(self, namespace: str, selector: str = "") -> list[Release]:
        """Return the releases of a namespace in whatever state; `selector` asks for labels of the release itself."""
        every = [] if self.version >= (4, 0) else ["--all"]
        chosen = [f"--selector={selector}"] if selector else []
        tree = json.loads(self._run("list", *every, *chosen, f"--namespace={namespace}", "--output=json", "--max=0"))
        return [
            Release(r["name"], r["namespace"], int(r["revision"]), r["status"], r["chart"], r["updated"]) for r in tree
        ]

    def release(self, name: str, namespace: str) -> Release | None:
        """Return one release, or None."""
        return next((r for r in self.releases(namespace) if r.name == name), None)

    def values(self, name: str, namespace: str) -> Object:
        """Return the values that a release was given: never print them."""
        return json.loads(self._run("get", "values", name, f"--namespace={namespace}", "--output=json")) or {}

    def install(
        self,
        name: str,
        namespace: str,
        values: Object,
        *,
        chart: str = OBJECTS,
        version: str = "",
        labels: dict[str, str] | None = None,
        create_namespace: bool = False,
        take_ownership: bool = False,
        timeout: float = 60,
        grace: float = 15,
    ) -> None:
        """Make or change a release; recover one that a killed helm left in the middle.

        Where that helm ran elsewhere, nobody here can know that it has ended: it is given `grace` seconds.
        """
        labels = {**(labels or {}), **({HOLDER: machine()} if machine() else {})}
        flags = [f"--version={version}"] if version else []
        flags += [f"--labels={','.join(f'{key}={value}' for key, value in labels.items())}"] if labels else []
        flags += ["--create-namespace"] if create_namespace else []
        flags += ["--take-ownership"] if take_ownership else []
        with self._turn(name, namespace) as files:
            self._recover(name, namespace, grace, files)
            self._run(
                *("upgrade", "--install", name, chart, f"--namespace={namespace}", "--history-max=1"),
                *(*flags, *self._by_server(), f"--timeout={timeout:.0f}s", "--values=-"),
                stdin=json.dumps(values),
                timeout=timeout + 15,
                inherit=files,
            )

    def _turn(self, name: str, namespace: str) -> AbstractContextManager[Files]:
        """Wait for a helm of this machine, of a killed installer perhaps, that works on this release."""
        return turn(f"release {name} in {namespace} at {self._cluster.server}", _LONGEST)

    def _recover(self, name: str, namespace: str, grace: float, files: Files) -> None:
        """Bring a release that is stuck in the middle back to where helm accepts it."""
        release = self._settled(name, namespace, grace)
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
        where = f"--namespace={release.namespace}"
        history = json.loads(self._run("history", release.name, where, "--output=json"))
        return last_complete({r["revision"]: r["status"] for r in history}, release.revision)

    def _settled(self, name: str, namespace: str, grace: float) -> Release | None:
        """Return the release once nobody can still be working on it. It is our turn: nobody on this machine is."""

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
        """Tell whether its last writer ran on this machine; who uninstalls leaves no label."""
        if release.status == "uninstalling" or not machine():
            return False
        return any(r.name == release.name for r in self.releases(release.namespace, f"{HOLDER}={machine()}"))

    def uninstall(self, name: str, namespace: str, timeout: float = 120) -> bool:
        """Remove a release and wait for its objects; tell whether there was one. Its success proves nothing yet."""
        with self._turn(name, namespace) as files:
            return self._uninstall(name, namespace, timeout, files)

    def _uninstall(self, name: str, namespace: str, timeout: float, files: Files) -> bool:
        if self.release(name, namespace) is None:
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
        answer = patiently(once) if arguments[0] in ("list", "get") and self._cluster.answered else once()
        if answer.status == 0:
            return answer.out
        said = redact(answer.err or answer.out)
        if _CONFLICT.search(said):
            raise InstallerError(f"Another helm is changing {arguments[2]}.", "Run this again when it is done.")
        shown = f"helm {' '.join(arguments[:3])}"  # the rest is long, and the values never were arguments
        if UNREACHABLE.search(said):
            raise self._cluster.failure(answer, shown)
        raise CommandFailed(shown, answer.status, said, "Mend what it names, then run this again.")


def objects(*manifests: Object) -> dict[str, Any]:
    """Return the values that make our own chart print these objects."""
    return {"objects": list(manifests)}
