"""What an Argo CD in a cluster looks like, in parts."""

from typing import Any

from installer.resources.sidecar import SidecarTemplate

ONE = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}


def component(name: str, namespace: str = "argocd", image: str = "", **more: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/component": name, "app.kubernetes.io/part-of": "argocd", **more.get("labels", {})}
    pod = {"spec": {"containers": [{"image": image or "quay.io/argoproj/argocd:v3.4.4"}]}}
    return {
        "metadata": {"name": f"argocd-{name}", "namespace": namespace, "labels": labels, "generation": 2},
        "spec": {"replicas": 1, "template": pod},
        "status": more.get(
            "status", {**dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), 1), "observedGeneration": 2}
        ),
    }


WORKING = [component(name) for name in ("application-controller", "redis", "repo-server", "server")]


def knowing(*hosts: str) -> dict[tuple[str, str], dict[str, Any]]:
    text = "\n".join(f"{host} ssh-ed25519 AAAA" for host in hosts)
    return {("configmap", "argocd-ssh-known-hosts-cm"): {"data": {"ssh_known_hosts": text}}}


HOST = SidecarTemplate("registry.example.com/argocd:v3.5.3", 999, (("HTTPS_PROXY", "http://proxy:3128"),), ("ours",))
