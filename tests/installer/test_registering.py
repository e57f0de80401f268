"""Registering an App: the person's browser goes to GitHub and back, and only its answer is taken."""

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from installer.forges.github import register_app
from installer.forges.github.app import GitHubApp
from installer.forges.github.app_login import ID
from installer.forges.github.register_app import LONGEST_NAME, manifest, register
from installer.forges.github.repository import GitHub
from installer.resources.reporter_app import ReporterApp
from installer.support.errors import InstallerError
from installer.support.secret import Secret, redact
from installer.support.wait import stopped
from tests.deployment.workspace import write_program
from tests.e2e.actors import eventually
from tests.github import Fault
from tests.github import GitHub as StandIn
from tests.github.apps import App

from . import cluster as fakes
from .bench import Helm as Fills

SETTINGS = replace(fakes.SETTINGS, reporter="app")
BROWSER = Path(__file__).with_name("browser.py")


@dataclass
class Desk:
    """A developer at a terminal, and a browser that is logged in at GitHub."""

    github: StandIn
    client: GitHub
    folder: Path

    @property
    def seen(self) -> str:
        """What the browser saw."""
        log = self.folder / "browser.log"
        return log.read_text() if log.exists() else ""

    def opened(self) -> str:
        """Return the address that was opened, by a browser that only notes it."""
        note = self.folder / "opened"
        return eventually("the browser", lambda: note.exists() and note.read_text().strip(), 20)  # type: ignore[return-value]

    def register(self, **more: Any) -> GitHubApp:
        return register(SETTINGS, self.client, **more)

    @property
    def made(self) -> list[App]:
        """Apps that were registered, beside those that everybody at GitHub may see from the beginning."""
        apps = self.github.apps
        return [app for app in apps.known.values() if app not in apps.public.values()]

    def use_browser(self, program: str) -> None:
        write_program(self.folder / "bin/xdg-open", f"#!/bin/sh\n{program}\n")


