"""A stand-in for circleci.com, as far as the installer asks it; pushes to followed projects run their pipelines."""

import itertools
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.ci_runner.machine import Failed, Job, Place
from tests.ci_runner.service import No, Service, route
from tests.github.model import Repository
from tests.github.wire import Request, Response, json_response

from . import runner
from .model import Pipeline, Project, masked, now, shown, skips, status, workflow
from .runner import Ran

API = "/api/v2/project/gh/([^/]+/[^/]+)"
OUTPUT = "circle-production-action-output.s3.amazonaws.com"
NOT_FOUND = {"message": "Project not found"}


class CircleCI(Service):
    """`carry_out` runs a workflow; a test may put something quicker in its place."""

    hosts = ("circleci.com", OUTPUT)

    def __init__(self) -> None:
        super().__init__()
        self.projects: dict[str, Project] = {}
        self.carry_out: Callable[[Place, Ran, str, str], bool] = runner.carry_out
        self._jobs: dict[int, Job] = {}
        self._numbers = itertools.count(1)

    def check(self, request: Request) -> None:
        sent = {name.lower(): value for name, value in request.headers.items()}
        if request.host == OUTPUT:
            if "circle-token" in sent or "authorization" in sent:
                raise AssertionError("a token was sent to another host")
        elif sent.get("circle-token") not in self.tokens:
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
            if runner.config_of(place, revision) is None:
                made.state = "errored"
                made.errors.append({"type": "config-fetch", "message": "No configuration was found"})
                return
            try:
                planned = runner.plan(place, revision, branch, given)
            except Failed as error:
                made.state = "errored"
                made.errors.append({"type": "config", "message": str(error)})
                return
            made.workflows, made.state = planned, "created"
            for ran in planned:
                first = [Job(task.name) for task in ran.workflow.tasks if not task.requires]
                self.report(project.repository, revision, *(status(project.repository, job) for job in first))
                self.carry_out(place, ran, revision, branch)
                over = [job for job in ran.jobs.values() if job.state != "not_run"]  # of those nothing is said
                self.report(project.repository, revision, *(status(project.repository, job) for job in over))

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

    @route("GET", r"/api/v1.1/project/github/([^/]+/[^/]+)/(\d+)")
    def job(self, slug: str, number: str) -> Any:
        job = self._jobs[int(number)]
        self._project(slug)
        action = {
            "name": job.name,
            "status": "success" if job.passed else "failed",
            "has_output": True,
            "output_url": f"https://{OUTPUT}/{number}",
        }
        return {"build_num": int(number), "status": job.state, "steps": [{"name": job.name, "actions": [action]}]}

    @route("GET", r"/(\d+)")
    def output(self, number: str) -> Any:
        return [{"type": "out", "time": now(), "message": self._jobs[int(number)].log.replace("\n", "\r\n")}]

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

    @route("GET", f"{API}/pipeline", "branch", "page-token")
    def pipelines(self, slug: str, branch: str = "", **asked: str) -> Any:
        found = [p for p in self._project(slug).pipelines if branch in ("", p.branch)]
        return self._page([shown(slug, each) for each in found], asked)

    @route("GET", rf"{API}/pipeline/(\d+)")
    def pipeline(self, slug: str, number: str) -> Any:
        found = next((p for p in self._project(slug).pipelines if p.number == int(number)), None)
        if found is None:
            raise No(404, {"message": "Pipeline not found"})
        return shown(slug, found)

    @route("GET", "/api/v2/pipeline/([^/]+)/workflow", "page-token")
    def workflows(self, pipeline: str, **_: str) -> Any:
        for slug, project in self.projects.items():
            for each in project.pipelines:
                if each.id == pipeline:
                    return {
                        "items": [workflow(slug, each, ran) for ran in each.workflows],
                        "next_page_token": None,
                    }
        raise No(404, {"message": "Pipeline not found"})

    @route("GET", "/api/v2/workflow/([^/]+)/job", "page-token")
    def jobs(self, workflow: str, **_: str) -> Any:
        for slug, project in self.projects.items():
            for ran in (ran for each in project.pipelines for ran in each.workflows):
                if ran.id == workflow:
                    return {"items": [self._job(slug, job) for job in ran.jobs.values()], "next_page_token": None}
        raise No(404, {"message": "Workflow not found"})

    def _page(self, items: list[Any], asked: Mapping[str, str]) -> Any:
        """Answer twenty; the token of the next page says nothing to whoever asks."""
        at = int(asked.get("page-token", "page-0").removeprefix("page-"))
        return {"items": items[at : at + 20], "next_page_token": f"page-{at + 20}" if at + 20 < len(items) else None}

    def _project(self, slug: str) -> Project:
        if slug not in self.projects:
            raise No(404, NOT_FOUND)
        return self.projects[slug]

    def _job(self, slug: str, job: Job) -> dict[str, Any]:
        number = next((n for n, each in self._jobs.items() if each is job), 0) or next(self._numbers)
        self._jobs[number] = job
        return {
            "id": str(uuid.uuid4()),
            "name": job.name,
            "started_at": now(),
            "dependencies": [],
            "project_slug": f"gh/{slug}",
            "status": job.state or "queued",
            "type": "build",
            **({"job_number": number} if job.state not in ("", "not_run") else {}),
        }
