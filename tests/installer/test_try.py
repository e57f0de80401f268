"""`try` up to the point where `up` takes over: programs, Docker, the cluster, the project; what is refused, and why."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer.cluster import kind as kind_edge
from installer.commands import programs as fetching
from installer.commands import try_
from installer.config.settings_file import load
from installer.preflight.tools import OLDEST, numbers
from installer.project.project import Project
from installer.support import resume_command
from installer.support.errors import InstallerError

from .clones import git
from .programs import Programs, put_on_path
from .shells import export

taken_by = try_._taken_by
Try = Callable[..., None]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A laptop with everything, and no cluster yet."""
    (tmp_path / "bin").mkdir()
    here = put_on_path(tmp_path / "bin", monkeypatch)
    here.answer("docker", "info", "8000000000\n")
    here.answer("kind", "version", "kind v0.33.0 go1.26.8 linux/amd64\n")
    here.answer("kind", "get clusters")
    here.answer("kind", "create cluster", " • Preparing nodes\n")
    here.answer("kind", "delete cluster")
    here.answer("kind", "export kubeconfig")
    here.answer("kubectl", "version --client", "Client Version: v1.37.0\n")
    here.answer("kubectl", "config current-context", "kind-gitops-flask\n")
    versions = {"clientVersion": {"gitVersion": "v1.37.0"}, "serverVersion": {"gitVersion": "v1.37.0"}}
    here.answer("kubectl", "version --output=json", versions)
    here.answer("kubectl", ["version", "--output=json", "--context=kind-gitops-flask"], versions)
    here.answer("helm", "version", "v4.3.0")
    here.answer("argocd", "version", "argocd: v3.5.3\n")
    here.answer("docker", "start")
    export(monkeypatch, {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "NO_COLOR": "1"})
    monkeypatch.setattr(kind_edge, "_ANSWERS_WITHIN", 0.0)
    monkeypatch.setattr(try_, "_taken_by", lambda _: "")
    monkeypatch.chdir(tmp_path)
    return here


@pytest.fixture
def ups(monkeypatch: pytest.MonkeyPatch) -> list[Project]:
    """The projects that `up` was run on."""
    found: list[Project] = []

    def up(project: Project, *, yes: bool) -> None:
        assert yes
        found.append(project)

    monkeypatch.setattr(try_, "up", up)
    return found


@pytest.fixture
def attempt(machine: Programs, tmp_path: Path) -> Try:
    def attempt(*answers: str, **options: object) -> None:
        given = {"context": None, "confirmed": None, "cluster": "gitops-flask", "fetch_tools": False, "yes": True}
        pairs = dict(each.split("=", 1) for each in answers)
        try_.try_(tmp_path, pairs, **{**given, **options})  # type: ignore[arg-type]

    return attempt


def refusal(attempt: Try, *answers: str, **options: object) -> InstallerError:
    with pytest.raises(InstallerError) as refused:
        attempt(*answers, **options)
    return refused.value


def calls(machine: Programs, program: str) -> list[str]:
    return [" ".join(call["arguments"]) for call in machine.calls(program)]


