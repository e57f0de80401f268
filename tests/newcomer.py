"""The machine of somebody who never heard of us, and what they type there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNREACHABLE = re.compile(
    r"dns error|error sending request|connection refused|network (was |connectivity is )?disabled|timed out", re.I
)


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """Return the environment of somebody who never heard of us: a home, git and uv, no account, no cluster."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("git", "uv", "uvx", "bash", "sh", "env", "dirname", "sed", "rm", "mktemp", "cat", "ls", "realpath"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: os.environ[name] for name in ("UV_CACHE_DIR", "SSL_CERT_FILE", "UV_PYTHON") if name in os.environ}
    (programs / "python3").symlink_to(Path(sys.prefix, "bin/python").resolve())
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return kept | {"HOME": str(home), "XDG_CACHE_HOME": cache, "PATH": str(programs), "COLUMNS": "80"}


def typed(command: str, cwd: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line as a shell does, in a folder, with nobody at a terminal."""
    return subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=environment | {"PWD": str(cwd)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def with_packages(command: str, cwd: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a line that takes packages: from uv's cache if it has them, else from the registry; skip without either."""
    done = typed(command, cwd, environment | {"UV_OFFLINE": "1"})
    if done.returncode and UNREACHABLE.search(done.stderr):
        done = typed(command, cwd, environment)
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip(f"uv cannot reach the registry: {done.stderr.strip().splitlines()[-1]}")
    return done
