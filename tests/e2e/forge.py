"""What a developer does at the code host, besides git: at GitHub with gh, at GitLab with python-gitlab."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pytest
from gitlab import Gitlab
from gitlab.exceptions import GitlabError

from tests.github import GitHub
from tests.gitlab import GitLab

from .actors import Developer, eventually


@dataclass(frozen=True)
class Deployed:
    """A deployment that has ended, and what its job said."""

    green: bool
    log: str


class Forge(Protocol):
    """One project at a code host, as the story needs it."""

    checks_are: tuple[str, ...]
    """The names of the checks: of tests, image and chart."""
    calls_it: str
    """What is merged: a pull request, or a merge request."""

    def propose(self, branch: str, title: str) -> None:
        """Push the branch and ask for it to be merged."""

    def checks(self, branch: str) -> dict[str, str]:
        """Return the checks of what was proposed, and where they stand: pass, fail, pending."""

    def refuses(self, branch: str) -> str:
        """Try to merge what must not be merged, and return what is said."""

    def merge(self, branch: str) -> str:
        """Merge and return the commit that main is at."""

    def subject(self, branch: str, title: str) -> str:
        """Return the first line of the commit that a merge makes."""

    def deployment_of(self, revision: str) -> Deployed:
        """Return the deployment of a commit once it has ended."""

    def press(self, action: str, **inputs: str) -> None:
        """Do what the button of the code host's own CI does: `rollback` with `to` and `why`, `release`, `promote`."""

    def reads_with(self) -> list[bool]:
        """Return for each deploy key whether it may only read."""

    def left(self) -> Mapping[str, object]:
        """Return what is kept beside the code."""

    def deployments(self) -> list[tuple[str, str]] | None:
        """Return what is shown of each deployment: its commit and its state; None where nothing ever is."""


class AtGitHub:
    calls_it = "pull request"

    def __init__(
        self,
        github: GitHub,
        developer: Callable[[], Developer],
        name: str,
        checks_are: tuple[str, ...] = ("test", "image", "chart"),
    ) -> None:
        self.checks_are = checks_are
        self._github = github
        self._shell = developer
        self._name = name

    @property
    def _developer(self) -> Developer:
        return self._shell()

    def propose(self, branch: str, title: str) -> None:
        self._developer.git("push", "--quiet", "origin", f"HEAD:{branch}")
        options = ("--title", title, "--body", "", "--base", "main", "--head", branch)
        self._developer.run("gh", "pr", "create", *options)

    def checks(self, branch: str) -> dict[str, str]:
        done = self._developer.run("gh", "pr", "checks", branch, "--json", "name,bucket", check=False)
        found = json.loads(done.stdout) if done.stdout.strip() else []
        return {each["name"]: each["bucket"] for each in found}

    def refuses(self, branch: str) -> str:
        refused = self._developer.run("gh", "pr", "merge", branch, "--squash", check=False)
        assert refused.returncode
        assert "not mergeable" in refused.stderr or "policy prohibits" in refused.stderr
        return refused.stderr

    def merge(self, branch: str) -> str:
        self._developer.run("gh", "pr", "merge", branch, "--squash")
        return head_of_main(self._developer)

    def subject(self, branch: str, title: str) -> str:
        return title

    def deployment_of(self, revision: str) -> Deployed:
        def ended() -> dict[str, Any] | None:
            fields = "databaseId,headSha,status,conclusion"
            done = self._developer.run("gh", "run", "list", "--workflow", "deploy.yml", "--json", fields)
            runs = json.loads(done.stdout)
            return next((r for r in runs if r["headSha"] == revision and r["status"] == "completed"), None)

        run = eventually("the deployment's end", ended, 240)
        log = self._developer.run("gh", "run", "view", str(run["databaseId"]), "--log").stdout
        return Deployed(run["conclusion"] == "success", log)

    def press(self, action: str, **inputs: str) -> None:
        given = {"release": "true"} if action == "release" else inputs
        fields = (word for name, value in given.items() for word in ("-f", f"{name}={value}"))
        workflow = "promote.yml" if action == "promote" else "rollback.yml"
        self._developer.run("gh", "workflow", "run", workflow, *fields)

    def reads_with(self) -> list[bool]:
        return [key.read_only for key in self._github.repository(self._name).keys.values()]

    def left(self) -> Mapping[str, object]:
        repository = self._github.repository(self._name)
        return {name: getattr(repository, name) for name in ("keys", "secrets", "variables", "rulesets")}

    def deployments(self) -> list[tuple[str, str]] | None:
        """Return those of the environment: an Enterprise Server makes one for the registry's environment, too."""
        every = self._github.repository(self._name).deployments.values()
        return [(each.sha, each.state) for each in every if each.environment == "dev"]


