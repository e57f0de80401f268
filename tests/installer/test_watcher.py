"""The watcher beside Argo CD: where it is wanted, what it may do, and what its script asks and tells."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.argocd import POLLING, SMALL, merged, values
from installer.config.settings import Settings
from installer.resources.watcher import POLICIES, SCRIPT, Limit, Watcher, WatcherPolicy, Watching, _seconds
from installer.support.errors import CommandFailed, DeadlinePassed
from tests.deployment.workspace import write_program
from tests.github.authority import Authority
from tests.listening import Silent, serving

from .argo_cd import HOST
from .cluster import SETTINGS, SEVERAL, Cluster, Helm, apply, at_once, change_of, release

NAME, POLICY = "web-dev-watcher", "web-dev-policy"
READER = {
    "kind": "Deployment",
    "metadata": {"name": "argocd-repo-server", "namespace": "argocd",
                 "labels": {"app.kubernetes.io/component": "repo-server"}},
    "spec": {"template": {"spec": {
        "imagePullSecrets": [{"name": "ours"}],
        "containers": [{"image": "registry.example.com/argocd:v3.5.3", "securityContext": {"runAsUser": 999},
                        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}, {"name": "X", "value": "y"}]}],
    }}},
}  # fmt: skip
ASKED = {
    "ServiceAccount": "serviceaccounts",
    "Role": "roles.rbac.authorization.k8s.io",
    "RoleBinding": "rolebindings.rbac.authorization.k8s.io",
    "Deployment": "deployments.apps",
}


def argo_cd(data: dict[str, str] | None) -> dict[tuple[str, str], Any]:
    """Return an Argo CD with these settings, as kubectl shows it."""
    config = {"kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data or {}}
    return {("configmaps", "argocd-cm"): config, ("deployments", "argocd-repo-server"): READER}


def manifests(settings: Settings) -> Any:
    return Watcher(settings, *unused()).manifests(Watching(template=HOST))


def watcher() -> dict[tuple[str, str], Any]:
    """Return a watcher as it should be, running."""
    made = {(ASKED[each["kind"]], NAME): each for each in manifests(SETTINGS)}
    running = {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}
    key = ("deployments.apps", NAME)
    made[key] = {**made[key], "status": running, "metadata": {**made[key]["metadata"], "generation": 1}}
    return made | policy()


def policy() -> dict[tuple[str, str], Any]:
    """Return the policy that limits its token, and its binding."""
    made = WatcherPolicy(SETTINGS, *unused(), NAME).manifests(Limit())
    return {(kind, f"{NAME}.argocd"): each for kind, each in zip(POLICIES, made, strict=True)}


def unused() -> Any:
    return (Cluster(), Helm())


def resource(objects: dict[tuple[str, str], Any], helm: Helm | None = None, **settings: str) -> Watcher:
    return watcher_for(Cluster(objects), helm, **settings)


def watcher_for(cluster: Cluster, helm: Helm | None = None, **settings: str) -> Watcher:
    edges: Any = (cluster, helm or Helm())
    return at_once(Watcher(replace(SETTINGS, **settings), *edges))  # type: ignore[arg-type]


def test_with_several_environments_there_is_still_one_pod_which_follows_them_all() -> None:
    _, role, _, deployment = manifests(SEVERAL)
    assert role["rules"][0]["resourceNames"] == ["web-dev", "web-test"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    given = {each["name"]: each["value"] for each in container["env"]}
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    assert given["APPLICATIONS"] == f"env/dev={path}/web-dev env/test={path}/web-test"
    assert given["BRANCH"] == "env/dev", "a change of main is on its way there"
    the_watcher = Watcher(SEVERAL, *unused())
    assert the_watcher.needs == ("application", "application-test")
    assert "env/dev and env/test" in the_watcher.title


@pytest.mark.parametrize(
    ("text", "seconds"), [("180s", 180), ("2m30s", 150), ("3s", 3), ("0", 0), ("0s", 0), ("500ms", 0.5), ("", None)]
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float | None) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (None, "Argo CD polls every 120 s; the watcher polls github.com every 2 s"),
        ({"timeout.reconciliation": "5m"}, "Argo CD polls every 300 s; the watcher polls github.com every 2 s"),
        ({"timeout.reconciliation": "0"}, "Argo CD polls never; the watcher polls github.com every 2 s"),
    ],
)
def test_it_is_wanted_where_argo_cd_polls_seldom(data: dict[str, str] | None, note: str) -> None:
    change = change_of(resource(argo_cd(data)))
    assert (change.action, change.note) == ("create", note)


def test_it_is_wanted_beside_ours_before_that_is_there() -> None:
    change = change_of(the_watcher := resource({}))
    assert (change.action, change.note) == (
        "create",
        "Argo CD polls every 15 s; the watcher polls github.com every 2 s",
    )
    assert the_watcher.diff(the_watcher.nothing) == change


def test_it_is_not_wanted_where_argo_cd_polls_often_or_somebody_says_so() -> None:
    assert change_of(resource(argo_cd({"timeout.reconciliation": "3s"}))) is None
    for objects in ({}, argo_cd(None)):
        the_watcher = resource(objects, argocd_watcher="none")
        assert change_of(the_watcher) is the_watcher.diff(the_watcher.nothing) is None


def test_without_it_ours_polls_often() -> None:
    assert values(SETTINGS) == SMALL
    assert values(replace(SETTINGS, argocd_watcher="none")) == merged(SMALL, POLLING)
    assert values(replace(SETTINGS, access="https")) == merged(SMALL, POLLING), "perhaps it logs in as an App"
    assert change_of(resource({}, access="https")) is None


def test_a_login_is_read_where_git_asks_for_it_and_an_app_is_left_to_argo_cd() -> None:
    *_, deployment = manifests(replace(SETTINGS, access="https"))
    environment = {
        each["name"]: each["value"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    }
    assert environment["REPOSITORY"] == "https://github.com/acme/web.git"
    assert "cat /key/password" in environment["GIT_CONFIG_VALUE_0"]
    assert "GIT_SSH_COMMAND" not in environment
    assert change_of(resource(argo_cd(None), access="https")).action == "create"
    app = {("secrets", "web-repo"): {"kind": "Secret", "metadata": {}, "data": {"githubAppPrivateKey": ""}}}
    assert change_of(resource(argo_cd(None) | app, access="https")) is None


def test_where_it_may_not_be_made_deployments_wait_and_that_is_said() -> None:
    edges: Any = (Cluster(argo_cd(None), forbidden=("roles.rbac.authorization.k8s.io",)), Helm())
    change = change_of(Watcher(SETTINGS, *edges))
    assert change.action == "skipped"
    assert "deployments wait until Argo CD polls" in change.note


def running() -> Helm:
    return Helm([release(NAME), release(POLICY)])


def test_with_another_key_it_starts_anew() -> None:
    objects = argo_cd(None) | watcher()
    secret = {"kind": "Secret", "metadata": {"resourceVersion": "8"}, "data": {}}
    change = change_of(resource(objects | {("secrets", "web-repo"): secret}, running()))
    assert [field.name for field in change.fields] == ["Deployment"]


def test_another_image_of_argo_cd_and_a_changed_right_are_seen() -> None:
    objects = argo_cd(None) | watcher()
    objects[ASKED["Role"], NAME]["rules"][0].pop("resourceNames")
    newer = "registry.example.com/argocd:v3.6.1"
    container = {**READER["spec"]["template"]["spec"]["containers"][0], "image": newer}  # type: ignore[index]
    spec = {**READER["spec"]["template"]["spec"], "containers": [container]}  # type: ignore[index]
    objects["deployments", "argocd-repo-server"] = {**READER, "spec": {"template": {"spec": spec}}}
    change = change_of(resource(objects, running()))
    assert [field.name for field in change.fields] == ["Role", "Deployment"]


def test_its_token_is_limited_before_it_runs_and_the_limit_goes_after_it() -> None:
    the_watcher = resource(argo_cd(None), helm := Helm())
    with pytest.raises(DeadlinePassed, match=r"argocd\.watcher: none"):  # this cluster starts nothing
        apply(the_watcher)
    assert [name for name, _ in helm.installed] == [POLICY, NAME]
    policy, binding = helm.installed[0][1]["objects"]
    assert {each["metadata"]["name"] for each in (policy, binding)} == {f"{NAME}.argocd"}, "one for each Argo CD"
    assert policy["spec"]["matchConditions"][0]["expression"] == (
        "request.userInfo.username == 'system:serviceaccount:argocd:web-dev-watcher'"
    )
    assert (policy["spec"]["failurePolicy"], binding["spec"]["validationActions"]) == ("Fail", ["Deny"])
    gone = resource(argo_cd(None), helm)
    assert gone.remove() == "removed"
    assert helm.uninstalled == [NAME, POLICY]


@pytest.mark.parametrize("kind", POLICIES)
def test_a_limit_that_somebody_weakened_is_restored(kind: str) -> None:
    objects = argo_cd(None) | watcher()
    there = json.loads(json.dumps(objects[kind, f"{NAME}.argocd"]))
    weaker = {"validations": []} if "validations" in there["spec"] else {"validationActions": ["Audit"]}
    objects[kind, f"{NAME}.argocd"] = {**there, "spec": {**there["spec"], **weaker}}
    the_watcher = resource(objects, helm := running())
    change = change_of(the_watcher)
    assert [field.name for field in change.fields] == ["policy"]
    apply(the_watcher)
    assert helm.installed[0][0] == POLICY


WITHOUT = "its token may change all of Application web-dev, because a policy that limits it is missing: "


@pytest.mark.parametrize(
    ("cluster", "why"),
    [
        ({"server": "v1.29.9"}, "the cluster is v1.29.9, and it needs 1.30"),
        ({"forbidden": POLICIES[:1]}, f"you may not create {POLICIES[0]}, patch {POLICIES[0]}"),
    ],
)
def test_where_its_token_cannot_be_limited_that_is_said_and_it_runs_all_the_same(
    cluster: dict[str, Any], why: str
) -> None:
    change = change_of(the_watcher := watcher_for(Cluster(argo_cd(None), **cluster), helm := Helm()))
    assert change.action == "create"
    assert change.note.endswith(f"; {WITHOUT}{why}")
    with pytest.raises(DeadlinePassed):
        apply(the_watcher)
    assert [name for name, _ in helm.installed] == [NAME]
    objects = {key: each for key, each in (argo_cd(None) | watcher()).items() if key[0] not in POLICIES}
    change = change_of(watcher_for(Cluster(objects, **cluster), running()))
    assert (change.action, change.note) == ("skipped", WITHOUT + why)


def test_another_projects_policy_is_left() -> None:
    objects = argo_cd(None) | watcher()
    for kind in POLICIES:
        there = objects[kind, f"{NAME}.argocd"]
        objects[kind, f"{NAME}.argocd"] = {**there, "metadata": {**there["metadata"], "labels": {}}}
    change = change_of(resource(objects, running()))
    assert change.action == "skipped"
    assert f"ValidatingAdmissionPolicy {NAME}.argocd is another project's" in change.note


def test_who_may_not_read_policies_is_reported_so() -> None:
    class Closed(Cluster):
        def get_many(self, references: list[str], namespace: str = "") -> dict[str, Any]:
            if references[0].startswith(POLICIES[0]):
                raise CommandFailed("kubectl get", 1, "Error from server (Forbidden): policies is forbidden")
            return super().get_many(references, namespace)

    change = change_of(watcher_for(Closed(argo_cd(None) | watcher()), running()))
    assert change.action == "skipped"
    assert "Forbidden" in change.note


def test_it_goes_when_argo_cd_polls_often_enough() -> None:
    the_watcher = resource(argo_cd({"timeout.reconciliation": "3s"}) | watcher(), helm := Helm([release(NAME)]))
    assert change_of(the_watcher).note == "goes: Argo CD polls often enough"
    with pytest.raises(DeadlinePassed):  # this cluster removes nothing
        apply(the_watcher)
    assert helm.uninstalled == [NAME]  # and then its policy, once it is gone


def test_it_may_read_and_patch_one_application_and_runs_restricted() -> None:
    _, role, _, deployment = manifests(SETTINGS)
    assert role["rules"] == [
        {
            "apiGroups": ["argoproj.io"], "resources": ["applications"], "resourceNames": ["web-dev"],
            "verbs": ["get", "patch"],
        }
    ]  # fmt: skip
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "runAsNonRoot": True, "runAsUser": 999, "seccompProfile": {"type": "RuntimeDefault"}
    }  # fmt: skip
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip
    assert {"name": "HTTPS_PROXY", "value": "http://proxy:3128"} in pod["containers"][0]["env"]
    assert pod["imagePullSecrets"] == [{"name": "ours"}]


def test_a_public_repository_needs_no_key() -> None:
    deployment = manifests(replace(SETTINGS, visibility="public"))[-1]
    assert "key" not in [each["name"] for each in deployment["spec"]["template"]["spec"]["volumes"]]


@dataclass
class ApiServer:
    """An API server as the watcher meets it: TLS by the cluster's CA, PATCH and GET of one Application."""

    port: int
    folder: Path
    asked: list[tuple[str, str, str]]


