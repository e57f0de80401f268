"""What ci/deploy and ci/rollback report to GitHub: a Deployment in progress, no more, and its number in a trailer."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.deployment.workspace import Answer, Checkout, Remote, Workspace
from tests.github import Fault, GitHub
from tests.github.model import Deployment

pytestmark = pytest.mark.slow

PAGE = "https://github.com/acme/hello-api"


@dataclass(frozen=True)
class Runner:
    """A checkout at GitHub's: the token of a job, and the repository whose Deployments it opens."""

    checkout: Checkout
    github: GitHub
    token: str

    @property
    def deployments(self) -> list[Deployment]:
        return list(self.github.repository("acme/hello-api").deployments.values())

    def merge(self, message: str = "Change something") -> str:
        """Bring a commit to main, here and at GitHub."""
        revision = self.checkout.merge(message)
        self.fetch()
        return revision

    def fetch(self) -> None:
        bare = self.github.repository("acme/hello-api").git
        subprocess.run(["git", "fetch", "--quiet", self.checkout.path, "HEAD:main"], cwd=bare, check=True)

    def run(self, script: str, *options: str, summary: Path | None = None) -> Answer:
        """Run a script as its job does; everything but the remote is GitHub's."""
        more = {"GITHUB_STEP_SUMMARY": str(summary)} if summary else {}
        return self.checkout.run(
            *(script, *options),
            **{name: value for name, value in self.github.env.items() if name != "GH_TOKEN"},
            **more,
            GITHUB_ACTIONS="true",
            GITHUB_TOKEN=self.token,
            GITHUB_API_URL="https://api.github.com",
            GITHUB_REPOSITORY="acme/hello-api",
            GITHUB_RUN_ID="77",
        )


@pytest.fixture
def runner(laptop: Checkout, github: GitHub) -> Runner:
    """Return a runner whose job may write Deployments and nothing else over REST."""
    owner = github.user("octo")
    github.organization("acme", members={"octo": "admin"})
    github.hosting.create(github.tokens[github.token("octo")], "acme", "hello-api", private=True, description=None)
    token = github.token(owner, "run", permissions={"deployments": "write"}, repositories=["acme/hello-api"])
    made = Runner(laptop, github, token)
    made.fetch()
    return made


def number_in(remote: Remote, ref: str = "env/dev") -> str:
    return remote.git("log", "-1", "--format=%(trailers:key=GitHub-deployment,valueonly)", ref).strip()


