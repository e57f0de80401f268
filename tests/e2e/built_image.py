"""An image that a generated project's own ci/image built and pushed."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import Bake, BakedProject


def run(folder: Path, *command: str, **environment: str) -> str:
    ended = subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout.strip()


@dataclass(frozen=True)
class Built:
    """A baked project whose image was pushed by its own ci/image."""

    project: BakedProject
    repository: str
    digest: str

    @property
    def epoch(self) -> str:
        return run(self.project.path, "git", "log", "-1", "--format=%ct")

    @property
    def revision(self) -> str:
        return run(self.project.path, "git", "rev-parse", "HEAD")

    def inspect(self, part: str, reference: str = "") -> Any:
        name = f"{self.repository}@{reference or self.digest}"
        command = ("docker", "buildx", "imagetools", "inspect", name, "--format", f"{{{{json .{part}}}}}")
        return json.loads(run(self.project.path, *command))

    @property
    def platform_manifest(self) -> str:
        """Return the digest of what a node runs: the index beside it also names the attestations."""
        (only,) = (m for m in self.inspect("Manifest")["manifests"] if m["platform"]["os"] != "unknown")
        return str(only["digest"])


def pushed(folder: Path, name: str) -> tuple[str, str]:
    """Build what is committed in a folder by its ci/image; return repository and digest."""
    account = os.environ["E2E_REGISTRY_USERNAME"]
    login = {"REGISTRY_USERNAME": account, "REGISTRY_TOKEN": os.environ["E2E_REGISTRY_TOKEN"]}
    return f"docker.io/{account}/{name}", run(folder, "ci/image", **login)


@pytest.fixture(scope="module")
def built(bake: Bake) -> Built:
    project = bake(project_slug=f"bars-{uuid4().hex[:8]}", registry_account=os.environ["E2E_REGISTRY_USERNAME"])
    return Built(project, *pushed(project.path, project.slug))
