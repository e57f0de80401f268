"""Telling GitHub what became of a delivery, so that its commit and pull request show it; once, however often asked."""

from collections.abc import Callable

from ..project.project import Project
from .close_deployment import Told, close
from .deployment_record import Delivered
from .rollout import Live


def tell(project: Project, record: Delivered, say: Callable[[str], None] = lambda _: None) -> Told:
    """Close the Deployment of the delivery that `env/dev` records, after asking the pods from here."""
    if project.settings.scm != "github":
        return Told("")
    return close(project.github, Live(project.cluster, project.settings), project.settings, record, say)
