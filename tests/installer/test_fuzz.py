"""Whatever others answer, or wrote into a file: it is read, or told as an error that names them; never a traceback."""

import base64
import copy
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.ci.circleci import CircleCI
from installer.ci.github_actions import GitHubActions
from installer.ci.gitlab_ci import GitLabCI
from installer.ci.registry import Login, check_login, digest_of, has
from installer.ci.travis_ci import TravisCI
from installer.cluster.argocd import ArgoCD, message, values
from installer.cluster.helm import Helm
from installer.cluster.kubectl import Cluster
from installer.cluster.objects import digest
from installer.cluster.workloads import newest_warning, of_deployment, of_pod, rolled_out
from installer.cluster.workloads import parse as parse_answer
from installer.config.settings_file import LONGEST, load, load_yaml, parse
from installer.forges import credentials
from installer.forges.base import Hook, template_files
from installer.forges.credentials import Credentials
from installer.forges.github.api import said_to_a_program
from installer.forges.github.app_client import AppGitHub
from installer.forges.github.repository import GitHub, GitHubWebhooks
from installer.forges.gitlab.api import words
from installer.forges.gitlab.project import GitLab, GitLabWebhooks
from installer.forges.lock import _read as read_note
from installer.resources.argocd import ArgoCDInstallation
from installer.status import deployment_record
from installer.status.github_deployments import Deployments
from installer.status.reporter_main import recorded as recorded_by_pod
from installer.status.service import DeploymentRecord, assess, read
from installer.support.errors import InstallerError
from installer.support.http_client import Answer, Client
from installer.support.plain_text import plain
from installer.support.process import Result
from installer.support.secret import Secret

from .branches import holding
from .cluster import SETTINGS
from .gitops_yaml import tree as good_settings
from .shells import unset

fuzzed = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    LEAVES, lambda sub: st.lists(sub, max_size=3) | st.dictionaries(st.text(max_size=8), sub, max_size=3)
)
WORDS = st.text(max_size=200) | JSON.map(json.dumps) | st.sampled_from(["", "{", "<html>", "null", "[]", "7"])
TEXTS = WORDS | st.just("[" * 2_000)
BROKEN_YAML = st.sampled_from(
    [b"2026-13-45", b"&a [*a", b"!!python/object:os.system x", b"? [1]\n: 2", b"a: !!binary x", b"[" * 400]
)
BYTES = st.binary(max_size=200) | WORDS.map(str.encode) | BROKEN_YAML
TOKEN = Secret("a-token-of-this-test")


