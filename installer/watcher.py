"""What makes Argo CD look at once: one small pod beside it, made of the image that it runs itself.

It asks the repository for the head of one branch, and where that is another one it sets the annotation by which Argo CD
looks now. It may patch one Application and nothing else, and reads the repository with Argo CD's own read-only key.
"""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .host_keys import CONFIG_MAP
from .kubectl import Object, Objects
from .marks import metadata
from .settings import MAIN, Settings

EVERY = 3
"""Seconds between two questions to the repository: 1200 an hour, by ssh over one connection that stays open."""
SOON = 0.5
"""Seconds between two while a delivery is on its way: from a change of main until `env/dev` has it."""
PATIENCE = 300
"""Seconds after a change of main in which its delivery is waited for: tests may fail, or somebody hold it."""
REPAIR = 10
"""Seconds of rest after something failed."""
_RBAC = "rbac.authorization.k8s.io"
SCRIPT = Path(__file__).parent / "watcher.sh"
_SSH = (
    "ssh -i /key/sshPrivateKey -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=10 "
    "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/hosts/ssh_known_hosts "
    "-o ControlMaster=auto -o ControlPath=/tmp/%C -o ControlPersist=60 -o ServerAliveInterval=10"
)
_LOGIN = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "credential.helper",
    "GIT_CONFIG_VALUE_0": '!f() { test "$1" != get || printf "username=%s\npassword=%s\n" '
    '"$(cat /key/username)" "$(cat /key/password)"; }; f',
}


@dataclass(frozen=True)
class Host:
    """The Argo CD beside which it runs: what its own reader of repositories, `repo-server`, is made of."""

    image: str = ""
    user: int | None = None
    proxies: tuple[tuple[str, str], ...] = ()
    pull_secrets: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, repo_server: Object) -> "Host":
        """Read it from the repo-server's Deployment."""
        spec = repo_server["spec"]["template"]["spec"]
        container = spec["containers"][0]
        user = (container.get("securityContext") or {}).get("runAsUser")
        literal = {each["name"]: each["value"] for each in container.get("env") or [] if each.get("value")}
        proxies = {name: value for name, value in literal.items() if name.lower().endswith("_proxy")}
        secrets = tuple(each["name"] for each in spec.get("imagePullSecrets") or [])
        user = user or (spec.get("securityContext") or {}).get("runAsUser")
        return cls(container["image"], user, tuple(sorted(proxies.items())), secrets)


def manifests(settings: Settings, name: str, host: Host) -> Objects:
    """Return what it consists of, in Argo CD's own namespace: only there the key need not be copied."""
    home, application = settings.argocd_namespace, settings.application
    labels = {"app.kubernetes.io/name": name}
    head = metadata(settings.slug, name, home)
    role = {"apiGroup": _RBAC, "kind": "Role", "name": name}
    rule = {
        "apiGroups": ["argoproj.io"], "resources": ["applications"], "resourceNames": [application], "verbs": ["patch"],
    }  # fmt: skip
    deployment = {
        "replicas": 1,
        "revisionHistoryLimit": 0,
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod(settings, name, host)},
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": head, "automountServiceAccountToken": False},
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": head, "rules": [rule]},
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": head,
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": home}],
        },
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": head, "spec": deployment},
    ]


def _pod(settings: Settings, name: str, host: Host) -> Object:
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{settings.argocd_namespace}/applications/{settings.application}"
    environment = {
        **dict(host.proxies),
        "REPOSITORY": settings.source_url,
        "BRANCH": settings.branch,
        "MAIN": MAIN,
        "HOST": urlsplit(settings.source_url).hostname or "",
        "APPLICATION": path,
        "EVERY": str(EVERY),
        "SOON": str(SOON),
        "PATIENCE": str(PATIENCE),
        "REPAIR": str(REPAIR),
        **({"GIT_SSH_COMMAND": _SSH} if settings.reads_by == "key" else {}),
        **(_LOGIN if settings.reads_by == "login" else {}),
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": "/tmp",  # noqa: S108  # in the container: all else is read-only
    }
    volumes: Objects = [
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
        {"name": "hosts", "configMap": {"name": CONFIG_MAP, "optional": True, "defaultMode": 0o444}},
        {"name": "tls", "configMap": {"name": "argocd-tls-certs-cm", "optional": True, "defaultMode": 0o444}},
    ]
    if settings.reads_by:
        volumes.append({"name": "key", "secret": {"secretName": f"{settings.slug}-repo", "defaultMode": 0o444}})
    fresh = "test $(($(date +%s) - $(stat -c %Y /tmp/read))) -lt 90"
    container = {
        "name": "watcher",
        "image": host.image,
        "command": ["bash", "-c", SCRIPT.read_text(encoding="utf-8")],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        # `up` waits for its first look, of which the other probe would tell ten seconds later
        "startupProbe": {"exec": {"command": ["bash", "-c", fresh]}, "periodSeconds": 1, "failureThreshold": 3600},
        "readinessProbe": {"exec": {"command": ["bash", "-c", fresh]}, "periodSeconds": 10, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes],
    }
    return {
        "serviceAccountName": name,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
            **({"runAsUser": host.user} if host.user else {}),
        },
        **({"imagePullSecrets": [{"name": each} for each in host.pull_secrets]} if host.pull_secrets else {}),
        "containers": [container],
        "volumes": volumes,
    }
