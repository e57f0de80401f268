"""A stand-in for api.travis-ci.com, version 3, as far as the installer asks it; pushes run their builds."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.ci_runner.machine import Place
from tests.ci_runner.service import No, Service, message_of, route
from tests.github.git import git
from tests.github.model import Repository
from tests.github.pulls import PullRequest
from tests.github.reported import Report
from tests.github.wire import Request, Response, json_response

from . import runner
from .runner import Event, Ran

REPO = "/repo/([^/%]+%2F[^/%]+)"


def missing(kind: str) -> No:
    text = f"{kind} not found (or insufficient access)"
    return No(404, {"@type": "error", "error_type": "not_found", "error_message": text, "resource_type": kind})


@dataclass
class Variable:
    id: str
    name: str
    value: str
    public: bool


@dataclass
class Build:
    id: int
    number: int
    ran: Ran


@dataclass
class Repo:
    """A repository that Travis CI knows."""

    repository: Repository
    id: int
    active: bool = False
    variables: dict[str, Variable] = field(default_factory=dict)
    builds: list[Build] = field(default_factory=list)


class TravisCI(Service):
    """It knows a repository only once it was synced; `carry_out` runs a build."""

    hosts = ("api.travis-ci.com",)

    def __init__(self) -> None:
        super().__init__()
        self.repos: dict[str, Repo] = {}
        self.carry_out: Callable[[Place, Ran, int], bool] = runner.carry_out
        self.sees = True
        """Whether its GitHub App may see the repositories."""
        self._numbers = itertools.count(7001)

    def check(self, request: Request) -> None:
        sent = {name.lower(): value for name, value in request.headers.items()}
        if sent.get("travis-api-version") != "3":
            raise AssertionError("without a version, the answers are of another one")
        if sent.get("authorization", "").removeprefix("token ") not in self.tokens:
            raise No(403, {"@type": "error", "error_type": "wrong_credentials", "error_message": "access denied"})

    # --- what happens --------------------------------------------------------------------------

    def pushed(self, repository: Repository, ref: str, old: str, new: str) -> None:
        repo = self.repos.get(repository.full_name)
        if repo is None or not repo.active or set(new) == {"0"} or not ref.startswith("refs/heads/"):
            return
        message = message_of(lambda *words: git(repository.git, *words), new)
        if any(mark in message for mark in ("[skip ci]", "[ci skip]", "[skip travis]")):
            return
        made = set(old) == {"0"}
        self._build(repo, Event("push", ref.removeprefix("refs/heads/"), new, "" if made else f"{old}...{new}"))

    def proposed(self, repository: Repository, pull: PullRequest) -> None:
        repo, sha = self.repos.get(repository.full_name), self.github.merging.merge_ref(repository, pull)
        if repo is None or not repo.active or sha is None:
            return
        ref = f"refs/pull/{pull.number}/merge"
        self._build(repo, Event("pull_request", pull.base, sha, f"{pull.base_sha}...{pull.head_sha}", ref=ref), pull)

    def _build(self, repo: Repo, event: Event, pull: PullRequest | None = None) -> None:
        place = self.place(repo.repository, {each.name: each.value for each in repo.variables.values()})
        if runner.config_of(place, event.revision) is None:
            raise AssertionError(f"a branch without .travis.yml is built as a Ruby project: {event.branch}")
        ran = runner.plan(place, event)
        if ran is None:
            return
        build = Build(next(self._numbers), len(repo.builds) + 1, ran)
        repo.builds.insert(0, build)
        self.start(lambda: self._do(place, build, repo.repository, pull.head_sha if pull else event.revision))

    def _do(self, place: Place, build: Build, repository: Repository, revision: str) -> None:
        name = f"Travis CI - {'Pull Request' if build.ran.event.type == 'pull_request' else 'Branch'}"
        url = f"https://app.travis-ci.com/github/{place.slug}/builds/{build.id}"
        self.report(repository, revision, Report(name, "check", "pending", url))
        passed = self.carry_out(place, build.ran, build.number)
        self.report(repository, revision, Report(name, "check", "success" if passed else "failure", url))

    # --- repositories and their variables --------------------------------------------------------

    @route("GET", "/user")
    def user(self) -> Any:
        return {"@type": "user", "id": 3664, "login": "octo"}

    @route("POST", r"/user/(\d+)/sync")
    def sync(self, user: str, _: Any) -> Any:
        assert user == "3664"
        for repository in self.github.repositories.values() if self.sees else ():
            self.repos.setdefault(repository.full_name, Repo(repository, next(self._numbers)))
        return {"@type": "user", "id": 3664, "login": "octo", "is_syncing": True}

    @route("GET", REPO)
    def repo(self, slug: str) -> Any:
        return _repo(self._repo(slug))

    @route("POST", f"{REPO}/activate")
    def activate(self, slug: str, _: Any) -> Any:
        repo = self._repo(slug)
        repo.active = True
        return _repo(repo)

    @route("GET", f"{REPO}/env_vars")
    def variables(self, slug: str) -> Any:
        return {"@type": "env_vars", "env_vars": [_variable(each) for each in self._repo(slug).variables.values()]}

    @route("POST", f"{REPO}/env_vars")
    def make_variable(self, slug: str, body: Any) -> Response:
        repo, given = self._repo(slug), _given(body)
        if any(each.name == given["name"] for each in repo.variables.values()):
            text = "resource already exists"
            raise No(409, {"@type": "error", "error_type": "duplicate_resource", "error_message": text})
        made = Variable(f"v{next(self._numbers)}", **given)
        repo.variables[made.id] = made
        return json_response(201, _variable(made))

    @route("PATCH", f"{REPO}/env_var/([^/]+)")
    def change_variable(self, slug: str, name: str, body: Any) -> Any:
        repo = self._repo(slug)
        if name not in repo.variables:
            raise missing("env_var")
        repo.variables[name] = Variable(name, **_given(body))
        return _variable(repo.variables[name])

    @route("DELETE", f"{REPO}/env_var/([^/]+)")
    def delete_variable(self, slug: str, name: str) -> Response:
        if self._repo(slug).variables.pop(name, None) is None:
            raise missing("env_var")
        return Response(204)

    # --- builds ----------------------------------------------------------------------------------

    @route("POST", f"{REPO}/requests")
    def request(self, slug: str, body: Any) -> Response:
        repo, asked = self._repo(slug), body["request"]
        assert asked.keys() <= {"branch", "message", "merge_mode", "config"}, asked
        assert asked.get("merge_mode") == "deep_merge", "the runner merges in no other way"
        if not repo.active:
            text = "cannot create requests on an inactive repository"
            raise No(406, {"@type": "error", "error_type": "repository_inactive", "error_message": text})
        head = self.github.branches(repo.repository)[asked["branch"]]
        self._build(repo, Event("api", asked["branch"], head, config=asked.get("config", {})))
        answer = {"@type": "pending", "remaining_requests": 9, "request": {"id": next(self._numbers), **asked}}
        return json_response(202, {**answer, "resource_type": "request"})

    def _repo(self, slug: str) -> Repo:
        found = self.repos.get(slug.replace("%2F", "/"))
        if found is None:
            raise missing("repository")
        return found


def _repo(repo: Repo) -> dict[str, Any]:
    full = repo.repository.full_name
    return {
        "@type": "repository",
        "id": repo.id,
        "slug": full,
        "active": repo.active,
        "private": repo.repository.private,
    }


def _variable(variable: Variable) -> dict[str, Any]:
    value = variable.value if variable.public else None
    shown = {"id": variable.id, "name": variable.name, "value": value, "public": variable.public, "branch": None}
    return {"@type": "env_var", **shown}


def _given(body: Any) -> dict[str, Any]:
    assert body.keys() == {"env_var.name", "env_var.value", "env_var.public"}, body
    return {name.removeprefix("env_var."): value for name, value in body.items()}