@pytest.fixture(params=["kubernetes.default.svc", "example.com"])
def api_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ApiServer]:
    asked: list[tuple[str, str, str]] = []

    class Handler(Silent, BaseHTTPRequestHandler):
        def do_PATCH(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append((self.path, f"{self.headers['Authorization']} {self.headers['Content-Type']}", body))
            self.answer(b"{}")

        def do_GET(self) -> None:
            asked.append((self.path, f"{self.headers['Authorization']}", "GET"))
            self.answer(b'{"status":{"sync":{"revision":"a1"}}}')

        def answer(self, body: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

    authority = Authority(tmp_path)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = authority.context(request.param).wrap_socket(server.socket, server_side=True)
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("the-token")
    (account / "ca.crt").write_bytes(Path(authority.certificate).read_bytes())
    with serving(server):
        yield ApiServer(server.server_port, tmp_path, asked if request.param.startswith("kubernetes") else [])
    assert request.param.startswith("kubernetes") or asked == [], "the token goes to nobody else"


def test_the_api_server_is_asked_over_tls_that_is_checked(
    api_server: ApiServer, request: pytest.FixtureRequest
) -> None:
    where = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api_server.port),
        "ACCOUNT": str(api_server.folder / "account"),
    }  # fmt: skip
    trusted = "kubernetes" in request.node.name
    _, said = heads(api_server.folder, "a1", "a1", "a1", "a1", openssl=False, **where)
    path, head = "/apis/x/applications/web-dev", "Bearer the-token application/merge-patch+json"
    if trusted:
        notified, asked = api_server.asked
        assert notified[:2] == (path, head)
        marks = json.loads(notified[2])["metadata"]["annotations"]
        assert marks.pop("argocd.argoproj.io/refresh") == "normal"
        assert datetime.fromisoformat(marks.pop("argocd.argoproj.io/refresh-timestamp")).utcoffset() == timedelta(0)
        assert marks == {}
        assert asked == (path, "Bearer the-token", "GET"), "once: it names the commit"
    else:
        assert api_server.asked == []
    assert ("Argo CD was notified of a1" in said) is trusted
    assert ("Argo CD was not notified: " in said) is not trusted
    assert "the-token" not in said


