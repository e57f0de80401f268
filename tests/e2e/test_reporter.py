"""The reporter in a real cluster: each deployment is told to GitHub though nobody asks, and only what is so."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from installer.cluster.helm import Helm
from installer.engine.resource import Resource
from installer.forges.github.app import PERMISSIONS, GitHubApp
from installer.resources.argocd import CRDS
from installer.resources.reporter import Reporter, ReporterApp
from installer.resources.watcher import Watcher
from installer.support.secret import Secret
from tests.github import Fault, GitHub
from tests.github.git import git as on_server
from tests.github.model import Deployment, DeploymentStatus

from .actors import eventually
from .audit import Audit
from .ground import DEPLOYMENT, SERVER, Away, DeploymentRecord, Keys, sshd
from .plugin import SECONDS
from .test_cluster_half import Half, kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
SLUG, NAME = "clu-told", "clu-told-dev-reporter"
BASE = ("library/python", "3.13-slim-trixie")
MISSING = "sha256:" + "1" * 64
BROKEN = Fault("500", message="Server Error")


@dataclass
class Shop:
    """A repository at GitHub's stand-in that deploys as the generated project's workflow does."""

    github: GitHub
    work: Path
    digest: str
    """Of an image that is there."""

    def __post_init__(self) -> None:
        (self.work / "chart/templates").mkdir(parents=True)
        (self.work / "deploy").mkdir()
        (self.work / "chart/Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "web", "version": "0.1.0"}))
        (self.work / "deploy/dev.yaml").write_text(json.dumps({"server": SERVER}))
        image = "{{ .Values.image.repository }}@{{ .Values.image.digest }}"
        chart = DEPLOYMENT.replace("{{ .Values.image }}", image).replace(".Values.baked", ".Values.baked | quote")
        (self.work / "chart/templates/deployment.yaml").write_text(chart)
        self._git("init", "--quiet", "--initial-branch=work")

    @property
    def repository(self) -> Any:
        return self.github.repository(f"acme/{SLUG}")

    @property
    def shown(self) -> list[str]:
        """What GitHub shows of each deployment."""
        return [each.state for each in self.repository.deployments.values()]

    @property
    def newest(self) -> Deployment:
        last: Deployment = list(self.repository.deployments.values())[-1]
        return last

    def deploy(self, *, digest: str = "", baked: str = "") -> DeploymentRecord:
        """Deploy a new commit of main; its pods answer that commit, or `baked`."""
        revision = self._commit("Sell", "main")
        opened = Deployment(
            sha=revision, ref=revision, task="deploy", environment="dev", description="", payload={}, transient=False,
            production=False, creator=self.github.accounts["octo"],
        )  # fmt: skip
        log = f"https://github.com/acme/{SLUG}/actions/runs/7"
        opened.statuses.append(DeploymentStatus("in_progress", "Handed to Argo CD", opened.creator, log))
        self.repository.deployments[opened.id] = opened
        digest = digest or self.digest
        text = f'image:\n  repository: "docker.io/{BASE[0]}"\n  tag: "{revision}"\n  digest: "{digest}"\n'
        (self.work / "image.yaml").write_text(f'{text}revision: "{revision}"\nbaked: "{baked or revision}"\n')
        return DeploymentRecord(self._commit(f"Deploy\n\nGitHub-deployment: {opened.id}", "env/dev"), revision)

    def _commit(self, message: str, branch: str) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        on_server(self.repository.git, "fetch", "--quiet", str(self.work), f"+HEAD:refs/heads/{branch}")
        return str(on_server(self.repository.git, "rev-parse", branch))

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        subprocess.run(["git", "-C", str(self.work), *who, *arguments], check=True, capture_output=True)


@dataclass
class Ground:
    """The cluster's half of a project, its shop, and the App that reports."""

    half: Half
    shop: Shop
    app: GitHubApp

    def resources(self, **settings: str) -> list[Resource[Any]]:
        wanted = replace(self.half.settings, **settings)  # type: ignore[arg-type]
        edges = (wanted, self.half.cluster, Helm(self.half.cluster, wanted))
        return [ReporterApp(*edges, self.app), Reporter(*edges)]

    def apply(self) -> list[str]:
        done = []
        for resource in self.resources():
            seen = resource.observe()
            change = resource.diff(seen)
            if change:
                resource.apply(seen, change)
                done.append(resource.key)
        return done

    def shows(self, *states: str, seconds: float = 120) -> None:
        """Wait until GitHub shows this of the newest deployments."""

        def there() -> bool:
            return self.shop.shown[-len(states) :] == [*states]

        try:
            eventually(f"GitHub shows {states}", there, seconds)
        except AssertionError as error:
            logs = kubectl("logs", "-n", "argocd", f"deployment/{NAME}", "--tail=20")
            raise AssertionError(f"{error}; it shows {self.shop.shown}\n{logs}") from None

    def pod(self) -> str:
        selector = f"app.kubernetes.io/name={NAME}"
        found = json.loads(kubectl("get", "pods", "-n", "argocd", "-l", selector, "-o", "json"))["items"]
        (name,) = (each["metadata"]["name"] for each in found if "deletionTimestamp" not in each["metadata"])
        return str(name)


