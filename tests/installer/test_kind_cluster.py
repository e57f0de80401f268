"""kind's part of `try`: the real kind, and a docker that answers as Docker would up to the node, which it refuses."""

import os
import shutil
from pathlib import Path

import pytest

from installer.cluster import kind as edge
from installer.cluster.kind import Kind, config
from installer.support.errors import InstallerError
from tests.deployment.workspace import write_program

from .programs import Programs, put_on_path

real_kind = pytest.mark.skipif(not shutil.which("kind"), reason="no kind in PATH: go install sigs.k8s.io/kind@v0.33.0")

DOCKER = """#!/bin/sh
printf '%s\\n' "$*" >>"$(dirname "$0")/docker.calls"
case "$1 $2" in
  "-v "*) echo "Docker version 29.0.0, build x" ;;
  "info "*)
    echo '{"CgroupDriver":"systemd","CgroupVersion":"2","MemoryLimit":true,"PidsLimit":true,"CPUShares":true}' ;;
  "ps "*) ;;
  "inspect --type=image") [ ! -e "$(dirname "$0")/no-image" ] ;;
  "pull "*) echo 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host' >&2
    exit 1 ;;
  "network ls") echo 0a1b ;;
  "network inspect") echo '[{"Name":"kind","Id":"0a1b"}]' ;;
  "run "*) cat "$(dirname "$0")/refusal" >&2; exit 125 ;;
  "rm "*) ;;
  *) echo "unknown: $*" >&2; exit 64 ;;
esac
"""
TAKEN = "docker: Error response from daemon: Bind for 127.0.0.1:5001 failed: port is already allocated.\n"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    write_program(folder / "docker", DOCKER)
    (folder / "refusal").write_text(TAKEN)
    write_program(folder / "kubectl", '#!/bin/sh\nprintf "%s\\n" "$*" >>"$0.calls"\ncat "$0.current" 2>/dev/null\n')
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(edge, "_ANSWERS_WITHIN", 0.0)
    return folder


def create(lines: list[str]) -> InstallerError:
    with pytest.raises(InstallerError) as refused:
        Kind("gitops-flask").create(5001, lines.append)
    return refused.value


@real_kind
def test_kind_takes_the_configuration_and_the_registrys_port_is_open_to_this_machine_alone(docker: Path) -> None:
    lines: list[str] = []
    error = create(lines)
    (command,) = [line for line in (docker / "docker.calls").read_text().splitlines() if line.startswith("run ")]
    assert "--name gitops-flask-control-plane " in command
    assert " --publish=127.0.0.1:5001:5001/TCP " in command
    assert "kindest/node:" in command
    assert any("Preparing nodes" in line for line in lines), "what takes long is shown as it goes"
    assert error.message.startswith("kind could not create the cluster gitops-flask:\n")
    assert "port is already allocated" in error.message
    assert error.fix == "Another program listens there; give another one: registry=localhost:5002"


@real_kind
@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("mkdir /var/lib/docker/x: no space left on device", "Free some of the disk: docker system df"),
        ("something that nobody foresaw", "See what kind says, then run this again."),
    ],
)
def test_what_kind_says_is_reported_with_its_fix(docker: Path, said: str, fix: str) -> None:
    (docker / "refusal").write_text(said)
    error = create([])
    assert said in error.message
    assert error.fix == fix


@pytest.mark.slow  # kind tries four times
@real_kind
def test_a_node_image_that_cannot_be_had_is_reported(docker: Path) -> None:
    (docker / "no-image").touch()
    assert "no such host" in create([]).message


@real_kind
def test_the_persons_current_context_stays_what_it_was(docker: Path) -> None:
    (docker / "kubectl.current").write_text("production\n")
    create([])
    assert (docker / "kubectl.calls").read_text().splitlines() == [
        "config current-context",
        "config use-context production",
    ]


@real_kind
def test_kind_is_asked_for_clusters_in_words_that_it_knows(docker: Path) -> None:
    assert not Kind("gitops-flask").exists()
    Kind("gitops-flask").delete()


@real_kind
def test_a_cluster_that_was_never_made_whole_is_known(docker: Path) -> None:
    assert Kind("gitops-flask").complete() is False


def test_the_configuration_is_one_node_with_one_port() -> None:
    (node,) = config(5002)["nodes"]
    port = {"containerPort": 5002, "hostPort": 5002, "listenAddress": "127.0.0.1", "protocol": "TCP"}
    assert node == {"role": "control-plane", "extraPortMappings": [port]}


# --- a cluster that is there ----------------------------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    (tmp_path / "bin").mkdir()
    here = put_on_path(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(edge, "_ANSWERS_WITHIN", 0.0)
    here.answer("kind", "get clusters", "other\ngitops-flask\n")
    here.answer("kind", "export kubeconfig", err='Set kubectl context to "kind-gitops-flask"')
    here.answer("kubectl", "config current-context", "kind-gitops-flask\n")
    here.answer(
        "kubectl", "version", {"clientVersion": {"gitVersion": "v1.37.0"}, "serverVersion": {"gitVersion": "v1.37.0"}}
    )
    here.answer("docker", "start", "gitops-flask-control-plane\n")
    return here


def test_ours_is_known_by_its_port(programs: Programs) -> None:
    bound = {"6443/tcp": [{"HostIp": "127.0.0.1", "HostPort": "40001"}]}
    programs.answer("docker", "inspect", bound)
    assert Kind("gitops-flask").exists()
    assert Kind("gitops-flask").port() is None
    programs.answer("docker", "inspect", bound | {"5002/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5002"}]})
    assert Kind("gitops-flask").port() == 5002
    assert not Kind("gitops").exists()


def test_one_that_was_stopped_is_started_and_waited_for(programs: Programs) -> None:
    daemonset = {"kind": "DaemonSet", "metadata": {"name": "kindnet"}}
    programs.answer("kubectl", "get daemonsets.apps kindnet", daemonset)
    assert Kind("gitops-flask").complete() is True
    programs.answer("kubectl", "get daemonsets.apps kindnet", err="Error from server (NotFound): x", status=1)
    assert Kind("gitops-flask").complete() is False, "the run that made it ended before its network was there"


def test_one_that_does_not_answer_is_left_and_named(programs: Programs) -> None:
    programs.answer("kubectl", "version", err="The connection to the server 127.0.0.1:40001 was refused", status=1)
    with pytest.raises(InstallerError, match="The kind cluster gitops-flask does not answer") as error:
        Kind("gitops-flask").complete()
    assert error.value.fix.endswith("to begin anew: kind delete cluster --name gitops-flask")
