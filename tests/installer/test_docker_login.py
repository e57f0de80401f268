"""The login that Docker keeps for a registry, wherever it keeps it."""

import base64
import json
from pathlib import Path

import pytest

from installer.forges import credentials
from tests.deployment.workspace import write_program

HUB = "https://index.docker.io/v1/"


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path / "config.json"


def kept(registry: str) -> tuple[str, str] | None:
    found = credentials.docker_login(registry)
    return (found[0], found[1].reveal()) if found else None


def test_it_is_read_of_the_configuration(configure: Path) -> None:
    auth = base64.b64encode("acme:tökén:with a colon".encode()).decode()
    configure.write_text(json.dumps({"auths": {HUB: {"auth": auth}, "ghcr.io": {"auth": auth}}}))
    assert kept("docker.io") == kept("ghcr.io") == ("acme", "tökén:with a colon")
    assert kept("quay.io") is None


@pytest.mark.parametrize("setting", [{"credsStore": "kept"}, {"credHelpers": {"ghcr.io": "kept"}}], ids=str)
def test_it_is_asked_of_the_program_that_keeps_it(configure: Path, setting: dict[str, object]) -> None:
    answer = json.dumps({"ServerURL": "ghcr.io", "Username": "acme", "Secret": "s3cret"})
    script = f"#!/bin/sh\n[ \"$1 $(cat)\" = 'get ghcr.io' ] && echo '{answer}'\n"
    write_program(configure.parent / "bin/docker-credential-kept", script)
    configure.write_text(json.dumps({"auths": {"ghcr.io": {}}, **setting}))
    assert kept("ghcr.io") == ("acme", "s3cret")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"auths": []}',
        '{"auths": {"ghcr.io": {"auth": "no base64"}}}',
        '{"credsStore": "not-installed"}',
        '{"credHelpers": 5}',
    ],
)
def test_where_it_cannot_be_read_there_is_none(configure: Path, text: str) -> None:
    assert kept("ghcr.io") is None
    configure.write_text(text)
    assert kept("ghcr.io") is None


def test_a_token_that_only_docker_can_use_is_none(configure: Path) -> None:
    write_program(
        configure.parent / "bin/docker-credential-kept", '#!/bin/sh\necho \'{"Username": "<token>", "Secret": "x"}\'\n'
    )
    configure.write_text('{"credsStore": "kept"}')
    assert kept("ghcr.io") is None
