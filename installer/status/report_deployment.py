"""Telling GitHub what became of a delivery, so that its commit and pull request show it; once, however often asked."""

from collections.abc import Callable

from ..project.project import Project
from .close_deployment import Reported, close
from .deployment_record import DeploymentRecord
from .rollout import RunningService


def report_outcome(project: Project, record: DeploymentRecord, say: Callable[[str], None] = lambda _: None) -> Reported:
    """Close the Deployment of the delivery that `env/dev` records, after asking the pods from here."""
    if project.settings.scm != "github":
        return Reported("")
    return close(project.github, RunningService(project.cluster, project.settings), project.settings, record, say)
