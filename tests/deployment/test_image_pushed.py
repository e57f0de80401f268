"""ci/image with a real docker and a real registry under Docker Hub's name."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.deployment.workspace import PROJECT, Answer, Checkout

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif("E2E_REGISTRY_TOKEN" not in os.environ, reason="no E2E_REGISTRY_TOKEN in the environment"),
]

DOCKERFILE = """FROM scratch
COPY app.py /app.py
ARG REVISION=unknown
ENV REVISION=$REVISION
"""


@pytest.fixture
def repository(laptop: Checkout) -> str:
    """Return the name of an image that was never pushed, which the project has."""
    account, slug = os.environ["E2E_REGISTRY_USERNAME"], f"ci-{uuid.uuid4().hex[:12]}"
    laptop.write(gitops_yaml=PROJECT.replace("acme", account).replace("hello-api", slug))
    return f"docker.io/{account}/{slug}"


def build(checkout: Checkout, *options: str, **env: str) -> Answer:
    docker = {name: value for name, value in os.environ.items() if name.startswith(("DOCKER_", "BUILDX_"))}
    login = {
        "REGISTRY_USERNAME": os.environ["E2E_REGISTRY_USERNAME"],
        "REGISTRY_TOKEN": os.environ["E2E_REGISTRY_TOKEN"],
    }
    ours = {"REUSE_PUSHED": "true"}
    return checkout.run("image", *options, **(docker | login | ours | env))


def inspect(reference: str, part: str) -> dict[str, object]:
    command = ["docker", "buildx", "imagetools", "inspect", reference, "--format", f"{{{{json .{part}}}}}"]
    parsed: dict[str, object] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return parsed


def test_an_image_is_pushed_once_with_its_commit_and_without_a_trace_of_the_login(
    laptop: Checkout, repository: str, tmp_path: Path
) -> None:
    laptop.write(Dockerfile=DOCKERFILE)
    revision = laptop.merge("Two")
    output, temporary = tmp_path / "output", tmp_path / "temporary"
    temporary.mkdir()
    first = build(laptop, GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(output), TMPDIR=str(temporary))
    assert first.code == 0, first.text
    digest = first.line
    assert output.read_text() == f"digest={digest}\n"
    assert inspect(f"{repository}:{revision}", "Manifest")["digest"] == digest
    image = inspect(f"{repository}:{revision}@{digest}", "Image")
    assert f"REVISION={revision}" in image["config"]["Env"]  # type: ignore[index]
    with pytest.raises(subprocess.CalledProcessError):
        inspect(f"{repository}:buildcache", "Manifest")
    assert build(laptop, "--cache", TMPDIR=str(temporary)).code == 0
    assert inspect(f"{repository}:buildcache", "Manifest")["mediaType"], "the cache is there"
    assert inspect(f"{repository}:{revision}", "Manifest")["digest"] == digest

    second = build(laptop, TMPDIR=str(temporary))
    assert (second.code, second.line) == (0, digest)
    assert "was pushed before" in second.text

    token = os.environ["E2E_REGISTRY_TOKEN"]
    assert list(temporary.iterdir()) == []
    assert not (laptop.home / ".docker" / "config.json").exists()
    assert token not in first.text + second.text
    for file in [*laptop.path.rglob("*"), *laptop.home.rglob("*")]:
        assert not file.is_file() or token.encode() not in file.read_bytes(), file


def test_the_next_commit_finds_the_layers_of_the_one_before(laptop: Checkout, repository: str) -> None:
    laptop.write(Dockerfile=DOCKERFILE)
    laptop.merge("Two")
    first = build(laptop)
    assert build(laptop, "--cache").code == 0
    laptop.merge("Three")
    second = build(laptop)
    assert (first.code, second.code) == (0, 0), second.text
    assert first.line != second.line, "another revision is another image"
    assert "CACHED" in second.text


def test_a_ci_keeps_layers_that_are_new_and_no_others(laptop: Checkout, repository: str) -> None:
    dependencies = f"FROM python:3.13-slim-trixie AS dependencies\nRUN echo {repository} >/dependency\n"
    laptop.write(Dockerfile=f"{dependencies}{DOCKERFILE}COPY --from=dependencies /dependency /\n")
    said = []
    for _ in range(2):
        laptop.merge("Another")
        assert build(laptop, GITHUB_ACTIONS="true").code == 0
        said.append(build(laptop, "--cache", GITHUB_ACTIONS="true").text)
    assert "has the layers" in said[0]
    assert "there are no others to keep" in said[1]


def test_a_wrong_token_is_refused_by_the_registry(laptop: Checkout, repository: str) -> None:
    laptop.write(Dockerfile=DOCKERFILE)
    laptop.merge("Two")
    answer = build(laptop, REGISTRY_TOKEN="wrong")
    assert answer.code == 1
    assert "docker.io did not let" in answer.text


def test_without_push_the_registry_stays_empty(laptop: Checkout, repository: str) -> None:
    laptop.write(Dockerfile=DOCKERFILE)
    laptop.commit()
    assert build(laptop, "--no-push").code == 0
    with pytest.raises(subprocess.CalledProcessError):
        inspect(f"{repository}:buildcache", "Manifest")
