"""A project at GitHub's stand-in with the template's scripts, which its CI has deployed: for what a laptop does."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from installer.project.project import Project
from installer.ui import console
from tests.deployment.workspace import GIT_WRAPPER, TEMPLATE, write_program
from tests.github import GitHub as StandIn
from tests.github.git import git as on_server

from .clones import WHO, git, start
from .registry import GOOD, Troubled, a_registry
from .shells import octos, unset

DIGEST = "sha256:" + "1a" * 32
BUILT = "sha256:" + "2b" * 32
SETTINGS = """version: 1
project:
  name: "Web"
  slug: "web"
{scm}:
  host: "{host}"
  owner: "acme"
  visibility: private
registry:
  host: "{registry}"
  account: "acme"
  visibility: public
cluster:
  namespace: "web-dev"
"""

# Answers as docker does, which builds for amd64; notes what it is asked, and the token that it is given.
DOCKER = """#!/bin/sh
here=$(dirname "$0")
printf '%s\\n' "$*" >>"$here/docker.calls"
case "$*" in
  "version"*) [ ! -e "$here/docker.stopped" ] || { echo 'Cannot connect to the Docker daemon' >&2; exit 1; }; echo 29 ;;
  "context show") echo default ;;
  "buildx version") [ ! -e "$here/docker.alone" ] || exit 1 ;;
  "buildx inspect --bootstrap") printf 'Name: x\\nPlatforms: linux/amd64*\\n' ;;
  "buildx inspect"*) printf 'Name: x\\nDriver: docker-container\\n' ;;
  login*) cat >"$here/docker.token" ;;
  "buildx build"*)
    [ ! -e "$here/docker.meanwhile" ] || sh "$here/docker.meanwhile" >&2
    while [ $# -gt 0 ]; do [ "$1" = --metadata-file ] && metadata=$2; shift; done
    printf '{\\n  "containerimage.digest": "BUILT"\\n}\\n' >"$metadata" ;;
  *) exit 64 ;;
esac
""".replace("BUILT", BUILT)


@dataclass
class Laptop:
    """A clone of the project, in which its CI's part can be played, too."""

    github: StandIn
    folder: Path
    registry: Troubled
    bin: Path
    token: str
    three: tuple[str, ...] = ()
    """The revisions that were deployed, the oldest first."""

    @property
    def bare(self) -> Path:
        return self.github.repository("acme/web").git

    @property
    def project(self) -> Project:
        return Project.open(self.folder)

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments)

    def server(self, *arguments: str) -> str:
        return str(on_server(self.bare, *arguments))

    def merge(self, subject: str, **files: str) -> str:
        """Bring a commit to main, and return it; `__` in a file's name stands for `/`."""
        for name, text in files.items():
            (self.folder / name.replace("__", "/")).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        self.server("fetch", "--quiet", str(self.folder), "+HEAD:refs/heads/main")
        return self.git("rev-parse", "HEAD")

    def recorded(self, file: str = "image.yaml") -> dict[str, object]:
        tree = yaml.safe_load(self.github.file("acme/web", "env/dev", file) or "{}")
        return dict(tree)

    @property
    def revision(self) -> object:
        return self.recorded()["revision"]

    def message(self) -> str:
        return self.server("log", "-1", "--format=%B", "env/dev")

    def by_another(self, words: str) -> str:
        """Return the shell in which another person does this, a script of ci/ with its options."""
        actions = f"GITHUB_ACTIONS=true GITHUB_TOKEN={self.token} GITHUB_ACTOR=grace GITHUB_REPOSITORY=acme/web"
        return f"env -u GITOPS_FLASK_PERSON -u DEPLOYED_BY {actions} {self.folder}/ci/{words}"

    def newer_by_another(self) -> str:
        """Return the shell in which another person merges, and the CI deploys that."""
        commit = f"cd {self.folder} && git {' '.join(WHO)} commit --quiet --allow-empty -m Newer"
        merge = f"git -C {self.bare} fetch --quiet {self.folder} +HEAD:refs/heads/main"
        return f"{commit} && {merge} && IMAGE_DIGEST={DIGEST} PLATFORMS=linux/amd64 {self.by_another('deploy')}"

    def before_push(self, script: str) -> None:
        """Run a script once, just before the next push."""
        write_program(self.bin / "git.before-push", f"#!/bin/sh\n{script}\n")


