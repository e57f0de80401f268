"""An image that a generated project's own ci/image built and pushed."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.conftest import PROJECT, ROOT, Bake, BakedProject
from tests.deployment.workspace import PROJECT as PROJECT_FILE

# Docker Hub's own image is not at hand everywhere; Debian packages the same program.
REGISTRY = r"""
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends docker-registry && \
    rm -rf /var/lib/apt/lists /usr/share/doc /usr/share/locale && \
    printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: /images}}\nhttp: {addr: ":5000"}\n' >/registry.yaml
ENTRYPOINT ["docker-registry", "serve", "/registry.yaml"]
"""


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


def built_alone(folder: Path, name: str, dockerfile: str) -> str:
    """Build and push an image of a Dockerfile alone; return its name and digest.

    The same commit each time: ci/image takes what was pushed for it before.
    """
    shutil.copytree(ROOT / PROJECT / "ci", folder / "ci")
    (folder / "Dockerfile").write_text(dockerfile)
    own = PROJECT_FILE.replace("acme", os.environ["E2E_REGISTRY_USERNAME"]).replace("hello-api", name)
    (folder / "gitops.yaml").write_text(own)
    same = {f"GIT_{who}_{what}": "test" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    same |= {f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    for command in ("init --quiet", "add .", f"commit --quiet --message {name}"):
        run(folder, "git", *command.split(), **same)
    return "@".join(pushed(folder, name))


def registry_image(folder: Path) -> str:
    """Build and push an image of a registry; return its name and digest."""
    return built_alone(folder, "registry", REGISTRY)
