"""A workbench for GitHub's half: a stand-in, a project, and a repository in whatever state a test begins with."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.github_actions import APP, CHECKS, GitHubActions
from installer.ci.variables import EnvironmentToken, Variables
from installer.config.settings import Settings
from installer.engine.reconcile import Apply
from installer.engine.resource import Resource
from installer.forges.base import Pair
from installer.forges.credentials import find
from installer.forges.git import Clone
from installer.forges.github.repository import GitHub, GitHubDeployKeys, GitHubWebhooks
from installer.resources.github_repository import Repository, Rules
from installer.resources.initial_push import FirstDeployment, InitialPush
from installer.resources.push_key import PushKey
from installer.resources.repository_credential import RepositoryCredential
from installer.resources.webhook import Webhook
from tests.called import Called, Came, as_argo_cd, called
from tests.github import GitHub as StandIn
from tests.github.environments import BranchPolicy
from tests.github.git import git as on_server
from tests.github.model import DeployKey, Stored

from . import cluster as fakes
from .clones import start
from .cluster import Quiet
from .shells import export

ARGOCD = "argocd.example.com"
SETTINGS = Settings(
    *("Web", "web", "A service", "github.com", "acme", "private", "docker.io", "acme", "web-dev"),
    argocd_url=f"https://{ARGOCD}",
)
READER_TOKEN = "github_pat_canary_" + "8" * 20
REGISTRY_TOKEN = "dckr_pat_canary_" + "7" * 20
WAITS_FOR_A_RUNNER = """on:
  push: {branches: [main]}
  workflow_dispatch: {inputs: {init: {type: boolean}}}
jobs:
  deploy: {runs-on: nowhere, steps: [{run: "true"}]}
"""


class Helm(fakes.Helm):
    """helm whose objects are in the cluster then."""

    def __init__(self, there: fakes.Cluster) -> None:
        super().__init__()
        self._cluster = there

    def install(self, name: str, namespace: str, values: dict[str, Any], **options: Any) -> None:
        super().install(name, namespace, values, **options)
        for made in values["objects"]:
            self._cluster.objects[made["kind"].lower(), made["metadata"]["name"]] = made

    def uninstall(self, name: str, namespace: str, timeout: float = 0) -> bool:
        super().uninstall(name, namespace, timeout)
        (there, self.there) = (self.there, [each for each in self.there if each.name != name])
        self._cluster.objects.pop(("secret", name), None)  # each release here is one Secret of its name
        return there != self.there


def kept(cluster: fakes.Cluster, name: str, key: str) -> str:
    """Return what a Secret of the cluster holds."""
    secret = cluster.objects.get(("secret", name), {"data": {key: ""}})
    return base64.b64decode(secret["data"][key]).decode()


def a_project(folder: Path) -> Path:
    """Make a project with one commit and the workflow that deploys."""
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/deploy.yml").write_text(WAITS_FOR_A_RUNNER)
    return start(folder)


@dataclass
class Bench:
    """One project at one GitHub; `token` is the developer's."""

    github: StandIn
    project: Path
    token: str
    cluster: fakes.Cluster = field(default_factory=fakes.Cluster)
    server: Called = field(init=False)

    def __post_init__(self) -> None:
        self.helm = Helm(self.cluster)

    @classmethod
    def of(cls, github: StandIn, folder: Path) -> "Bench":
        """Make octo's, who owns the organisation acme."""
        github.user("octo")
        github.organization("acme", plan="team", members={"octo": "admin"})
        return cls(github, a_project(folder / "web"), github.token("octo"))

    @property
    def repository(self) -> Any:
        return self.github.repository("acme/web")

    @contextmanager
    def argo_cd(self, folder: Path) -> Iterator[None]:
        """Serve what Argo CD does for GitHub, with the secret that the cluster keeps."""
        with called(folder, ARGOCD) as self.server:
            self.server.answer = self.answer
            self.github.webhooks.leads(ARGOCD, self.server.address)
            self.github.webhooks.trusts(self.server.ca)
            yield

    def answer(self, came: Came) -> tuple[int, str]:
        return as_argo_cd(self.kept("web-webhook", "secret"))(came)

    def kept(self, name: str, key: str) -> str:
        return kept(self.cluster, name, key)

    def use(self, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
        """Lead every client in this process and below it here."""
        environment = {
            **self.github.env,
            "GH_TOKEN": self.token,
            "GH_CONFIG_DIR": str(home / "gh"),
            "REGISTRY_TOKEN": REGISTRY_TOKEN,
            "ARGOCD_REPOSITORY_TOKEN": READER_TOKEN,  # taken only where Argo CD reads over https
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        export(monkeypatch, environment)

    def resources(self, settings: Settings = SETTINGS) -> dict[str, Resource[Any]]:
        """Make the resources that ask GitHub anew, as each run does; any may be applied alone."""
        credentials = find(settings)
        github = GitHub(settings.host, credentials.token, settings.repository)
        edges: Any = (self.cluster, self.helm, GitHubDeployKeys(github))
        made: list[Resource[Any]] = [
            Repository(settings, github, credentials),
            Variables(settings, github, credentials),
            EnvironmentToken(settings, github, credentials),
            PushKey(replace(settings, deploy_from="main"), github),
            InitialPush(settings, github, credentials.login, Clone(self.project)),
            fakes.at_once(FirstDeployment(settings, github, GitHubActions(settings, github, credentials)), 1),
            Rules(settings, github, CHECKS, APP),
            RepositoryCredential(settings, *edges, credentials.reader),
            Webhook(settings, *edges[:2], GitHubWebhooks(github, settings)),
        ]
        return {resource.key: resource for resource in made}

    def apply(self, *keys: str, settings: Settings = SETTINGS) -> list[str]:
        made = self.resources(settings)
        run = Apply([made[key] for key in keys], Quiet())
        run.run()
        return run.done

    # --- what is there before ------------------------------------------------------------------

    def set_up(self, given: str) -> None:
        """Begin anew: `nothing`, an `empty` repository, a `filled` one, or one where all was `changed`."""
        self.github.faults.clear()
        self.github.changes.clear()
        self.github.repositories.clear()
        self.cluster.objects.clear()
        self.helm.there, self.helm.installed = [], []
        if given == "nothing":
            return
        token = self.github.tokens[self.token]
        self.github.hosting.create(token, "acme", "web", private=True, description="A service")
        if given == "empty":
            return
        on_server(self.repository.git, "fetch", "--quiet", str(self.project), "main:main")
        if given == "changed":
            self.apply("variables", "registry-token", "rules", "credential", "webhook")
            self.change()

    def change(self) -> None:
        """Change everything behind the installer's back."""
        self.change_but_for_keys()
        (number,) = self.repository.keys
        other = DeployKey(f"gitops-flask: {SETTINGS.url}", Pair.make().public, read_only=True, id=number)
        self.repository.keys[number] = other

    def change_but_for_keys(self) -> None:
        repository = self.repository
        repository.private, repository.description = False, "Mine"
        repository.variables["REGISTRY_USERNAME"].value = "mallory"
        dev, feature = repository.environments["dev"], BranchPolicy("feature/*")
        del dev.secrets["REGISTRY_TOKEN"]
        dev.branches[feature.id] = feature
        repository.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "for every branch")
        next(r for r in repository.rulesets.values() if r.name == "gitops-flask: main").rules.pop()
        for hook in repository.hooks.values():
            hook.active = False