def _places(tree: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [so_far, *(place for key, value in inside for place in _places(value, (*so_far, key)))]


@st.composite
def nearly(draw: st.DrawFn, good: Any) -> Any:
    """A good answer, of which one part is another thing, or missing."""
    place = draw(st.sampled_from(_places(good)))
    if not place:
        return draw(JSON)
    tree = copy.deepcopy(good)
    at = tree
    for key in place[:-1]:
        at = at[key]
    if draw(st.booleans()):
        at[place[-1]] = draw(JSON)
    else:
        del at[place[-1]]
    return tree


def told(ask: Callable[[], Any]) -> Any:
    """Return what was read; None where a person is told in a sentence instead."""
    with suppress(InstallerError):
        return ask()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("support.wait", "forges.http", "cluster.kubectl", "status.service"):
        monkeypatch.setattr(f"installer.{module}.pause", lambda _: None)


# --- files ----------------------------------------------------------------------------------------------------------


@fuzzed
@given(BYTES)
def test_any_bytes_in_gitops_yaml_are_settings_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gitops.yaml").write_bytes(content)
    assert told(lambda: load(tmp_path)) is None


@fuzzed
@given(nearly({**good_settings(), "argocd": {"values": {"configs": {"ssh": {"extraHosts": "a b c"}, "cm": {"x": 1}}}}}))
def test_any_shape_of_gitops_yaml_is_settings_that_work_or_a_sentence(tree: Any) -> None:
    found = told(lambda: parse(tree))
    if found is None:
        return
    json.dumps(values(found), allow_nan=False)
    nowhere: Any = None
    installation = ArgoCDInstallation(found, nowhere, nowhere)
    told(lambda: installation.diff(installation.nothing))


@fuzzed
@given(
    BYTES | nearly({"image": {"repository": "x", "digest": "y"}, "revision": "z"}).map(yaml.dump).map(str.encode), BYTES
)
def test_anything_in_image_yaml_and_hold_yaml_is_a_record_or_a_sentence_with_a_way_out(
    image: bytes, hold: bytes
) -> None:
    files = {"image.yaml": image.decode(errors="replace"), "hold.yaml": hold.decode(errors="replace")}
    for held in (files, {**files, "hold.yaml": None}):
        here = holding(held)
        record = deployment_record.at(here, "c" * 40)
        assert len(record.hold.splitlines()) <= 1
        if record.unreadable:
            with pytest.raises(InstallerError) as caught:
                deployment_record.read(here)
            assert "rollback --project" in caught.value.fix, "no advice that asks for what cannot be read, too"


@fuzzed
@given(st.text(max_size=300))
def test_anything_in_a_commits_message_is_one_line_of_history(said: str) -> None:
    for trailer in ("", "\n\nArgocd-reference-commit-sha: ", "\n\nArgocd-reference-commit-subject: "):
        (past,) = deployment_record.commits(holding({}, trailer + said))
        assert len(str(past).splitlines()) == 1
    assert len(plain(said).splitlines()) >= 0


# --- programs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, int], None]:
    """Let every program answer this, and the kubeconfig be a good one."""

    def answer(said: Any, status: int = 0) -> None:
        text = said if isinstance(said, str) else json.dumps(said)

        def attempt(*_: Any, **__: Any) -> Result:
            return Result(status, text, text if status else "")

        for module in ("cluster.kubectl", "cluster.helm", "cluster.argocd", "support.process"):
            monkeypatch.setattr(f"installer.{module}.attempt", attempt)

    return answer


POD = {
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "x", "labels": {}},
    "spec": {"containers": [{"name": "web", "image": "i@sha256:1"}]},
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [{"name": "web", "restartCount": 1, "state": {"waiting": {"reason": "x"}}}],
    },
}
VIEW = {
    "current-context": "kind",
    "contexts": [{"context": {"cluster": "kind"}}],
    "clusters": [{"cluster": {"server": "https://127.0.0.1:6443"}}],
    "serverVersion": {"gitVersion": "v1.34.0"},
    "clientVersion": {"gitVersion": "v1.34.0"},
    "items": [POD],
}


@fuzzed
@given(TEXTS | nearly(VIEW) | nearly(POD), st.sampled_from([0, 0, 0, 1]))
def test_anything_that_kubectl_answers_is_read_or_reported(
    answering: Callable[..., None], said: Any, status: int
) -> None:
    answering(said, status)
    cluster = Cluster()

    def kubeconfig() -> None:
        with cluster.private_kubeconfig("argocd"):
            pass

    for ask in (
        lambda: cluster.get("pod", "web", "x"),
        lambda: cluster.get_many(["pod/web"], "x"),
        lambda: cluster.list("pods", "x"),
        lambda: cluster.labelled("secrets", "a=b", ("a", "b")),
        lambda: cluster.allowed("get", "pods"),
        lambda: cluster.logs("web", "x", "web"),
        lambda: cluster.everything_in("x"),
        lambda: cluster.address("web", "x"),
        cluster.kinds,
        cluster.versions,
        cluster.describe,
        lambda: cluster.server,
        kubeconfig,
    ):
        told(ask)


ROW = "x sh.helm.release.v1.web.v1 helm.sh/release.v1 1 5d 1 web deployed 1 2 y y y y y"
HEAD = "N NAME TYPE DATA AGE VERSION NAME STATUS CREATEDAT MODIFIEDAT REPOSITORY PROJECT ARGOCD NAMESPACE HOLDER"


def in_columns(cells: list[str]) -> str:
    """Print one row of a table of kubectl's."""
    return "\n".join("".join(f"{cell:<30}" for cell in line) for line in (HEAD.split(), cells))


@fuzzed
@given(
    TEXTS
    | st.permutations(ROW.split()).map(in_columns)
    | st.just(in_columns(ROW.split()))
    | nearly({"objects": [{"metadata": {"annotations": {"a": "b"}}}]}),
    st.sampled_from([0, 0, 1]),
)
def test_anything_that_helm_answers_is_read_or_reported(answering: Callable[..., None], said: Any, status: int) -> None:
    answering(said, status)
    cluster: Any = Cluster()
    for helm in (Helm(cluster), Helm(cluster, SETTINGS)):
        for ask in (
            lambda helm=helm: helm.version,
            lambda helm=helm: helm.releases("x"),
            lambda helm=helm: helm.release("web", "x"),
            lambda helm=helm: helm.obstacle("web", "x"),
            lambda helm=helm: helm.values("web", "x"),
            lambda helm=helm: helm.ours("x"),
            helm.made,
        ):
            told(ask)


