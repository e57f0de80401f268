"""A remote, checkouts of it, and the scripts of `ci/` run in them, as a runner or a person would."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

TEMPLATE = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}"
GIT = shutil.which("git") or "git"
BRANCH = "env/dev"
REPOSITORY = "docker.io/acme/hello-api"
DIGEST = "sha256:" + "1a" * 32
PROJECT = """version: 1
project:
  slug: "hello-api"
registry:
  host: "docker.io"
  account: "acme"
  visibility: public
"""

# Stands before git in PATH: writes down how git was called, and lets a test act just before the next push.
GIT_WRAPPER = f"""#!/bin/sh
printf '%s\\n' "$*" >>"$0.calls"
case " $* " in *" push "*)
  if mv "$0.before-push" "$0.before-push.$$" 2>/dev/null; then "$0.before-push.$$" >&2; fi ;;
esac
exec {GIT} "$@"
"""


@dataclass(frozen=True)
class Answer:
    """What a script answered."""

    code: int
    line: str
    text: str

    @classmethod
    def of(cls, code: int, out: str, err: str) -> Answer:
        lines = out.strip().splitlines()
        return cls(code, lines[-1] if lines else "", out + err)


@dataclass(frozen=True)
class Remote:
    """A bare repository, where GitHub's would be."""

    path: Path

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def git(self, *args: str) -> str:
        done = subprocess.run([GIT, "-C", self.path, *args], capture_output=True, text=True, check=True)
        return done.stdout.rstrip("\n")

    def tip(self, branch: str = BRANCH) -> str:
        """Return the commit of a branch, or nothing."""
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")

    def commits(self, branch: str = BRANCH) -> list[str]:
        return self.git("rev-list", "--first-parent", branch).splitlines()

    def paths(self, ref: str = BRANCH) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", ref).splitlines()

    def read(self, path: str, ref: str = BRANCH) -> str:
        return self.git("show", f"{ref}:{path}")

    def revision(self, ref: str = BRANCH) -> str:
        return self.read("image.yaml", ref).rpartition('revision: "')[2].rstrip('"\n')

    def hook(self, name: str, script: str) -> None:
        write_program(self.path / "hooks" / name, f"#!/bin/sh\n{script}\n")


@dataclass(frozen=True)
class Checkout:
    """A clone of the remote, with an environment in which to run the scripts."""

    path: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        return {
            "PATH": f"{self.home / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "IMAGE_DIGEST": DIGEST,
        }

    def git(self, *args: str) -> str:
        command = [GIT, "-C", self.path, *args]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, check=True).stdout.rstrip("\n")

    def start(self, script: str, *args: str, **env: str) -> subprocess.Popen[str]:
        """Start a script of ci/ without waiting for it."""
        command = [self.path / "ci" / script, *args]
        return subprocess.Popen(
            command, env=self.env | env, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, script: str, *args: str, **env: str) -> Answer:
        """Run a script of ci/ and return its answer."""
        process = self.start(script, *args, **env)
        out, err = process.communicate(timeout=120)
        return Answer.of(process.returncode, out, err)

    def write(self, **files: str) -> None:
        """Write files; `__` stands for `/` and `_` before the last word for a dot."""
        for name, text in files.items():
            path = self.path / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, message: str = "Change something") -> str:
        """Commit all there is, without a push, and return the revision."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def merge(self, message: str = "Change something") -> str:
        """Bring a commit to the remote's main, and return it."""
        revision = self.commit(message)
        self.git("push", "--quiet", "origin", "HEAD:main")
        return revision

    def before_push(self, script: str) -> None:
        """Run a script once, between what the next push was prepared from and the push itself."""
        write_program(self.home / "bin" / "git.before-push", f"#!/bin/sh\n{script}\n")

    def git_calls(self) -> str:
        return (self.home / "bin" / "git.calls").read_text()


@dataclass(frozen=True)
class Workspace:
    """One remote and as many checkouts as a test needs."""

    path: Path
    remote: Remote

    def copied(self, path: Path, *checkouts: str) -> Workspace:
        """Return a copy with these checkouts, which takes the place of what is there."""
        workspace = Workspace(path, Remote(path / self.remote.path.name))
        for name in (workspace.remote.path.name, *(folder for each in checkouts for folder in (each, f"{each}-home"))):
            shutil.rmtree(path / name, ignore_errors=True)
            shutil.copytree(self.path / name, path / name)
        for name in checkouts:
            Checkout(path / name, path / f"{name}-home").git("remote", "set-url", "origin", workspace.remote.url)
        return workspace

    def checkout(self, name: str, *options: str) -> Checkout:
        """Clone the remote, as one machine of its own."""
        home = self.path / f"{name}-home"
        checkout = Checkout(self.path / name, home)
        write_program(home / "bin" / "git", GIT_WRAPPER)
        (home / ".gitconfig").write_text("[user]\nname = Ada Lovelace\nemail = ada@example.com\n")
        command = [GIT, "clone", "--quiet", *options, self.remote.url, checkout.path]
        subprocess.run(command, env=checkout.env, check=True, capture_output=True)
        return checkout


def write_program(path: Path, text: str) -> None:
    """Write a file that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def make_workspace(path: Path) -> Workspace:
    """Make a remote whose main holds one commit of a small project with the template's scripts."""
    remote = Remote(path / "remote.git")
    subprocess.run([GIT, "init", "--quiet", "--bare", "-b", "main", remote.path], check=True, capture_output=True)
    remote.git("config", "uploadpack.allowFilter", "true")  # as GitHub does
    workspace = Workspace(path, remote)
    first = workspace.checkout("first")
    shutil.copytree(TEMPLATE / "ci", first.path / "ci")
    first.write(
        chart__Chart_yaml="name: hello-api\nversion: 0.1.0\n",
        chart__templates__service_yaml="kind: Service\n",
        deploy__dev_yaml="replicas: 1\n",
        gitops_yaml=PROJECT,
        app_py="print('one')\n",
    )
    first.merge("Start")
    return workspace
