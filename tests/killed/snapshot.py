"""What is there at the end, object by object, without what differs between two undisturbed runs too."""

import base64
import json
import subprocess
from collections.abc import Mapping
from typing import Any

from installer.forges.base import fingerprint, fingerprint_of_private
from installer.support.secret import Secret
from tests.github import GitHub

NOISE = (
    *("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "status"),
    *("deployment.kubernetes.io/revision", "clusterIP", "clusterIPs"),
    "gitops-flask/key",  # a Secret's resourceVersion
    *(f"argocd.argoproj.io/{each}" for each in ("refresh", "refresh-timestamp", "hydrate")),  # removed after a look
)
Tree = dict[str, Any]


def of_github(github: GitHub, full_name: str, token: str) -> Tree:
    """Describe a repository: settings, variables, names of secrets, keys, rulesets, branches, and what they hold."""
    repository = github.repositories.get(full_name)
    if repository is None:
        return {"repository": None}
    variables = {name: stored.value for name, stored in repository.variables.items()}
    noted = variables.pop("REGISTRY_TOKEN_FINGERPRINT", "")
    pushes = variables.pop("DEPLOY_KEY_FINGERPRINT", "")
    kept = [each.secrets["DEPLOY_KEY"] for each in repository.environments.values() if "DEPLOY_KEY" in each.secrets]
    return {
        "settings": {
            "private": repository.private,
            "description": repository.description,
            "default branch": repository.default_branch,
            **repository.settings,
        },
        "variables": variables,
        "fingerprint fits": bool(noted) and Secret(token).matches(noted),
        "the key that pushes fits": bool(pushes)
        and [pushes] == [fingerprint_of_private(Secret(each.value)) for each in kept]
        and [pushes] == [fingerprint(key.key) for key in repository.keys.values() if not key.read_only],
        "secrets": {name: stored.value == token for name, stored in repository.secrets.items()},
        "environments": {
            each.name: [
                each.policy,
                sorted((policy.type, policy.name) for policy in each.branches.values()),
                {name: stored.value == token for name, stored in each.secrets.items()},
            ]
            for each in repository.environments.values()
        },
        "keys": sorted((key.title, key.read_only) for key in repository.keys.values()),
        "rulesets": sorted(
            json.dumps([r.name, r.target, r.enforcement, r.conditions, r.rules, r.bypass_actors], sort_keys=True)
            for r in repository.rulesets.values()
        ),
        "webhooks": sorted(hook.url.partition("?")[0] for hook in repository.hooks.values()),
        "main": github.branches(repository).get("main"),
        "branches": sorted(github.branches(repository)),
        "image.yaml": github.file(full_name, "env/dev", "image.yaml")
        if "env/dev" in github.branches(repository)
        else "",
    }


def differing(left: Any, right: Any, where: str = "") -> list[str]:
    """Name every place in which two snapshots differ, with both values."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        keys = [*left, *(key for key in right if key not in left)]
        return [line for key in keys for line in differing(left.get(key), right.get(key), f"{where}/{key}")]
    return [] if left == right else [f"{where}: {left!r}, undisturbed {right!r}"]


def clean(tree: Any) -> Any:
    """Leave out what the API server adds, and helm's own count of revisions."""
    if isinstance(tree, dict):
        return {key: clean(value) for key, value in tree.items() if key not in NOISE}
    return [clean(item) for item in tree] if isinstance(tree, list) else tree


def ask(program: str, *arguments: str, env: Mapping[str, str]) -> Any:
    done = subprocess.run([program, *arguments], env=dict(env), capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout) if done.stdout.strip() else {}


def of_cluster(env: Mapping[str, str], slug: str, repository: Any, home: str = "argocd") -> Tree:
    """Describe our releases, what is in them, Argo CD, and the service that runs."""
    namespace = f"{slug}-dev"

    def get(kinds: str, *where: str) -> Tree:
        found = ask("kubectl", "get", kinds, *where, "--output=json", env=env)
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in found.get("items", [found])}

    releases = ask("helm", "list", f"--namespace={home}", "--output=json", "--max=0", env=env)
    secret = get(f"secret/{slug}-repo", f"--namespace={home}")[f"Secret/{slug}-repo"]
    return {
        "releases": {each["name"]: [each["namespace"], each["status"], each["chart"]] for each in releases},
        "values of Argo CD": ask("helm", "get", "values", "argocd", f"--namespace={home}", "--output=json", env=env),
        "namespace": clean(get(f"namespace/{namespace}")),
        "credential": credential(secret, repository),
        "AppProject": clean(get(f"appproject/{namespace}", f"--namespace={home}")),
        "Application": clean(get(f"application/{namespace}", f"--namespace={home}")),
        "Argo CD": clean(get("deployments,statefulsets,configmaps,services", f"--namespace={home}")),
        "secrets": sorted(name for name in get("secrets", f"--namespace={home}") if "sh.helm.release" not in name),
        "service": clean(get("deployments,services,serviceaccounts", f"--namespace={namespace}")),
    }


def credential(secret: Tree, repository: Any) -> Tree:
    """Describe the Secret without its key, and tell whether that key is the registered one."""
    data = {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}
    printed = fingerprint_of_private(Secret(data.pop("sshPrivateKey")))
    annotations = secret["metadata"].pop("annotations")
    noted = annotations.pop("gitops-flask/fingerprint")
    registered = [fingerprint(key.key) for key in repository.keys.values()]
    head = clean(secret["metadata"])
    return {"data": data, "metadata": head, "annotations": annotations, "fits": [printed] == [noted] == registered}