def heads(
    folder: Path, *heads: str, answer: str = "HTTP/1.0 200 OK", lost: int = 0, openssl: bool = True, **environment: str
) -> tuple[list[str], str]:
    """Run the script while git answers one head after another; return what Argo CD was told, and what was said.

    Argo CD loses the first `lost` requests: its Application names the commits of those after them alone.
    """
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "heads").write_text("".join(f"{head}\n" for head in heads))
    git = f"""#!/bin/bash
exec 9<{folder}/heads; n=$(cat {folder}/n 2>/dev/null || echo 0); echo $((n + 1)) >{folder}/n
mapfile -t all <&9; [ "$n" -lt ${{#all[@]}} ] || exit 0
case ${{all[$n]}} in
  -) exit 128 ;;
  *) IFS=/ read -r dev main test <<<"${{all[$n]}}"
     printf '%s\\trefs/heads/%s\\n' "$dev" env/dev "${{main:-$dev}}" main ${{test:+"$test" env/test}} ;;
esac
"""
    fake = f"""#!/bin/bash
echo Connecting to 127.0.0.1 >&2
cat >{folder}/request; cat {folder}/request >>{folder}/told; echo >>{folder}/told
read -r verb _ <{folder}/request
[ "$verb" != PATCH ] || n=$(($(cat {folder}/patches 2>/dev/null || echo 0) + 1))
[ "$verb" != PATCH ] || echo "$n" >{folder}/patches
[ -n '{answer}' ] || exit 0
printf '{answer}\\r\\nServer: x\\r\\n\\r\\n'
mapfile -t all <{folder}/heads
at=$(($(cat {folder}/n) - 1))
[ "$(cat {folder}/patches)" -le {lost} ] || printf '{{"status":{{"sync":{{"revision":"%s"}}}}}}' "${{all[$at]%%/*}}"
"""
    write_program(folder / "bin/git", git)
    if openssl:
        write_program(folder / "bin/openssl", fake)
    environment = {
        "PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "HOST": "github.com",
        "EVERY": "0.01", "SOON": "0.01", "PATIENCE": "300", "REPAIR": "0.01", "CONFIRM": "0.01", "RETRY": "100",
        "REPOSITORY": "x", "BRANCH": "env/dev", "MAIN": "main", "APPLICATIONS": "env/dev=/apis/x/applications/web-dev",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "443", **environment,
    }  # fmt: skip
    process = subprocess.Popen(["bash", SCRIPT], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not ((folder / "n").exists() and (folder / "n").read_text().strip() == str(len(heads) + 1)):
        assert time.monotonic() < end, "the script stopped asking"
        time.sleep(0.01)
    process.terminate()
    said, _ = process.communicate(timeout=10)
    told = (folder / "told").read_text() if (folder / "told").exists() else ""
    return [line for line in told.splitlines() if line.startswith("PATCH")], said.decode() + told


def test_argo_cd_is_reported_once_of_each_new_head_and_git_failing_ends_nothing(tmp_path: Path) -> None:
    told, all_of_it = heads(tmp_path, "a1", "a1", "-", "b2", "b2", "b2")
    assert told == ["PATCH /apis/x/applications/web-dev HTTP/1.0"] * 2
    assert '{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal",' in all_of_it
    assert "Argo CD was notified of b2" in all_of_it
    assert "asked again" not in all_of_it


TWO = "env/dev=/apis/x/applications/web-dev env/test=/apis/x/applications/web-test"


def rests(folder: Path, count: int, *rows: str, **environment: str) -> list[str]:
    """Return for how long the script rests first."""
    write_program(folder / "bin/sleep", f'#!/bin/sh\necho "$1" >>{folder}/rests\nexec /usr/bin/sleep 0.01\n')
    heads(folder, *rows, EVERY="3", SOON="0.5", **environment)
    return (folder / "rests").read_text().split()[:count]


def test_each_branch_is_followed_to_its_own_application(tmp_path: Path) -> None:
    rows = ["a1/m1", "a1/m1/t1", "a1/m1/t1", "a2/m2/t1", "a2/m2/t2", "a2/m2/t2"]
    told, all_of_it = heads(tmp_path, *rows, APPLICATIONS=TWO)
    asked = [line.split()[1].rpartition("/")[2] for line in told]
    assert asked == ["web-dev", "web-test", "web-dev", "web-test"], "each once, and none before its branch is there"
    assert re.findall("Argo CD was notified of (..)", all_of_it) == ["a1", "t1", "a2", "t2"]


def test_a_promotion_does_not_end_the_wait_for_a_deployment(tmp_path: Path) -> None:
    rows = ["a1/m1/t1", "a1/m2/t1", "a1/m2/t2", "a1/m2/t2", "b2/m2/t2", "b2/m2/t2"]
    assert rests(tmp_path, 5, *rows, APPLICATIONS=TWO, CONFIRM="3") == ["3", "0.5", "0.5", "0.5", "3"]


def test_a_refresh_that_argo_cd_lost_is_requested_again_until_it_names_the_commit(tmp_path: Path) -> None:
    told, all_of_it = heads(tmp_path, *["a1"] * 12, lost=3, RETRY="0")
    assert len(told) == 4
    assert all_of_it.count("Argo CD was notified of a1") == 1
    assert all_of_it.count("Argo CD has not read a1 and is asked again: HTTP/1.0 200 OK") == 3
    timestamps = re.findall(r'refresh-timestamp":"([^"]+)"', all_of_it)
    assert len(set(timestamps)) == len(told), "each request is another one"


def test_a_commit_that_argo_cd_cannot_read_is_not_asked_about_for_ever(tmp_path: Path) -> None:
    told, _ = heads(tmp_path, *["a1"] * 6, lost=100, RETRY="0", PATIENCE="-1")
    assert len(told) == 1


def test_after_a_failure_the_connection_that_the_old_key_opened_is_closed(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    write_program(tmp_path / "bin/ssh", f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\n')
    by_ssh = {"REPOSITORY": "ssh://git@github.com/acme/web.git", "GIT_SSH_COMMAND": "ssh -i /key -o ControlMaster=auto"}
    told, _ = heads(tmp_path, "a1", "-", "b2", **by_ssh)
    assert len(told) == 2
    assert (tmp_path / "asked").read_text() == "-i /key -o ControlMaster=auto -O exit ssh://git@github.com\n"


def test_what_argo_cd_was_not_reported_it_is_reported_again(tmp_path: Path) -> None:
    told, all_of_it = heads(tmp_path, "a1", "a1", "a1", answer="HTTP/1.1 403 Forbidden")
    assert len(told) == 3
    assert "Argo CD was not notified: HTTP/1.1 403 Forbidden" in all_of_it


def test_where_nobody_answers_it_is_said_why(tmp_path: Path) -> None:
    told, all_of_it = heads(tmp_path, "a1", "a1", answer="")
    assert len(told) == 2
    assert "Argo CD was not notified: Connecting to 127.0.0.1" in all_of_it


def test_once_main_has_moved_the_deployment_is_looked_for_often_until_it_is_there(tmp_path: Path) -> None:
    rows = ["a1/m1", "a1/m1", "a1/m2", "a1/m2", "b2/m2", "b2/m2"]
    assert rests(tmp_path, 6, *rows) == ["3", "3", "0.5", "0.5", "3", "3"]


def test_a_merge_that_is_not_deployed_is_not_waited_for_without_end(tmp_path: Path) -> None:
    assert rests(tmp_path, 3, "a1/m1", "a1/m2", "a1/m2", PATIENCE="0") == ["3", "3", "3"]
