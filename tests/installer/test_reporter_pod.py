"""The reporter as its pod runs it: a process made of what its ConfigMap holds, with nothing else installed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from installer.forges.github.app import PERMISSIONS
from installer.forges.github.app_client import ID, KEY
from installer.resources.reporter import Reporter, Running
from installer.status.service import DeploymentRecord
from tests.e2e.actors import eventually
from tests.github import Fault
from tests.github.apps import App, Installation

from . import inside
from .clones import git
from .cluster import SETTINGS
from .inside import Inside
from .shop import Shop

pytestmark = pytest.mark.slow

BROKEN = Fault("500", message="Server Error")


@dataclass
class Pod:
    """The pod, and the shop and the cluster that it looks at."""

    shop: Shop
    cluster: Inside
    app: App
    folder: Path
    container: dict[str, Any]
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    @property
    def mark(self) -> Path:
        return self.folder / "looked"

    def start(self) -> None:
        """Start it as Kubernetes would, but for where files are; no package of this machine's is there."""
        given = {each["name"]: each["value"] for each in self.container["env"]}
        moved = {name: value.replace("/code", str(self.folder / "code")) for name, value in given.items()}
        moved |= {"APP": str(self.folder / "app"), "MARK": str(self.mark), "PATH": os.environ["PATH"]}
        environment = {**moved, **self.cluster.variables, **self.shop.github.env, "EVERY": "0.5", "REPAIR": "0.5"}
        command = [sys.executable, "-S", "-s", *self.container["command"][1:]]
        output = (self.folder / "said").open("a")
        self.process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, text=True)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self.process
        self.process.send_signal(how)
        assert self.process.wait(10) == (0 if how == signal.SIGTERM else -how)

    def log(self) -> str:
        return (self.folder / "said").read_text()

    def shows(self, *states: str) -> None:
        eventually(f"{states}, not {self.shop.states}: {self.log()}", lambda: self.shop.states == [*states], 60)

    def deploy(self) -> DeploymentRecord:
        """Deploy as the workflow does: image.yaml in its own words, and a Deployment that its message names."""
        number = len(self.shop.repository.deployments) + 1
        record = replace(self.shop.deploy(), digest=f"sha256:{number:064x}")
        text = f'image:\n  repository: "docker.io/acme/web"\n  tag: "{record.revision}"\n  digest: "{record.digest}"\n'
        (self.shop.work / "image.yaml").write_text(f'{text}revision: "{record.revision}"\n')
        git(self.shop.work, "add", "image.yaml")
        message = git(self.shop.work, "log", "-1", "--format=%B")
        return replace(record, commit=self.shop.commit(message, "env/dev"))

    def roll(self, record: DeploymentRecord, *, pods: int = 2) -> None:
        """Let a deployment be live."""
        self.cluster.roll(record.commit, record.revision, record.digest, pods=pods)


@pytest.fixture
def pod(shop: Shop, tmp_path: Path) -> Iterator[Pod]:
    made = Reporter(SETTINGS, *([Any] * 2)).manifests(Running())  # type: ignore[arg-type]
    (data,) = (each["data"] for each in made if each["kind"] == "ConfigMap")
    spec = made[-1]["spec"]["template"]["spec"]
    (items,) = (each["configMap"]["items"] for each in spec["volumes"] if each["name"] == "code")
    folder = tmp_path / "pod"
    for item in items:
        path = folder / "code" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data[item["key"]])
    app, key = shop.github.apps.add("acme reports", "acme", PERMISSIONS)
    (folder / "app").mkdir()
    (folder / "app" / ID).write_text(str(app.id))
    (folder / "app" / KEY).write_text(key)
    with inside.serve(tmp_path, inside.rules(made)) as cluster:
        held = Pod(shop, cluster, app, folder, spec["containers"][0])
        yield held
        if held.process and held.process.poll() is None:
            held.process.kill()
            held.process.wait()
    assert cluster.refused == [], "the Roles allow all that is asked"
    assert key.splitlines()[1] not in held.log()
    assert not any(token in held.log() for token in shop.github.tokens)


def live(pod: Pod) -> DeploymentRecord:
    """Let the App be installed and a deployment be live; return it."""
    install(pod)
    record = pod.deploy()
    pod.roll(record)
    return record


def install(pod: Pod, repositories: tuple[str, ...] = ("acme/web",)) -> Installation:
    return pod.shop.github.apps.install(pod.app, "acme", repositories)


