"""A webhook to a real Argo CD that hardly ever looks of itself: what GitHub tells it is live within seconds."""

import itertools
import json
import os
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import KEY, LABELS, OF_ARGOCD
from installer.cluster.kubectl import Cluster
from installer.config.settings import Settings
from installer.engine.resource import Resource
from installer.forges import credentials
from installer.forges.github.repository import GitHub
from installer.project.project import Project
from installer.resources.argocd import CRDS
from installer.resources.webhook import Webhook
from installer.support.wait import clear, until
from tests.github import GitHub as StandIn
from tests.github.authority import Authority
from tests.github.fixtures import blame
from tests.github.webhooks import Hook

from .audit import Audit
from .ground import Repository
from .plugin import SECONDS
from .test_cluster_half import kubectl
from .test_watcher import not_yet, running

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
SLUG, HOST = "hooked", "argocd.example.com"
UNNOTICED = 12.0
"""Seconds in which a push would have been noticed by anything but Argo CD's own look, once an hour."""
PARTS = ("argocd", "namespace", "credential", "application", "webhook")


class Hosted(Repository):
    """A project at GitHub, with only `env/dev` in it, pushed as a workflow pushes."""

    def __init__(self, tree: Path, remote: str) -> None:
        self.path = remote  # type: ignore[assignment]
        self._tree = tree
        self._merges = itertools.count(1)
        self._git("init", "--quiet", "--initial-branch=env/dev", str(tree))


@dataclass
class Ground:
    """A project, its GitHub, and an Argo CD that GitHub reaches."""

    settings: Settings
    github: StandIn
    repository: Hosted

    def resources(self, settings: Settings | None = None, **options: bool) -> dict[str, Resource[Any]]:
        settings = settings or self.settings
        found = credentials.find(settings)
        github = GitHub(settings.host, found.token, settings.repository)
        opened = Project(Path(), settings, found, github, Cluster())
        return {each.key: each for each in opened.resources(**options) if each.key in PARTS}

    def plan(self, settings: Settings | None = None) -> dict[str, list[str]]:
        looked = {key: each.diff(each.observe()) for key, each in self.resources(settings).items()}
        return {key: [field.name for field in change.fields] for key, change in looked.items() if change}

    def apply(self, *keys: str, settings: Settings | None = None) -> list[str]:
        done = []
        for key, resource in self.resources(settings).items():
            seen = resource.observe()
            change = resource.diff(seen)
            if key in (keys or PARTS) and change and change.effective:
                resource.apply(seen, change)
                done.append(key)
        return done

    @property
    def hook(self) -> Hook:
        (hook,) = self.github.repository(self.settings.repository).hooks.values()
        return hook

    def accepts_calls(self) -> bool:
        """Push until Argo CD takes a call, since its server starts anew with another secret, and has looked.

        A push that it is told of while it looks may be lost in it: it takes the mark of that one away with its own.
        """

        def taken() -> str:
            head = self.repository.deploy("a" * 40).commit
            return head if self.last() == ("push", 200) else ""

        def looked_at() -> str:
            name = f"applications.argoproj.io/{self.settings.application}"
            return kubectl("get", name, "-n", "argocd", "-o", "jsonpath={.status.sync.revision}").strip()

        head = until(taken, 60, every=3)
        return bool(head and until(lambda: looked_at() == head, 60, every=0.2))

    def noticed(self, letter: str, seconds: float = 60) -> float:
        """Push, and return how long it took until every pod runs that; nobody refreshes."""
        began = time.monotonic()
        self.repository.deploy(letter * 40)
        clear(f"deployment {letter}", lambda: not_yet(self, letter * 40), seconds, every=0.2)  # type: ignore[arg-type]
        return time.monotonic() - began

    def last(self) -> tuple[str, int]:
        """Return what came of the last call, once all are over."""
        self.github.webhooks.settled()
        return self.hook.deliveries[-1].event, self.hook.deliveries[-1].code


