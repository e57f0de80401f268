"""The image of a generated project: the same again from the same commit, and nothing in it to regret."""

import json
import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .built_image import Built, built, run

__all__ = ["built"]

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
SETUID_OR_WRITABLE_BY_OTHERS = 0o6022


@dataclass(frozen=True)
class Unpacked:
    """An image on disk."""

    folder: Path

    def json(self, digest: str) -> Any:
        return json.loads(self._blob(digest).read_text())

    def _blob(self, digest: str) -> Path:
        return self.folder / "blobs" / digest.replace(":", "/")

    @property
    def digest(self) -> str:
        (only,) = json.loads((self.folder / "index.json").read_text())["manifests"]
        return str(only["digest"])

    @property
    def image(self) -> Any:
        """Return the configuration."""
        return self.json(self.json(self.digest)["config"]["digest"])

    @property
    def layers(self) -> list[str]:
        return [layer["digest"] for layer in self.json(self.digest)["layers"]]

    def members(self, layer: str) -> list[tarfile.TarInfo]:
        with tarfile.open(self._blob(layer)) as archive:
            return archive.getmembers()


def build_again(built: Built, folder: Path, epoch: str, revision: str) -> Unpacked:
    """Build without any cache, as somebody else would who checks what was deployed."""
    arguments = {"REVISION": revision, "SOURCE_DATE_EPOCH": epoch}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    output = f"--output=type=oci,dest={folder}/image.tar"
    run(built.project.path, "docker", "buildx", "build", "--no-cache", "--provenance=false", *given, output, ".")
    with tarfile.open(folder / "image.tar") as archive:
        archive.extractall(folder, filter="data")
    return Unpacked(folder)


@pytest.fixture(scope="module")
def again(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    return build_again(built, tmp_path_factory.mktemp("again"), built.epoch, built.revision)


def test_the_same_commit_is_the_same_image(built: Built, again: Unpacked) -> None:
    assert again.digest == built.platform_manifest


def test_the_next_commit_brings_no_layer_that_nodes_have_already(built: Built, again: Unpacked, tmp_path: Path) -> None:
    later = build_again(built, tmp_path, str(int(built.epoch) + 86_400), "f" * 40)

    assert later.digest != again.digest
    assert later.layers == again.layers, "the code did not change"


def test_the_next_commit_runs_no_step_again_whose_files_are_the_same(built: Built) -> None:
    arguments = ("--build-arg=REVISION=next", f"--build-arg=SOURCE_DATE_EPOCH={int(built.epoch) + 1}")
    command = ["docker", "buildx", "build", "--progress=plain", "--output=type=cacheonly", *arguments, "."]
    told = subprocess.run(command, cwd=built.project.path, capture_output=True, text=True, check=True).stderr
    steps = set(re.findall(r"^#(\d+) \[.+ \d+/\d+\] (?:RUN|COPY|WORKDIR)", told, re.MULTILINE))
    assert len(steps) >= 6, told
    assert steps <= set(re.findall(r"^#(\d+) CACHED$", told, re.MULTILINE)), told


def test_how_it_was_built_is_attached_in_full(built: Built) -> None:
    provenance = built.inspect("Provenance")["SLSA"]

    assert json.dumps(provenance).count("python") > 0
    assert built.revision in json.dumps(provenance)


def test_its_configuration_says_what_it_is_and_holds_no_secret(built: Built, again: Unpacked) -> None:
    image = again.image
    config, history = image["config"], json.dumps(image["history"])

    assert config["User"] == "10001:10001"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["revision"] == built.revision
    assert labels["title"] == built.project.slug
    assert labels["source"] == f"https://github.com/acme/{built.project.slug}"
    assert labels["base.name"].startswith("docker.io/library/python:3.")
    assert not labels["base.name"].endswith("latest")
    names = [variable.partition("=")[0] for variable in config["Env"]]
    words = ("PASSWORD", "SECRET", "TOKEN", "CREDENTIAL")
    assert [name for name in names if any(word in name for word in words)] == []
    assert os.environ["E2E_REGISTRY_TOKEN"] not in json.dumps(image)
    assert "ADD http" not in history
    assert "sudo " not in history
    assert "Volumes" not in config


def test_what_it_adds_belongs_to_root_and_nobody_else_may_change_it(again: Unpacked) -> None:
    mine = [member for layer in again.layers[1:] for member in again.members(layer)]

    assert len(mine) > 100
    assert {(member.uid, member.gid) for member in mine} == {(0, 0)}
    bad = [m.name for m in mine if not m.issym() and m.mode & SETUID_OR_WRITABLE_BY_OTHERS]
    assert bad == []
    assert [m.name for m in mine if m.isdev()] == []
    assert {Path(m.name).parts[0] for m in mine} == {"app"}
