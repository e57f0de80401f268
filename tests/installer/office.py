"""A project whose CI is CircleCI or Travis CI, with stand-ins for GitHub and that CI, and runs that take no time."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from github import Auth, Github
from github.PullRequest import PullRequest

from installer.engine.reconcile import Apply, plan
from installer.project.project import Project
from tests.circleci.api import CircleCI
from tests.conftest import Bake
from tests.github import GitHub as StandIn
from tests.github.fixtures import blame
from tests.github.git import git as on_server
from tests.github.reported import Report, State
from tests.github.results import report
from tests.travis.api import TravisCI

from .clones import git
from .cluster import Quiet
from .shells import export, octos

SLUG = "acme/hello-api"
CI_TOKEN = "CCIPAT_canary_" + "3" * 20
REGISTRY_TOKEN = "dckr_pat_canary_" + "7" * 20
TOKENS = {"circleci": "CIRCLE_TOKEN", "travis-ci": "TRAVIS_TOKEN"}
NAMES = ["DEPLOY_TOKEN", "REGISTRY_TOKEN", "REGISTRY_USERNAME"]


@dataclass
class Office:
    """A project, its GitHub and its CI, as a developer's environment leads to them."""

    github: StandIn
    ci: Any
    name: str
    project: Path
    deploy_token: str

    def opened(self) -> Project:
        return Project.open(self.project)

    def lane(self) -> list[Any]:
        return [resource for resource in self.opened().resources() if resource.lane == "github"]

    def planned(self) -> dict[str, Any]:
        return {each.resource.key: each.change for each in plan(self.lane())}

    def up(self) -> list[str]:
        run = Apply(self.lane(), Quiet())
        run.run()
        self.ci.wait()
        return run.done

    def variables(self) -> dict[str, str]:
        """Return what the CI keeps."""
        if isinstance(self.ci, CircleCI):
            return dict(self.ci.projects[SLUG].variables)
        return {each.name: each.value for each in self.ci.repos[SLUG].variables.values()}

    def set_at_ci(self, name: str, value: str) -> None:
        """Change a variable on the CI's own page."""
        if isinstance(self.ci, CircleCI):
            self.ci.projects[SLUG].variables[name] = value
        else:
            next(v for v in self.ci.repos[SLUG].variables.values() if v.name == name).value = value

    def deploys(self, *, green: bool = True, jobs: str = "success") -> None:
        """Let the CI's runs take no time: each writes env/dev, or fails with a log."""

        def carry_out(place: Any, ran: Any, *_: Any) -> bool:
            for job in ran.jobs.values():
                job.state, job.log = ("success", "") if green else ("failed", "first\nit is on fire\n")
            if green:
                self.write_record()
            ran.passed = green
            return green

        self.ci.carry_out = carry_out

    def push(self, branch: str) -> None:
        """Push another commit to a branch of the developer's."""
        git(self.project, "commit", "--quiet", "--allow-empty", "--message", "Try")
        address = f"https://octo:{os.environ['GH_TOKEN']}@github.com/{SLUG}.git"
        git(self.project, "push", "--quiet", address, f"HEAD:{branch}")

    def propose(self, branch: str, *, green: bool) -> PullRequest:
        """Ask for a branch to be merged, and wait until the CI has said what it thinks of that."""
        self.deploys(green=green)
        self.push(branch)
        made = Github(auth=Auth.Token(os.environ["GH_TOKEN"])).get_repo(SLUG).create_pull("main", branch, title="Try")
        self.ci.wait()
        self.deploys()
        return made

    def actions(self) -> list[str]:
        """Return what each run was asked to do, oldest first."""
        if isinstance(self.ci, CircleCI):
            return [each.action for each in reversed(self.ci.projects[SLUG].pipelines)]
        asked = [" ".join(each.ran.build.env) for each in reversed(self.ci.repos[SLUG].builds)]
        return [env.partition("ACTION=")[2].partition(" ")[0] or "deploy" for env in asked]

    def shows(self, name: str, kind: Literal["status", "check"], state: State) -> None:
        """Have GitHub show a check or a status at the head of main."""
        repository = self.github.repository(SLUG)
        head = self.github.branches(repository)["main"]
        report(self.github, repository, head, Report(name, kind, state, f"https://ci.example.com/{SLUG}/1"))

    def write_record(self) -> None:
        folder = self.github.repository(SLUG).git
        head = on_server(folder, "rev-parse", "main").strip()
        image = f'image:\n  repository: "r/x"\n  tag: "{head}"\n  digest: "sha256:1"\nrevision: "{head}"\n'
        blob = on_server(folder, "hash-object", "-w", "--stdin", stdin=image)
        tree = on_server(folder, "mktree", stdin=f"100644 blob {blob}\timage.yaml\n")
        commit = on_server(folder, "commit-tree", tree, "-m", "Deploy")
        on_server(folder, "update-ref", "refs/heads/env/dev", commit)


@pytest.fixture(params=["circleci", pytest.param("travis-ci", marks=pytest.mark.all)])
def office(
    request: pytest.FixtureRequest,
    bake: Bake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Office]:
    ci = {"circleci": CircleCI, "travis-ci": TravisCI}[request.param]()
    ci.tokens[CI_TOKEN] = "octo"
    with StandIn.serve("github.com", neighbours=ci.neighbours()) as github:
        ci.at(github)
        octos(github, monkeypatch, tmp_path, GIT_CONFIG_GLOBAL="/dev/null", KUBECONFIG="/nowhere")
        may = {"metadata": "read", "contents": "write"}
        token = github.token("octo", "fine-grained", permissions=may, repositories=[SLUG])
        export(
            monkeypatch,
            {"REGISTRY_TOKEN": REGISTRY_TOKEN, "DEPLOY_TOKEN": token, TOKENS[request.param]: CI_TOKEN},
        )
        project = shutil.copytree(bake(ci=request.param).path, tmp_path / "hello-api")
        made = Office(github, ci, request.param, project, token)
        made.deploys()
        yield made
        ci.wait()
        blame(github)
