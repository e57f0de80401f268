"""An Argo CD of others, as it comes: with the watcher beside it, a deployment is noticed within seconds."""

import base64
import json
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from installer.cluster.argocd import SMALL
from installer.cluster.helm import Helm
from installer.cluster.kubectl import Cluster
from installer.resources.argocd import CHART, CHART_VERSION, CRDS
from installer.resources.watcher import POLICIES, Watcher
from installer.support.wait import clear

from .actors import eventually
from .audit import Audit
from .ground import Away, Repository, sshd
from .plugin import SECONDS
from .test_cluster_half import Half, kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
SLUG, WATCHER = "clu-foreign", "clu-foreign-dev-watcher"


def as_it_comes(host_key: str) -> dict[str, object]:
    """Return Argo CD's values as others would have them: small, polling as Argo CD's defaults have it."""
    lean = {name: value for name, value in SMALL.items() if name in ("dex", "notifications", "applicationSet")}
    return {**lean, "configs": {"ssh": {"extraHosts": host_key}}}


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Half]:
    """A project beside an Argo CD that others installed; nothing of the project is there yet."""
    if not (shutil.which("sshd") or Path("/usr/sbin/sshd").exists()):
        pytest.skip("needs sshd (openssh-server), to serve a private repository")
    folder = tmp_path_factory.mktemp("watcher")
    with sshd(folder) as (where, host_key, keys):
        repository = Repository(folder / "web.git")
        settings = Away(
            name="Foreign", slug=SLUG, description="", host="github.com", owner="acme", visibility="private",
            registry="docker.io", account="acme", namespace=f"{SLUG}-dev", remote=f"ssh://{where}{repository.path}",
        )  # fmt: skip
        half = Half(settings, repository, keys)
        try:
            half.helm.install(
                *("argocd", "argocd", as_it_comes(host_key)),
                chart=CHART,
                version=CHART_VERSION,
                create_namespace=True,
                timeout=300,
            )
            yield half
        finally:
            for resource in [the_watcher(half), *reversed(half.resources()[1:])]:
                resource.remove()
            Helm(Cluster()).uninstall("argocd", "argocd", 300)
            kubectl("delete", "crd", *CRDS, "--ignore-not-found")
            kubectl("delete", "namespace", "argocd", f"{SLUG}-dev", "--ignore-not-found")


def the_watcher(half: Half) -> Watcher:
    return Watcher(half.settings, half.cluster, Helm(half.cluster, half.settings))


def may(verb: str, what: str) -> bool:
    command = ["kubectl", "auth", "can-i", verb, what, "-n", "argocd", f"--as=system:serviceaccount:argocd:{WATCHER}"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() == "yes"


def test_it_is_made_once_beside_an_argo_cd_that_polls_seldom(half: Half) -> None:
    half.apply()
    watcher = the_watcher(half)
    seen = watcher.observe()
    change = watcher.diff(seen)
    assert change
    assert (change.action, change.note) == (
        "create",
        "Argo CD polls every 120 s; the watcher polls github.com every 2 s",
    )
    watcher.apply(seen, change)
    audit = Audit()
    assert watcher.diff(watcher.observe()) is None
    assert half.apply() == []
    assert audit.changes() == []


def test_it_may_read_and_patch_its_application_and_nothing_else() -> None:
    assert [verb for verb in ("get", "patch") if not may(verb, f"applications.argoproj.io/{SLUG}-dev")] == []
    refused = [
        ("patch", "applications.argoproj.io/another"), ("get", "secrets"), ("list", "secrets"),
        ("get", "applications.argoproj.io"), ("create", "pods"), ("delete", f"applications.argoproj.io/{SLUG}-dev"),
    ]  # fmt: skip
    assert [each for each in refused if may(*each)] == []


def patch(token: str, change: object) -> tuple[int, str]:
    """Change the Application as whoever has the watcher's token can; return the API server's answer."""
    cluster = json.loads(kubectl("config", "view", "--minify", "--flatten", "-o", "json"))["clusters"][0]["cluster"]
    trusted = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    request = urllib.request.Request(
        f"{cluster['server']}/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{SLUG}-dev",
        data=json.dumps(change).encode(),
        method="PATCH",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/merge-patch+json"},
    )
    direct = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusted), urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=20) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def refresh(value: str) -> dict[str, object]:
    return {"metadata": {"annotations": {"argocd.argoproj.io/refresh": value}}}


