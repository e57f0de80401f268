"""How things look over REST."""

from dataclasses import dataclass
from typing import Any

from .model import ROLES, DeployKey, Group, MergeRequest, Namespace, Project, Protection, Token, User, Variable
from .pipelines import Job, Pipeline


@dataclass(frozen=True)
class Site:
    """The addresses of one GitLab."""

    host: str

    @property
    def web(self) -> str:
        return f"https://{self.host}"

    def page(self, project: Project, *parts: object) -> str:
        return "/".join([self.web, project.full_path, *(["-"] if parts else []), *map(str, parts)])

    def user(self, user: User) -> dict[str, Any]:
        return {
            "id": user.id,
            "username": user.username,
            "name": user.username.title(),
            "state": "active",
            "locked": False,
            "avatar_url": None,
            "web_url": f"{self.web}/{user.username}",
        }

    def me(self, user: User) -> dict[str, Any]:
        return {
            **self.user(user),
            "email": user.email,
            "bot": user.bot,
            "can_create_project": True,
            "can_create_group": True,
            "namespace_id": user.namespace_id,
            "projects_limit": 100000,
        }

    def namespace(self, namespace: Namespace) -> dict[str, Any]:
        return {
            "id": namespace.namespace_id,
            "name": namespace.path.rpartition("/")[2],
            "path": namespace.path.rpartition("/")[2],
            "kind": "user" if isinstance(namespace, User) else "group",
            "full_path": namespace.path,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{self.web}/{'groups/' if isinstance(namespace, Group) else ''}{namespace.path}",
        }

    def group(self, group: Group) -> dict[str, Any]:
        return {
            "id": group.id,
            "name": group.path.rpartition("/")[2],
            "path": group.path.rpartition("/")[2],
            "full_path": group.path,
            "visibility": "private",
            "web_url": f"{self.web}/groups/{group.path}",
            "project_creation_level": group.project_creation_level,
            "default_branch_protection": group.default_branch_protection,
            "parent_id": None,
        }

    def project(self, project: Project, token: Token) -> dict[str, Any]:
        level = token.access_level if token.kind == "project" else project.level(token.user)
        group = isinstance(project.namespace, Group)
        access = {"access_level": level, "notification_level": 3} if level else None
        return {
            "id": project.id,
            "name": project.name,
            "path": project.path,
            "path_with_namespace": project.full_path,
            "description": project.description,
            "visibility": project.visibility,
            "default_branch": project.default_branch,
            "web_url": self.page(project),
            "http_url_to_repo": f"{self.page(project)}.git",
            "ssh_url_to_repo": f"git@{self.host}:{project.full_path}.git",
            "created_at": project.created_at,
            "archived": project.archived,
            "marked_for_deletion_on": project.marked_for_deletion_on,
            "namespace": self.namespace(project.namespace),
            "permissions": {
                "project_access": None if group else access,
                "group_access": access if group else None,
            },
            **project.settings,
        }

    def project_of_event(self, project: Project) -> dict[str, Any]:
        web = self.page(project)
        return {
            "id": project.id,
            "name": project.name,
            "description": project.description,
            "web_url": web,
            "git_ssh_url": f"git@{self.host}:{project.full_path}.git",
            "git_http_url": f"{web}.git",
            "namespace": project.namespace.path,
            "visibility_level": {"private": 0, "internal": 10, "public": 20}[project.visibility],
            "path_with_namespace": project.full_path,
            "default_branch": project.default_branch,
        }

    def variable(self, variable: Variable) -> dict[str, Any]:
        return {
            "variable_type": variable.variable_type,
            "key": variable.key,
            "value": None if variable.hidden else variable.value,
            "protected": variable.protected,
            "masked": variable.masked,
            "hidden": variable.hidden,
            "raw": variable.raw,
            "environment_scope": variable.environment_scope,
            "description": variable.description,
        }

    def protection(self, rule: Protection) -> dict[str, Any]:
        def level(value: int) -> list[dict[str, Any]]:
            return [{"id": rule.id + value, "access_level": value, "access_level_description": ROLES[value]}]

        return {
            "id": rule.id,
            "name": rule.name,
            "push_access_levels": level(rule.push),
            "merge_access_levels": level(rule.merge),
            "allow_force_push": rule.allow_force_push,
        }

    def key(self, key: DeployKey) -> dict[str, Any]:
        return {
            "id": key.id,
            "title": key.title,
            "key": key.key,
            "can_push": key.can_push,
            "created_at": key.created_at,
            "expires_at": None,
        }

    def token(self, token: Token) -> dict[str, Any]:
        return {
            "id": token.id,
            "name": token.name,
            "revoked": token.revoked,
            "active": not token.revoked,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "last_used_at": None,
            "scopes": sorted(token.scopes),
            "user_id": token.user.id,
            **({"access_level": token.access_level} if token.kind == "project" else {}),
        }

    def pipeline(self, project: Project, pipeline: Pipeline, *, whole: bool = False) -> dict[str, Any]:
        more = {
            "before_sha": pipeline.before_sha,
            "tag": False,
            "yaml_errors": pipeline.yaml_errors,
            "user": self.user(pipeline.user),
        }
        return {
            "id": pipeline.id,
            "iid": pipeline.iid,
            "project_id": project.id,
            "sha": pipeline.sha,
            "ref": pipeline.ref,
            "status": pipeline.status,
            "source": pipeline.source,
            "created_at": pipeline.created_at,
            "updated_at": pipeline.updated_at or pipeline.created_at,
            "web_url": self.page(project, "pipelines", pipeline.id),
            **(more if whole else {}),
        }

    def job(self, project: Project, pipeline: Pipeline, job: Job) -> dict[str, Any]:
        return {
            "id": job.id,
            "name": job.name,
            "stage": job.stage,
            "status": job.status,
            "ref": pipeline.ref,
            "tag": False,
            "allow_failure": job.allow_failure,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "web_url": self.page(project, "jobs", job.id),
            "user": self.user(job.user or pipeline.user),
            "pipeline": self.pipeline(project, pipeline),
            "artifacts": [],
        }

    def merge_request(
        self, project: Project, request: MergeRequest, status: str, head: Pipeline | None
    ) -> dict[str, Any]:
        return {
            "id": request.id,
            "iid": request.iid,
            "project_id": project.id,
            "title": request.title,
            "description": request.description,
            "state": request.state,
            "source_branch": request.source,
            "target_branch": request.target,
            "sha": request.sha,
            "author": self.user(request.author),
            "squash": request.squash,
            "detailed_merge_status": status,
            "merge_when_pipeline_succeeds": request.auto_merge is not None,
            "merge_commit_sha": request.merged_sha if not request.squash else None,
            "squash_commit_sha": request.merged_sha if request.squash else None,
            "head_pipeline": self.pipeline(project, head, whole=True) if head else None,
            "created_at": request.created_at,
            "web_url": self.page(project, "merge_requests", request.iid),
        }
