"""A stand-in for circleci.com, as far as the installer asks it; pushes to followed projects run their pipelines."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.ci_runner.machine import Failed, Job, Place
from tests.ci_runner.service import No, Service, route
from tests.github.model import Repository
from tests.github.wire import Request, Response, json_response

from . import runner
from .model import Pipeline, Project, masked, now, skips, status, unreadable
from .runner import Ran

API = "/api/v2/project/gh/([^/]+/[^/]+)"
NOT_FOUND = {"message": "Project not found"}


class CircleCI(Service):
    """`carry_out` runs a workflow; a test may put something quicker in its place."""

    hosts = ("circleci.com",)

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, Project] = {}
        self.carry_out: Callable[[Place, Ran, str, str], bool] = runner.carry_out

    def check(self, request: Request) -> None:
        sent = {name.lower(): value for name, value in request.headers.items()}
        if sent.get("circle-token") not in self.tokens:
            raise No(401, {"message": "You must log in first."})

    # --- what happens --------------------------------------------------------------------------

    def pushed(self, repository: Repository, ref: str, old: str, new: str) -> None:
        project = self.projects.get(repository.full_name)
        skipped = set(new) == {"0"} or not ref.startswith("refs/heads/")
        if project is None or skipped or skips(repository, new):
            return
        self._pipeline(project, new, ref.removeprefix("refs/heads/"), "webhook", {})

    def _pipeline(self, project: Project, revision: str, branch: str, trigger: str, given: dict[str, Any]) -> Pipeline:
        made = Pipeline(len(project.pipelines) + 1, revision, branch, trigger, given.get("action", "deploy"))
        project.pipelines.insert(0, made)
        place = self.place(project.repository, project.variables)

        def do() -> None:
            try:
                if runner.config_of(place, revision) is None:
                    raise Failed("No configuration was found")
                planned = runner.plan(place, revision, branch, given)
            except Failed:
                self.report(project.repository, revision, unreadable(project.repository, made))
                return
            for ran in planned:
                first = [Job(task.name) for task in ran.workflow.tasks if not task.requires]
                self.report(project.repository, revision, *(status(project.repository, made, job) for job in first))
                self.carry_out(place, ran, revision, branch)
                over = [job for job in ran.jobs.values() if job.state != "not_run"]  # of those nothing is said
                self.report(project.repository, revision, *(status(project.repository, made, job) for job in over))

        self.start(do)
        return made

    # --- version 1.1 ---------------------------------------------------------------------------

    @route("POST", "/api/v1.1/project/github/([^/]+/[^/]+)/follow")
    def follow(self, slug: str, _: Any) -> Any:
        repository = self.github.repositories.get(slug.lower())
        if repository is None:
            raise No(404, {"message": "Not Found"})
        project = self.projects.setdefault(slug, Project(repository))
        head = self.github.branches(repository).get("main")
        first = None
        if head and not project.pipelines:
            first = {"build_num": self._pipeline(project, head, "main", "api", {}).number}
        return {"following": True, "workflow": False, "first_build": first}

    # --- version 2 -----------------------------------------------------------------------------

    @route("GET", "/api/v2/me")
    def me(self) -> Any:
        return {"id": str(uuid.uuid4()), "login": "octo", "name": "Octo"}

    @route("GET", API)
    def project(self, slug: str) -> Any:
        found, owner = self._project(slug), slug.partition("/")[0]
        return {
            "slug": f"gh/{slug}",
            "name": slug.partition("/")[2],
            "id": found.id,
            "organization_name": owner,
            "organization_slug": f"gh/{owner}",
            "organization_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, owner)),
            "vcs_info": {"vcs_url": f"https://github.com/{slug}", "provider": "GitHub", "default_branch": "main"},
        }

    @route("GET", f"{API}/envvar", "page-token")
    def variables(self, slug: str, **asked: str) -> Any:
        found = self._project(slug).variables
        items = [{"name": name, "value": masked(value), "created-at": now()} for name, value in found.items()]
        return self._page(items, asked)

    @route("POST", f"{API}/envvar")
    def set_variable(self, slug: str, body: Any) -> Response:
        assert body.keys() == {"name", "value"}, body
        self._project(slug).variables[body["name"]] = body["value"]
        return json_response(201, {"name": body["name"], "value": masked(body["value"]), "created-at": now()})

    @route("DELETE", f"{API}/envvar/([^/]+)")
    def delete_variable(self, slug: str, name: str) -> Any:
        if self._project(slug).variables.pop(name, None) is None:
            raise No(404, {"message": "Environment variable not found."})
        return {"message": "Environment variable deleted."}

    @route("POST", f"{API}/pipeline")
    def trigger(self, slug: str, body: Any) -> Response:
        assert body.keys() <= {"branch", "parameters"}, body
        project = self._project(slug)
        head = self.github.branches(project.repository).get(body["branch"])
        if head is None:
            raise No(400, {"message": "Branch not found"})
        text = json.dumps(body.get("parameters", {}))
        made = self._pipeline(project, head, body["branch"], "api", json.loads(text))
        answer = {"id": made.id, "state": "pending", "number": made.number, "created_at": made.created}
        return json_response(201, answer)

    def _page(self, items: list[Any], asked: Mapping[str, str]) -> Any:
        """Answer twenty; the token of the next page says nothing to whoever asks."""
        at = int(asked.get("page-token", "page-0").removeprefix("page-"))
        return {"items": items[at : at + 20], "next_page_token": f"page-{at + 20}" if at + 20 < len(items) else None}

    def _project(self, slug: str) -> Project:
        if slug not in self.projects:
            raise No(404, NOT_FOUND)
        return self.projects[slug]
