"""A machine with Docker and a cluster, and somebody who types `try` on it."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.documented import README, commands

from .actors import Developer, Service
from .stage import PASSED_ON


@dataclass
class Laptop:
    """Somebody with Docker, a cluster and no account."""

    developer: Developer
    context: str
    image: str
    record: Callable[[str, float], None] = lambda *_: None
    broken: str = ""
    revisions: list[str] = field(default_factory=list)

    def try_(self, *answers: str) -> str:
        """Run the README's command; return what it says."""
        (typed,) = [line for line in commands(README) if " try " in line]
        words = typed.removeprefix("uv run --no-dev ").split()
        words[words.index("..")] = "."
        here = ("--context", self.context, "--confirm-context", self.context, "--registry-image", self.image, "--yes")
        program = str(Path(sys.executable).with_name(words[0]))
        return self.developer.run(program, *words[1:], *here, *answers, cwd=self.developer.home).stdout

    def enter(self, slug: str) -> None:
        self.developer.project = self.developer.home / slug

    def type(self, *words: str, check: bool = True) -> str:
        """Run a command in the project's folder, and return what it says."""
        program = str(Path(sys.executable).with_name("gitops-flask"))
        done = self.developer.run(program, *words, check=check)
        return done.stdout + done.stderr

    @property
    def slug(self) -> str:
        return self.developer.project.name

    def live(self) -> set[str]:
        return Service(self.developer, self.slug, f"{self.slug}-dev").revisions()

    def kubectl(self, *words: str) -> str:
        return self.developer.run("kubectl", *words).stdout.strip()

    def restart(self, name: str, namespace: str) -> None:
        self.kubectl("rollout", "restart", f"deployment/{name}", "--namespace", namespace)
        self.kubectl("rollout", "status", f"deployment/{name}", "--namespace", namespace, "--timeout=180s")

    @property
    def all_of_it(self) -> tuple[str, ...]:
        """Return the options by which `down` leaves nothing of the project."""
        repository = ("--repository", "--confirm-repository", f"local/{self.slug}")
        return (*repository, "--argocd", "--confirm-argocd", "argocd")

    def timed(self, what: str, words: Callable[[], str]) -> str:
        began = time.monotonic()
        said = words()
        self.record(what, time.monotonic() - began)
        return said

    def recorded(self) -> dict[str, Any]:
        tree: dict[str, Any] = yaml.safe_load(self.developer.git("show", "origin/env/dev:image.yaml"))
        return tree


def a_laptop(folder: Path, image: str) -> Laptop:
    """Return a machine whose home is in a folder; `image` is what runs as the registry."""
    home = folder / "home"
    home.mkdir()
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env |= {"HOME": str(home), "NO_COLOR": "1", "UV_CACHE_DIR": str(folder / "uv-cache")}
    env["UV_PYTHON_DOWNLOADS"] = "never"  # uv would ask github.com for one, and that is a stand-in's address here
    env |= {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Dev Eloper"}
    env |= {"GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "dev@example.com"}
    developer = Developer(home, env, home)
    return Laptop(developer, developer.run("kubectl", "config", "current-context").stdout.strip(), image)
