"""GitLab's webhook to Argo CD: made once, its secret in step with Argo CD's, repaired, gone without a trace."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from installer.cluster.argocd import values
from installer.cluster.objects import digest, pack
from installer.config.settings import Settings
from installer.forges.base import Webhooks
from installer.forges.credentials import find
from installer.forges.gitlab.project import GitLab, GitLabWebhooks
from installer.resources.webhook import Webhook
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.gitlab import GitLab as StandIn
from tests.gitlab.fixtures import blame
from tests.gitlab.webhooks import Hook as Kept

from .bench import ARGOCD, kept
from .gitlab_bench import CALLING, SETTINGS, Bench

pytestmark = pytest.mark.slow

ADDRESS = f"https://{ARGOCD}/api/webhook"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with StandIn.serve("gitlab.com", runners=()) as gitlab:
        bench = Bench.of(gitlab, tmp_path_factory.mktemp("web"), CALLING)
        with bench.argo_cd(tmp_path_factory.mktemp("argocd")):
            yield bench
        blame(gitlab)


@pytest.fixture
def bench(opened: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    opened.use(monkeypatch)
    opened.gitlab.version = "19.4.0-ee"
    opened.set_up("filled")
    opened.gitlab.changes.clear()
    return opened


@pytest.fixture
def made(bench: Bench) -> Bench:
    bench.apply("webhook")
    bench.gitlab.changes.clear()
    return bench


def resource(bench: Bench, settings: Settings = CALLING, **more: bool) -> Webhook:
    edges: Any = (bench.cluster, bench.helm)
    return Webhook(settings, *edges, hooks(), **more)


def hooks() -> Webhooks:
    gitlab = GitLab(CALLING.host, find(CALLING).token, CALLING.repository)
    return GitLabWebhooks(gitlab, CALLING)


def change_of(bench: Bench, settings: Settings = CALLING) -> Any:
    webhook = resource(bench, settings)
    return webhook.diff(webhook.observe())


def fields(bench: Bench) -> list[str]:
    change = change_of(bench)
    return [field.name for field in change.fields] if change else []


def hook(bench: Bench) -> Kept:
    (only,) = bench.project.hooks.values()
    return only


def push(bench: Bench) -> None:
    """Push to a branch, as a job does, and wait until what came of the calls is known."""
    project = bench.project
    head = bench.gitlab.branches(project)["main"]
    bench.gitlab.webhooks.pushed(project, bench.gitlab.users["octo"], "refs/heads/env/dev", "0" * 40, head)
    bench.gitlab.webhooks.settled()


def test_it_is_made_with_a_secret_that_only_gitlab_and_a_secret_of_the_cluster_have(made: Bench) -> None:
    there = hook(made)
    assert there.url.startswith(f"{ADDRESS}?gitops-flask=web-dev&repository={digest(CALLING.url)}&fingerprint=")
    assert (there.push_events, there.enable_ssl_verification) == (True, True)
    assert len(there.token) >= 40
    assert kept(made.cluster, "web-webhook", "secret") == there.token
    assert values(CALLING)["configs"]["secret"] == {"gitlabSecret": "$web-webhook:secret"}


def test_argo_cd_takes_a_push_and_the_second_run_changes_nothing(made: Bench) -> None:
    push(made)
    (came,) = [each for each in made.server.came if each.headers["X-Gitlab-Token"] == hook(made).token]
    told = json.loads(came.body)
    assert (told["ref"], told["project"]["web_url"]) == ("refs/heads/env/dev", "https://gitlab.com/acme/web")
    assert hook(made).events[-1].status == "200"
    assert change_of(made) is None
    assert made.apply("webhook") == []
    assert made.gitlab.changes == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("push_events", False),
        ("enable_ssl_verification", False),
        ("push_events_branch_filter", "main"),
        ("alert_status", "disabled"),
    ],
)
def test_what_was_changed_is_reported_and_repaired(made: Bench, field: str, value: object) -> None:
    number = hook(made).id
    setattr(hook(made), field, value)
    assert fields(made) == [field]
    made.apply("webhook")
    assert change_of(made) is None
    assert hook(made).token == kept(made.cluster, "web-webhook", "secret")
    assert hook(made).id != number, "another is made: GitLab calls it, and what came of that came of it as it is"
    push(made)
    assert hook(made).events[-1].status == "200"


def test_one_that_gitlab_disables_for_a_while_is_left_to_it(made: Bench) -> None:
    hook(made).alert_status = "temporarily_disabled"
    assert change_of(made) is None


def test_a_secret_that_somebody_changed_at_gitlab_shows_when_argo_cd_refuses_it(made: Bench) -> None:
    hook(made).token = "by-hand"
    assert change_of(made) is None, "nobody can see it"
    push(made)
    assert hook(made).events[-1].status == "400"
    assert fields(made) == ["secret"]
    made.apply("webhook")
    assert hook(made).token == kept(made.cluster, "web-webhook", "secret")
    assert made.apply("webhook") == [], "nothing was pushed since, and the old call says nothing of it"
    push(made)
    assert change_of(made) is None


def test_the_secret_of_an_argo_cd_of_others_is_used_and_gitlabs_entry_is_the_one_that_counts(bench: Bench) -> None:
    head = {"name": "argocd-secret", "labels": {}}
    entries = {"webhook.github.secret": Secret("for GitHub"), "webhook.gitlab.secret": Secret("of-others")}
    bench.cluster.objects["secret", "argocd-secret"] = pack(head, "Opaque", {}, entries)
    bench.apply("webhook")
    assert hook(bench).token == "of-others"
    assert ("secret", "web-webhook") not in bench.cluster.objects
    bench.cluster.objects["secret", "argocd-secret"] = pack(head, "Opaque", {}, {})
    change = change_of(bench)
    assert "(`webhook.gitlab.secret` in argocd-secret)" in change.note
    bench.apply("webhook")
    assert hook(bench).token == ""


def test_what_came_of_the_last_push_is_reported_and_no_change(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made.server, "answer", lambda _: (404, "404 page not found"))
    push(made)
    change = change_of(made)
    assert (change.action, change.effective) == ("skipped", False)
    page = f"https://gitlab.com/acme/web/-/hooks/{hook(made).id}/edit"
    assert change.note.startswith(f"GitLab's last push got 404 “404 page not found” (see {page}); ")


def test_a_push_that_nobody_answered_is_reported_in_gitlabs_words(made: Bench) -> None:
    made.gitlab.webhooks.forgets()
    try:
        push(made)
    finally:
        made.gitlab.webhooks.trusts(made.server.ca)
    change = change_of(made)
    assert change.note.startswith("GitLab's last push got “SSL_connect returned=1")


def test_an_older_gitlab_reports_no_call_and_that_stops_nothing(bench: Bench) -> None:
    bench.gitlab.version = "17.2.0"
    bench.apply("webhook")
    hook(bench).token = "by-hand"
    push(bench)
    assert hook(bench).events[-1].status == "400"
    assert change_of(bench) is None


def test_an_address_that_gitlab_may_not_call_is_reported_with_its_setting(bench: Bench) -> None:
    with pytest.raises(InstallerError, match="Outbound requests"):
        hooks().create("https://localhost/api/webhook", None)


def test_down_removes_it_and_others_stay(made: Bench) -> None:
    made.project.hooks[7] = replace(hook(made), url=ADDRESS, id=7)
    assert resource(made, argocd_goes=True).remove() == "deleted"
    assert list(made.project.hooks) == [7]
    assert ("secret", "web-webhook") not in made.cluster.objects
    assert resource(made, SETTINGS).remove() == "was not there"


def test_one_that_cannot_be_deleted_is_reported_with_its_page(made: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GitLabWebhooks, "delete", lambda *_: True)
    with pytest.raises(InstallerError, match="GitLab still has a webhook") as caught:
        resource(made, argocd_goes=True).remove()
    assert f"https://gitlab.com/acme/web/-/hooks/{hook(made).id}/edit" in caught.value.fix
