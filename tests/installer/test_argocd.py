import json
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from installer.cluster.argocd import ArgoCD, message
from installer.cluster.kubectl import Cluster
from installer.support.errors import CommandFailed
from installer.support.process import Result

from .programs import VIEW, Programs, put_on_path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    programs = put_on_path(tmp_path, monkeypatch)
    monkeypatch.setenv("KUBECONFIG", f"/one{os.pathsep}/two")
    programs.answer("kubectl", "config view", out=VIEW)
    programs.answer("argocd", "")
    programs.answer("kubectl", "get", {"items": []})
    return programs


def test_the_cli_gets_one_private_kubeconfig_with_argo_cds_namespace(programs: Programs) -> None:
    ArgoCD(Cluster(), "argocd").refresh("web-dev")
    (call,) = programs.calls("argocd")
    assert json.loads(call["kubeconfig"])["contexts"][0]["context"]["namespace"] == "argocd"
    assert call["environment"]["ARGOCD_CONFIG_DIR"].startswith(str(Path(call["environment"]["KUBECONFIG"]).parent))
    assert {"--core", "--prompts-enabled=false", "--refresh"} < set(call["arguments"])


def test_the_cli_is_reported_what_an_operator_calls_the_parts(programs: Programs) -> None:
    labels = {"app.kubernetes.io/component": "redis", "app.kubernetes.io/name": "openshift-gitops-redis"}
    part = {"kind": "Deployment", "metadata": {"name": "r", "namespace": "openshift-gitops", "labels": labels}}
    programs.answer("kubectl", "get", {"items": [part]})
    argocd = ArgoCD(Cluster(), "openshift-gitops")
    argocd.refresh("web-dev")
    argocd.refresh("web-dev")
    assert [c["environment"]["ARGOCD_REDIS_NAME"] for c in programs.calls("argocd")] == ["openshift-gitops-redis"] * 2
    assert len(programs.calls("kubectl", "deployments,statefulsets")) == 1


@pytest.mark.parametrize(("kind", "noun"), [("Application", "app"), ("AppProject", "proj")])
def test_a_manifest_is_written_whole(programs: Programs, kind: str, noun: str) -> None:
    ArgoCD(Cluster(), "argocd").remove_foreign_fields({"kind": kind, "spec": {}})
    (call,) = programs.calls("argocd")
    assert call["arguments"][:4] == [noun, "create", "--file=-", "--upsert"]
    assert json.loads(call["stdin"])["kind"] == kind


def test_an_application_is_let_go_without_what_it_deployed(programs: Programs) -> None:
    ArgoCD(Cluster(), "argocd").let_go("web-dev")
    (call,) = programs.calls("argocd")
    assert call["arguments"][:3] == ["app", "delete", "web-dev"]
    assert {"--cascade=false", "--yes"} < set(call["arguments"])


def test_a_failure_is_reported_by_its_sentence(programs: Programs) -> None:
    said = '{"level":"fatal","msg":"rpc error: code = NotFound desc = application not found","time":"x"}'
    programs.answer("argocd", "app delete", err=said, status=20)
    with pytest.raises(CommandFailed, match="application not found") as caught:
        ArgoCD(Cluster(), "argocd").delete_application("web-dev")
    assert '"level"' not in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_port_that_another_program_took_meanwhile_is_no_failure(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    taken = '{"level":"fatal","msg":"failed to listen: listen tcp 127.0.0.1:43531: bind: address already in use"}'
    answers = [Result(20, "", taken)] * times
    monkeypatch.setattr(
        "installer.cluster.argocd.attempt", lambda *_, **__: answers.pop() if answers else Result(0, "", "")
    )
    with nullcontext() if times < 3 else pytest.raises(CommandFailed, match="address already in use"):
        ArgoCD(Cluster(), "argocd").delete_application("web-dev")
    assert answers == []


def test_a_message_that_is_no_json_stays_as_it_is() -> None:
    assert message("panic: oh") == "panic: oh"
    assert message('{"level":"info","msg":"hello"}') == '{"level":"info","msg":"hello"}'
