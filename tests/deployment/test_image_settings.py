"""ci/image: what is attached to an image, for which machines it is, and what people read about it."""

from __future__ import annotations

import pytest

from tests.deployment.test_image import LOGIN, ONLY_MAIN, calls, machine
from tests.deployment.workspace import DIGEST, REPOSITORY, Checkout, write_program

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


def test_it_is_for_machines_like_the_builders_unless_set(machine: Checkout) -> None:
    assert "--platform" not in build_of(machine)


def test_it_is_for_the_machines_that_were_named(machine: Checkout) -> None:
    assert "--platform linux/amd64,linux/arm64 " in build_of(machine, PLATFORMS="linux/amd64,linux/arm64")


ARM = {"PLATFORMS": "linux/arm64", "KNOWS": "linux/amd64, linux/amd64/v2, linux/386"}
HOSTED = [
    {**ACTIONS, "RUNNER_ENVIRONMENT": "github-hosted"},
    {"CIRCLECI": "true"},
    {"TRAVIS": "true"},
]


@pytest.fixture
def ubuntu(machine: Checkout) -> Checkout:
    """A machine with sudo and apt-get, which note what they are asked."""
    for name in ("sudo", "apt-get"):
        write_program(machine.home / "bin" / name, f'#!/bin/sh\nprintf "%s\\n" "$*" >>"$HOME/{name}.calls"\n')
    return machine


@pytest.mark.parametrize("where", HOSTED, ids=["GitHub", "CircleCI", "Travis CI"])
def test_on_a_machine_that_is_thrown_away_qemu_is_installed_for_what_it_is_not(
    ubuntu: Checkout, where: dict[str, str]
) -> None:
    answer = ubuntu.run("image", **LOGIN, **ARM, **where)
    assert answer.code == 0, answer.text
    assert "this machine is not linux/arm64: QEMU emulates it" in answer.text
    assert (ubuntu.home / "sudo.calls").read_text().splitlines() == [
        "apt-get update -qq",
        "apt-get install -qq -y qemu-user-static",
    ]
    docker = [line for line in (ubuntu.home / "docker.calls").read_text().splitlines() if line.startswith("buildx")]
    assert docker.index("buildx stop") < next(n for n, line in enumerate(docker) if line.startswith("buildx build"))


@pytest.mark.parametrize("where", [{}, ACTIONS, ACTIONS | {"RUNNER_ENVIRONMENT": "self-hosted"}], ids=str)
@pytest.mark.parametrize("option", [[], ["--no-push"]], ids=["push", "--no-push"])
def test_on_a_machine_of_yours_nothing_is_installed_and_the_way_out_is_said(
    ubuntu: Checkout, where: dict[str, str], option: list[str]
) -> None:
    answer = ubuntu.run("image", *option, **LOGIN, **ARM, **where)
    assert answer.code == 1
    assert "PLATFORMS asks for linux/arm64, and this machine builds for linux/amd64,linux/amd64/v2" in answer.text
    assert "tonistiigi/binfmt --install all" in answer.text
    assert not (ubuntu.home / "sudo.calls").exists()
    assert calls(ubuntu, "buildx build") == []


@pytest.mark.parametrize("platforms", ["", "linux/arm64", "linux/amd64,linux/arm64/v8"])
def test_nothing_is_installed_for_what_the_builder_knows(ubuntu: Checkout, platforms: str) -> None:
    answer = ubuntu.run("image", **LOGIN, PLATFORMS=platforms, CIRCLECI="true")
    assert answer.code == 0, answer.text
    assert not (ubuntu.home / "sudo.calls").exists()
    assert bool(calls(ubuntu, "buildx inspect --bootstrap")) == bool(platforms), "nothing is asked for the usual"


@pytest.mark.parametrize("pushed", ["", "sha256:" + "2b" * 32])
def test_the_summary_has_image_digest_commit_and_what_comes_next(machine: Checkout, pushed: str) -> None:
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
    assert "Once this is merged, `deploy` pushes the image" in text
