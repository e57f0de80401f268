"""What makes Argo CD look at once: one small pod beside it, made of the image that it runs itself.

It asks the repository for the head of one branch, and where that is another one it sets the annotation by which Argo CD
looks now. It may read and patch one Application and nothing else. It reads the repository with Argo CD's own read-only
key.
"""

from pathlib import Path
from urllib.parse import urlsplit

from ..cluster.host_keys import CONFIG_MAP
from ..cluster.sidecar_pods import Pod, SidecarTemplate, fresh, memory, variables
from ..config.settings import MAIN, Settings
from ..support.parsing import Object, Objects

EVERY = 2
"""Seconds between two questions to the repository: 1800 an hour, by ssh over one connection that stays open."""
SOON = 0.3
"""Seconds between two while a deployment is on its way: from a change of main until `env/dev` has it."""
PATIENCE = 300
"""Seconds after a change of main in which its deployment is waited for: tests may fail, or somebody hold it."""
REPAIR = 10
"""Seconds of rest after something failed."""
CONFIRM = 1
"""Seconds between two questions whether Argo CD has read the commit that it was notified of."""
RETRY = 2
"""Seconds until it is notified again of a commit that it has not read; each time they double, up to PATIENCE."""
_KEY = "gitops-flask/key"
SCRIPT = Path(__file__).parent / "watcher.sh"
_SSH = (
    "ssh -i /key/sshPrivateKey -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=10 "
    "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/hosts/ssh_known_hosts "
    "-o ControlMaster=auto -o ControlPath=/tmp/%C -o ControlPersist=60 -o ServerAliveInterval=10"
)
_HELPER = (
    '!f() { test "$1" != get || printf "username=%s\npassword=%s\n" "$(cat /key/username)" "$(cat /key/password)"; }; f'
)


def manifests(settings: Settings, name: str, template: SidecarTemplate, key: str = "") -> Objects:
    """Return what it consists of, in Argo CD's own namespace: only there the key need not be copied.

    `key` identifies a version of that key: with another one the pod starts anew, instead of reading with the old
    one for a minute.
    """
    pod = Pod(settings, name, settings.argocd_namespace)
    rule = {
        "apiGroups": ["argoproj.io"], "resources": ["applications"], "resourceNames": [settings.application],
        "verbs": ["get", "patch"],
    }  # fmt: skip
    volumes: Objects = [
        memory("tmp"),
        {"name": "hosts", "configMap": {"name": CONFIG_MAP, "optional": True, "defaultMode": 0o444}},
        {"name": "tls", "configMap": {"name": "argocd-tls-certs-cm", "optional": True, "defaultMode": 0o444}},
    ]
    if settings.reads_by:
        volumes.append({"name": "key", "secret": {"secretName": f"{settings.slug}-repo", "defaultMode": 0o444}})
    noted = {_KEY: key} if key else None
    deployment = pod.deployment(template, _container(settings, template), volumes, user=template.user, noted=noted)
    return [pod.account(), *pod.rights(pod.home, rule), deployment]


def _container(settings: Settings, template: SidecarTemplate) -> Object:
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{settings.argocd_namespace}/applications/{settings.application}"
    environment = {
        **dict(template.proxies),
        "REPOSITORY": settings.source_url,
        "BRANCH": settings.branch,
        "MAIN": MAIN,
        "HOST": urlsplit(settings.source_url).hostname or "",
        "APPLICATION": path,
        "EVERY": str(EVERY),
        "SOON": str(SOON),
        "PATIENCE": str(PATIENCE),
        "REPAIR": str(REPAIR),
        "CONFIRM": str(CONFIRM),
        "RETRY": str(RETRY),
        **({"GIT_SSH_COMMAND": _SSH} if settings.reads_by == "key" else {}),
        **(_login(settings.source_url) if settings.reads_by == "login" else {}),
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": "/tmp",  # noqa: S108  # in the container: all else is read-only
    }
    return {
        "name": "watcher",
        "image": template.image,
        "command": ["bash", "-c", SCRIPT.read_text(encoding="utf-8")],
        "env": variables(environment),
        **fresh("/tmp/read", 90),  # noqa: S108  # likewise
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
    }


def _login(source: str) -> dict[str, str]:
    """Return what lets git log in where the repository is, and nowhere that its server may lead to."""
    there = urlsplit(source)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"credential.{there.scheme}://{there.netloc}.helper",
        "GIT_CONFIG_VALUE_0": _HELPER,
    }
