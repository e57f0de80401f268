"""A checkout's gitops.yaml does not decide which host gets a token: the person does."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from installer.cli import cli
from installer.commands.options import opened
from installer.config import trusted_hosts
from installer.config.trusted_hosts import NotTrusted
from installer.project.project import Project
from installer.support.file_lock import state_folder
from installer.ui import console
from tests.conftest import Bake

from .programs import Programs, put_on_path
from .shells import export, unset

EVIL = "evil.example"
AT_GITHUB = "github: {{host: {host}, owner: acme, visibility: private}}"
AT_GITLAB = "gitlab: {{host: {host}, owner: acme, visibility: private}}"
BY = {
    "github": (AT_GITHUB, "GH_ENTERPRISE_TOKEN", "GH_HOST"),
    "github's other variable": (AT_GITHUB, "GITHUB_ENTERPRISE_TOKEN", "GH_HOST"),
    "gitlab": (AT_GITLAB, "GITLAB_TOKEN", "GITLAB_HOST"),
    "gitlab's CI": (AT_GITLAB, "GITLAB_TOKEN", "CI_SERVER_HOST"),
    "argo cd's token": (AT_GITHUB, "ARGOCD_REPOSITORY_TOKEN", "GH_HOST"),
    "the CI's token": (AT_GITHUB, "DEPLOY_TOKEN", "GH_HOST"),
}
each_kind = pytest.mark.parametrize(("place", "token", "names"), BY.values(), ids=BY.keys())


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Programs:
    """A machine on which nobody named any host."""
    unset(monkeypatch, "GH_HOST", "GITLAB_HOST", "CI_SERVER_HOST", "REGISTRY_HOST")
    unset(monkeypatch, "REGISTRY_TOKEN", "REGISTRY_PULL_TOKEN")
    unset(monkeypatch, "GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITLAB_TOKEN")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    made = put_on_path(tmp_path, monkeypatch)
    made.answer("gh", "", "")
    made.answer("git", "", "")
    return made


def checkout(folder: Path, place: str = AT_GITHUB, host: str = "github.com", registry: str = "docker.io") -> Path:
    """Write what a pull request's branch may hold."""
    folder.mkdir(exist_ok=True)
    text = (
        f"version: 1\nproject: {{name: Web, slug: web}}\n{place.format(host=host)}\n"
        f"registry: {{host: {registry}, account: acme, visibility: public}}\ncluster: {{namespace: web-dev}}\n"
    )
    (folder / "gitops.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://github.com"),
        ({"GH_HOST": "ghe.example.com", "GITLAB_HOST": "gitlab.example.com"}, "https://ghe.example.com"),
        ({"GITLAB_HOST": "https://GitLab.example.com/"}, "https://gitlab.example.com"),
    ],
)
def test_without_a_project_the_host_is_the_one_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], url: str
) -> None:
    export(monkeypatch, variables)
    settings = Project.without_project().settings
    assert settings.url.rstrip("/") == url
    assert settings.scm == ("gitlab" if "gitlab" in url else "github")


@each_kind
def test_a_token_goes_to_no_host_that_only_the_checkout_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, token: str, names: str
) -> None:
    monkeypatch.setenv(token, "canary")
    project = checkout(tmp_path / "web", place, EVIL)
    with pytest.raises(NotTrusted, match=f"{token} was not sent to {EVIL}: nothing but") as caught:
        Project.open(project)
    assert "canary" not in str(caught.value)
    assert f"export {'GITLAB_HOST' if 'GITLAB' in token else 'GH_HOST'}={EVIL}" in caught.value.fix
    monkeypatch.setenv(names, "company.example")
    with pytest.raises(NotTrusted):
        Project.open(project)
    monkeypatch.setenv(names, f"https://{EVIL.upper()}/" if names == "GITLAB_HOST" else EVIL)
    Project.open(project)


@pytest.mark.parametrize("token", ["REGISTRY_TOKEN", "REGISTRY_PULL_TOKEN"])
def test_so_it_is_with_the_registrys_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv(token, "canary")
    project = checkout(tmp_path / "web", registry=f"{EVIL}:5000")
    with pytest.raises(NotTrusted, match=f"{token} was not sent to {EVIL}:5000") as caught:
        Project.open(project)
    assert f"export REGISTRY_HOST={EVIL}:5000" in caught.value.fix
    monkeypatch.setenv("REGISTRY_HOST", EVIL)
    with pytest.raises(NotTrusted):
        Project.open(project)
    monkeypatch.setenv("REGISTRY_HOST", f"{EVIL}:5000")
    Project.open(project)


@pytest.mark.parametrize("registry", ["docker.io", "ghcr.io", "registry.gitlab.com"])
def test_a_vendors_own_hosts_need_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: str) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "canary")
    for place, host, token in (
        (AT_GITHUB, "github.com", "GH_TOKEN"),
        (AT_GITHUB, "acme.ghe.com", "GH_TOKEN"),
        (AT_GITLAB, "gitlab.com", "GITLAB_TOKEN"),
    ):
        monkeypatch.setenv(token, "canary")
        Project.open(checkout(tmp_path / "web", place, host, registry))


