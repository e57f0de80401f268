"""Report a deployment's status to GitHub, so that its commit and pull request show it; once, however often it runs."""

from collections.abc import Callable

from ..project.project import Project
from .close_deployment import Reported, close
from .deployment_record import DeploymentRecord
from .rollout import RunningService


def report_outcome(project: Project, record: DeploymentRecord, say: Callable[[str], None] = lambda _: None) -> Reported:
    """Close GitHub's Deployment of what `env/dev` records, after asking the pods from here."""
    if project.settings.scm != "github":
        return Reported("")
    return close(project.github, RunningService(project.cluster, project.settings), project.settings, record, say)
