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


def try_it(gitlab: GitLab, hook: Any) -> None:
    hooks(gitlab).gitlab.http_post(f"/projects/acme%2Fweb/hooks/{hook.id}/test/push_events", obey_rate_limit=False)


def test_a_push_is_reported_with_the_token_which_nobody_reads_again(gitlab: GitLab, argocd: Called) -> None:
    made = hooks(gitlab).create({"url": URL, "push_events": True, "token": "of both"})
    assert "token" not in made.attributes
    project, who = gitlab.project("acme/web"), gitlab.users["octo"]
    head = gitlab.branches(project)["main"]
    gitlab.webhooks.pushed(project, who, "refs/heads/env/dev", "0" * 40, head)
    gitlab.webhooks.settled()
    (came,) = argocd.came
    assert (came.headers["X-Gitlab-Event"], came.headers["X-Gitlab-Token"]) == ("Push Hook", "of both")
    told = json.loads(came.body)
    assert (told["object_kind"], told["after"], told["checkout_sha"]) == ("push", head, head)
    assert told["project"]["path_with_namespace"] == "acme/web"
    (event,) = hooks(gitlab).gitlab.http_get(f"/projects/acme%2Fweb/hooks/{made.id}/events")
    assert (event["trigger"], event["response_status"]) == ("push_hooks", "200")


def test_the_token_goes_with_the_address(gitlab: GitLab, argocd: Called) -> None:
    made = hooks(gitlab).create({"url": URL, "token": "of both"})
    (kept,) = gitlab.project("acme/web").hooks.values()
    made.push_events = True
    made.save()
    assert kept.token == "of both"
    made.url = f"{URL}?other"
    made.save()
    assert kept.token == ""


def test_a_test_says_what_was_answered_and_five_a_minute_are_enough(gitlab: GitLab, argocd: Called) -> None:
    argocd.answer = lambda _: (400, "no such secret")
    made = hooks(gitlab).create({"url": URL})
    for _ in range(5):
        with pytest.raises(GitlabError, match="no such secret") as refused:
            try_it(gitlab, made)
        assert refused.value.response_code == 422
    with pytest.raises(GitlabError, match="too many times") as refused:
        try_it(gitlab, made)
    assert refused.value.response_code == 429


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