@fuzzed
@given(
    TEXTS | nearly({"status": {"resources": [{"kind": "Service", "name": "web", "health": {"status": "Degraded"}}]}})
)
def test_anything_that_argocd_answers_is_read_or_reported(
    answering: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    answering(said)
    monkeypatch.setattr(
        "installer.cluster.argocd.ArgoCD._run", lambda *_: said if isinstance(said, str) else json.dumps(said)
    )
    nowhere: Any = None
    told(lambda: ArgoCD(nowhere, "argocd").resources("web-dev"))
    assert isinstance(message(said if isinstance(said, str) else json.dumps(said)), str)


@fuzzed
@given(TEXTS, st.sampled_from([0, 1]))
def test_anything_that_gh_and_git_say_is_read_or_reported(
    answering: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: str, status: int
) -> None:
    answering(said, status)
    unset(monkeypatch, "GH_TOKEN", "GITHUB_TOKEN")
    monkeypatch.setattr("installer.support.process.missing", lambda _: False)
    told(lambda: credentials.find(SETTINGS))
    fix, _ = said_to_a_program(said)
    assert fix


# --- the cluster's objects ------------------------------------------------------------------------------------------

APPLICATION = {
    "metadata": {"name": "web-dev"},
    "status": {
        "sync": {"revision": "c" * 40, "status": "OutOfSync"},
        "health": {"status": "Degraded"},
        "conditions": [{"type": "ComparisonError", "message": "helm template"}],
        "reconciledAt": "2026-11-28T21:00:00Z",
        "operationState": {
            "phase": "Running",
            "retryCount": 3,
            "message": "x",
            "finishedAt": "2026-11-28T20:59:59Z",
            "operation": {"sync": {"autoHealAttemptsCount": 3, "resources": [{"kind": "Service", "name": "web"}]}},
            "syncResult": {
                "revision": "c" * 40,
                "resources": [{"kind": "Service", "name": "web", "status": "SyncFailed", "message": "x"}],
            },
        },
        "resources": [{"kind": "Service", "name": "web", "status": "OutOfSync", "health": {"status": "Degraded"}}],
    },
}
DEPLOYMENT = {
    "metadata": {"name": "web", "generation": 1},
    "spec": {"replicas": 1},
    "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}], "replicas": 1},
}
EVENTS = [
    {
        "type": "Warning",
        "reason": reason,
        "message": "x not found",
        "count": 3,
        "involvedObject": {"name": "web-1"},
        "lastTimestamp": "1",
    }
    for reason in ("Failed", "FailedMount", "Unhealthy", "BackOff")
]


@fuzzed
@given(nearly(APPLICATION), nearly(POD), nearly(EVENTS), nearly(DEPLOYMENT))
def test_any_state_of_the_clusters_objects_is_read_or_reported(
    application: Any, pod: Any, events: Any, deployment: Any
) -> None:
    told(lambda: read(application))
    told(lambda: of_pod(pod, EVENTS))
    told(lambda: of_pod(POD, events))
    told(lambda: newest_warning(POD, events))
    told(lambda: of_deployment(deployment))
    told(lambda: rolled_out(deployment))

    class Service:
        synced = staticmethod(lambda: read(application))
        operation = staticmethod(lambda: application["status"]["operationState"])
        pods = staticmethod(lambda: [pod])
        events = staticmethod(lambda: events)
        deployments = staticmethod(lambda: [deployment])
        answers = staticmethod(list)
        rolled_out = staticmethod(lambda: True)
        address = staticmethod(str)

    service: Any = Service
    record = DeploymentRecord("c" * 40, "r" * 40, digest="sha256:1")
    told(lambda: assess(service, record, "2026-11-28T20:00:00Z"))


@fuzzed
@given(TEXTS)
def test_anything_that_a_pod_answers_is_a_revision_or_an_error(said: str) -> None:
    found = parse_answer("web-1", said)
    assert bool(found.revision) != bool(found.error)


# --- code hosts, their CIs and registries ---------------------------------------------------------------------------


class Answers:
    """Gives the same answer to everything, as JSON that a code host might send."""

    said: Any = None

    def send(self, *_: Any) -> tuple[dict[str, str], Any]:
        return {"date": "Sat, 28 Nov 2026 21:00:00 GMT", "content-type": "application/json"}, self.said


class AnyGitHub(Answers, GitHub):
    pass


class AnyGitLab(Answers, GitLab):
    def text(self, path: str) -> str:
        return str(self.said)


FILE = base64.b64encode(b"revision: x").decode()
OF_TRAVIS = {"details_url": "x", "app": {"slug": "travis-ci"}}
UNDER_WAY = {"conclusion": None, "status": "queued"}
OF_GITHUB: list[Any] = [
    {"object": {"sha": "c" * 40}},
    {"content": FILE},
    [{"content": FILE}],
    {"full_name": "acme/web", "plan": {"name": "free"}},
    [{"sha": "c", "commit": {"message": "x", "committer": {"date": "x"}}}],
    {
        "commit": {"message": "GitHub-deployment: 7", "committer": {"date": "x"}},
        "sha": "r",
        "environment": "dev",
        "id": 7,
    },
    {"variables": [{"name": "GITOPS_FLASK_UP", "value": "x", "updated_at": "2026-11-28T21:00:00Z"}]},
    {"secrets": [{"name": "x"}]},
    {"key": "x", "key_id": "1"},
    {"deployment_branch_policy": {"custom_branch_policies": True}},
    {"workflow_runs": [{**UNDER_WAY, "id": 1, "head_sha": "c", "html_url": "x"}]},
    {**UNDER_WAY, "id": 1, "head_sha": "c", "html_url": "x", "login": "octo"},
    {"jobs": [{"conclusion": "failure", "id": 1, "name": "test"}]},
    {"statuses": [{"id": 1, "context": "ci/circleci: deploy", "state": "failure", "target_url": None}]},
    {"check_runs": [{**UNDER_WAY, **OF_TRAVIS, "id": 1, "name": "Travis CI - Branch"}]},
    [{"name": "README.md", "type": "file", "ref": "refs/tags/v1", "commit": {"sha": "c"}}],
]


@fuzzed
@given(st.sampled_from(OF_GITHUB).flatmap(nearly))
def test_anything_that_github_answers_is_read_or_reported(answering: Callable[..., None], said: Any) -> None:
    answering("a log")
    github = AnyGitHub("github.com", TOKEN, "acme/web")
    github.said = said
    ci = GitHubActions(SETTINGS, github, Credentials("github.com", TOKEN, "acme", TOKEN))
    for ask in (
        github.find,
        github.variables,
        github.secrets,
        github.plan_protects,
        lambda: github.redirects_here("https://github.com/acme/old"),
        lambda: github.head("main"),
        lambda: github.file("image.yaml", "c"),
        lambda: list(github.commits("main")),
        lambda: template_files(github),
        lambda: (github.branches(), github.tags()),
        lambda: github.notes("GITOPS"),
        lambda: github.branches_let_in("dev"),
        lambda: github.statuses("c"),
        lambda: github.checks("c", "travis-ci"),
        lambda: github.set_secret("X", TOKEN),
        github.note("X").read,
        ci.who,
        lambda: ci.newest(),
        lambda: ci.start(),
        ci.secrets,
        lambda: (run := ci.newest()) and ci.failing_logs(run),
        lambda: Deployments(github, "dev").of("c", "r"),
        lambda: (
            (there := Deployments(github, "dev").of("c", "r")) and list(Deployments(github, "dev").overtaken(there))
        ),
    ):
        told(ask)
    note = github.note("X")
    with suppress(InstallerError):
        read_note(note.read() or "")


PUSHED = {"source": "push", "id": 1, "sha": "c", "web_url": "x"}
OF_GITLAB: list[Any] = [
    {"commit": {"id": "c" * 40}},
    {"content": FILE},
    {"path_with_namespace": "acme/web", "version": "17.2.0"},
    [{"id": "c", "message": "x", "committed_date": "x"}],
    {"permissions": {"project_access": {"access_level": 40}}},
    [{"key": "GITOPS_FLASK_UP", "value": '{"text": "x", "at": 1}', "masked": False}],
    {"value": '{"text": "x", "at": 1}'},
    [{**PUSHED, "status": "running", "key": "ACTION", "value": "init", "name": "x"}],
    {**PUSHED, "status": "failed", "username": "octo", "yaml_errors": "x"},
    [{"name": "README.md", "type": "blob", "mode": "100644", "commit": {"id": "c"}}],
]


@fuzzed
@given(st.sampled_from(OF_GITLAB).flatmap(nearly))
def test_anything_that_gitlab_answers_is_read_or_reported(said: Any) -> None:
    gitlab = AnyGitLab("gitlab.com", TOKEN, "acme/web")
    gitlab.said = said
    ci = GitLabCI(SETTINGS, gitlab, Credentials("gitlab.com", TOKEN, "acme", TOKEN, scm="gitlab"))
    for ask in (
        gitlab.find,
        lambda: template_files(gitlab),
        lambda: (gitlab.branches(), gitlab.tags()),
        gitlab.variables,
        gitlab.secrets,
        gitlab.level,
        gitlab.version,
        gitlab.now,
        lambda: gitlab.redirects_here("https://gitlab.com/acme/old"),
        lambda: gitlab.head("main"),
        lambda: gitlab.file("image.yaml", "c"),
        lambda: list(gitlab.commits("main")),
        lambda: gitlab.notes("GITOPS"),
        gitlab.note("X").read,
        ci.who,
        lambda: ci.newest(),
        lambda: ci.start(),
        lambda: (run := ci.newest()) and ci.failing_logs(run),
    ):
        told(ask)
    assert words(json.dumps(said))


OF_CIS: list[Any] = [
    {"login": "octo", "items": [], "next_page_token": None, "id": 1, "active": True},
    {"items": [{"name": "X", "value": "xxxx1234"}], "next_page_token": None},
    {"active": True, "env_vars": [{"name": "x", "public": True, "id": 1, "value": "x"}]},
]


@fuzzed
@given(st.sampled_from(OF_CIS).flatmap(nearly))
def test_anything_that_circleci_and_travis_answer_is_read_or_reported(
    monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    once = [said]
    monkeypatch.setattr("installer.ci.external.JsonApi.send", lambda *_: ({}, once.pop() if once else None))
    github = AnyGitHub("github.com", TOKEN, "acme/web")
    have = Credentials("github.com", TOKEN, "acme", TOKEN, ci_token=TOKEN)
    for ci in (CircleCI(SETTINGS, github, have), TravisCI(SETTINGS, github, have)):
        for ask in (ci.who, ci.variables, ci.secrets, lambda ci=ci: ci.start(), ci.build):
            once[:] = [said]
            told(ask)


@fuzzed
@given(
    st.sampled_from([200, 202, 301, 401, 403, 404, 429, 500]),
    st.dictionaries(
        st.sampled_from(["WWW-Authenticate", "Location", "Retry-After", "Docker-Content-Digest", "Content-Type"]),
        st.sampled_from(
            ['Bearer realm="https://auth.docker.io/token"', "Basic", "text/html", "sha256:x", "7", "http://["]
        )
        | st.text(max_size=30),
    ),
    BYTES,
)
def test_anything_that_a_registry_answers_is_read_or_reported(
    monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], body: bytes
) -> None:
    def request(_: requests.Session, verb: str, url: str, **__: Any) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer._content, answer.url, answer.reason = status, body, url, "Reason"
        answer.headers.update(headers)
        answer.request = requests.PreparedRequest()
        answer.request.headers = requests.structures.CaseInsensitiveDict({"Authorization": "x"})
        return answer

    monkeypatch.setattr("requests.sessions.Session.request", request)
    login = Login("docker.io", "acme", TOKEN)
    for ask in (
        lambda: check_login(login, "acme/web"),
        lambda: check_login(login, "acme/web", push=False),
        lambda: has(login, "acme/web", "sha256:1"),
        lambda: digest_of(login, "acme/web", "latest"),
    ):
        told(ask)


# --- webhooks ---------------------------------------------------------------------------------------------------------

MARKS = {"gitops-flask": SETTINGS.application, "repository": digest(SETTINGS.url)}
ADDRESS = f"https://argocd.example.com/api/webhook?{urlencode(MARKS)}"
OF_HOOKS: list[Any] = [
    [{"id": 1, "config": {"url": ADDRESS, "content_type": "json", "secret": "*"}, "events": ["push"], "active": True}],
    [{"id": 1, "event": "push", "status_code": 200, "status": "OK"}],
    [{"id": 1, "url": ADDRESS, "push_events": True}],
    [{"id": 1, "trigger": "push_hooks", "response_status": "200", "response_body": "OK"}],
]


@fuzzed
@given(st.sampled_from(OF_HOOKS).flatmap(nearly))
def test_anything_that_is_answered_about_a_webhook_is_read_or_reported(said: Any) -> None:
    for host, kind in ((AnyGitHub, GitHubWebhooks), (AnyGitLab, GitLabWebhooks)):
        forge: Any = host("example.com", TOKEN, "acme/web")
        forge.said = said
        hooks: Any = kind(forge, SETTINGS)
        for hook in (Hook(1, ADDRESS, "", {}), *(told(hooks.list) or [])):
            last = told(partial(hooks.newest, hook))
            assert last is None or isinstance(str(last), str)


# --- what the reporter reads, and what any server sends ---------------------------------------------------------------


class Signed:
    """An App whose key signs nothing."""

    number = "7"

    def sign(self, text: bytes) -> bytes:
        return text[:1]


OF_AN_APP: list[Any] = [
    {"id": 7, "token": "t", "expires_at": "2126-01-01T00:00:00Z"},
    {"object": {"sha": "c" * 40}},
    {"content": base64.b64encode(b'image:\n  digest: "sha256:1"\nrevision: "x"\n').decode()},
]


@fuzzed
@given(st.sampled_from(OF_AN_APP).flatmap(nearly).map(json.dumps) | TEXTS, st.sampled_from([200, 204, 302, 404, 500]))
def test_anything_that_github_answers_to_the_reporter_is_read_or_reported(
    monkeypatch: pytest.MonkeyPatch, said: str, status: int
) -> None:
    monkeypatch.setattr(Client, "send", lambda *_: Answer(status, "Reason", {"retry-after": said[:5]}, said))
    github = AppGitHub("https://api.github.com", "github.com", "acme/web", Signed())
    for ask in (github.about, github.installation, lambda: github.head("env/dev"), lambda: github.get("/x")):
        told(ask)
    monkeypatch.setattr(github, "_login", lambda: TOKEN)
    for ask in (lambda: github.head("env/dev"), lambda: recorded_by_pod(github, "c" * 40)):
        told(ask)
    told(lambda: Deployments(github, "dev").of("c" * 40, "r"))


@fuzzed
@given(TEXTS | BYTES.map(lambda said: said.decode(errors="replace")))
def test_anything_in_image_yaml_is_a_record_of_the_reporters_or_none(said: str) -> None:
    class Repository:
        def file(self, *_: str) -> str:
            return said

    github: Any = Repository()
    found = recorded_by_pod(github, "c" * 40)
    assert not found.revision or set(found.revision) <= set("0123456789abcdef")
    assert not found.digest or len(found.digest) == len("sha256:") + 64


ANSWERS = st.binary(max_size=200) | st.sampled_from(
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: \xff\xfe\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 99999 \r\n\r\n",
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    ]
)


@pytest.fixture(scope="module")
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@fuzzed
@given(ANSWERS)
def test_any_bytes_from_a_server_are_an_answer_or_no_connection(server: socket.socket, said: bytes) -> None:
    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(said)

    answering = threading.Thread(target=answer)
    answering.start()
    try:
        found = Client(direct=True).get(f"http://127.0.0.1:{server.getsockname()[1]}/version", 30)
    except (OSError, HTTPException):  # as every caller expects
        return
    finally:
        answering.join()
    assert isinstance(found.text, str)
    assert parse_answer("web-1", found.text)


@pytest.mark.parametrize("text", ["[" * 100_000, "{" * 1_000, "a" * (LONGEST + 1)])
def test_yaml_that_would_take_long_to_read_is_refused_unread(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with monkeypatch.context() as unread:
        unread.setattr(yaml, "safe_load", lambda _: pytest.fail("it was read"))
        with pytest.raises(yaml.YAMLError, match=r"it has more than|it is longer than"):
            load_yaml(text)
    record = deployment_record.at(holding({"image.yaml": text}), "c" * 40)
    assert record.unreadable.startswith("image.yaml on env/dev (cccccccccccc) is no YAML: it ")