class AtGitLab:
    checks_are: tuple[str, ...] = ("test", "build", "chart")
    calls_it = "merge request"

    def __init__(self, gitlab: GitLab, developer: Callable[[], Developer], name: str) -> None:
        self._gitlab = gitlab
        self._shell = developer
        self._name = name

    @property
    def _developer(self) -> Developer:
        return self._shell()

    @property
    def _project(self) -> Any:
        env, bundle = self._developer.env, self._developer.trusts["SSL_CERT_FILE"]
        client = Gitlab(self._gitlab.site.web, private_token=env["GITLAB_TOKEN"], ssl_verify=bundle)
        return client.projects.get(self._name)

    def propose(self, branch: str, title: str) -> None:
        self._developer.git("push", "--quiet", "origin", f"HEAD:{branch}")
        about = {"source_branch": branch, "target_branch": "main", "title": title, "squash": True}
        self._project.mergerequests.create(about)

    def _request(self, branch: str) -> Any:
        project = self._project
        (listed,) = project.mergerequests.list(state="opened", source_branch=branch, get_all=True)
        return project.mergerequests.get(listed.iid)

    def checks(self, branch: str) -> dict[str, str]:
        request = self._request(branch)
        head = request.head_pipeline
        if head is None or head["sha"] != request.sha:
            return {}
        jobs = self._project.pipelines.get(head["id"]).jobs.list(get_all=True)
        return {job.name: {"success": "pass", "failed": "fail"}.get(job.status, "pending") for job in jobs}

    def refuses(self, branch: str) -> str:
        with pytest.raises(GitlabError) as refused:
            self._request(branch).merge()
        assert refused.value.response_code == 405
        return str(refused.value)

    def merge(self, branch: str) -> str:
        request = self._request(branch)
        request.merge()
        eventually("the merge", lambda: self._project.mergerequests.get(request.iid).state == "merged", 30)
        return head_of_main(self._developer)

    def subject(self, branch: str, title: str) -> str:
        return f"Merge branch '{branch}' into 'main'"

    def deployment_of(self, revision: str) -> Deployed:
        def ended() -> Any:
            found = self._project.pipelines.list(ref="main", sha=revision, get_all=True)
            return next((each for each in found if each.status in ("success", "failed", "canceled")), None)

        pipeline = eventually("the deployment's end", ended, 240)
        jobs = {job.name: job.id for job in pipeline.jobs.list(get_all=True)}
        log = self._project.jobs.get(jobs["deploy"]).trace().decode()
        return Deployed(pipeline.status == "success", log)

    def press(self, action: str, **inputs: str) -> None:
        given = {"ACTION": action, **{name.upper(): value for name, value in inputs.items()}}
        variables = [{"key": name, "value": value} for name, value in given.items()]
        self._project.pipelines.create({"ref": "main", "variables": variables})

    def reads_with(self) -> list[bool]:
        return [key.read_only for key in self._gitlab.project(self._name).keys.values()]

    def left(self) -> Mapping[str, object]:
        project = self._gitlab.project(self._name)
        live = [token for token in project.tokens.values() if not token.revoked]
        return {**{n: getattr(project, n) for n in ("keys", "variables", "protections")}, "tokens": live}

    def deployments(self) -> list[tuple[str, str]] | None:
        return None


def head_of_main(developer: Developer) -> str:
    developer.git("fetch", "--quiet", "origin")
    return developer.git("rev-parse", "origin/main")
