"""Registering an App: the page that `plan` and `up` name is filled in, and what the person gives then is enough."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from installer.forges.github.app import GIVEN, LONGEST_NAME, given, registration_page
from installer.forges.github.app_client import ID
from installer.forges.github.repository import GitHub
from installer.resources.reporter import ReporterApp
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github import GitHub as StandIn
from tests.github.apps import App

from . import cluster as fakes
from .bench import Helm as Fills
from .cluster import apply, change_of
from .shells import export

pytestmark = pytest.mark.slow

SETTINGS = replace(fakes.SETTINGS, reporter="app")


class Form(HTMLParser):
    """The form of a page: where it goes, and what it is filled in with."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        attributes = dict(attrs)
        if tag == "form":
            assert attributes["method"] == "post"
            self.action = attributes["action"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes["value"]


@dataclass
class Person:
    """Someone whose browser is logged in at GitHub, and whose token the installer has."""

    github: StandIn
    token: str

    @property
    def client(self) -> GitHub:
        return GitHub("github.com", Secret(self.token), "acme/web")

    def page(self, settings: Any = SETTINGS) -> str:
        return registration_page(settings, self.client)

    def visit(self, address: str) -> requests.Response:
        return requests.get(address, cookies={"user_session": self.token}, timeout=30)

    def send(self, address: str, **changed: str) -> requests.Response:
        """Open a page, change what a person changes there, and send its form."""
        form = Form(self.visit(address).text)
        data = {**form.fields, **changed}
        return requests.post(urljoin(address, form.action), data, cookies={"user_session": self.token}, timeout=30)

    @property
    def registered(self) -> App:
        """The App that was registered, beside those that everybody at GitHub may see."""
        apps = self.github.apps
        (app,) = [each for each in apps.known.values() if each not in apps.public.values()]
        return app


@pytest.fixture
def person(github: StandIn, monkeypatch: pytest.MonkeyPatch) -> Person:
    github.user("octo")
    github.user("guest")
    github.organization("acme", members={"octo": "admin", "guest": "member"})
    export(monkeypatch, github.env)
    token = github.token("octo")
    github.hosting.create(github.tokens[token], "acme", "web", private=True, description=None)
    return Person(github, token)


def parameters(page: str) -> Mapping[str, list[str]]:
    return parse_qs(urlsplit(page).query)


def test_the_page_registers_an_app_with_the_least_that_it_needs(person: Person) -> None:
    assert person.send(person.page()).ok
    made = person.registered
    assert (made.owner.login, made.name, made.public) == ("acme", "acme-web-reporter", False)
    assert made.permissions == {
        "contents": "read", "deployments": "write", "metadata": "read", "pull_requests": "read",
    }  # fmt: skip
    assert parameters(person.page())["webhook_active"] == ["false"]


def test_one_of_a_person_is_registered_on_their_own_page(person: Person) -> None:
    page = person.page(replace(SETTINGS, owner="octo"))
    assert page.startswith("https://github.com/settings/apps/new?")
    assert person.send(page).ok
    assert person.registered.owner.login == "octo"


def test_one_of_an_enterprise_server_is_registered_there(person: Person) -> None:
    page = person.page(replace(SETTINGS, host="ghe.example.com"))
    assert page.startswith("https://ghe.example.com/organizations/acme/settings/apps/new?")


def test_github_has_no_such_page_for_who_may_not_register_apps_for_the_owner(person: Person) -> None:
    page = person.page()
    person.token = person.github.token("guest")
    assert person.visit(page).status_code == 404


def test_names_are_no_longer_than_github_takes(person: Person) -> None:
    long = replace(SETTINGS, owner="a-company-with-a-long-name", slug="an-application-with-one")
    (name,) = parameters(person.page(long))["name"]
    assert len(name) <= LONGEST_NAME
    assert not name.endswith("-")


def test_what_up_asks_for_is_registered_given_installed_and_kept(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = fakes.Cluster()
    edges: Any = (cluster, Fills(cluster))

    def by_up() -> ReporterApp:
        return ReporterApp(SETTINGS, *edges, given(), person.page)

    change = change_of(by_up())
    assert change.blocked, "it takes a person"
    page, then = change.fix.removeprefix("Register it: ").split("\n")
    assert person.send(page).ok
    app = person.registered
    key = tmp_path / "acme-web-reporter.private-key.pem"
    key.write_text(app.new_key())
    for name, value in zip(GIVEN, (str(app.id), str(key)), strict=True):
        assert f"{name}=…" in then
        monkeypatch.setenv(name, value)

    assert change_of(by_up()).action == "create"
    with pytest.raises(InstallerError, match="is not installed for acme/web") as caught:
        apply(by_up())
    page = caught.value.fix.removeprefix("See to it at ").partition(",")[0]
    assert "is installed" in person.send(page, repository="acme/web").text

    assert change_of(by_up()) is None
    assert set(cluster.objects["secret", "web-dev-reporter-app"]["data"]) == {ID, "private-key.pem"}
    for name in GIVEN:
        monkeypatch.delenv(name)
    assert change_of(by_up()) is None, "who runs `up` without it keeps it"