def lead(github: StandIn, ca: Path) -> None:
    """Let GitHub reach Argo CD's API by its name: through the cluster's node, whichever pod answers."""
    service = json.loads(kubectl("get", "service", "argocd-server", "-n", "argocd", "-o", "json"))
    port = next(each["nodePort"] for each in service["spec"]["ports"] if each["port"] == 443)
    path = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    github.webhooks.leads(HOST, (kubectl("get", "nodes", "-o", f"jsonpath={path}").strip(), port))
    github.webhooks.trusts(ca)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A project that is live, beside an Argo CD of its own that looks once an hour and has no webhook yet."""
    folder = tmp_path_factory.mktemp("webhook")
    assert not Cluster().list("deployments", selector="app.kubernetes.io/part-of=argocd"), "a cluster without Argo CD"
    certificate, key, ca = (Path(os.environ[f"E2E_{name}"]) for name in ("TLS_CERT", "TLS_KEY", "CA"))
    authority = Authority(folder)
    authority.context(HOST)
    values = {
        "configs": {
            "cm": {"timeout.reconciliation": "1h"},
            "tls": {"certificates": {"github.com": ca.read_text()}},
        },
        "server": {"service": {"type": "NodePort"}},
    }
    settings = Settings(
        *("Hooked", SLUG, "", "github.com", "acme", "public", "docker.io", "acme", f"{SLUG}-dev"),
        argocd_values=values,
        argocd_url=f"https://{HOST}",
    )
    listen = os.environ["E2E_GITHUB_LISTEN"]
    with (
        StandIn.serve("github.com", listen=listen, certificate=(certificate, key)) as github,
        pytest.MonkeyPatch.context() as patch,
    ):
        github.user("octo")
        github.organization("acme", members={"octo": "admin"})
        token = github.token("octo")
        github.hosting.create(github.tokens[token], "acme", SLUG, private=False, description="")
        patch.setenv("GH_TOKEN", token)
        patch.setenv("GH_CONFIG_DIR", str(folder / "gh"))
        ground = Ground(settings, github, Hosted(folder / "tree", f"https://octo:{token}@github.com/acme/{SLUG}.git"))
        ground.repository.deploy("a" * 40)
        kubectl("delete", "namespace", "argocd", "--ignore-not-found")  # of others' tests, perhaps
        kubectl("create", "namespace", "argocd")
        pair = (f"--cert={folder / 'leaf.pem'}", f"--key={folder / 'leaf.key'}")
        kubectl("create", "secret", "tls", "argocd-server-tls", "-n", "argocd", *pair)
        try:
            assert ground.apply(*PARTS[:-1]) == [*PARTS[:-1]]
            lead(github, authority.certificate)
            clear("the first deployment", lambda: not_yet(ground, "a" * 40), 120)  # type: ignore[arg-type]
            yield ground
        finally:
            for resource in reversed(ground.resources(remove_argocd=True).values()):
                resource.remove()
            kubectl("delete", "crd", *CRDS, "--ignore-not-found")
            kubectl("delete", "namespace", "argocd", f"{SLUG}-dev", "--ignore-not-found")
    blame(github)


def test_without_it_a_push_is_not_noticed(ground: Ground) -> None:
    ground.repository.deploy("b" * 40)
    end = time.monotonic() + UNNOTICED
    while time.monotonic() < end:
        assert running(ground) == {"a" * 40}  # type: ignore[arg-type]
        time.sleep(0.5)


def test_it_is_made_and_argo_cd_takes_what_github_sends(ground: Ground) -> None:
    assert ground.plan() == {"webhook": ["secret"]}
    assert ground.apply() == ["webhook"]
    ground.github.webhooks.settled()
    assert ground.plan() == {}, "whatever came of the ping of a new hook"
    began = time.monotonic()
    assert ground.accepts_calls()
    print(f"Argo CD's server took the new secret after {time.monotonic() - began:.1f} s")
    secret = json.loads(kubectl("get", "secret", OF_ARGOCD, "-n", "argocd", "-o", "json"))["data"]
    assert ground.hook.secret not in json.dumps(secret), "Argo CD's own Secret only says where it is"
    assert "webhook.github.secret" in secret


def test_twice_nothing_is_written(ground: Ground) -> None:
    audit = Audit()
    ground.github.changes.clear()
    assert ground.plan() == {}
    assert ground.apply() == []
    assert (audit.changes(), ground.github.changes) == ([], [])


def test_deployments_are_live_within_seconds_by_the_webhook_alone(
    ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    taken = sorted(ground.noticed(letter) for letter in "cdefc")
    record_property(SECONDS, ("webhook, Argo CD looks once an hour: push to every pod new", taken[len(taken) // 2]))
    assert taken[len(taken) // 2] < 15, taken
    assert ground.last() == ("push", 200)


def test_a_signature_by_another_secret_is_refused_by_argo_cd_and_repaired(ground: Ground) -> None:
    ground.hook.secret = "changed at GitHub"
    ground.repository.deploy("b" * 40)
    assert ground.last() == ("push", 400)
    assert ground.plan() == {"webhook": ["secret"]}
    assert ground.apply() == ["webhook"]
    assert ground.accepts_calls()
    assert ground.plan() == {}
    ground.noticed("d")


def test_one_without_a_signature_is_refused_too(ground: Ground) -> None:
    right, ground.hook.secret = ground.hook.secret, ""
    ground.repository.deploy("b" * 40)
    assert ground.last() == ("push", 400)
    ground.hook.secret = right
    assert ground.accepts_calls()


def test_a_certificate_that_github_does_not_trust_is_reported_and_stops_nothing(ground: Ground, tmp_path: Path) -> None:
    trusted = ground.github.webhooks._context
    ground.github.webhooks._context = ssl.create_default_context()
    try:
        ground.repository.deploy("b" * 40)
        ground.github.webhooks.settled()
        webhook = ground.resources()["webhook"]
        change = webhook.diff(webhook.observe())
    finally:
        ground.github.webhooks._context = trusted
    assert change
    assert (change.action, change.effective) == ("skipped", False)
    assert change.note.startswith("GitHub's last push got “peer certificate cannot be authenticated")
    assert ground.accepts_calls()


def test_a_secret_that_is_gone_is_made_anew_on_both_sides(ground: Ground) -> None:
    before = ground.hook.secret
    kubectl("delete", "secret", f"{SLUG}-webhook", "-n", "argocd")
    assert ground.plan() == {"webhook": ["secret"]}
    assert ground.apply() == ["webhook"]
    assert ground.hook.secret != before
    began = time.monotonic()
    assert ground.accepts_calls()
    print(f"Argo CD's server took the new secret after {time.monotonic() - began:.1f} s")
    ground.noticed("e")


def test_another_project_beside_the_same_argo_cd_has_the_same_secret(ground: Ground) -> None:
    another = replace(ground.settings, slug="hooked-too")
    webhook = ground.resources(another)["webhook"]
    assert isinstance(webhook, Webhook)
    seen = webhook.observe()
    assert not seen.ours
    assert seen.secret
    assert seen.secret.reveal() == ground.hook.secret
    assert Cluster().get("secret", "hooked-too-webhook", "argocd") is None


def test_down_leaves_the_secret_to_argo_cd_and_up_takes_it_again(ground: Ground) -> None:
    secret = ground.hook.secret
    assert ground.resources()["webhook"].remove() == f"deleted; the Secret {SLUG}-webhook stays, Argo CD refers to it"
    assert ground.github.repository(ground.settings.repository).hooks == {}
    assert ground.apply() == ["webhook"]
    assert ground.hook.secret == secret
    assert ground.accepts_calls()


def test_an_emptied_setting_takes_all_of_it_away(ground: Ground) -> None:
    unwanted = replace(ground.settings, argocd_url="")
    assert ground.plan(unwanted) == {"argocd": ["values.configs.secret"], "webhook": ["webhook"]}
    assert ground.apply(settings=unwanted) == ["argocd", "webhook"]
    assert ground.plan(unwanted) == {}
    assert ground.github.repository(ground.settings.repository).hooks == {}
    found = Cluster().list("secrets", "argocd", ",".join(f"{name}={value}" for name, value in LABELS.items()))
    assert not [each for each in found if KEY in (each.get("data") or {})]