def _clone(folder: Path, registry: Troubled) -> None:
    """Make the project's first commit in a folder."""
    folder.mkdir()
    shutil.copytree(TEMPLATE / "ci", folder / "ci")
    settings = SETTINGS.format(scm="github", host="github.com", registry=registry.host)
    for name, text in {"gitops.yaml": settings, "chart/Chart.yaml": "name: web\n", "deploy/dev.yaml": "a: 1\n"}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    start(folder)


@pytest.fixture(scope="session")
def one_deployed_thrice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Troubled, Path]]:
    """Yield what `deployed_thrice` does, as the test before left it."""
    folder = tmp_path_factory.mktemp("three")
    with a_registry() as registry:
        _deploy_thrice(folder, registry)
        yield registry, folder


@pytest.fixture
def deployed_thrice(one_deployed_thrice: tuple[Troubled, Path]) -> tuple[Troubled, Path]:
    """Return a registry, and the folder with a clone and a bare repository to which three commits were deployed.

    The registry has their one image.
    """
    registry, folder = one_deployed_thrice
    registry.reset()
    registry.public = DIGEST
    return registry, folder


def _deploy_thrice(folder: Path, registry: Troubled) -> None:
    clone, remote = folder / "web", folder / "remote.git"
    _clone(clone, registry)
    home = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "IMAGE_DIGEST": DIGEST, "PLATFORMS": "linux/amd64"}
    (folder / ".gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.com\n")
    git = ["git", "-C", str(clone)]
    for command in (
        ["git", "init", "--quiet", "--bare", "-b", "main", str(remote)],
        [*git, "remote", "add", "origin", f"file://{remote}"],
        *(
            step
            for subject in ("Open", "Sell", "Sell badly")
            for step in (
                [*git, "commit", "--quiet", "--allow-empty", "-m", subject],
                [*git, "push", "--quiet", "origin", "main"],
                [str(clone / "ci/deploy"), "--init"],
            )
        ),
    ):
        subprocess.run(command, env={**os.environ, **home}, check=True, capture_output=True)


@pytest.fixture
def laptop(
    github: StandIn, deployed_thrice: tuple[Troubled, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Laptop:
    """Return a project with three deployments, and no cluster to ask."""
    registry, before = deployed_thrice
    given = {"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker"), "NO_COLOR": "1", "COLUMNS": "200"}
    given |= {"REGISTRY_HOST": registry.host, "REGISTRY_USERNAME": "acme", "REGISTRY_TOKEN": GOOD.reveal()}
    token = octos(github, monkeypatch, tmp_path, NO_PROXY="localhost", no_proxy="localhost", **given)
    unset(monkeypatch, "CI", "GITHUB_TOKEN", "GITHUB_ACTIONS")
    github.hosting.create(github.tokens[token], "acme", "web", private=True, description=None)
    made = Laptop(github, tmp_path / "web", registry, tmp_path / "bin", token)
    shutil.copytree(before / "web", made.folder)
    made.git("remote", "set-url", "origin", "https://github.com/acme/web")
    made.server("fetch", "--quiet", str(before / "remote.git"), "+refs/heads/*:refs/heads/*")
    made.three = tuple(made.git("rev-parse", f"HEAD~{back}") for back in (2, 1, 0))
    for name, text in {"git": GIT_WRAPPER, "docker": DOCKER, "uv": "#!/bin/sh\nexit ${UV_ENDS:-0}\n"}.items():
        write_program(made.bin / name, text)
    monkeypatch.setenv("PATH", str(made.bin), prepend=os.pathsep)
    without_a_cluster(monkeypatch)
    return made


def without_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands look for no cluster, and wait for none."""
    monkeypatch.setattr("installer.commands.rollback.checks.before_reading", lambda *_, **__: [])
    for command in ("rollback", "deploy"):
        monkeypatch.setattr(f"installer.commands.{command}.until_rolled_out", lambda *_: console.report("until live"))
    monkeypatch.setattr("installer.commands.deploy.of_nodes", lambda _: ("amd64",))
    monkeypatch.setattr("installer.commands.programs.platform.machine", lambda: "x86_64")
