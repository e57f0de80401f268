"""ci/image: what is attached to an image, for which machines it is, and what people read about it."""

from __future__ import annotations

import pytest

from tests.delivery.test_image import LOGIN, ONLY_MAIN, calls, machine
from tests.delivery.world import DIGEST, REPOSITORY, Checkout

__all__ = ["machine"]
ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "acme/hello-api",
}


def build_of(machine: Checkout, *options: str, **env: str) -> str:
    answer = machine.run("image", *options, **LOGIN, **env)
    assert answer.code == 0, answer.text
    (build,) = calls(machine, "buildx build")
    return build


def test_the_time_in_the_image_is_the_commits_so_that_it_can_be_built_again(machine: Checkout) -> None:
    build = build_of(machine)
    time = machine.git("log", "-1", "--format=%ct")
    assert f"--build-arg SOURCE_DATE_EPOCH={time} " in build


def test_how_it_was_built_is_attached_and_what_is_in_it_where_asked(machine: Checkout) -> None:
    build = build_of(machine)
    assert "--provenance mode=max " in build
    assert "--sbom" not in build


@pytest.mark.parametrize(("setting", "given"), [("true", True), ("false", False), ("", False)])
def test_a_list_of_what_is_in_the_image_is_a_setting(machine: Checkout, setting: str, given: bool) -> None:
    assert ("--sbom true " in build_of(machine, SBOM=setting)) is given


def test_it_is_for_machines_like_the_builders_unless_told(machine: Checkout) -> None:
    assert "--platform" not in build_of(machine)


def test_it_is_for_the_machines_that_were_named(machine: Checkout) -> None:
    assert "--platform linux/amd64,linux/arm64 " in build_of(machine, PLATFORMS="linux/amd64,linux/arm64")


@pytest.mark.parametrize("pushed", ["", "sha256:" + "2b" * 32])
def test_the_summary_tells_image_digest_commit_and_what_comes_next(machine: Checkout, pushed: str) -> None:
    summary = machine.home / "summary.md"
    machine.run("image", **ONLY_MAIN, **ACTIONS, GITHUB_STEP_SUMMARY=str(summary), PUSHED=pushed)
    revision = machine.git("rev-parse", "HEAD")
    text = summary.read_text()
    assert f"| image | <code>{REPOSITORY}:{revision}</code> |" in text
    assert f"| digest | <code>{pushed or DIGEST}</code> |" in text
    assert f"[{revision[:7]}](https://github.example.com/acme/hello-api/commit/{revision})" in text
    assert "Next: once `test` is green too, this digest is recorded on the branch of the environment." in text


def test_the_summary_of_a_pull_request_names_no_digest_that_is_nowhere(machine: Checkout) -> None:
    summary = machine.home / "summary.md"
    machine.run("image", "--no-push", **ACTIONS, GITHUB_STEP_SUMMARY=str(summary))
    text = summary.read_text()
    assert "digest" not in text
    assert "Once this is merged, `deliver` pushes the image" in text
