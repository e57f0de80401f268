"""What happens to projects: made, changed, pushed to, deleted."""

import datetime
import shutil
from typing import TYPE_CHECKING, Any

from tests.github import git

from .model import DEVELOPER, MAINTAINER, OWNER, Group, Namespace, Project, Protection, Token
from .pushes import Push
from .rest.projects import DEFAULTS
from .wire import RefusedError

if TYPE_CHECKING:
    from .stand_in import GitLab

WHO_CREATES = {"noone": OWNER + 1, "owner": OWNER, "maintainer": MAINTAINER, "developer": DEVELOPER}
OWN = ("namespace_id", "name", "path", "visibility", "description", "initialize_with_readme", "default_branch")


class Hosting:
    """Do to projects what REST and git ask for."""

    def __init__(self, gitlab: "GitLab") -> None:
        self._gitlab = gitlab

    def create(self, token: Token, sent: dict[str, Any]) -> Project:
        gitlab, path = self._gitlab, sent.get("path") or sent["name"].lower().replace(" ", "-")
        spaces = {each.namespace_id: each for each in (*gitlab.groups.values(), *gitlab.users.values())}
        namespace = spaces.get(sent.get("namespace_id", token.user.namespace_id))
        if namespace is None or token.kind != "personal":
            raise RefusedError(400, {"namespace": ["is not valid"]})
        if isinstance(namespace, Group):
            level = namespace.members.get(token.user.id, 0)
            if level < WHO_CREATES[namespace.project_creation_level]:
                raise RefusedError(400, {"namespace": ["is not valid"]})
            if sent.get("visibility", "private") in namespace.restricted:
                told = f"{sent['visibility']} has been restricted by your GitLab administrator"
                raise RefusedError(400, {"visibility_level": [told]})
        elif namespace is not token.user:
            raise RefusedError(400, {"namespace": ["is not valid"]})
        if f"{namespace.path}/{path}".lower() in gitlab.projects:
            taken = ["has already been taken"]
            raise RefusedError(400, {"project_namespace.name": taken, "name": taken, "path": taken})
        project = Project(
            sent.get("name", path), path, namespace, sent.get("visibility", "private"), gitlab.folder / "git", {}
        )
        project.git /= f"{project.id}.git"
        project.description = sent.get("description")
        project.settings = {**self._known(DEFAULTS), **self._known({k: v for k, v in sent.items() if k not in OWN})}
        project.members[token.user.id] = max(MAINTAINER, project.level(token.user))
        git.create(project.git, project.default_branch, gitlab.pushes.socket)
        gitlab.projects[project.full_path.lower()] = project
        if sent.get("initialize_with_readme"):
            self.initialize(project, token)
        return project

    def initialize(self, project: Project, token: Token) -> None:
        """Make the first commit as the form does, whose default branch is protected from then on.

        app/services/projects/create_service.rb of GitLab: `create_readme`, by the service that a commit in the browser
        takes, too; the title and the name of the file are its own.
        """
        who = (token.user.username, f"{token.user.username}@{self._gitlab.site.host}")
        readme = {"README.md": f"# {project.name}\n\n{project.description or ''}\n\n## Getting started\n"}
        git.initial_commit(project.git, project.default_branch, readme, who)
        self._protect_default(project)

    def _protect_default(self, project: Project) -> None:
        protects = not isinstance(project.namespace, Group) or project.namespace.default_branch_protection
        if protects:
            rule = Protection(project.default_branch, push=MAINTAINER, merge=MAINTAINER)
            project.protections.setdefault(project.default_branch, rule)

    def _known(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Drop what this version does not know: GitLab passes over it without a word."""
        unknown = {"ci_push_repository_for_job_token_allowed"} if self._gitlab.numbers < (18, 4) else set()
        return {name: value for name, value in settings.items() if name not in unknown}

    def move(self, project: Project, namespace: Namespace, path: str) -> None:
        """Rename or transfer, as its page does; its old path leads there until another project has it."""
        gitlab = self._gitlab
        gitlab.former_paths[project.full_path.lower()] = gitlab.projects.pop(project.full_path.lower())
        project.namespace, project.path = namespace, path
        gitlab.projects[project.full_path.lower()] = project

    def change(self, project: Project, sent: dict[str, Any]) -> None:
        for name in ("name", "description", "visibility", "default_branch"):
            if name in sent:
                setattr(project, name, sent[name])
        project.settings |= self._known({name: value for name, value in sent.items() if name not in OWN})

    def delete(self, project: Project) -> None:
        """Mark it for deletion, as GitLab does since 18: it keeps its content, and gives its path free."""
        gitlab = self._gitlab
        if gitlab.numbers >= (18, 0) and project.marked_for_deletion_on is None:
            del gitlab.projects[project.full_path.lower()]
            project.path += f"-deletion_scheduled-{project.id}"
            project.marked_for_deletion_on = str(datetime.date.today())
            gitlab.projects[project.full_path.lower()] = project
            return
        del gitlab.projects[project.full_path.lower()]
        shutil.rmtree(project.git)

    def pushed(self, push: Push, updates: list[tuple[str, str, str]]) -> None:
        """Do what follows a push: protect the default branch once it is there, start pipelines."""
        gitlab, project = self._gitlab, push.project
        for old, new, ref in updates:
            gitlab.changed(
                str(push), f"push {project.full_path} {ref.removeprefix('refs/heads/')} {old[:7]}..{new[:7]}"
            )
        for old, new, ref in updates:
            if ref.startswith("refs/heads/") and push.who:
                gitlab.webhooks.pushed(project, push.who, ref, old, new)
        for old, new, ref in updates:
            branch = ref.removeprefix("refs/heads/")
            if not ref.startswith("refs/heads/") or new == git.ZERO:
                continue
            if old == git.ZERO and branch == project.default_branch:
                self._protect_default(project)
            for request in project.merge_requests.values():
                if request.source == branch and request.state == "opened":
                    request.sha = new
                    request.auto_merge = None
                    if push.starts_pipelines and push.who:
                        gitlab.triggers.proposed(project, request, push.who)
            if push.starts_pipelines and push.who:
                gitlab.triggers.pushed(project, branch, old, new, push.who)
