"""`open` says that it leads to the service once it does, goes on leading there, and says why where it cannot."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.commands.up import open_
from installer.support.errors import DeadlinePassed, InstallerError
from installer.support.wait import until

from .programs import put_on_path

# kubectl's own words: client-go/tools/portforward and `kubectl port-forward` of 1.34
TAKEN = (
    "Unable to listen on port 8000: Listeners failed to create with the following errors: [unable to create listener: "
    "Error listen tcp4 127.0.0.1:8000: bind: address already in use]\n"
)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that a test writes."""
    put_on_path(tmp_path, monkeypatch)
    return tmp_path / "kubectl"


def does(kubectl: Path, script: str) -> None:
    kubectl.write_text(f"#!/bin/bash\n{script}\n")
    kubectl.chmod(0o755)


def project() -> Any:
    return SimpleNamespace(settings=SimpleNamespace(slug="web", namespace="web-dev"), cluster=Cluster())


def test_thousands_of_connections_do_not_stop_it(kubectl: Path, tmp_path: Path) -> None:
    does(
        kubectl,
        'echo "Forwarding from 127.0.0.1:4711 -> 80"; echo "Forwarding from [::1]:4711 -> 80"\n'
        "for n in {1..20000}; do echo 'Handling connection for 4711'; echo \"E0101 lost $n\" >&2; done\n"
        f"touch {tmp_path}/all-said; sleep 600",
    )
    with Cluster().forwarded("service/web", "web-dev", 80) as address:
        assert address == "http://127.0.0.1:4711"
        assert until((tmp_path / "all-said").exists, 60, every=0.02)


def test_it_is_said_to_lead_there_only_once_it_does(
    kubectl: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    does(kubectl, "echo 'error: services \"web\" not found' >&2; exit 1")
    with pytest.raises(InstallerError, match='cannot be reached by a port-forward: error: services "web" not found'):
        open_(project(), 8000)
    assert "leads to" not in "".join(capsys.readouterr())
    does(kubectl, 'echo "Forwarding from 127.0.0.1:8000 -> 80"; echo "error: lost connection to pod" >&2; exit 1')
    with pytest.raises(
        InstallerError, match="port-forward to service/web ended: error: lost connection to pod"
    ) as error:
        open_(project(), 8000)
    assert "run this again" in error.value.fix
    assert "http://localhost:8000/version leads to web in web-dev" in "".join(capsys.readouterr())


def test_a_port_that_is_taken_is_reported_with_the_option(kubectl: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for begun in ("", 'echo "Forwarding from [::1]:8000 -> 80"; sleep 600 &'):
        does(kubectl, f"printf '%s' {TAKEN!r} >&2\n{begun}\n[ -z '{bool(begun) or ''}' ] || wait\nexit 1")
        with pytest.raises(InstallerError) as error:
            open_(project(), 8000)
        assert error.value.message == "Port 8000 of this machine is in use."
        assert error.value.fix == "Choose another with --port."
    assert "leads to" not in "".join(capsys.readouterr())


def test_one_that_never_listens_ends_at_the_deadline(kubectl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.cluster.kubectl._LISTENS_WITHIN", 0.5)
    does(kubectl, "sleep 600 & sleep 600")
    with pytest.raises(DeadlinePassed, match="kubectl port-forward service/web"):
        open_(project(), 8000)


def test_without_a_cluster_it_says_so_and_repeats_no_line_of_kubectls_log(
    kubectl: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    refused = "dial tcp 127.0.0.1:8080: connect: connection refused"
    line = f'E1129 02:00:00 1 memcache.go:265] "Unhandled Error" err="Get \\"http://localhost:8080/api\\": {refused}"'
    last = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
    does(kubectl, f"cat >&2 <<'END'\n{line}\n{line}\n{last}\nEND\nexit 1")
    with pytest.raises(InstallerError) as error:
        open_(project(), 8000)
    assert str(tmp_path / "none") in error.value.message
    assert "memcache" not in str(error.value)
