"""Logins are taken from the environment, each for its own purpose."""

from dataclasses import replace
from pathlib import Path

import pytest

from installer.forges import credentials
from installer.forges.credentials import APP, READER
from installer.support.errors import InstallerError

from .cluster import SETTINGS
from .programs import put_on_path

HTTPS = replace(SETTINGS, access="https")
NAMES = (READER, *APP, *(f"REGISTRY_{which}{what}" for which in ("", "PULL_") for what in ("USERNAME", "TOKEN")))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without any of them; return where an App's key lies."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    key = tmp_path / "app.pem"
    key.write_text("-----BEGIN RSA PRIVATE KEY-----")
    return key


def test_the_cluster_pulls_as_who_pushes_unless_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_USERNAME", "pusher")
    monkeypatch.setenv("REGISTRY_PULL_TOKEN", "reads")
    found = credentials.find(SETTINGS)
    assert (found.registry_username, found.pull_username, found.pull_token.reveal()) == ("pusher", "pusher", "reads")
    monkeypatch.setenv("REGISTRY_PULL_USERNAME", "robot")
    assert credentials.find(SETTINGS).pull_username == "robot"


@pytest.mark.parametrize(
    ("host", "variable"),
    [("github.com", "GH_TOKEN"), ("acme.ghe.com", "GH_TOKEN"), ("ghe.example.com", "GH_ENTERPRISE_TOKEN")],
)
def test_githubs_token_is_the_environments_and_else_what_gh_keeps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, variable: str
) -> None:
    programs = put_on_path(tmp_path, monkeypatch)
    programs.answer("gh", f"auth token --hostname {host}", "gho_kept\n")
    second = variable.replace("GH_", "GITHUB_")
    for name in ("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"):
        monkeypatch.setenv(name, f"for-{name}")
    monkeypatch.setenv("GH_HOST", host)
    settings = replace(SETTINGS, host=host)
    for name in (variable, second):
        assert credentials.find(settings).token.reveal() == f"for-{name}"
        assert programs.calls("gh") == []
        monkeypatch.delenv(name)
    assert credentials.find(settings).token.reveal() == "gho_kept"


@pytest.mark.parametrize("variable", ["GH_TOKEN", "GITLAB_TOKEN", "CIRCLE_TOKEN", "DEPLOY_TOKEN"])
@pytest.mark.parametrize("wrong", ["tok\u00e9n-1", "tok\u2026", "tok en", "tok\nen", "tok\udc80"])
def test_a_token_that_no_header_can_carry_is_reported_by_its_variable_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, wrong: str
) -> None:
    monkeypatch.setenv(variable, wrong)
    settings = replace(SETTINGS, ci="circleci") if variable not in ("GH_TOKEN", "GITLAB_TOKEN") else SETTINGS
    settings = (
        replace(settings, scm="gitlab", ci="gitlab-ci", host="gitlab.com") if variable == "GITLAB_TOKEN" else settings
    )
    monkeypatch.setenv("GH_TOKEN", wrong if variable == "GH_TOKEN" else "good")
    with pytest.raises(InstallerError, match=f"{variable} holds a character that no token has: number 4 of") as error:
        credentials.find(settings)
    assert wrong not in str(error.value)


def test_a_reader_is_looked_for_only_where_argo_cd_logs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READER, "github_pat_reads")
    assert credentials.find(SETTINGS).reader is None
    reader = credentials.find(HTTPS).reader
    assert reader
    assert (reader.fields, reader.name) == ({"username": "x-access-token"}, "password")
    assert reader.secret.reveal() == "github_pat_reads"
    monkeypatch.delenv(READER)
    assert credentials.find(HTTPS).reader is None


@pytest.mark.parametrize(
    ("host", "base"), [("github.com", None), ("ghe.example.com", "https://ghe.example.com/api/v3")]
)
def test_an_app_is_read_from_its_three_variables(
    monkeypatch: pytest.MonkeyPatch, environment: Path, host: str, base: str | None
) -> None:
    for name, value in zip(APP, ("12", "34", str(environment)), strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GH_HOST", host)
    reader = credentials.find(replace(HTTPS, host=host)).reader
    assert reader
    assert reader.fields.get("githubAppEnterpriseBaseUrl") == base
    assert (reader.fields["githubAppID"], reader.fields["githubAppInstallationID"]) == ("12", "34")
    assert (reader.name, reader.secret.reveal()) == ("githubAppPrivateKey", "-----BEGIN RSA PRIVATE KEY-----")


def test_half_an_app_and_a_key_that_is_not_there_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(APP[0], "12")
    with pytest.raises(InstallerError) as error:
        credentials.find(HTTPS)
    assert error.value.fix == f"Set {APP[1]}, {APP[2]} too."
    monkeypatch.setenv(APP[1], "34")
    monkeypatch.setenv(APP[2], "/nowhere/app.pem")
    with pytest.raises(InstallerError, match=r"names /nowhere/app\.pem, which cannot be read: No such file"):
        credentials.find(HTTPS)