def test_each_deployment_is_reported_by_itself_and_a_restart_reports_nothing_twice(pod: Pod) -> None:
    first = live(pod)
    pod.start()
    pod.shows("success")
    status = pod.shop.newest
    assert (status.description, status.environment_url) == (
        f"all 2 pods answer {first.revision[:12]}",
        "https://web.example.com",
    )
    assert status.creator.login == "acme-reports[bot]"
    eventually("the mark of that look", pod.mark.exists, 30)  # it is set after all is told
    pod.end()
    pod.shop.github.changes.clear()
    looked = pod.mark.stat().st_mtime
    pod.start()
    eventually("its first look", lambda: pod.mark.stat().st_mtime > looked, 30)
    second = pod.deploy()
    pod.roll(second, pods=1)
    pod.shows("inactive", "success")
    told = [each.what for each in pod.shop.github.changes if "statuses" in each.what]
    assert len(told) == 1, "and nothing of the first, of which all was said"


def test_what_cannot_come_up_is_a_failure_and_what_comes_up_then_a_success(pod: Pod) -> None:
    install(pod)
    first = pod.deploy()
    pod.cluster.roll("an older commit", first.revision, first.digest)
    pod.cluster.break_(first.commit, first.digest)
    pod.start()
    pod.shows("failure")
    assert pod.shop.newest.description.startswith("image pull: ImagePullBackOff")
    pod.roll(first)
    pod.shows("success")


def test_a_chart_that_does_not_render_is_a_failure_though_argo_cd_names_no_commit(pod: Pod) -> None:
    install(pod)
    first = pod.deploy()
    pod.cluster.roll("an older commit", first.revision, first.digest)
    pod.cluster.unrendered = "failed to execute helm template command: no digest"
    pod.start()
    pod.shows("failure")
    assert pod.shop.newest.description == "chart: ComparisonError: failed to execute helm template command: no digest"
    pod.cluster.unrendered = ""
    pod.roll(first)
    pod.shows("success")


def test_pods_that_answer_another_revision_are_never_called_a_success(pod: Pod) -> None:
    install(pod)
    first = pod.deploy()
    pod.cluster.roll(first.commit, "f" * 40, first.digest)
    pod.start()
    pod.shows("failure")
    assert pod.shop.newest.description.startswith("revision: rolled out, but pods answer ffffffffffff")


def test_it_gets_over_a_github_that_is_out_of_order_and_over_its_own_end_meanwhile(pod: Pod) -> None:
    live(pod)
    pod.shop.github.faults.order(BROKEN, "POST", "/statuses", times=3)
    pod.start()
    eventually("the first no", lambda: "The report to GitHub failed" in pod.log(), 30)
    pod.end(signal.SIGKILL)
    pod.start()
    pod.shows("success")
    assert [each.state for each in next(iter(pod.shop.repository.deployments.values())).statuses] == [
        "in_progress",
        "success",
    ]


def test_it_waits_for_the_app_to_be_installed_and_asks_for_the_least_that_it_needs(pod: Pod) -> None:
    pod.roll(pod.deploy())
    pod.start()
    eventually("its complaint", lambda: "is not installed for acme/web" in pod.log(), 30)
    assert not pod.mark.exists(), "it is not ready"
    pod.shop.github.hosting.create(
        next(iter(pod.shop.github.tokens.values())), "acme", "other", private=True, description=None
    )
    install(pod, ("acme/web", "acme/other"))
    pod.shows("success")
    (token,) = (each for each in pod.shop.github.tokens.values() if each.kind == "app")
    assert token.repositories == {"acme/web"}
    assert token.permissions == {"metadata": "read", "contents": "read", "deployments": "write"}


def test_a_token_that_was_taken_away_is_replaced(pod: Pod) -> None:
    live(pod)
    pod.start()
    pod.shows("success")
    tokens = pod.shop.github.tokens
    for secret in [secret for secret, token in tokens.items() if token.kind == "app"]:
        del tokens[secret]
    pod.roll(pod.deploy())
    pod.shows("inactive", "success")


def test_an_app_that_may_too_little_is_reported_and_writes_nothing(pod: Pod) -> None:
    install(pod).permissions["deployments"] = "read"
    pod.roll(pod.deploy())
    pod.start()
    eventually("its complaint", lambda: "permissions requested are not granted" in pod.log(), 30)
    assert pod.shop.states == ["in_progress"]


def test_nothing_is_asked_of_github_while_nothing_happens(pod: Pod) -> None:
    live(pod)
    pod.start()
    pod.shows("success")
    time.sleep(1)  # the answer to what it told
    asked = len(pod.shop.github.requests)
    looks = len(pod.cluster.asked)
    eventually("some more looks", lambda: len(pod.cluster.asked) >= looks + 3, 30)
    assert pod.shop.github.requests[asked:] == []
