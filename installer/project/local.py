"""What a project consists of that is tried on one machine, and the copy of its record in its clone."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..cluster.argocd import ArgoCD
from ..cluster.helm import Helm
from ..config.settings import MAIN
from ..engine.resource import Resource
from ..forges.git import Clone
from ..forges.local.repository import NoKeys
from ..resources.application import Application
from ..resources.argocd import ArgoCDInstallation
from ..resources.former import Former
from ..resources.initial_push import InitialPush
from ..resources.local_registry import LocalRegistry
from ..resources.local_repository import GitServer, RestoredRecord
from ..resources.repository_credential import RepositoryCredential
from ..resources.watcher import Watcher
from ..support.errors import InstallerError

if TYPE_CHECKING:
    from .project import Project


def resources(
    project: "Project",
    *,
    remove_repository: bool = False,
    remove_argocd: bool = False,
    renew_key: bool = False,
) -> list[Resource[Any]]:
    """Return all that there is of a project on one machine: no rules, no secrets of a CI, no webhook."""
    settings, forge, cluster = project.settings, project.forge, project.cluster
    helm = Helm(cluster, settings)
    application = Application(settings, cluster, helm, ArgoCD(cluster, settings.argocd_namespace))
    in_cluster = settings.registry_in_cluster
    registry = [LocalRegistry(settings, cluster, Helm(cluster), remove_it=remove_repository)] if in_cluster else []
    clone = Clone(project.folder)
    return [
        GitServer(settings, cluster, helm, remove_it=remove_repository),
        *registry,
        InitialPush(settings, forge, project.login, clone, repository_goes=remove_repository),
        RestoredRecord(settings, forge, project.login, clone, repository_goes=remove_repository),
        ArgoCDInstallation(settings, cluster, helm, remove_it=remove_argocd),
        Former(settings, cluster, helm, [application]),
        *project.of_service(settings, helm),
        RepositoryCredential(settings, cluster, helm, NoKeys(), renew=renew_key),
        application,
        Watcher(settings, cluster, helm),
    ]


def keep_record(project: "Project") -> None:
    """Fetch what is recorded of a local project into its clone: a server that loses it is given it back from there."""
    settings = project.settings
    if not settings.local:
        return
    branches = (f"+refs/heads/{each}:refs/remotes/origin/{each}" for each in (MAIN, settings.branch))
    with suppress(InstallerError):  # that it is not kept is no reason to call a deployment failed
        for each in branches:
            Clone(project.folder).fetch(settings.clone_url, each, project.login)
