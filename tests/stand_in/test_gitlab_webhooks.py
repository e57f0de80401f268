"""The GitLab stand-in's webhooks: really called, with the token in a header; what came of it, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gitlab as python_gitlab
import pytest
from gitlab.exceptions import GitlabError

from tests.called import Called, called
from tests.github.git import git as on_server
from tests.gitlab import GitLab
from tests.gitlab.fixtures import blame

HOST = "argocd.example.com"
URL = f"https://{HOST}/api/webhook"


@pytest.fixture
def argocd(gitlab: GitLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Called]:
    """A project with one commit at a GitLab that reaches a server."""
    gitlab.user("octo")
    gitlab.group("acme", members={"octo": 50})
    for name, value in gitlab.env.items():
        monkeypatch.setenv(name, value)
    about = {"path": "web", "name": "web", "namespace_id": gitlab.groups["acme"].id}
    project = gitlab.hosting.create(gitlab.tokens[gitlab.token("octo")], about)
    tree = on_server(project.git, "write-tree").strip()
    who = ("-c", "user.name=octo", "-c", "user.email=octo@example.com")
    commit = on_server(project.git, *who, "commit-tree", tree, "-m", "Start").strip()
    on_server(project.git, "update-ref", "refs/heads/main", commit)
    with called(tmp_path, HOST) as server:
        gitlab.webhooks.leads(HOST, server.address)
        gitlab.webhooks.trusts(server.ca)
        yield server


def hooks(gitlab: GitLab) -> Any:
    client = python_gitlab.Gitlab("https://gitlab.com", private_token=gitlab.token("octo"))
    return client.projects.get("acme/web").hooks


def push(gitlab: GitLab) -> str:
    """Push to a branch, as a job does; return what was pushed once the calls are over."""
    project, who = gitlab.project("acme/web"), gitlab.users["octo"]
    head = gitlab.branches(project)["main"]
    gitlab.webhooks.pushed(project, who, "refs/heads/env/dev", "0" * 40, head)
    gitlab.webhooks.settled()
    return head


def events(gitlab: GitLab, hook: Any) -> Any:
    return hooks(gitlab).gitlab.http_get(f"/projects/acme%2Fweb/hooks/{hook.id}/events")


def test_a_push_is_reported_with_the_token_which_nobody_reads_again(gitlab: GitLab, argocd: Called) -> None:
    made = hooks(gitlab).create({"url": URL, "push_events": True, "token": "of both"})
    assert "token" not in made.attributes
    head = push(gitlab)
    (came,) = argocd.came
    assert (came.headers["X-Gitlab-Event"], came.headers["X-Gitlab-Token"]) == ("Push Hook", "of both")
    told = json.loads(came.body)
    assert (told["object_kind"], told["after"], told["checkout_sha"]) == ("push", head, head)
    assert told["project"]["path_with_namespace"] == "acme/web"
    (event,) = events(gitlab, made)
    assert (event["trigger"], event["response_status"]) == ("push_hooks", "200")


def test_what_came_of_it_is_reported_newest_first(gitlab: GitLab, argocd: Called) -> None:
    made = hooks(gitlab).create({"url": URL})
    push(gitlab)
    argocd.answer = lambda _: (400, "no such secret")
    push(gitlab)
    told = [(event["response_status"], event["response_body"]) for event in events(gitlab, made)]
    assert told == [("400", "no such secret"), ("200", "")]


def test_one_that_failed_too_often_is_not_called_any_more(gitlab: GitLab, argocd: Called) -> None:
    made = hooks(gitlab).create({"url": URL})
    (kept,) = gitlab.project("acme/web").hooks.values()
    kept.alert_status = "disabled"
    push(gitlab)
    assert argocd.came == []
    assert hooks(gitlab).list(get_all=True)[0].attributes["alert_status"] == "disabled"
    assert events(gitlab, made) == []


def test_hooks_are_for_maintainers_and_not_for_its_own_network(gitlab: GitLab, argocd: Called) -> None:
    gitlab.user("dev")
    gitlab.groups["acme"].members[gitlab.users["dev"].id] = 30
    client = python_gitlab.Gitlab("https://gitlab.com", private_token=gitlab.token("dev"))
    with pytest.raises(GitlabError, match="403"):
        client.projects.get("acme/web").hooks.list(get_all=True)
    with pytest.raises(GitlabError, match="Invalid url given"):
        hooks(gitlab).create({"url": "https://localhost/api/webhook"})


@pytest.mark.parametrize(
    "more",
    [{"url": "http://argocd.example.com"}, {"enable_ssl_verification": False}, {"push_events_branch_filter": "main"}],
)
def test_other_hooks_are_beyond_the_model(gitlab: GitLab, argocd: Called, more: dict[str, Any]) -> None:
    with pytest.raises(GitlabError, match="not modelled"):
        hooks(gitlab).create({"url": URL, **more})
    with pytest.raises(pytest.fail.Exception, match="not modelled: a hook that"):
        blame(gitlab)
    gitlab.failures.clear()
