"""The reporter: one small pod beside Argo CD that tells GitHub what became of each delivery, though nobody asks.

It runs this package's own modules, so that `status` and it judge alike: given by a ConfigMap to an image that has
Python and openssl, and never to the service's own, which every merge can change. Argo CD's own image has no Python.
"""

import hashlib
from pathlib import Path

from .beside import Host, Pod, fresh, memory, variables
from .github_rest import api_url
from .manifest import Object, Objects
from .marks import metadata
from .settings import Settings

MODULES = (
    *("errors", "secret", "wait", "manifest", "reading", "answers", "synced", "running_image", "troubles", "verdict"),
    *("deployments", "closing", "way_in", "rate_limit", "http_client", "plain_text", "in_cluster", "believing"),
    *("app_login", "app_github", "reporting"),
)
"""What it is made of: nothing but these and the standard library."""
_USER = 65534
_AUTHORITY = "authority.pem"
_CODE = Path(__file__).parent


def manifests(settings: Settings, name: str, secret: str, host: Host) -> Objects:
    """Return what it consists of; `secret` holds the App's number and key, in Argo CD's namespace as it is itself."""
    pod = Pod(settings, name, settings.argocd_namespace)
    code = {f"{module}.py": (_CODE / f"{module}.py").read_text(encoding="utf-8") for module in MODULES}
    data = {"__init__.py": '"""The reporter."""\n', **code, **({_AUTHORITY: settings.ca} if settings.ca else {})}
    items = [{"key": key, "path": key if key == _AUTHORITY else f"reporter/{key}"} for key in data]
    application = {
        "apiGroups": ["argoproj.io"], "resources": ["applications"], "resourceNames": [settings.application],
        "verbs": ["get"],
    }  # fmt: skip
    volumes: Objects = [
        memory("tmp"),
        {"name": "code", "configMap": {"name": name, "items": items, "defaultMode": 0o444}},
        {"name": "app", "secret": {"secretName": secret, "defaultMode": 0o444}},
    ]
    noted = {"gitops-flask/code": hashlib.sha256("".join(data.values()).encode()).hexdigest()[:16]}
    return [
        pod.account(),
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(settings, name, pod.home), "data": data},
        *pod.rights(pod.home, application),
        *pod.rights(settings.namespace, *_looks(settings.slug)),
        pod.deployment(host, _container(settings, host), volumes, user=_USER, noted=noted),
    ]


def _looks(slug: str) -> Objects:
    """Return what it may do in the service's namespace: look at pods and ask them, and find the service's address."""
    return [
        {"apiGroups": [""], "resources": ["pods", "events"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["services"], "resourceNames": [slug], "verbs": ["get"]},
        {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses"], "resourceNames": [slug], "verbs": ["get"]},
    ]


def _container(settings: Settings, host: Host) -> Object:
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{settings.argocd_namespace}/applications/{settings.application}"
    environment = {
        **dict(host.proxies),
        "PYTHONPATH": "/code",
        "PYTHONDONTWRITEBYTECODE": "1",
        "API": api_url(settings.host),
        "GITHUB": settings.host,
        "REPOSITORY": settings.repository,
        "ENVIRONMENT": settings.environment,
        "BRANCH": settings.branch,
        "APPLICATION": path,
        "NAMESPACE": settings.namespace,
        "SLUG": settings.slug,
        "APP": "/app",
        "MARK": "/tmp/looked",  # noqa: S108  # in the container: all else is read-only
        **({"AUTHORITY": f"/code/{_AUTHORITY}"} if settings.ca else {}),
    }
    return {
        "name": "reporter",
        "image": settings.reporter_image,
        "command": ["python", "-m", "reporter.reporting"],
        "env": variables(environment),
        **fresh("/tmp/looked", 120),  # noqa: S108  # likewise
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "96Mi"}},
    }