ATTACKS: dict[str, dict[str, object]] = {
    "project": {"spec": {"project": "default"}},
    "source": {"spec": {"source": {"repoURL": "https://github.com/evil/web.git"}}},
    "destination": {"spec": {"destination": {"namespace": "kube-system"}}},
    "an operation": {"operation": {"sync": {"revision": "e" * 40}}},
    "status": {"status": {"reconciledAt": "2020-01-01T00:00:00Z"}},
    "another annotation": {"metadata": {"annotations": {"example.com/a": "b"}}},
    "an annotation less": {"metadata": {"annotations": {"meta.helm.sh/release-name": None}}},
    "a label": {"metadata": {"labels": {"gitops-flask/project": "another"}}},
    "no finalizer": {"metadata": {"finalizers": []}},
    "beside a refresh": {**refresh("normal"), "spec": {"project": "default"}},
}


def test_who_steals_its_token_can_do_nothing_but_have_argo_cd_look(half: Half) -> None:
    token = kubectl("create", "token", WATCHER, "-n", "argocd").strip()
    before = half.spec()
    eventually("the policy", lambda: patch(token, ATTACKS["another annotation"])[0] != 200, 30)
    for what, change in ATTACKS.items():
        status, said = patch(token, change)
        assert status in (403, 422), what
        assert f"ValidatingAdmissionPolicy '{WATCHER}.argocd'" in said, what
        assert "denied request: It may change no" in said, what
    assert half.spec() == before
    assert patch(token, refresh("normal")) == (200, "")


def test_deployments_are_live_within_seconds_though_nobody_refreshes(
    half: Half, record_property: Callable[[str, object], None]
) -> None:
    half.wait(half.repository.deploy("f" * 40))
    taken, heads = [], []
    for number in "abc":
        half.repository.merge()
        time.sleep(4)  # as long as an image takes, at least
        began = time.monotonic()
        heads.append(half.repository.deploy(number * 40).commit)
        obstacle = partial(not_yet, half, number * 40)
        clear(f"deployment {number}", obstacle, 60, every=0.2, explain=partial(seen, heads))
        taken.append(time.monotonic() - began)
    record_property(SECONDS, ("watcher: push to every pod new", sorted(taken)[len(taken) // 2]))
    assert sorted(taken)[len(taken) // 2] < 20, taken  # its own polling takes minutes
    said = kubectl("logs", f"deployment/{WATCHER}", "-n", "argocd")
    assert [head for head in heads if said.count(f"Argo CD was notified of {head}") != 1] == [], said
    assert "was not notified" not in said


def seen(heads: list[str]) -> str:
    """Return what was pushed, what the watcher said and what Argo CD has: for a deployment that did not come."""
    watched = kubectl("logs", f"deployment/{WATCHER}", "-n", "argocd", "--tail=20")
    application = json.loads(kubectl("get", "application", f"{SLUG}-dev", "-n", "argocd", "-o", "json"))
    marks, status = application["metadata"].get("annotations"), application.get("status", {})
    shown = {key: status.get(key) for key in ("sync", "conditions", "operationState", "reconciledAt")}
    return f"{heads}\n{watched}\n{marks}\n{json.dumps(shown, indent=1)}"


def running(half: Half) -> set[str]:
    """Return the revisions of the pods that are ready, without asking Argo CD for anything."""
    pods = json.loads(kubectl("get", "pods", "-n", half.settings.namespace, "-o", "json"))["items"]
    return {
        pod["spec"]["containers"][0]["env"][0]["value"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    }


def not_yet(half: Half, revision: str) -> str:
    """Say which other revisions pods run that send answers; nothing once there are none."""
    found = running(half)
    return "" if found == {revision} else f"ready pods run {found}"


def test_it_goes_without_a_trace(half: Half) -> None:
    assert the_watcher(half).remove() == "removed"
    kinds = "deployments,serviceaccounts,roles,rolebindings,pods"
    assert WATCHER not in kubectl("get", kinds, "-n", "argocd", "-o", "name")
    assert WATCHER not in kubectl("get", ",".join(POLICIES), "-o", "name")
    assert the_watcher(half).remove() == "was not there"
