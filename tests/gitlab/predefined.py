"""The variables of a pipeline and of a job: GitLab's own, the project's, and those of who started it."""

import re
from typing import TYPE_CHECKING

from tests.github import git

from .model import Project
from .pipelines import Job, Pipeline

if TYPE_CHECKING:
    from .stand_in import GitLab

Variables = dict[str, tuple[str, bool]]
"""Name → value, and whether `$` in it means another variable."""


class Predefined:
    """Gather them in GitLab's order: what comes later wins."""

    def __init__(self, gitlab: "GitLab") -> None:
        self._gitlab = gitlab

    def of(self, project: Project, pipeline: Pipeline, job: Job | None = None) -> Variables:
        protected = pipeline.ref in project.protections
        own = {**self._pipeline(project, pipeline, protected=protected), **(self._job(project, job) if job else {})}
        kept = [each for each in project.variables.values() if protected or not each.protected]
        given = {**pipeline.variables, **(job.variables if job else {})}
        return {
            **{name: (value, False) for name, value in own.items()},
            **{each.key: (each.value, not each.raw) for each in kept},
            **{name: (value, True) for name, value in given.items()},
        }

    def _pipeline(self, project: Project, pipeline: Pipeline, *, protected: bool) -> dict[str, str]:
        site, commit = self._gitlab.site, git.commits(project.git, pipeline.sha, "-1")[0]
        request = pipeline.merge_request
        branch = request.source if request else pipeline.ref
        told = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{site.web}/api/v4",
            "CI_SERVER_URL": site.web,
            "CI_SERVER_HOST": site.host,
            "CI_SERVER_FQDN": site.host,
            "CI_SERVER_PORT": "443",
            "CI_SERVER_PROTOCOL": "https",
            "CI_SERVER_VERSION": self._gitlab.version,
            "CI_PROJECT_ID": str(project.id),
            "CI_PROJECT_NAME": project.path,
            "CI_PROJECT_PATH": project.full_path,
            "CI_PROJECT_NAMESPACE": project.namespace.path,
            "CI_PROJECT_URL": site.page(project),
            "CI_PROJECT_VISIBILITY": project.visibility,
            "CI_DEFAULT_BRANCH": project.default_branch,
            "CI_REGISTRY": f"registry.{site.host}",
            "CI_REGISTRY_IMAGE": f"registry.{site.host}/{project.full_path}",
            "CI_REGISTRY_USER": "gitlab-ci-token",
            "CI_PIPELINE_ID": str(pipeline.id),
            "CI_PIPELINE_IID": str(pipeline.iid),
            "CI_PIPELINE_SOURCE": pipeline.source,
            "CI_PIPELINE_URL": site.page(project, "pipelines", pipeline.id),
            "CI_PIPELINE_CREATED_AT": pipeline.created_at,
            "CI_COMMIT_SHA": pipeline.sha,
            "CI_COMMIT_SHORT_SHA": pipeline.sha[:8],
            "CI_COMMIT_BEFORE_SHA": pipeline.before_sha,
            "CI_COMMIT_REF_NAME": branch,
            "CI_COMMIT_REF_SLUG": re.sub(r"[^a-z0-9]", "-", branch.lower())[:63].strip("-"),
            "CI_COMMIT_REF_PROTECTED": str(protected).lower(),
            "CI_COMMIT_BRANCH": "" if request else branch,
            "CI_COMMIT_MESSAGE": commit.message,
            "CI_COMMIT_TITLE": commit.message.partition("\n")[0],
            "CI_COMMIT_TIMESTAMP": commit.committer[2],
            "GITLAB_USER_ID": str(pipeline.user.id),
            "GITLAB_USER_LOGIN": pipeline.user.username,
            "GITLAB_USER_NAME": pipeline.user.username.title(),
            "GITLAB_USER_EMAIL": pipeline.user.email,
        }
        if request:
            told |= {
                "CI_MERGE_REQUEST_IID": str(request.iid),
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": request.source,
                "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": request.target,
            }
        return told

    def _job(self, project: Project, job: Job) -> dict[str, str]:
        return {
            "CI_JOB_ID": str(job.id),
            "CI_JOB_NAME": job.name,
            "CI_JOB_STAGE": job.stage,
            "CI_JOB_URL": self._gitlab.site.page(project, "jobs", job.id),
            "CI_JOB_TOKEN": job.secret,
            "CI_REGISTRY_PASSWORD": job.secret,
            **(
                {"GITLAB_USER_LOGIN": job.user.username, "GITLAB_USER_NAME": job.user.username.title()}
                if job.user
                else {}
            ),
        }