def test_a_deployment_opens_a_github_deployment_in_progress_and_names_it_in_its_trailer(
    runner: Runner, remote: Remote, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    assert runner.run("deploy", "--init", summary=summary).line.startswith("deploy: done")
    (opened,) = runner.deployments
    assert (opened.sha, opened.environment) == (runner.checkout.git("rev-parse", "HEAD"), "dev")
    assert [status.state for status in opened.statuses] == ["in_progress"]
    assert opened.statuses[0].description.startswith("Handed to Argo CD")
    assert opened.statuses[0].log_url == f"{PAGE}/actions/runs/77"
    assert number_in(remote) == str(opened.id)
    assert f"[dev]({PAGE}/deployments/dev)" in summary.read_text()
    assert not opened.production


def test_the_github_deployment_before_is_overtaken_only_while_nobody_saw_it_live(runner: Runner) -> None:
    runner.run("deploy", "--init")
    runner.merge()
    runner.run("deploy")
    first, second = runner.deployments
    assert [first.state, second.state] == ["inactive", "in_progress"]
    second.statuses.append(replace(second.statuses[0], state="success"))
    runner.merge()
    runner.run("deploy")
    assert [each.state for each in runner.deployments] == ["inactive", "success", "in_progress"], "it serves until then"


@pytest.mark.parametrize("message", ["Resource not accessible by integration", "Server Error"])
@pytest.mark.parametrize("status", [403, 500])
def test_a_github_that_takes_none_fails_no_deployment(
    runner: Runner, remote: Remote, status: int, message: str
) -> None:
    runner.github.faults.order(Fault("no", status=status, message=message), "POST", "/deployments")
    answer = runner.run("deploy", "--init")
    assert (answer.code, answer.line.partition(" env/dev")[0]) == (0, "deploy: done")
    assert f"error: {status}" in answer.text
    assert "GitHub took no Deployment" in answer.text
    assert runner.token not in answer.text
    assert (number_in(remote), runner.deployments) == ("", [])


def test_a_github_that_is_away_for_a_moment_is_asked_again(runner: Runner, remote: Remote) -> None:
    runner.github.faults.order(Fault("500", message="Server Error"), "POST", "/deployments$", times=1)
    assert runner.run("deploy", "--init").code == 0
    assert number_in(remote) == str(runner.deployments[0].id)


def test_a_github_deployment_of_what_was_not_deployed_after_all_is_closed(runner: Runner, remote: Remote) -> None:
    remote.hook("pre-receive", "exit 1")
    answer = runner.run("deploy", "--init")
    assert answer.code == 1
    (opened,) = runner.deployments
    assert [status.state for status in opened.statuses] == ["in_progress", "inactive"]
    assert "Not deployed" in opened.statuses[-1].description


def test_one_that_was_overtaken_while_it_pushed_is_closed_and_green(runner: Runner, workspace: Workspace) -> None:
    assert runner.run("deploy", "--init").code == 0
    runner.merge("Two")
    faster = workspace.checkout("faster")
    faster.merge("Three")
    runner.checkout.before_push(f"env -u GITHUB_ACTIONS {faster.path}/ci/deploy")
    answer = runner.run("deploy")
    assert (answer.code, answer.line.partition(" env/dev")[0]) == (0, "deploy: superseded")
    assert runner.deployments[-1].state == "inactive"


@pytest.mark.parametrize("options", [[], ["--init"]])
def test_where_nothing_is_written_none_is_opened(runner: Runner, options: list[str]) -> None:
    runner.run("deploy", "--init")
    assert runner.run("deploy", *options).line.startswith("deploy: already there")
    assert len(runner.deployments) == 1


def test_a_rollback_opens_one_for_what_comes_back_and_its_release_keeps_it(runner: Runner, remote: Remote) -> None:
    first = runner.checkout.git("rev-parse", "HEAD")
    runner.run("deploy", "--init")
    runner.merge()
    runner.run("deploy")
    assert runner.run("rollback", "--why", 'a "reason" \\ of sorts').line.startswith("rollback: done")
    opened = runner.deployments[-1]
    assert (opened.sha, opened.state, len(runner.deployments)) == (first, "in_progress", 3)
    assert number_in(remote) == str(opened.id)
    assert runner.run("rollback", "--release").line.startswith("rollback: released")
    assert number_in(remote) == str(opened.id)
    assert (opened.state, len(runner.deployments)) == ("in_progress", 3)


def test_a_release_that_fails_leaves_the_deployment_as_it_was(runner: Runner, remote: Remote) -> None:
    runner.run("deploy", "--init")
    runner.merge()
    runner.run("deploy")
    runner.run("rollback")
    remote.hook("pre-receive", "exit 1")
    assert runner.run("rollback", "--release").code == 1
    assert runner.deployments[-1].state == "in_progress"


def test_on_your_machine_none_is_opened(runner: Runner, laptop: Checkout, remote: Remote) -> None:
    assert laptop.run("deploy", "--init").line.startswith("deploy: done")
    assert (number_in(remote), runner.deployments) == ("", [])


def test_the_token_is_in_no_command_line(runner: Runner, tmp_path: Path) -> None:
    curl, seen = runner.checkout.home / "bin/curl", tmp_path / "argv"
    curl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{seen}\nexec /usr/bin/curl "$@"\n')
    curl.chmod(0o755)
    assert runner.run("deploy", "--init").code == 0
    assert "deployments" in seen.read_text()
    assert runner.token not in seen.read_text()