@pytest.fixture(params=["github.com"])
def desk(
    request: pytest.FixtureRequest, github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    github.user("octo")
    github.user("guest")
    github.organization("acme", members={"octo": "admin", "guest": "member"})
    token = github.token("octo")
    (tmp_path / "bin").mkdir()
    for name, value in {
        **github.env, "BROWSER_COOKIE": token, "BROWSER_LOG": str(tmp_path / "browser.log"),
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    github.hosting.create(github.tokens[token], "acme", "web", private=True, description=None)
    made = Desk(github, GitHub("github.com", Secret(token), "acme/web"), tmp_path)
    made.use_browser(f'exec {sys.executable} {BROWSER} "$1"')
    yield made
    stopped.clear()


def alone(address: str, **headers: str) -> requests.Response:
    """Ask a page of this machine's, without the proxy."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, headers=headers, allow_redirects=False, timeout=10)


def test_an_app_is_registered_in_the_browser_with_the_least_that_it_needs_and_its_key_comes_here(desk: Desk) -> None:
    app = desk.register()
    (made,) = desk.made
    assert app.number == str(made.id)
    assert (made.owner.login, made.name, made.public) == ("acme", "acme-web-reporter", False)
    assert made.permissions == {
        "contents": "read", "deployments": "write", "metadata": "read", "pull_requests": "read",
    }  # fmt: skip
    assert app.at(SETTINGS).about()["id"] == made.id, "the key is the App's"
    eventually("the browser's end", lambda: "is installed" in desk.seen, 30)
    (installation,) = desk.github.apps.installations.values()
    assert installation.repositories == {"acme/web"}, "the page of the installation knows which"


def test_one_of_a_person_is_registered_on_their_own_page(desk: Desk) -> None:
    desk.github.hosting.create(next(iter(desk.github.tokens.values())), "octo", "web", private=True, description=None)
    register(replace(SETTINGS, owner="octo"), replace_repository(desk.client, "octo/web"))
    (made,) = desk.made
    assert made.owner.login == "octo"
    assert "https://github.com/settings/apps/new?" in desk.seen


def replace_repository(client: GitHub, repository: str) -> GitHub:
    client.repository = repository
    return client


def test_only_the_answer_to_what_was_asked_is_taken(desk: Desk) -> None:
    desk.use_browser(f'echo "$1" >{desk.folder}/opened.part; mv {desk.folder}/opened.part {desk.folder}/opened')
    got: list[object] = []
    asking = threading.Thread(target=lambda: got.append(desk.register(patience=60)))
    asking.start()
    address = desk.opened()
    host = re.match(r"http://127\.0\.0\.1:\d+", address)[0]  # type: ignore[index]
    assert alone(f"{host}/").status_code == 404, "nobody guesses the page"
    assert alone(address, Host="evil.example.com").status_code == 404
    assert alone(f"{host}/back?code=mine&state=guessed").status_code == 400
    assert alone(f"{host}/back?code=mine").status_code == 400
    assert alone(f"{host}/back").status_code == 404
    assert not got, "it still waits"
    assert [each for each in desk.github.requests if "conversions" in each.path] == []
    subprocess.run([sys.executable, str(BROWSER), address], check=True)
    asking.join(30)
    assert isinstance(got[0], GitHubApp)
    with pytest.raises(requests.ConnectionError):
        alone(address)


def test_it_ends_when_nobody_comes_and_says_the_other_way(desk: Desk) -> None:
    desk.use_browser("true")
    with pytest.raises(InstallerError, match="Nobody registered the GitHub App within 1 s") as caught:
        desk.register(patience=1)
    assert "REPORTER_APP_ID" in caught.value.fix


def test_ctrl_c_ends_it_at_once(desk: Desk) -> None:
    desk.use_browser("true")
    threading.Timer(1, stopped.set).start()
    with pytest.raises(InstallerError, match="Nobody registered"):
        desk.register(patience=3600)  # it would outlast the test


@pytest.mark.slow
def test_a_person_who_may_not_register_apps_for_the_owner_is_reported_by_github(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_COOKIE", desk.github.token("guest"))
    with pytest.raises(InstallerError, match="Nobody registered"):
        desk.register(patience=5)
    assert "404 https://github.com/organizations/acme/settings/apps/new" in desk.seen


@pytest.mark.parametrize("times", [1, 9])
def test_a_key_that_does_not_come_is_reported_and_its_code_with_nothing(
    desk: Desk, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "installer")
    desk.github.faults.order(Fault("500", message="Server Error"), "POST", "/conversions", times=times)
    if times == 1:
        app = desk.register()
        assert app.key.reveal() not in caplog.text
        return
    with pytest.raises(InstallerError, match="its key did not come: GitHub answered 500") as caught:
        desk.register()
    assert "Make a private key on its page" in caught.value.fix
    (code,) = desk.github.apps.registered
    told = f"{caught.value}{caplog.text}"
    assert code not in told
    assert redact(code) == "***"


def test_names_are_no_longer_than_github_takes() -> None:
    long = replace(SETTINGS, owner="a-company-with-a-long-name", slug="an-application-with-one")
    name = manifest(long, "http://127.0.0.1:1/back")["name"]
    assert len(name) <= LONGEST_NAME
    assert not name.endswith("-")


def test_up_at_a_terminal_makes_keeps_and_sees_it_installed(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "installer")
    cluster = fakes.Cluster()
    edges: Any = (cluster, Fills(cluster))
    resource = ReporterApp(SETTINGS, *edges, make=desk.register, patience=30)
    change = resource.diff(resource.observe())
    assert change
    assert change.action == "create"
    resource.apply(resource.observe(), change)
    (made,) = desk.made
    assert set(cluster.objects["secret", "web-dev-reporter-app"]["data"]) == {ID, "private-key.pem"}
    assert [each.app for each in desk.github.apps.installations.values()] == [made]
    assert "register the App in the browser" in caplog.text
    assert resource.diff(resource.observe()) is None


def test_the_address_is_printed_for_who_has_no_browser_here(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, register_app.__name__)
    desk.register()
    assert re.search(r"you may change its name\): http://127\.0\.0\.1:\d+/\S{32}$", caplog.text, re.MULTILINE)
