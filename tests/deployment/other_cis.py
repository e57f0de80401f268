"""A repository at GitHub's stand-in whose CI is another one: baked, pushed, and with what that CI was given."""

import shlex
import shutil
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ci_runner import Job, Place
from tests.ci_runner.programs import TOKEN, digest_of, install
from tests.circleci import runner as circleci
from tests.github import GitHub
from tests.github.git import git as on_server
from tests.travis import runner as travis

SLUG = "acme/hello-api"
IMAGE = "docker.io/acme/hello-api"


@dataclass
class Shop:
    """The repository, a clone of the developer's, and the machines of the CI."""

    github: GitHub
    clone: Path
    place: Place
    variables: dict[str, str]
    """What people set at the CI."""
    bin: Path
    """What programs the machines have, and what docker's was asked."""

    @property
    def repository(self) -> Path:
        return self.github.repository(SLUG).git

    def git(self, *arguments: str) -> str:
        return on_server(self.repository, *arguments)

    def commit(self, subject: str, branch: str = "main", **files: str) -> str:
        """Bring a commit to a branch, as a merge does; `__` in a file's name stands for `/`."""
        for name, text in files.items():
            (self.clone / name.replace("__", "/")).write_text(text)
        git = ["git", "-C", str(self.clone), "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", subject], check=True)
        return self.push(branch)

    def push(self, branch: str = "main") -> str:
        self.git("fetch", "--quiet", str(self.clone), f"+HEAD:refs/heads/{branch}")
        return self.git("rev-parse", f"refs/heads/{branch}").strip()

    def recorded(self) -> str:
        """Return what env/dev says that runs; nothing where there is no such branch."""
        text = self.github.file(SLUG, "env/dev", "image.yaml")
        return text.rpartition('revision: "')[2].rstrip('"\n') if text else ""

    def digest(self, revision: str) -> str:
        """Return which image was pushed for a commit."""
        return digest_of(self.bin, f"{IMAGE}:{revision}")


Jobs = dict[str, Job]


def states(jobs: Jobs) -> dict[str, str]:
    return {name: job.state for name, job in jobs.items()}


class OtherCI(ABC):
    """What happens at a CI; each answer is the jobs that ran."""

    title: str
    where: str
    """Where its page has what people set."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    @abstractmethod
    def pull_request(self, revision: str, branch: str) -> Jobs: ...

    @abstractmethod
    def merged(self, revision: str, *, first: bool = False) -> Jobs: ...

    @abstractmethod
    def asked(self, revision: str, action: str, **inputs: str) -> Jobs:
        """Run what people, or gitops-flask, ask of main: `to` and `why` are a rollback's."""


class AtCircleCI(OtherCI):
    title, where = "CircleCI", "at CircleCI: Project Settings, Environment Variables"

    def pull_request(self, revision: str, branch: str) -> Jobs:
        return self._run(revision, branch, {})

    def merged(self, revision: str, *, first: bool = False) -> Jobs:
        return self._run(revision, "main", {})

    def asked(self, revision: str, action: str, **inputs: str) -> Jobs:
        return self._run(revision, "main", {"action": action, **inputs})

    def _run(self, revision: str, branch: str, parameters: dict[str, str]) -> Jobs:
        (ran,) = circleci.plan(self.shop.place, revision, branch, parameters)
        circleci.carry_out(self.shop.place, ran, revision, branch)
        return ran.jobs


class AtTravisCI(OtherCI):
    title, where = "Travis CI", "at Travis CI: More options, Settings, Environment Variables"
    _number = 0

    def pull_request(self, revision: str, branch: str) -> Jobs:
        return self._run(travis.Event("pull_request", "main", revision, "a...b"))

    def merged(self, revision: str, *, first: bool = False) -> Jobs:
        return self._run(travis.Event("push", "main", revision, "" if first else "a...b"))

    def asked(self, revision: str, action: str, **inputs: str) -> Jobs:
        given = {"ACTION": action, **{name.upper(): value for name, value in inputs.items()}}
        env: dict[str, Any] = {"global": [f"{name}={shlex.quote(value)}" for name, value in given.items()]}
        return self._run(travis.Event("api", "main", revision, config={"env": env}))

    def _run(self, event: travis.Event) -> Jobs:
        self._number += 1
        ran = travis.plan(self.shop.place, event)
        assert ran
        travis.carry_out(self.shop.place, ran, self._number)
        return ran.jobs


CIS: dict[str, type[OtherCI]] = {"circleci": AtCircleCI, "travis-ci": AtTravisCI}


def open_shop(github: GitHub, project: Path, folder: Path) -> Shop:
    """Bring a baked project to GitHub, and give the CI what it needs."""
    github.user("octo")
    github.organization("acme", plan="team", members={"octo": "admin"})
    github.hosting.create(github.tokens[github.token("octo")], "acme", "hello-api", private=True, description=None)
    may = {"metadata": "read", "contents": "write", "deployments": "write"}
    given = {
        "REGISTRY_USERNAME": "acme",
        "REGISTRY_TOKEN": TOKEN,
        "DEPLOY_TOKEN": github.token("octo", "fine-grained", permissions=may, repositories=[SLUG]),
    }
    machine = {name: value for name, value in github.env.items() if not name.startswith("GH_")}
    programs = install(folder / "bin")
    repository = github.repository(SLUG).git
    place = Place(folder / "jobs", repository, SLUG, private=True, env={**machine, **programs}, variables=given)
    clone = shutil.copytree(project, folder / "clone")
    return Shop(github, clone, place, given, folder / "bin")
