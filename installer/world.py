"""One project with all that it is wired to: the edges, and the resources in their order."""

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from . import credentials as credentials_
from .argocd import ArgoCD
from .credentials import Credentials
from .errors import InstallerError
from .git import Clone
from .github import GitHub
from .helm import Helm
from .kubectl import Cluster
from .registering import register
from .resource import Resource
from .resources.application import Application
from .resources.argo_cd import ArgoCDInstallation
from .resources.content import Content
from .resources.database_address import DatabaseAddress
from .resources.delivery import Delivery
from .resources.deploy_keys import GitHubDeployKeys
from .resources.namespace import Namespace
from .resources.noticing import Noticing
from .resources.pull_secret import PullSecret
from .resources.registry_token import RegistryToken
from .resources.reporter import Reporter
from .resources.reporter_app import ReporterApp
from .resources.repository import Repository
from .resources.repository_credential import RepositoryCredential
from .resources.rules import Rules
from .resources.variables import Variables
from .resources.webhook import Webhook
from .settings import Settings, load


@dataclass(frozen=True)
class World:
    """What every verb works with."""

    project: Path
    settings: Settings
    credentials: Credentials
    github: GitHub
    cluster: Cluster

    @classmethod
    def open(cls, project: Path, context: str | None = None) -> "World":
        """Read the project's settings and find the credentials; nothing is asked of anyone yet."""
        settings = load(project)
        found = credentials_.find(settings)
        more: dict[str, Any] = {"ca": settings.ca, "api_version": settings.api_version}
        github = GitHub(settings.host, found.github, settings.repository, **more)
        return cls(project, settings, found, github, Cluster(context))

    @classmethod
    def anywhere(cls, context: str | None = None) -> "World":
        """Return a world without a project, for what can be said there: this machine, the token, the cluster."""
        host = os.environ.get("GH_HOST", "github.com")
        settings = Settings(*("", "", ""), host, owner="", visibility="", registry="", account="", namespace="")
        found = credentials_.find(settings)
        return cls(Path(), settings, found, GitHub(host, found.github, ""), Cluster(context))

    def where(self) -> str:
        """Say which repository and which cluster this is about."""
        try:
            cluster = self.cluster.describe()
        except InstallerError:
            cluster = "no cluster"
        return f"{self.settings.url} · {cluster}"

    def with_credentials(self, credentials: Credentials) -> "World":
        """Return the same world with other credentials."""
        return replace(self, credentials=credentials)

    def resources(
        self,
        *,
        remove_repository: bool = False,
        remove_argocd: bool = False,
        renew_key: bool = False,
        person: bool = False,
    ) -> list[Resource[Any]]:
        """Return all that the installer looks after, in the order in which it is made; `person`: someone can help."""
        settings, github, credentials, cluster = self.settings, self.github, self.credentials, self.cluster
        reader, keys = credentials.reader, GitHubDeployKeys(github)
        helm, argocd = Helm(cluster), ArgoCD(cluster, settings.argocd_namespace)
        by_hand = partial(register, settings, github) if person else None
        wants_database = settings.database != "none"
        return [
            Repository(settings, github, credentials, remove_it=remove_repository),
            Variables(settings, github, credentials),
            RegistryToken(github, credentials),
            Content(settings, github, credentials, Clone(self.project)),
            Delivery(settings, github),
            Rules(settings, github),
            ArgoCDInstallation(settings, cluster, helm, remove_it=remove_argocd),
            Namespace(settings, cluster, helm),
            *([DatabaseAddress(settings, credentials, cluster, helm)] if wants_database else []),
            PullSecret(settings, cluster, helm, credentials),
            ReporterApp(settings, cluster, helm, credentials.reporter, by_hand),
            RepositoryCredential(settings, cluster, helm, keys, reader, renew=renew_key),
            Application(settings, cluster, helm, argocd),
            Noticing(settings, cluster, helm),
            Webhook(settings, cluster, helm, github, argocd_goes=remove_argocd),
            Reporter(settings, cluster, helm),
        ]