def test_from_nothing_there_is_a_cluster_a_project_of_this_machine_and_what_to_do_next(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attempt()
    (project,) = ups
    settings = project.settings
    assert (settings.slug, settings.scm, settings.ci) == ("hello-api", "local", "local")
    assert (settings.context, settings.kind_cluster) == ("kind-gitops-flask", "gitops-flask")
    assert settings.source_url == "git://hello-api-git.argocd.svc:9418/local/hello-api.git"
    assert settings.image_repository == "localhost:5001/local/hello-api"
    assert settings.registry_in_cluster
    assert not settings.image_private
    subjects = git(tmp_path / "hello-api", "log", "--format=%s").splitlines()
    assert subjects == ["Try it on this machine alone", "Generated"], "the template's render is a commit of its own"
    assert git(tmp_path / "hello-api", "status", "--short") == ""
    (create,) = [call for call in calls(machine, "kind") if call.startswith("create")]
    assert create.startswith("create cluster --name gitops-flask --config ")
    said = capsys.readouterr().out
    assert "This makes, and needs no account for it: a kind cluster, gitops-flask; Argo CD, a git server" in said
    for word in ("open", "deploy", "rollback", "down", "gitops-flask new"):
        assert word in said.partition("\nNext:\n")[2]


def test_run_again_it_goes_on_with_the_project_that_is_there_from_outside_and_from_inside(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt()
    there(machine, 5001)
    machine.answer("kubectl", "get daemonsets.apps kindnet", {"kind": "DaemonSet", "metadata": {"name": "kindnet"}})
    attempt()
    monkeypatch.chdir(tmp_path / "hello-api" / "src")
    attempt()
    assert [project.folder.resolve() for project in ups] == [tmp_path / "hello-api"] * 3
    assert changed(machine) == ["create cluster --name gitops-flask"]
    assert git(tmp_path / "hello-api", "rev-list", "--count", "HEAD") == "2"


def test_other_answers_are_taken_and_a_second_project_is_in_the_same_cluster(
    attempt: Try, ups: list[Project], tmp_path: Path
) -> None:
    attempt()
    for _ in range(2):  # run again, it goes on
        attempt("project_name=Orders", "registry=localhost:5001", "owner=acme")
    assert [project.settings.slug for project in ups] == ["hello-api", "orders", "orders"]
    assert ups[1].settings.repository == "acme/orders"
    assert ups[1].settings.kind_cluster == "gitops-flask"
    assert load(tmp_path / "orders").local


def test_a_folder_of_that_name_that_is_no_such_project_is_left(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path
) -> None:
    (tmp_path / "hello-api").mkdir()
    assert "hello-api is there already" in refusal(attempt).message
    assert calls(machine, "kind") == []
    assert ups == []


def test_an_answer_that_cannot_be_used_is_the_first_thing_that_is_reported_and_nothing_is_resumed(
    attempt: Try, machine: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume_command.this_run, "resume", "")
    only(tmp_path, monkeypatch, "sh", "cat")
    for answer, reported in {
        "nme=x": "nme: is not a question.",
        "owner=a b": "owner: 'a b' cannot be used. Write ",
        "project_name=null": "project_slug: YAML knows 'null' as something else.",
        "registry=localhost:70000": "registry: there is no port 70000.",
    }.items():
        assert refusal(attempt, answer).message.startswith(f"No project was written.\n- {reported}")
    assert resume_command.this_run.resume == ""
    assert machine.calls("docker") == []


# --- programs --------------------------------------------------------------------------------------


def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Leave these programs on PATH, and git."""
    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("git", *names):
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))


def test_all_that_is_missing_is_listed_together_with_ways_to_get_it(
    attempt: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(tmp_path, monkeypatch, "docker", "kubectl", "sh", "cat")
    monkeypatch.setattr(sys, "argv", ["gitops-flask", "try"])
    error = refusal(attempt)
    said = capsys.readouterr().out
    assert "- kind: not installed; it makes the cluster\n- helm: not installed; it installs Argo CD" in said
    assert "- argocd: not installed" in said
    assert "kubectl: " not in said
    assert "  kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation\n  helm: https://" in said
    assert "brew" not in said
    assert error.message == "Programs are missing. Nothing was changed."
    assert error.fix.endswith("--fetch-tools")


def test_brew_is_named_on_macos_and_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(tmp_path, monkeypatch)
    assert try_._ways(["kind"]) == ["kind: https://kind.sigs.k8s.io/docs/user/quick-start/#installation"]
    monkeypatch.setattr("installer.commands.try_.sys.platform", "darwin")
    assert try_._ways(["docker", "kind"]) == ["brew install docker kind"]
    monkeypatch.setattr("installer.commands.try_.sys.platform", "linux")
    (tmp_path / "few/brew").write_text("#!/bin/sh\n")
    (tmp_path / "few/brew").chmod(0o755)
    assert try_._ways(["kind", "helm"]) == ["brew install kind helm"]


def test_what_is_fetched_is_what_was_missing(
    attempt: Try, ups: list[Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.environ["PATH"]
    only(tmp_path, monkeypatch, "docker", "kubectl", "sh", "cat")
    fetched: list[str] = []

    def fetch(names: list[str], _: object) -> None:
        fetched.extend(names)
        monkeypatch.setenv("PATH", whole)

    monkeypatch.setattr(fetching, "fetch", fetch)
    attempt(fetch_tools=True)
    assert fetched == ["kind", "helm", "argocd"]
    assert len(ups) == 1


def test_docker_is_nothing_that_is_fetched(
    attempt: Try, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only(tmp_path, monkeypatch, "kubectl", "sh", "cat")
    error = refusal(attempt, fetch_tools=True)
    assert error.message == "docker must be installed first. Nothing was changed."
    assert "apt install docker.io docker-buildx" in error.fix + capsys.readouterr().out


def test_a_program_that_is_too_old_counts_as_missing(
    attempt: Try, machine: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.answer("kind", "version", "kind v0.26.0 go1.23 linux/amd64\n")
    refusal(attempt)
    assert "- kind: too old, 0.26; 0.27 is the oldest that works" in capsys.readouterr().out


def test_in_a_context_no_kind_is_needed(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context(machine, "docker-desktop", "https://kubernetes.docker.internal:6443")
    machine.answer("kind", "version", "kind v0.1.0\n")
    attempt(context="docker-desktop")
    assert calls(machine, "kind") == []
    assert (ups[0].settings.context, ups[0].settings.kind_cluster) == ("docker-desktop", "")
    assert "cluster: " not in (tmp_path / "hello-api/gitops.yaml").read_text().partition("\nlocal:\n")[2]


def test_what_is_pinned_is_new_enough() -> None:
    for name, release in fetching.RELEASES.items():
        oldest = OLDEST[name][0]
        found = numbers(release.version)
        assert found is not None
        assert found >= oldest


# --- Docker ---------------------------------------------------------------------------------------


def test_a_docker_that_does_not_run_is_told_before_anything_is_made(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path
) -> None:
    said = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock"
    machine.answer("docker", "info", err=f"{said}. Is the docker daemon running?\n", status=1)
    error = refusal(attempt)
    assert error.message == f"Docker does not run: {said}. Nothing was changed."
    assert not (tmp_path / "hello-api").exists()
    assert ups == []


def test_too_little_memory_is_told_and_is_another_clusters_own_business(
    attempt: Try, machine: Programs, ups: list[Project]
) -> None:
    machine.answer("docker", "info", "2000000000\n")
    assert refusal(attempt).message.startswith("Docker has 2.0 GB of memory, and the cluster takes about 3.5.")
    context(machine, "minikube", "https://127.0.0.1:8443")
    attempt(context="minikube")
    assert len(ups) == 1


def test_native_windows_is_refused_with_a_line(attempt: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.commands.try_.sys.platform", "win32")
    assert refusal(attempt).fix == "Run this in WSL 2, with Docker Desktop."


# --- the cluster ----------------------------------------------------------------------------------


def context(machine: Programs, name: str, server: str) -> None:
    view = {"current-context": name, "clusters": [{"cluster": {"server": server}}]}
    machine.answer("kubectl", "config view", view)
    machine.answer(
        "kubectl", ["version", "--output=json"], {"clientVersion": {}, "serverVersion": {"gitVersion": "v1.34.0"}}
    )
    machine.answer("kubectl", "get deployments.apps", err="Error from server (NotFound): x", status=1)
    machine.answer("kubectl", "get pods", {"items": []})


def test_a_cluster_that_is_not_on_this_machine_is_asked_for_by_its_name(
    attempt: Try, machine: Programs, ups: list[Project]
) -> None:
    context(machine, "prod", "https://api.example.com:6443")
    error = refusal(attempt, context="prod")
    assert (
        error.message
        == "Nothing was changed: the cluster of prod is at https://api.example.com:6443, which is not on this machine."
    )
    assert error.fix.endswith("--confirm-context prod")
    assert refusal(attempt, context="prod", confirmed="staging").fix == error.fix
    assert ups == []
    attempt(context="prod", confirmed="prod")
    assert ups[0].settings.context == "prod"


@pytest.mark.parametrize(
    "server", ["https://127.0.0.1:6443", "https://[::1]:6443", "https://localhost:1", "https://0.0.0.0:6443"]
)
def test_a_cluster_on_this_machine_is_known(attempt: Try, machine: Programs, ups: list[Project], server: str) -> None:
    context(machine, "k3d-dev", server)
    attempt(context="k3d-dev")
    assert len(ups) == 1


def there(machine: Programs, port: int) -> None:
    """Let there be a kind cluster of that name, with one port that leads to this machine."""
    machine.answer("kind", "get clusters", "gitops-flask\n")
    machine.answer("docker", "inspect", {f"{port}/tcp": [{"HostPort": f"{port}"}]})


def changed(machine: Programs) -> list[str]:
    """Return how kind was told to make or delete a cluster."""
    return [call.partition(" --config")[0] for call in calls(machine, "kind") if call.startswith(("create", "delete"))]


def test_a_kind_cluster_of_that_name_that_is_not_ours_is_left(
    attempt: Try, machine: Programs, ups: list[Project]
) -> None:
    there(machine, 6443)
    error = refusal(attempt)
    assert error.message.startswith("There is a kind cluster gitops-flask that leads no port to a registry")
    assert error.fix == "Give another name: --cluster NAME"
    assert changed(machine) == []


def test_one_with_another_port_names_it(attempt: Try, machine: Programs) -> None:
    there(machine, 5007)
    assert refusal(attempt).fix == "Give that: registry=localhost:5007"


def test_one_that_was_not_made_to_its_end_is_made_anew(attempt: Try, machine: Programs, ups: list[Project]) -> None:
    there(machine, 5001)
    machine.answer("kind", "export kubeconfig", err="ERROR: could not find admin.conf", status=1)
    attempt()
    assert changed(machine) == ["delete cluster --name gitops-flask", "create cluster --name gitops-flask"]


def test_a_port_that_is_taken_is_named_with_its_program(machine: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.answer("lsof", "-nP", "p812\ncControlCe\nf9\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert taken_by(port) == "ControlCe (process 812)"
        machine.answer("lsof", "-nP", status=1)
        assert taken_by(port) == "another program"
    assert taken_by(port) == ""


def test_the_port_in_the_way_stops_before_a_cluster_is_made(
    attempt: Try, machine: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_, "_taken_by", lambda port: f"ControlCenter (process {port})")
    error = refusal(attempt)
    assert error.message == "Port 5001 of this machine is in use by ControlCenter (process 5001). Nothing was changed."
    assert error.fix == "End it, or take another port: registry=localhost:5002"
    assert changed(machine) == []


def test_another_port_is_that_of_registry_and_cluster_alike(
    attempt: Try, ups: list[Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    ports: list[int] = []
    monkeypatch.setattr("installer.cluster.kind.Kind.create", lambda _, port, say: ports.append(port))
    attempt("registry=localhost:5009")
    assert ports == [5009]
    assert ups[0].settings.registry == "localhost:5009"


# --- the registry's port in a cluster that is there -------------------------------------------------


def shared_registry(port: int) -> dict[str, Any]:
    container = {"name": "registry", "ports": [{"containerPort": 5000, "hostPort": port}]}
    head = {"name": "gitops-flask-registry", "labels": {"gitops-flask/shared": "registry"}}
    return {"kind": "Deployment", "metadata": head, "spec": {"template": {"spec": {"containers": [container]}}}}


def nothing_was_written(ups: list[Project], folder: Path) -> bool:
    return ups == [] and not list(folder.glob("*/gitops.yaml"))


@pytest.mark.parametrize(
    ("port", "owner"),
    [
        (10250, "in use by the kubelet"),
        (10256, "in use by Kubernetes"),
        (6443, "in use by the API server"),
        (2379, "in use by etcd"),
        (443, "the system's, as all below 1024"),
    ],
)
def test_a_port_by_which_the_node_works_is_refused_in_any_cluster(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, port: int, owner: str
) -> None:
    context(machine, "prod", "https://api.example.com:6443")
    for options in ({"context": "prod", "confirmed": "prod"}, {}):
        error = refusal(attempt, f"registry=localhost:{port}", **options)
        assert error.message == f"Port {port} of the node is {owner}. Nothing was changed."
        assert error.fix == "Take another port: registry=localhost:5001"
    assert changed(machine) == []
    assert nothing_was_written(ups, tmp_path)


def test_a_port_that_a_pod_of_the_cluster_has_is_refused_with_its_name(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path
) -> None:
    context(machine, "k3d-dev", "https://127.0.0.1:6443")
    container = {"name": "x", "ports": [{"containerPort": 80}, {"containerPort": 443, "hostPort": 5001}]}
    head = {"name": "ingress-1", "namespace": "ingress"}
    machine.answer("kubectl", "get pods", {"items": [{"metadata": head, "spec": {"containers": [container]}}]})
    error = refusal(attempt, context="k3d-dev")
    assert (
        error.message == "Port 5001 of the node is in use by pod ingress-1 in namespace ingress. Nothing was changed."
    )
    assert error.fix == "Take another port: registry=localhost:5002"
    assert nothing_was_written(ups, tmp_path)
    attempt("registry=localhost:5002", context="k3d-dev")
    assert ups[0].settings.registry == "localhost:5002"


def test_a_port_of_this_machine_counts_where_the_cluster_is_on_it(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_, "_taken_by", lambda _: "python3 (process 7)")
    context(machine, "k3d-dev", "https://127.0.0.1:6443")
    error = refusal(attempt, context="k3d-dev")
    assert error.message == "Port 5001 of this machine is in use by python3 (process 7). Nothing was changed."
    assert error.fix == "End it, or take another port: registry=localhost:5002"
    assert nothing_was_written(ups, tmp_path)
    attempt("registry=registry.example.com", "registry_account=acme", context="k3d-dev")
    context(machine, "prod", "https://api.example.com:6443")
    attempt("project_name=Orders", context="prod", confirmed="prod")
    assert len(ups) == 2


def test_the_registry_that_is_there_keeps_its_port_and_a_second_project_takes_that(
    attempt: Try, machine: Programs, ups: list[Project], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(try_, "_taken_by", lambda _: "the registry itself")
    context(machine, "k3d-dev", "https://127.0.0.1:6443")
    machine.answer("kubectl", "get deployments.apps gitops-flask-registry", shared_registry(5001))
    error = refusal(attempt, "registry=localhost:38999", context="k3d-dev")
    what = "The projects in this cluster share the registry localhost:5001, not localhost:38999. Nothing was changed."
    assert (error.message, error.fix) == (what, "Give that: registry=localhost:5001")
    assert nothing_was_written(ups, tmp_path)
    attempt("registry=localhost:5001", context="k3d-dev")
    assert len(ups) == 1
