"""The webhook to Argo CD: its secret in step with Argo CD's, its last call reported, gone without a trace."""

import base64
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from installer.cluster import objects as cluster_labels
from installer.cluster.argocd import resolved
from installer.cluster.kubectl import Object
from installer.config.settings import Settings
from installer.engine.reconcile import plan
from installer.engine.resource import Field
from installer.forges.base import Hook, Webhooks
from installer.forges.credentials import find
from installer.forges.github.repository import GitHub, GitHubWebhooks
from installer.resources.webhook import Webhook
from installer.status import report
from installer.support.secret import Secret
from tests.github.git import git as on_server
from tests.github.webhooks import Hook as Kept

from .bench import SETTINGS, Bench
from .cluster import Cluster, release

ADDRESS = "https://argocd.example.com/api/webhook"
NONE = replace(SETTINGS, argocd_url="")
ENTRY = "webhook.github.secret"


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.set_up("filled")
    return shared


@pytest.fixture
def made(bench: Bench) -> Bench:
    """A webhook to an Argo CD of ours, and nothing changed since."""
    bench.apply("webhook")
    in_argo_cd(bench, "$web-webhook:secret")
    bench.github.webhooks.settled()
    bench.github.changes.clear()
    return bench


def in_argo_cd(bench: Bench, entry: str | None, **more: str) -> None:
    """Let Argo CD's own Secret have this entry, as its server and its chart write it."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in more.items()}
    data |= {} if entry is None else {ENTRY: base64.b64encode(entry.encode()).decode()}
    bench.cluster.objects["secret", "argocd-secret"] = {"metadata": {"name": "argocd-secret"}, "data": data}


def a_secret(value: str, **labels: str) -> Object:
    return {"metadata": {"labels": labels}, "data": {"key": base64.b64encode(value.encode()).decode()}}


def resource(bench: Bench, settings: Settings = SETTINGS, **more: bool) -> Webhook:
    github = GitHub(settings.host, find(settings).token, settings.repository)
    edges: Any = (bench.cluster, bench.helm, GitHubWebhooks(github, settings))
    return Webhook(settings, *edges, **more)


def change_of(bench: Bench, settings: Settings = SETTINGS) -> Any:
    webhook = resource(bench, settings)
    return webhook.diff(webhook.observe())


def fields(bench: Bench, settings: Settings = SETTINGS) -> list[str]:
    change = change_of(bench, settings)
    return [field.name for field in change.fields] if change else []


def hook(bench: Bench) -> Kept:
    (only,) = bench.repository.hooks.values()
    return only


def push(bench: Bench) -> None:
    """Push to a branch, as a job does, and wait until what came of the calls is known."""
    bench.github.webhooks.settled()
    repository, octo = bench.repository, bench.github.accounts["octo"]
    head = on_server(repository.git, "rev-parse", "refs/heads/main").strip()
    bench.github.webhooks.pushed(repository, octo, "refs/heads/env/dev", "0" * 40, head)
    bench.github.webhooks.settled()


def ours(bench: Bench) -> tuple[Webhooks, Hook]:
    hooks = GitHubWebhooks(GitHub(SETTINGS.host, find(SETTINGS).token, SETTINGS.repository), SETTINGS)
    return hooks, hooks.list()[0]


# --- made, and kept


def test_it_is_made_with_a_secret_that_only_github_and_a_secret_of_the_cluster_have(made: Bench) -> None:
    kept = hook(made)
    assert kept.url.startswith(
        f"{ADDRESS}?gitops-flask=web-dev&repository={cluster_labels.digest(SETTINGS.url)}&fingerprint="
    )
    assert (kept.events, kept.active) == (["push"], True)
    assert len(kept.secret) >= 40
    assert made.kept("web-webhook", "secret") == kept.secret
    labels = made.cluster.objects["secret", "web-webhook"]["metadata"]["labels"]
    assert labels == {**cluster_labels.labels(SETTINGS), "app.kubernetes.io/part-of": "argocd"}


def test_the_second_run_changes_nothing(made: Bench) -> None:
    installed = len(made.helm.installed)
    assert change_of(made) is None
    assert made.apply("webhook") == []
    assert (made.github.changes, len(made.helm.installed)) == ([], installed)


def test_a_plan_reports_that_a_secret_is_set_and_never_which(bench: Bench) -> None:
    in_argo_cd(bench, "of-others")
    change = change_of(bench)
    assert (change.action, [(f.name, f.old, f.new) for f in change.fields]) == ("create", [("secret", None, "set")])
    assert "of-others" not in repr(change) + repr(resource(bench).observe())


def test_where_nothing_can_be_looked_at_it_would_be_made(bench: Bench) -> None:
    webhook = resource(bench)
    change: Any = webhook.diff(webhook.nothing)
    assert (change.action, change.note) == ("create", "")
    unwanted = resource(bench, NONE)
    assert unwanted.diff(unwanted.nothing) is None


def test_a_debug_log_does_not_hold_the_secret(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench.apply("webhook")
    assert caplog.text
    assert hook(bench).secret not in caplog.text


# --- changed by others


def another_secret_in_the_cluster(bench: Bench) -> None:
    data = bench.cluster.objects["secret", "web-webhook"]["data"]
    data["secret"] = base64.b64encode(b"rotated manually").decode()


def no_secret_in_the_cluster(bench: Bench) -> None:
    del bench.cluster.objects["secret", "web-webhook"]


def no_label(bench: Bench) -> None:
    bench.cluster.objects["secret", "web-webhook"]["metadata"]["labels"].pop("app.kubernetes.io/part-of")


def half_a_release(bench: Bench) -> None:
    bench.helm.there = [release("web-webhook", "pending-install")]


def switched_off(bench: Bench) -> None:
    hook(bench).active = False


def unsigned(bench: Bench) -> None:
    hook(bench).secret = ""


def another_fingerprint(bench: Bench) -> None:
    hook(bench).url = hook(bench).url.replace("fingerprint=", "fingerprint=0")


def gone(bench: Bench) -> None:
    bench.repository.hooks.clear()


def elsewhere(bench: Bench) -> None:
    hook(bench).url = hook(bench).url.replace("argocd.example.com", "argocd.example.org")


def twice(bench: Bench) -> None:
    bench.repository.hooks[7] = replace(hook(bench), id=7)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (another_secret_in_the_cluster, ["secret"]),
        (no_secret_in_the_cluster, ["secret"]),
        (no_label, ["app.kubernetes.io/part-of"]),
        (half_a_release, ["release"]),
        (switched_off, ["active"]),
        (unsigned, ["secret"]),
        (another_fingerprint, ["secret"]),
        (gone, ["secret"]),
        (elsewhere, ["address"]),
        (twice, ["webhooks"]),
    ],
)
def test_what_was_changed_is_reported_and_repaired(
    made: Bench, change: Callable[[Bench], None], told: list[str]
) -> None:
    number = hook(made).id
    change(made)
    assert fields(made) == told
    made.apply("webhook")
    assert change_of(made) is None
    assert hook(made).secret == made.kept("web-webhook", "secret")
    assert hook(made).id != number, "another is made: what came of its calls came of it as it is"
    push(made)
    assert (hook(made).deliveries[-1].event, hook(made).deliveries[-1].code) == ("push", 200)


@pytest.mark.slow
def test_a_secret_that_somebody_changed_at_github_shows_when_argo_cd_refuses_it(made: Bench) -> None:
    hook(made).secret = "by-hand"
    assert change_of(made) is None, "nobody can see it"
    push(made)
    assert hook(made).deliveries[-1].code == 400
    assert fields(made) == ["secret"]
    made.apply("webhook")
    assert hook(made).secret == made.kept("web-webhook", "secret")
    assert made.apply("webhook") == [], "nothing was pushed since, and the old call says nothing of it"
    push(made)
    assert change_of(made) is None


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, True], ids=["the first one", "one that was switched off"])
def test_killed_between_the_secret_and_the_hook_the_next_run_takes_the_same_secret(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    if there:
        bench.apply("webhook")
        switched_off(bench)
    before = bench.kept("web-webhook", "secret")
    with monkeypatch.context() as killed:
        killed.setattr(GitHubWebhooks, "create", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            bench.apply("webhook")
    assert bench.repository.hooks == {}, "the old one went"
    secret = bench.kept("web-webhook", "secret")
    assert secret
    assert before in ("", secret)
    bench.apply("webhook")
    assert hook(bench).secret == secret == bench.kept("web-webhook", "secret")
    assert hook(bench).active
    assert change_of(bench) is None


def test_a_secret_of_others_under_that_name_is_named_and_left(made: Bench) -> None:
    made.cluster.objects["secret", "web-webhook"]["metadata"]["labels"] = {}
    assert change_of(made).action == "blocked"
    assert "is not ours" in change_of(made).note
    assert resource(made).remove() == "deleted; it stays: Secret web-webhook in argocd is not ours"
    assert ("secret", "web-webhook") in made.cluster.objects


# --- an Argo CD of others


def test_the_secret_of_an_argo_cd_of_others_is_used_and_followed(bench: Bench) -> None:
    in_argo_cd(bench, "of-others")
    bench.apply("webhook")
    assert hook(bench).secret == "of-others"
    assert bench.helm.installed == [], "nothing is written beside it"
    in_argo_cd(bench, "rotated-by-others")
    assert fields(bench) == ["secret"]
    bench.apply("webhook")
    assert hook(bench).secret == "rotated-by-others"
    assert change_of(bench) is None


@pytest.mark.slow
def test_without_one_there_the_hook_has_none_and_that_is_said(bench: Bench) -> None:
    in_argo_cd(bench, None)
    change = change_of(bench)
    assert (change.action, change.fields) == ("create", ())
    assert change.note.startswith("without a secret, since Argo CD has none (`webhook.github.secret` in argocd-secret)")
    bench.apply("webhook")
    assert hook(bench).secret == ""
    assert change_of(bench) is None
    switched_off(bench)
    bench.apply("webhook")
    assert change_of(bench) is None, "it is made anew, though its address stays the same"
    in_argo_cd(bench, "they-have-one-now")
    assert fields(bench) == ["secret"]
    bench.apply("webhook")
    assert hook(bench).secret == "they-have-one-now"
    in_argo_cd(bench, None)
    assert fields(bench) == ["secret"]
    bench.apply("webhook")
    assert hook(bench).secret == ""


def test_an_argo_cd_of_ours_that_does_not_point_to_our_secret_yet_will(bench: Bench) -> None:
    in_argo_cd(bench, None)
    bench.helm.there = [release("argocd")]
    change = change_of(bench)
    assert (change.note, [field.new for field in change.fields]) == ("", ["set"])


@pytest.mark.parametrize(
    ("entry", "secret"),
    [
        ("plain", "plain"),
        ("$key", "in argocd-secret"),
        ("$theirs:key", "elsewhere"),
        ("$theirs:other", "$theirs:other"),
        ("$nowhere:key", "$nowhere:key"),
        ("$private:key", "$private:key"),
    ],
)
def test_what_argo_cd_points_to_is_followed_as_argo_cd_does(entry: str, secret: str) -> None:
    objects = {
        ("secret", "argocd-secret"): a_secret("in argocd-secret"),
        ("secret", "theirs"): a_secret("elsewhere\n", **{"app.kubernetes.io/part-of": "argocd"}),
        ("secret", "private"): a_secret("none of Argo CD's business"),
    }
    cluster: Any = Cluster(objects)
    assert resolved(cluster, "argocd", entry) == secret


# --- what came of its last call


def test_what_came_of_the_last_push_is_one_line_of_status_and_no_change(
    made: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(made.server, "answer", lambda _: (404, ""))
        push(made)
    (row,) = report._resources(plan([resource(made)]))
    page = f"https://github.com/acme/web/settings/hooks/{hook(made).id}"
    assert row.state == (
        f"skipped: GitHub's last push got 404 “Invalid HTTP Response: 404” (see {page}); "
        "until one arrives, deployments wait until Argo CD polls"
    )
    assert row.healthy
    assert made.apply("webhook") == []
    push(made)
    assert change_of(made) is None


def test_a_push_that_nobody_answered_is_reported_in_githubs_words(made: Bench) -> None:
    made.github.webhooks.forgets()
    try:
        push(made)
    finally:
        made.github.webhooks.trusts(made.server.ca)
    change = change_of(made)
    assert (change.action, change.effective) == ("skipped", False)
    assert change.note.startswith("GitHub's last push got “peer certificate cannot be authenticated")


def test_the_ping_of_a_new_hook_comes_before_argo_cd_has_the_secret_and_is_not_held_against_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.server, "answer", lambda _: (400, ""))
    bench.apply("webhook")
    bench.github.webhooks.settled()
    (ping,) = hook(bench).deliveries
    assert (ping.event, ping.code) == ("ping", 400)
    assert change_of(bench) is None
    assert bench.apply("webhook") == []


# --- gone


@pytest.mark.slow
def test_an_emptied_setting_takes_it_away_and_what_it_was_made_for(made: Bench) -> None:
    change = change_of(made, NONE)
    assert (change.action, change.note) == ("change", "goes: argocd.url is empty")
    made.apply("webhook", settings=NONE)
    assert made.repository.hooks == {}
    assert ("secret", "web-webhook") not in made.cluster.objects
    assert change_of(made, NONE) is None


def test_a_token_that_may_not_see_webhooks_does_for_who_wants_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"metadata": "read", "contents": "write", "administration": "write"}
    monkeypatch.setenv("GH_TOKEN", bench.github.token("octo", "fine-grained", permissions=few))
    assert change_of(bench, NONE) is None
    assert resource(bench, NONE).remove() == "was not there"
    with pytest.raises(Exception, match="403"):
        change_of(bench)


@pytest.mark.slow
def test_down_leaves_the_secret_to_an_argo_cd_that_stays_and_refers_to_it(made: Bench) -> None:
    assert resource(made).remove() == "deleted; the Secret web-webhook stays, Argo CD refers to it"
    assert made.repository.hooks == {}
    assert resource(made).remove() == "was not there; the Secret web-webhook stays, Argo CD refers to it"
    secret = made.kept("web-webhook", "secret")
    made.apply("webhook")
    assert hook(made).secret == secret, "whoever else uses that Argo CD has the same"


def test_down_removes_all_of_it_where_argo_cd_goes_too(made: Bench) -> None:
    assert resource(made, argocd_goes=True).remove() == "deleted"
    assert made.repository.hooks == {}
    assert ("secret", "web-webhook") not in made.cluster.objects
    assert resource(made, argocd_goes=True).remove() == "was not there"


@pytest.mark.slow
def test_hooks_of_others_are_neither_changed_nor_removed(made: Bench) -> None:
    theirs = replace(hook(made), url=ADDRESS, secret="theirs", id=7)
    (ours_,) = parse_qs(urlsplit(hook(made).url).query)["repository"]
    of_another = replace(hook(made), url=hook(made).url.replace(ours_, ours_[::-1]), id=8)
    made.repository.hooks |= {7: theirs, 8: of_another}
    assert change_of(made) is None
    resource(made).remove()
    assert made.repository.hooks == {7: theirs, 8: of_another}


def test_one_that_this_repository_made_under_a_former_slug_goes(made: Bench) -> None:
    former = replace(hook(made), url=hook(made).url.replace("web-dev", "shop-dev"), id=9)
    made.repository.hooks |= {9: former}
    assert change_of(made).fields == (Field("webhooks", 2, 1),)
    resource(made).remove()
    assert made.repository.hooks == {}


def test_it_is_planned_with_the_rest(made: Bench) -> None:
    (planned,) = plan([resource(made)])
    assert (planned.resource.key, planned.resource.lane, planned.change) == ("webhook", "cluster", None)
    assert planned.resource.title == f"webhook to {ADDRESS}"
    assert not resource(made, NONE).wanted


def test_a_secret_is_reported_from_another_by_its_fingerprint_alone(made: Bench) -> None:
    (_, there) = ours(made)
    assert Secret(hook(made).secret).matches(there.fingerprint)
    assert hook(made).secret not in hook(made).url