def test_a_login_at_the_registry_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "canary")
    project = checkout(tmp_path / "web", registry="registry.example")
    (tmp_path / "docker").mkdir()
    for logins in ({"auths": {"https://registry.example/v2/": {}}}, {"credHelpers": {"registry.example": "ecr-login"}}):
        (tmp_path / "docker/config.json").write_text(json.dumps(logins))
        Project.open(project)
    for broken in ("[", "[]", '{"auths": 7}', '{"auths": {"registry.example.evil": {}}}'):
        (tmp_path / "docker/config.json").write_text(broken)
        with pytest.raises(NotTrusted):
            Project.open(project)


def test_a_login_of_gh_names_its_host_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs
) -> None:
    monkeypatch.setenv("GH_ENTERPRISE_TOKEN", "canary")
    programs.answer("gh", "auth token --hostname company.example", "gho_kept\n")
    Project.open(checkout(tmp_path / "web", host="company.example"))
    with pytest.raises(NotTrusted):
        Project.open(checkout(tmp_path / "web", host=EVIL))


@pytest.mark.parametrize(
    "origin",
    ["https://company.example/acme/web.git", "git@company.example:acme/web.git", "ssh://git@company.example/acme/web"],
)
def test_where_the_person_cloned_from_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs, origin: str
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary")
    monkeypatch.setenv("REGISTRY_TOKEN", "canary")
    programs.answer("git", "remote get-url origin", f"{origin}\n")
    own = "registry.company.example"
    Project.open(checkout(tmp_path / "web", AT_GITLAB, "company.example", own))
    with pytest.raises(NotTrusted):
        Project.open(checkout(tmp_path / "web", AT_GITLAB, EVIL, own))
    with pytest.raises(NotTrusted):
        Project.open(checkout(tmp_path / "web", AT_GITLAB, "company.example:8443", own))
    with pytest.raises(NotTrusted):
        Project.open(checkout(tmp_path / "web", AT_GITLAB, "company.example", f"registry.{EVIL}"))


@pytest.mark.parametrize("origin", ["http://evil.example/a/b", "/srv/evil.example/b", "git://evil.example/b", ""])
def test_an_origin_without_a_login_names_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: Programs, origin: str
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary")
    programs.answer("git", "remote get-url origin", f"{origin}\n")
    with pytest.raises(NotTrusted):
        Project.open(checkout(tmp_path / "web", AT_GITLAB, EVIL))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("verb", [["plan"], ["status"], ["up", "--yes"], ["down", "--yes"], ["doctor"]])
def test_no_verb_connects_to_such_a_host_and_yes_is_no_yes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: socket.socket, verb: list[str]
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary")
    project = checkout(tmp_path / "web", AT_GITLAB, f"localhost:{listening.getsockname()[1]}")
    done = CliRunner().invoke(cli, [*verb, "--project", str(project)])
    assert isinstance(done.exception, NotTrusted)
    with pytest.raises(BlockingIOError):
        listening.accept()


@pytest.mark.parametrize("token", ["GH_ENTERPRISE_TOKEN", "GITLAB_TOKEN"])
def test_nor_does_one_go_to_a_former_address_that_only_the_checkout_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("GH_TOKEN", "for-github")
    monkeypatch.setenv(token, "canary")
    host = EVIL if token == "GH_ENTERPRISE_TOKEN" else f"gitlab.{EVIL}"
    opened = Project.open(checkout(tmp_path / "web"))
    assert opened._place(f"https://{host}/a/b").unreachable.startswith(f"{token} was not sent to {host}: ")


def test_a_yes_at_the_terminal_is_remembered_and_a_no_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_TOKEN", "canary")
    monkeypatch.setattr(console, "interactive", lambda: True)
    asked: list[str] = []
    answers = [False, True]

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answers[len(asked) - 1]

    monkeypatch.setattr(click, "confirm", confirm)
    project = checkout(tmp_path / "web", AT_GITLAB, "company.example")
    with pytest.raises(NotTrusted):
        opened(project)
    opened(project)
    opened(project)
    assert asked == ["Only gitops.yaml names company.example. Send GITLAB_TOKEN there, now and from now on?"] * 2
    assert (state_folder() / "trusted-hosts").stat().st_mode & 0o777 == 0o600
    assert not trusted_hosts.is_trusted("registry", "company.example"), "a yes is for one kind of token"
    assert not trusted_hosts.is_trusted("github", "company.example")


def test_who_generates_a_project_has_named_its_hosts(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bake(host="ghe.named.example", registry="registry.named.example:5000")
    assert trusted_hosts.is_trusted("github", "ghe.named.example")
    assert trusted_hosts.is_trusted("registry", "registry.named.example:5000")
    assert not trusted_hosts.is_trusted("gitlab", "ghe.named.example")
