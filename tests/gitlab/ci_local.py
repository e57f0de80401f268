"""gitlab-ci-local: put where Python's own environment is, and run as a shell runner would run a job."""

import fcntl
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "npm"
BIN = Path(sys.prefix) / "bin"
OUTSIDE = {
    **os.environ,
    "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
}  # before a test leads everything to a stand-in
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PREFIXED = re.compile(r"^\S+ (?:[>$] ?)(.*)$", re.DOTALL)


class BadFileError(Exception):
    """Say what GitLab's schema, or the file's own logic, does not allow."""


@functools.cache
def program() -> tuple[str, str]:
    """Return node and the script that it is to run; installed by npm from the lock file, once an environment."""
    lock = HERE / "package-lock.json"
    version = json.loads(lock.read_text())["packages"]["node_modules/gitlab-ci-local"]["version"]
    home = Path(sys.prefix) / "share/gitlab-ci-local" / version
    script = home / "node_modules/gitlab-ci-local/dist/index.js"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not script.is_file():
            for name in ("package.json", "package-lock.json"):
                (home / name).write_text((HERE / name).read_text())
            command = [BIN / "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            subprocess.run(command, cwd=home, env=OUTSIDE, check=True, capture_output=True)
    return str(BIN / "node"), str(script)


@dataclass(frozen=True)
class Place:
    """Where one call works: a clone, and beside it the file, the variables and gitlab-ci-local's own state."""

    folder: Path

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    @property
    def artifacts(self) -> Path:
        return self.folder / "state/artifacts"

    def write(self, file: str, variables: Mapping[str, tuple[str, bool]]) -> None:
        """Write what it reads; variables say whether `$` in them means another variable."""
        self.folder.mkdir(parents=True, exist_ok=True)
        values = {name: value if expands else value.replace("$", "$$") for name, (value, expands) in variables.items()}
        for name, content in {"ci.yml": file, "variables.yml": json.dumps(values), "none.yml": ""}.items():
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(content)
        (self.folder / "home").mkdir(exist_ok=True)

    def command(self, *arguments: str) -> list[str]:
        return [
            *program(), *arguments, "--force-shell-executor", "--no-color",
            "--file", "../ci.yml", "--state-dir", "../state",
            "--variables-file", "../variables.yml", "--home", str(self.folder / "home"),
        ]  # fmt: skip

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": SYSTEM_PATH,
            "HOME": str(self.folder / "home"),
            "LANG": "C.UTF-8",
            "PAGER": "cat",
            "GCL_IGNORE_PREDEFINED_VARS": ",".join(json.loads((self.folder / "variables.yml").read_text())),
            **more,
        }

    def look(self, more: Mapping[str, str]) -> list[dict[str, Any]]:
        """List the jobs that the file has, each with whether it would run; raise what is wrong with the file."""
        done = subprocess.run(
            self.command("--list-json"),
            cwd=self.tree,
            env=self.environment(more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BadFileError(done.stderr.strip())
        return list(json.loads(done.stdout[done.stdout.index("[\n") :]))

    def start(self, job: str, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start one job; whoever ends it ends all that it started."""
        return subprocess.Popen(
            self.command(job),
            cwd=self.tree,
            env=self.environment(more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def plain(line: str) -> str:
    """Take the job's name from the front of a line of its log."""
    found = PREFIXED.match(line)
    return found[1] if found else line
