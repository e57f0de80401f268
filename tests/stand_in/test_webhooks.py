"""The stand-in's webhooks: really called, signed, when new and at a push; what came of it is told as GitHub does."""

import hashlib
import hmac
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from github import Auth, Github, GithubException

from tests.called import Called, Came, called
from tests.github import GitHub
from tests.github.fixtures import blame
from tests.github.webhooks import Hook

from .conftest import Person

pytestmark = pytest.mark.all

HOST, SECRET = "argocd.example.com", "a-secret-of-both"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Called]:
    (tmp_path / "argocd").mkdir()
    with called(tmp_path / "argocd", HOST) as server:
        yield server


def reaches(github: GitHub, server: Called) -> None:
    github.webhooks.leads(HOST, server.address)
    github.webhooks.trusts(server.ca)


@pytest.fixture
def argocd(github: GitHub, server: Called) -> Called:
    reaches(github, server)
    return server


def config(**more: str) -> dict[str, str]:
    return {"url": f"https://{HOST}/api/webhook", "content_type": "json", "insecure_ssl": "0", **more}


def hooked(person: Person, **more: str) -> Hook:
    """Make a repository with one commit, and a webhook."""
    person.repository(files={"a": "1"})
    person.api().get_repo("acme/web").create_hook("web", config(**more), events=["push"], active=True)
    person.served.webhooks.settled()
    (hook,) = person.served.repository("acme/web").hooks.values()
    return hook


def events(came: list[Came]) -> list[str]:
    return [each.headers["X-GitHub-Event"] for each in came]


def test_a_ping_and_each_push_come_signed_and_say_what_happened(octo: Person, argocd: Called) -> None:
    hook = hooked(octo, secret=SECRET)
    before = octo.git("rev-parse", "HEAD").strip()
    after = octo.commit({"a": "2", "b": "1"})
    octo.push("main:env/dev")
    octo.push("main")
    octo.served.webhooks.settled()
    assert sorted(events(argocd.came)) == ["ping", "push", "push"]
    ping, *pushes = argocd.came
    assert json.loads(ping.body)["hook_id"] == hook.id
    for each in argocd.came:
        signature = f"sha256={hmac.new(SECRET.encode(), each.body, hashlib.sha256).hexdigest()}"
        assert each.headers["X-Hub-Signature-256"] == signature
        assert each.headers["Content-Type"] == "application/json"
        assert SECRET not in each.body.decode()
    told = {push["ref"]: push for push in (json.loads(each.body) for each in pushes)}
    new, old = told["refs/heads/env/dev"], told["refs/heads/main"]
    assert (new["created"], new["after"], new["repository"]["html_url"], new["repository"]["default_branch"]) == (
        *(True, after),
        *("https://github.com/acme/web", "main"),
    )
    assert (old["before"], old["after"], old["created"]) == (before, after, False)
    (commit,) = old["commits"]
    assert (commit["modified"], commit["added"], commit["removed"]) == (["a"], ["b"], [])


def test_without_a_secret_nothing_is_signed(octo: Person, argocd: Called) -> None:
    hooked(octo)
    octo.push("main:env/dev")
    octo.served.webhooks.settled()
    assert sorted(events(argocd.came)) == ["ping", "push"]
    assert not [each for each in argocd.came if "X-Hub-Signature-256" in each.headers]


def test_a_branch_that_goes_is_reported_and_an_inactive_hook_is_reported_nothing(octo: Person, argocd: Called) -> None:
    hook = hooked(octo)
    octo.push("main:other")
    octo.push("--delete", "other")
    hook.active = False
    octo.push("main:another")
    octo.served.webhooks.settled()
    bodies = [json.loads(each.body) for each in argocd.came[1:]]
    assert sorted((body["ref"], body["deleted"]) for body in bodies) == [
        ("refs/heads/other", False),
        ("refs/heads/other", True),
    ]


def test_what_came_of_it_is_reported_newest_first_and_the_secret_to_nobody(octo: Person, argocd: Called) -> None:
    argocd.answer = lambda came: (400 if came.headers["X-GitHub-Event"] == "push" else 200, "")
    hook = hooked(octo, secret=SECRET)
    octo.push("main:env/dev")
    octo.served.webhooks.settled()
    shown = octo.gh("api", f"repos/acme/web/hooks/{hook.id}/deliveries?per_page=1")
    (newest,) = json.loads(shown)
    assert (newest["event"], newest["status_code"], newest["status"]) == ("push", 400, "Invalid HTTP Response: 400")
    (listed,) = json.loads(octo.gh("api", "repos/acme/web/hooks"))
    assert listed["config"] == config(secret="********")
    assert listed["last_response"]["code"] == 400


def nowhere(_: Called, github: GitHub) -> None:
    github.webhooks._leads.clear()


def closed(_: Called, github: GitHub) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        github.webhooks.leads(HOST, probe.getsockname())


def silent(server: Called, github: GitHub) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    github.webhooks.leads(HOST, listening.getsockname())
    github.webhooks.patience = 0.3
    server.came.append(listening)  # type: ignore[arg-type]  # kept open as long as the test lasts


def untrusted(_: Called, github: GitHub) -> None:
    github.webhooks.forgets()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (nowhere, "failed to connect to host"),
        (closed, "failed to connect to host"),
        (silent, "timed out"),
        (untrusted, "peer certificate cannot be authenticated with given CA certificates"),
    ],
)
def test_one_that_cannot_be_reached_is_reported_in_githubs_words(
    octo: Person, argocd: Called, how: Callable[[Called, GitHub], None], said: str
) -> None:
    how(argocd, octo.served)
    (call,) = hooked(octo).deliveries
    assert (call.event, call.status) == ("ping", said)


def test_hooks_are_for_administrators(octo: Person, github: GitHub, argocd: Called) -> None:
    hooked(octo)
    github.user("member")
    github.accounts["acme"].members["member"] = "member"
    for token in (
        github.token("member"),
        github.token("octo", "fine-grained", permissions={"metadata": "read", "contents": "write"}),
    ):
        with pytest.raises(GithubException, match=r"404|403"):
            list(Github(auth=Auth.Token(token), base_url=github.site.api, retry=None).get_repo("acme/web").get_hooks())


def test_one_hook_for_each_address_and_none_to_this_machine(octo: Person, argocd: Called) -> None:
    hooked(octo)
    repository = octo.api().get_repo("acme/web")
    with pytest.raises(GithubException, match="Hook already exists"):
        repository.create_hook("web", config(), events=["push"])
    with pytest.raises(GithubException, match="localhost"):
        repository.create_hook("web", config(url="https://localhost/api/webhook"), events=["push"])


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"content_type": "form"}, ["push"]),
        ({"insecure_ssl": "1"}, ["push"]),
        ({"url": "http://argocd.example.com"}, ["push"]),
        ({}, ["push", "pull_request"]),
    ],
)
def test_other_hooks_are_beyond_the_model(octo: Person, changes: dict[str, str], wanted: list[str]) -> None:
    octo.repository(files={"a": "1"})
    with pytest.raises(GithubException, match="not modelled"):
        octo.api().get_repo("acme/web").create_hook("web", config(**changes), events=wanted)
    with pytest.raises(pytest.fail.Exception, match="not modelled: a hook that"):
        blame(octo.served)
    octo.served.failures.clear()


def test_an_enterprise_server_has_them_too(enterprise: Person, server: Called) -> None:
    reaches(enterprise.served, server)
    hook = hooked(enterprise, secret=SECRET)
    assert [(call.event, call.code) for call in hook.deliveries] == [("ping", 200)]
