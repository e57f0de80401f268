"""One project with all that it is wired to: the edges, and the resources in their order."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ..ci.base import CI, Connect
from ..ci.variables import OWNER_VARIABLE
from ..cluster.argocd import KINDS, ArgoCD
from ..cluster.helm import Helm
from ..cluster.kubectl import Cluster
from ..cluster.objects import digest, identities, whose
from ..config.settings import CIS, FILE, FORGES, LOCAL, Settings, cis_of, module
from ..config.settings_file import load
from ..config.trusted_hosts import VENDORS, named
from ..engine.resource import Resource
from ..forges import credentials as credentials_
from ..forges.base import Forge
from ..forges.credentials import Credentials
from ..forges.git import Clone, Login
from ..forges.github.app import registration_page
from ..forges.github.repository import GitHub
from ..resources.application import Application
from ..resources.argocd import ArgoCDInstallation
from ..resources.former import Former, FormerRepository, Place
from ..resources.hosted_repository import ForgeKind
from ..resources.initial_push import FirstDeployment, InitialPush
from ..resources.namespace import Namespace
from ..resources.platforms import Platforms
from ..resources.push_key import PushKey
from ..resources.reporter import Reporter, ReporterApp
from ..resources.repository_credential import EnvironmentCredential, RepositoryCredential
from ..resources.service_secrets import DatabaseAddress, PullSecret
from ..resources.watcher import Watcher
from ..resources.webhook import Webhook
from ..support.errors import InstallerError
from . import local

FORGE_KINDS: dict[str, ForgeKind] = {
    name: import_module(f"..resources.{module(name)}_repository", __package__).FORGE for name in (*FORGES, LOCAL)
}
CONNECT_CI: dict[str, Connect] = {
    name: import_module(f"..ci.{module(name)}", __package__).connect for name in (*CIS, LOCAL)
}


@dataclass(frozen=True)
class Project:
    """What every verb works with."""

    folder: Path
    settings: Settings
    credentials: Credentials
    forge: Forge
    cluster: Cluster

    @classmethod
    def open(cls, folder: Path, context: str | None = None) -> "Project":
        """Read the project's settings and find the credentials; nothing is asked of anyone yet."""
        return cls._of(folder, load(folder), context)

    @classmethod
    def without_project(cls, context: str | None = None) -> "Project":
        """Return what can be known without a generated project: this machine, the token, the cluster."""
        scm = next((each for each in FORGES if named(each)), FORGES[0])
        host, ci = named(scm) or VENDORS[scm][0], cis_of(scm)[0]
        empty = Settings(
            name="", slug="", description="", host=host, owner="", visibility="", registry="", account="", namespace="",
            scm=scm, ci=ci,
        )  # fmt: skip
        return cls._of(Path(), empty, context)

    @classmethod
    def _of(cls, folder: Path, settings: Settings, context: str | None) -> "Project":
        found = credentials_.find(settings, folder)
        settings = replace(settings, context=context or settings.context)
        cluster = Cluster(settings.context or None)
        return cls(folder, settings, found, FORGE_KINDS[settings.scm].connect(settings, found), cluster)

    @property
    def github(self) -> GitHub:
        """Return the code host as what it is where only GitHub's own checks ask."""
        if not isinstance(self.forge, GitHub):
            raise TypeError(f"{self.settings.repository} is not at a GitHub")
        return self.forge

    @property
    def login(self) -> Login:
        """Return what git logs in with to push."""
        return FORGE_KINDS[self.settings.scm].login(self.forge, self.credentials)

    @property
    def ci(self) -> CI:
        """Return who builds and deploys."""
        return CONNECT_CI[self.settings.ci](self.known, self.forge, self.credentials)

    @property
    def ci_unasked(self) -> CI:
        """Return the same for its names and words alone: nothing is asked for it of anybody, who may be down."""
        return CONNECT_CI[self.settings.ci](self.settings, self.forge, self.credentials)

    @cached_property
    def known(self) -> Settings:
        """Return the settings of the first environment, with the addresses that the repository had before, if known."""
        settings: Settings = self.settings.of_each()[0]
        found: list[str] = []
        if self.credentials.token or settings.local:  # nobody may read them without
            with suppress(InstallerError):
                found += self.forge.variables().get(OWNER_VARIABLE, "").split()
        with suppress(InstallerError):
            wired = [f"{kind}/{settings.application}" for kind in KINDS]
            found += [whose(each) for each in self.cluster.get_many(wired, settings.argocd_namespace).values()]
        former = []
        for address in dict.fromkeys(filter(None, found)):
            with suppress(InstallerError):
                if digest(address) not in identities(settings) and self.forge.redirects_here(address):
                    former.append(address)
        return replace(settings, formerly=(*settings.formerly, *former))

    def where(self) -> str:
        """Say which repository and which cluster this is about."""
        try:
            cluster = self.cluster.describe()
        except InstallerError:
            cluster = "no cluster"
        return f"{self.settings.url} · {cluster}"

    def resources(
        self, *, remove_repository: bool = False, remove_argocd: bool = False, renew_key: bool = False
    ) -> list[Resource[Any]]:
        """Return all that the installer looks after, as plans list it.

        The repository is made first, all else as its `needs` allow. Removed is the last one first.
        """
        settings, forge, credentials, cluster, ci = self.known, self.forge, self.credentials, self.cluster, self.ci
        kind, reader = FORGE_KINDS[settings.scm], credentials.reader
        if settings.local:
            return local.resources(
                self, remove_repository=remove_repository, remove_argocd=remove_argocd, renew_key=renew_key
            )
        helm, argocd = Helm(cluster, settings), ArgoCD(cluster, settings.argocd_namespace)
        github = forge if isinstance(forge, GitHub) else None  # nobody else has Apps and Deployments
        token_at_hand = bool(credentials.registry_token)
        every = settings.of_each()
        applications = [Application(each, cluster, Helm(cluster, each), argocd) for each in every]
        page = partial(registration_page, settings)
        return [
            kind.repository(settings, forge, credentials, remove_it=remove_repository),
            *ci.resources(),
            Platforms(settings, ci.stored, cluster, no_token=ci.no_token),
            *([PushKey(settings, github, renew=renew_key, token_at_hand=token_at_hand)] if github else []),
            InitialPush(
                *(settings, forge, self.login, Clone(self.folder)),
                allows_initial_push=partial(kind.allows_initial_push, forge),
                repository_goes=remove_repository,
            ),
            FirstDeployment(settings, forge, ci, repository_goes=remove_repository),
            kind.rules(settings, forge, ci.checks, ci.check_app),
            FormerRepository(settings, forge, [self._place(address) for address in self.settings.formerly]),
            ArgoCDInstallation(settings, cluster, helm, remove_it=remove_argocd),
            Former(settings, cluster, helm, applications),
            *self.of_service(settings, helm),
            *([ReporterApp(settings, cluster, helm, credentials.reporter, partial(page, github))] if github else []),
            RepositoryCredential(settings, cluster, helm, kind.keys(forge), reader, renew=renew_key),
            applications[0],
            *(
                resource
                for each, application in zip(every[1:], applications[1:], strict=True)
                for resource in self._by_promotion(each, application)
            ),
            Watcher(settings, cluster, helm),
            Webhook(settings, cluster, helm, kind.webhooks(forge, settings), argocd_goes=remove_argocd),
            *([Reporter(settings, cluster, helm)] if github else []),
        ]

    def _by_promotion(self, settings: Settings, application: Application) -> list[Resource[Any]]:
        """Return what an environment has that others are promoted to; there is no first deployment to wait for."""
        cluster, helm = self.cluster, Helm(self.cluster, settings)
        return [
            *self.of_service(settings, helm),
            EnvironmentCredential(settings, cluster, helm),
            application,
            *([Reporter(settings, cluster, helm)] if isinstance(self.forge, GitHub) else []),
        ]

    def of_service(self, settings: Settings, helm: Helm) -> list[Resource[Any]]:
        """Return what the service needs in an environment, whatever is the code host: its namespace and its Secrets."""
        cluster, credentials = self.cluster, self.credentials
        database = settings.database != "none"
        return [
            Namespace(settings, cluster, helm),
            *([DatabaseAddress(settings, credentials, cluster, helm)] if database else []),
            PullSecret(settings, cluster, helm, credentials),
        ]

    def of(self, environment: str) -> "Project":
        """Return the same project, as it is in one environment."""
        return replace(self, settings=self.settings.of(environment))

    def _place(self, address: str) -> Place:
        """Return a former repository. No token is sent to another host than the one that its variable is for."""
        present = self.settings.of_each()[0]
        host, _, name = address.partition("://")[2].partition("/")
        owner, _, slug = name.rpartition("/")
        settings = replace(present, host=host, owner=owner, slug=slug, formerly=())
        if host == present.host:
            return self._reached(settings)
        scm = next((each for each in FORGES if each in host), FORGES[0])
        settings = replace(settings, scm=scm, ci=cis_of(scm)[0], ca="")
        variable = credentials_.token_variable(settings)
        if variable == credentials_.token_variable(present):
            why = f"{variable} is for {present.host}; run `down` in a clone whose {FILE} still names {host}"
        elif refused := credentials_.not_sent(replace(settings, registry=""), self.folder):
            why = f"{refused.message} {refused.fix}"
        else:
            found = credentials_.find(replace(settings, registry=""), self.folder)
            why = "" if found.token else f"no token for {host}; set {variable}"
        return self._reached(settings, why)

    def _reached(self, settings: Settings, unreachable: str = "") -> Place:
        kind, nothing = FORGE_KINDS[settings.scm], credentials_.none(settings)
        found = nothing if unreachable else credentials_.find(replace(settings, registry=""), self.folder)
        there = Project(self.folder, settings, found, kind.connect(settings, found), Cluster(None))
        forge, ci = there.forge, CONNECT_CI[settings.ci](settings, there.forge, there.credentials)
        resources = [*ci.resources(), kind.rules(settings, forge, ci.checks, ci.check_app)]
        if isinstance(forge, GitHub):
            resources.append(PushKey(settings, forge))
        return Place(settings, forge, kind.keys(forge), kind.webhooks(forge, settings), resources, unreachable)