def digest_of(name: str, tag: str) -> str:
    """Ask Docker Hub, or what answers for it here, which image a tag is."""
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    accept += "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json"
    url = f"https://registry-1.docker.io/v2/{name}/manifests/{tag}"
    answer = requests.head(url, headers={"Accept": accept}, timeout=20)
    answer.raise_for_status()
    return str(answer.headers["Docker-Content-Digest"])


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A project with Argo CD, its repository at the stand-in, and an App that is installed for it."""
    folder = tmp_path_factory.mktemp("told")
    certificate = (Path(os.environ["E2E_TLS_CERT"]), Path(os.environ["E2E_TLS_KEY"]))
    served = GitHub.serve("github.com", listen=os.environ["E2E_GITHUB_LISTEN"], certificate=certificate)
    with served as github, sshd(folder) as (where, host_key, keys):
        github.user("octo")
        github.organization("acme", members={"octo": "admin"})
        owner = github.tokens[github.token("octo")]
        made = github.hosting.create(owner, "acme", SLUG, private=True, description=None)
        app, key = github.apps.add("acme reports", "acme", PERMISSIONS)
        github.apps.install(app, "acme", [f"acme/{SLUG}"])
        settings = Away(
            name="Told", slug=SLUG, description="", host="github.com", owner="acme", visibility="private",
            registry="docker.io", account="acme", namespace=f"{SLUG}-dev", remote=f"ssh://{where}{made.git}",
            argocd_values={"configs": {"ssh": {"extraHosts": host_key}}}, reporter="app",
            ca=Path(os.environ["E2E_CA"]).read_text(),
        )  # fmt: skip
        half = Half(settings, None, Keys(keys.authorized))  # type: ignore[arg-type]  # its repository is the shop's
        shop = Shop(github, folder / "work", digest_of(*BASE))
        ground = Ground(half, shop, GitHubApp(str(app.id), Secret(key)))
        watcher = Watcher(settings, half.cluster, Helm(half.cluster, settings))
        try:
            half.apply()
            seen = watcher.observe()
            change = watcher.diff(seen)
            assert change, "Argo CD looks as soon as it is told to, as it does for users"
            watcher.apply(seen, change)
            yield ground
        finally:
            for resource in [*reversed(ground.resources()), watcher]:
                resource.remove()
            half.remove()
            kubectl("delete", "crd", *CRDS, "--ignore-not-found")
            kubectl("delete", "namespace", "argocd", f"{SLUG}-dev", "--ignore-not-found")
        assert github.failures == []


def test_it_is_made_once_and_its_key_is_in_one_place(ground: Ground) -> None:
    assert ground.apply() == ["reporter-app", "reporter"]
    audit = Audit()
    assert ground.apply() == []
    assert audit.changes() == []
    line = ground.app.key.reveal().splitlines()[1]
    for kind in ("configmaps", "deployments", "pods"):
        assert line not in kubectl("get", kind, "-A", "-o", "json")
    there = json.loads(kubectl("get", "secrets", "-A", "-o", "json"))["items"]
    assert {each["metadata"]["namespace"] for each in there if NAME in each["metadata"]["name"]} == {"argocd"}


def may(verb: str, what: str, namespace: str) -> bool:
    account = f"--as=system:serviceaccount:argocd:{NAME}"
    kind, _, name = what.partition("/")
    asked = [kind, f"--subresource={name}"] if name in ("proxy", "exec") else [what]
    command = ["kubectl", "auth", "can-i", verb, *asked, "-n", namespace, account]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() == "yes"


def test_it_may_look_and_nothing_else() -> None:
    home, service = "argocd", f"{SLUG}-dev"
    assert may("get", f"applications.argoproj.io/{SLUG}-dev", home)
    for verb, what in (("list", "pods"), ("list", "events"), ("list", "deployments.apps"), ("get", "pods/proxy")):
        assert may(verb, what, service), (verb, what)
    refused = [
        ("get", "secrets", home), ("list", "secrets", home), ("list", "secrets", service), ("get", "pods", home),
        ("get", "applications.argoproj.io/another", home), ("patch", f"applications.argoproj.io/{SLUG}-dev", home),
        ("create", "pods/proxy", service), ("create", "pods/exec", service), ("delete", "pods", service),
        ("get", "services/another", service), ("list", "pods", "default"), ("get", "configmaps", service),
    ]  # fmt: skip
    assert [each for each in refused if may(*each)] == []


def test_each_deployment_is_a_success_once_it_is_live_though_nobody_asks(
    ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    shop = ground.shop
    first = shop.deploy()
    ground.shows("success")
    assert shop.newest.statuses[-1].description == f"all 2 pods answer {first.revision[:12]}"
    assert shop.newest.statuses[-1].creator.login == "acme-reports[bot]"
    began = time.monotonic()
    second = shop.deploy()
    live, told = 0.0, 0.0
    while not told:
        assert time.monotonic() - began < 120, ground.shop.shown
        live = live or (time.monotonic() - began if running(ground) == {second.revision} else 0.0)
        told = time.monotonic() - began if shop.shown == ["inactive", "success"] else 0.0
        assert not told or live, "told before it was live"
        time.sleep(0.2)
    record_property(SECONDS, ("reporter: push to every pod new", live))
    record_property(SECONDS, ("reporter: every pod new to told at GitHub", told - live))


def running(ground: Ground) -> set[str]:
    """Return the revisions of the pods that are Ready, and of no other; asked of the API server alone."""
    pods = json.loads(kubectl("get", "pods", "-n", ground.half.settings.namespace, "-o", "json"))["items"]
    return {
        pod["spec"]["containers"][0]["env"][0]["value"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    }


def test_a_github_out_of_order_for_a_minute_and_a_pod_deleted_meanwhile_change_nothing(
    ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    shop = ground.shop
    for method in ("GET", "POST"):
        shop.github.faults.order(BROKEN, method, "/repos/|/app/")
    record, began = shop.deploy(), time.monotonic()
    eventually("its pods", lambda: running(ground) == {record.revision}, 90)
    eventually("half a minute", lambda: time.monotonic() - began > 30, 60)
    assert shop.github.faults.struck, "GitHub was asked, and said 500"
    kubectl("delete", "pod", "-n", "argocd", ground.pod(), "--wait=false")
    eventually("a minute", lambda: time.monotonic() - began > 60, 60)
    assert shop.newest.state == "in_progress"
    shop.github.faults.clear()
    ended = time.monotonic()
    ground.shows("inactive", "success")
    record_property(SECONDS, ("reporter: GitHub back after a minute of 500 to told", time.monotonic() - ended))
    assert [each.state for each in shop.newest.statuses] == ["in_progress", "success"], "once"


def test_an_image_that_cannot_be_pulled_is_a_failure_and_the_next_deployment_a_success(ground: Ground) -> None:
    ground.shop.deploy(digest=MISSING)
    ground.shows("success", "failure")
    assert re.match("image pull: (ErrImagePull|ImagePullBackOff)", ground.shop.newest.statuses[-1].description)
    ground.shop.deploy()
    ground.shows("inactive", "failure", "success")


def test_pods_that_answer_another_revision_are_a_failure(ground: Ground) -> None:
    other = "f" * 40
    ground.shop.deploy(baked=other)
    ground.shows("success", "failure")
    text = ground.shop.newest.statuses[-1].description
    assert text == "revision: rolled out, but pods answer ffffffffffff"


def test_where_it_is_not_wanted_any_more_it_goes_without_a_trace(ground: Ground) -> None:
    for resource in reversed(ground.resources(reporter="none")):
        seen = resource.observe()
        change = resource.diff(seen)
        assert change
        resource.apply(seen, change)
    kinds = "deployments,serviceaccounts,roles,rolebindings,pods,configmaps,secrets"
    assert NAME not in kubectl("get", kinds, "-A", "-o", "name")
    assert [resource.remove() for resource in ground.resources()] == ["was not there", "was not there"]
