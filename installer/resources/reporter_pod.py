"""The reporter: a small pod in Argo CD's namespace that reports the status of each deployment to GitHub by itself.

It runs this package's own modules, so that `status` and it judge alike: given by a ConfigMap to an image that has
Python and openssl, and never to the service's own, which every merge can change. Argo CD's own image has no Python.
"""

import hashlib
from pathlib import Path

from ..cluster.objects import metadata
from ..config.settings import Settings
from ..forges.github.api import api_url
from ..support.errors import Object, Objects
from .sidecar import Pod, SidecarTemplate, fresh, memory, variables

MODULES = (
    *("support/errors", "support/secret", "support/wait", "support/http_client"),
    *("support/plain_text", "cluster/pod_answers", "cluster/service_address", "cluster/workloads"),
    "forges/github/app_client",
    *("status/service", "status/deployment_status", "status/github_deployments", "status/reporter_main"),
)
"""What it is made of: nothing but these and the standard library."""
_USER = 65534
_AUTHORITY = "authority.pem"
_CODE = Path(__file__).parents[1]


def manifests(settings: Settings, name: str, secret: str, template: SidecarTemplate) -> Objects:
    """Return what it consists of; `secret` holds the App's number and key, in Argo CD's namespace as it is itself."""
    pod = Pod(settings, name, settings.argocd_namespace)
    packages = {parent.as_posix() for each in MODULES for parent in Path("reporter", each).parents} - {"."}
    code = {f"{package}/__init__.py": "" for package in sorted(packages)}
    code |= {f"reporter/{each}.py": (_CODE / f"{each}.py").read_text(encoding="utf-8") for each in MODULES}
    files = {**code, **({_AUTHORITY: settings.ca} if settings.ca else {})}
    data = {path.replace("/", "."): text for path, text in files.items()}  # a key of a ConfigMap holds no slash
    items = [{"key": path.replace("/", "."), "path": path} for path in files]
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
        pod.deployment(template, _container(settings, template), volumes, user=_USER, noted=noted),
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


def _container(settings: Settings, template: SidecarTemplate) -> Object:
    environment = {
        **dict(template.proxies),
        "PYTHONPATH": "/code",
        "PYTHONDONTWRITEBYTECODE": "1",
        "API": api_url(settings.host),
        "GITHUB": settings.host,
        "REPOSITORY": settings.repository,
        "ENVIRONMENT": settings.environment,
        "BRANCH": settings.branch,
        "APPLICATION": settings.application,
        "ARGOCD_NAMESPACE": settings.argocd_namespace,
        "NAMESPACE": settings.namespace,
        "SLUG": settings.slug,
        "APP": "/app",
        "MARK": "/tmp/looked",  # noqa: S108  # in the container: all else is read-only
        **({"AUTHORITY": f"/code/{_AUTHORITY}"} if settings.ca else {}),
    }
    return {
        "name": "reporter",
        "image": settings.reporter_image,
        "command": ["python", "-m", "reporter.status.reporter_main"],
        "env": variables(environment),
        **fresh("/tmp/looked", 120),  # noqa: S108  # likewise
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "96Mi"}},
    }
