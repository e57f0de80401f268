"""GitLab's webhook to a real Argo CD of others, which hardly ever looks of itself: its secret is followed and taken."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import OF_ARGOCD
from installer.cluster.helm import Helm
from installer.cluster.kubectl import Cluster
from installer.config.settings import Settings
from installer.engine.resource import Resource
from installer.forges import credentials
from installer.project.project import Project
from installer.resources.argocd import CHART, CHART_VERSION, CRDS
from installer.support.wait import clear
from tests.github.authority import Authority
from tests.gitlab import GitLab
from tests.gitlab.fixtures import blame
from tests.gitlab.webhooks import Hook

from .audit import Audit
from .plugin import SECONDS
from .test_cluster_half import kubectl
from .test_watcher import as_it_comes, not_yet
from .test_webhook import HOST, Ground, Hosted, lead

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
SLUG, SECRET = "hooked", "of-others-and-of-gitlab"
PARTS = ("namespace", "credential", "application", "webhook")


@dataclass
class AtGitLab(Ground):
    """A project at a GitLab that reaches an Argo CD of others; it is public, so that nothing else is wired."""

    gitlab: GitLab

    def resources(self, settings: Settings | None = None, **options: bool) -> dict[str, Resource[Any]]:
        settings = settings or self.settings
        forge = Project._of(Path(), settings, None).forge
        opened = Project(Path(), settings, credentials.find(settings), forge, Cluster())
        return {each.key: each for each in opened.resources(**options) if each.key in PARTS}

    @property
    def kept(self) -> Hook:
        (hook,) = self.gitlab.project(self.settings.repository).hooks.values()
        return hook

    def last(self) -> tuple[str, int]:
        self.gitlab.webhooks.settled()
        status = self.kept.events[-1].status
        return "push", int(status) if status.isdigit() else 0


def argo_cd_has(secret: str) -> None:
    """Give Argo CD the secret by which it knows GitLab, as its administrators do."""
    data = {"webhook.gitlab.secret": base64.b64encode(secret.encode()).decode()}
    kubectl("patch", "secret", OF_ARGOCD, "-n", "argocd", "--patch", json.dumps({"data": data}))


def looked_at(ground: AtGitLab, revision: str) -> str:
    """Say what still runs that is not this, and have Argo CD look: its first look may be before its cache is there."""
    look = "argocd.argoproj.io/refresh=normal"
    kubectl("annotate", f"applications.argoproj.io/{SLUG}-dev", "-n", "argocd", look, "--overwrite")
    return not_yet(ground, revision)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtGitLab]:
    if "E2E_GITLAB_HOST" not in os.environ:
        pytest.skip("not set: E2E_GITLAB_HOST, see docs/testing.md")
    folder, host = tmp_path_factory.mktemp("webhook"), os.environ["E2E_GITLAB_HOST"]
    assert not Cluster().list("deployments", selector="app.kubernetes.io/part-of=argocd"), "a cluster without Argo CD"
    (folder / "gitlab").mkdir()
    company, authority = Authority(folder / "gitlab"), Authority(folder)
    company.context(host)
    authority.context(HOST)
    settings = Settings(
        *("Hooked", SLUG, "", host, "acme", "public", "docker.io", "acme", f"{SLUG}-dev"),
        scm="gitlab",
        ci="gitlab-ci",
        ca=company.certificate.read_text(),
        argocd_url=f"https://{HOST}",
    )
    own = (folder / "gitlab/leaf.pem", folder / "gitlab/leaf.key")
    with (
        GitLab.serve(host, listen=os.environ["E2E_GITHUB_LISTEN"], certificate=own, runners=()) as gitlab,
        pytest.MonkeyPatch.context() as patch,
    ):
        gitlab.user("octo")
        group = gitlab.group("acme", members={"octo": 50})
        token = gitlab.token("octo")
        about = {"path": SLUG, "name": SLUG, "namespace_id": group.id, "visibility": "public"}
        gitlab.hosting.create(gitlab.tokens[token], about)
        patch.setenv("GITLAB_TOKEN", token)
        patch.setenv("GITLAB_HOST", host)
        patch.setenv("GIT_SSL_CAINFO", str(company.certificate))
        remote = Hosted(folder / "tree", f"https://octo:{token}@{host}/acme/{SLUG}.git")
        ground = AtGitLab(settings, None, remote, gitlab)  # type: ignore[arg-type]
        remote.deploy("a" * 40)
        kubectl("delete", "namespace", "argocd", "--ignore-not-found")  # of others' tests, perhaps
        kubectl("create", "namespace", "argocd")
        pair = (f"--cert={folder / 'leaf.pem'}", f"--key={folder / 'leaf.key'}")
        kubectl("create", "secret", "tls", "argocd-server-tls", "-n", "argocd", *pair)
        configs = {"cm": {"timeout.reconciliation": "1h"}, "tls": {"certificates": {host: settings.ca}}}
        values = {**as_it_comes(""), "configs": configs, "server": {"service": {"type": "NodePort"}}}
        helm = Helm(Cluster())
        try:
            helm.install("argocd", "argocd", values, chart=CHART, version=CHART_VERSION, timeout=300)
            argo_cd_has(SECRET)
            assert ground.apply(*PARTS[:-1]) == [*PARTS[:-1]]
            lead(gitlab, authority.certificate)  # type: ignore[arg-type]
            clear("the first deployment", lambda: looked_at(ground, "a" * 40), 120)
            yield ground
        finally:
            for resource in reversed(ground.resources().values()):
                resource.remove()
            helm.uninstall("argocd", "argocd", 300)
            kubectl("delete", "crd", *CRDS, "--ignore-not-found")
            kubectl("delete", "namespace", "argocd", f"{SLUG}-dev", "--ignore-not-found")
    blame(gitlab)


def test_it_is_made_with_argo_cds_own_secret_and_argo_cd_takes_what_gitlab_sends(ground: AtGitLab) -> None:
    assert ground.plan() == {"webhook": ["secret"]}
    assert ground.apply() == ["webhook"]
    assert ground.kept.token == SECRET
    assert ground.accepts_calls(), [(each.status, each.said) for each in ground.kept.events]
    assert ground.last() == ("push", 200)


def test_twice_nothing_is_written(ground: AtGitLab) -> None:
    audit = Audit()
    ground.gitlab.changes.clear()
    assert ground.plan() == {}
    assert ground.apply() == []
    assert (audit.changes(), ground.gitlab.changes) == ([], [])


def test_deployments_are_live_within_seconds_by_the_webhook_alone(
    ground: AtGitLab, record_property: Callable[[str, object], None]
) -> None:
    taken = sorted(ground.noticed(letter) for letter in "bcd")
    record_property(SECONDS, ("GitLab's webhook, Argo CD looks once an hour: push to every pod new", taken[1]))
    assert taken[1] < 15, taken
    assert ground.last() == ("push", 200)


def test_another_secret_is_refused_by_argo_cd_and_repaired(ground: AtGitLab) -> None:
    ground.kept.token = "changed at GitLab"
    ground.repository.deploy("e" * 40)
    assert ground.last() == ("push", 400)
    assert ground.plan() == {"webhook": ["secret"]}
    assert ground.apply() == ["webhook"]
    assert ground.accepts_calls()
    assert ground.plan() == {}
    ground.noticed("f")


def test_down_takes_it_away_and_leaves_argo_cds_secret(ground: AtGitLab) -> None:
    assert ground.resources()["webhook"].remove() == "deleted"
    assert ground.gitlab.project(ground.settings.repository).hooks == {}
