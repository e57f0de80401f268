"""Who acts in the story: a developer at a shell, and an eye on every process's arguments."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from . import terminal

Answer = TypeVar("Answer")


def eventually(what: str, ask: Callable[[], Answer | None], seconds: float, every: float = 0.2) -> Answer:
    """Ask until there is an answer; fail, naming what was waited for, when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass
class Developer:
    """A person with a shell of their own: nothing of this machine's settings but what the story gives them."""

    home: Path
    env: dict[str, str]
    project: Path = field(default_factory=Path)
    trusts: dict[str, str] = field(default_factory=dict)
    """What makes git and gh, typed manually, trust GitHub's certificate; the installer has to see to itself."""

    def run(
        self, *command: str, check: bool = True, cwd: Path | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as typed; fail with all that it printed."""
        done = subprocess.run(
            command,
            cwd=cwd or self.project,
            env={**self.env, **(self.trusts if command[0] in ("git", "gh") else {})},
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=1200,
        )
        if check and done.returncode:
            raise AssertionError(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}\nexit code {done.returncode}")
        return done

    def installer(self, *arguments: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the installer's console script on the project."""
        program = str(Path(sys.executable).with_name("gitops-flask"))
        return self.run(program, *arguments, "--project", str(self.project), check=check, cwd=self.home, stdin=stdin)

    def on_a_terminal(self, *command: str, answers: dict[str, str], without: Sequence[str] = ()) -> str:
        """Run a command on a terminal, answer each question once it is there, and return what the screen showed."""
        env = {name: value for name, value in self.env.items() if name not in without}
        return terminal.show(command, answers, cwd=self.home, env=env)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        """Start a branch from GitHub's main."""
        self.git("fetch", "--quiet", "origin")
        self.git("switch", "--quiet", "--create", name, "--no-track", "origin/main")


class ArgvWatch:
    """Looks at the arguments of every process that the story starts for secrets, as `ps` would, all the time."""

    def __init__(self, secrets: Sequence[str]) -> None:
        forms = [form for s in secrets for form in (s, base64.b64encode(s.encode()).decode())]
        self._pattern = re.compile("|".join(re.escape(form) for form in forms).encode())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.found: set[str] = set()
        self.looked = 0

    def __enter__(self) -> "ArgvWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        seen: set[tuple[str, bytes]] = set()
        while not self._stop.wait(0.03):
            for pid in (each.name for each in Path("/proc").glob("[0-9]*")):
                try:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes()
                except OSError:
                    continue
                if (pid, line) not in seen and _is_ours(int(pid)):
                    seen.add((pid, line))
                    self.looked += 1
                    if self._pattern.search(line):
                        self.found.add(line.replace(b"\0", b" ").decode(errors="replace"))


def _is_ours(pid: int) -> bool:
    """Tell whether a process descends from this one: what others on this machine run is no part of the story."""
    while pid > 1:
        if pid == os.getpid():
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


class Service:
    """The running service, asked without the installer."""

    def __init__(self, developer: Developer, slug: str, namespace: str) -> None:
        self._developer = developer
        self._slug = slug
        self._namespace = namespace

    def revisions(self) -> set[str]:
        """Return the revisions that the pods answer; `none` and why for one that is not Ready.

        A pod on its way out is no part of the service any more: it only ends the requests that it has.
        """
        return {self._revision(pod) for pod in self._pods() if "deletionTimestamp" not in pod["metadata"]}

    def answer(self, path: str, body: str = "") -> Any:
        """Ask one pod for a path."""
        pod = next(p for p in self._pods() if _ready(p))["metadata"]["name"]
        return json.loads(self._get(f"/api/v1/namespaces/{self._namespace}/pods/{pod}:8000/proxy{path}"))

    def _pods(self) -> list[dict[str, Any]]:
        selector = f"app.kubernetes.io/name={self._slug}"
        done = self._developer.run("kubectl", "get", "pods", "-n", self._namespace, "-l", selector, "-o", "json")
        pods: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return pods

    def _revision(self, pod: dict[str, Any]) -> str:
        if not _ready(pod):
            status = pod.get("status", {})
            return f"none, {pod['metadata']['name']} is {status.get('phase')}: {status.get('conditions')}"
        try:
            text = self._get(f"/api/v1/namespaces/{self._namespace}/pods/{pod['metadata']['name']}:8000/proxy/version")
        except AssertionError as error:
            return f"none, {error}"  # it went in between
        return str(json.loads(text)["revision"])

    def _get(self, path: str) -> str:
        return self._developer.run("kubectl", "get", "--raw", path).stdout


def _ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
