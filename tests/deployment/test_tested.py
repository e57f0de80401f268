"""ci/tested: what a pull request tested is not tested again, and nothing is deployed untested."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.deployment.workspace import Answer, Checkout
from tests.e2e.actors import eventually
from tests.github import GitHub, results
from tests.github.git import ZERO
from tests.github.model import Repository, Token, now, number
from tests.github.pushes import Push
from tests.github.reported import Report
from tests.github.runs import Job, Run

pytestmark = pytest.mark.slow

READS = {"contents": "read", "actions": "read", "pull_requests": "read"}
PULL_REQUEST, DEPLOY = "pull-request.yml", "deploy.yml"


def a_test_job(conclusion: str | None, attempt: int = 1) -> Job:
    """Make a job `test` that ended like this, or is under way."""
    status = "completed" if conclusion else "queued"
    return Job("test", "test", number(), now(), conclusion=conclusion, status=status, attempt=attempt)


@dataclass
class Merges:
    """A person's clone of a repository at GitHub, whose pull requests are merged there."""

    checkout: Checkout
    github: GitHub
    token: str
    output: Path
    job: Checkout = field(init=False)

    @property
    def owner(self) -> Token:
        return self.github.tokens[self.github.token("octo")]

    @property
    def repository(self) -> Repository:
        return self.github.repository("acme/hello-api")

    def push(self, branch: str) -> None:
        bare, ref = self.repository.git, f"refs/heads/{branch}"
        old = self.github.branches(self.repository).get(branch, ZERO)
        subprocess.run(["git", "fetch", "--quiet", self.checkout.path, f"+HEAD:{ref}"], cwd=bare, check=True)
        new = self.github.branches(self.repository)[branch]
        self.github.hosting.pushed(Push(self.repository, self.owner), [(old, new, ref)])

    def propose(self, branch: str, line: str, check: str | None = "success") -> str:
        """Open a pull request for one more commit, with its check `test`; return its head."""
        self.checkout.git("checkout", "--quiet", "-B", branch)
        self.checkout.write(app_py=f"print({line!r})\n")
        head = self.checkout.commit(f"Say {line}")
        self.push(branch)
        wanted = {"title": f"Say {line}", "body": None, "base": "main", "head": branch}
        pull = self.github.merging.create(self.repository, self.owner, draft=False, **wanted)  # type: ignore[arg-type]
        self.checked(pull.head_sha, check)
        return head

    def checked(
        self, sha: str, conclusion: str | None, workflow: str = PULL_REQUEST, event: str = "pull_request"
    ) -> Run:
        """Let a run's job `test` have ended like this, or be under way; another job is green anyway."""
        other = Job("image", "image", number(), now(), conclusion="success", status="completed")
        told = (f".github/workflows/{workflow}", "ci", event, {}, "main", sha, sha, "refs/heads/main", "octo", now())
        run = Run(number(), 1, *told, "t", Path("log"), jobs=[other, a_test_job(conclusion)])
        self.repository.runs.insert(0, run)
        return run

    def add_another_file(self) -> None:
        """Commit it on main as the clone has that."""
        self.checkout.git("checkout", "--quiet", "main")
        self.checkout.write(other_py="other = 1\n")
        self.checkout.commit("Another")

    def merge(self, branch: str) -> str:
        """Squash it into main, and check main out."""
        (pull,) = (each for each in self.repository.pulls.values() if each.head == branch and each.state == "OPEN")
        self.github.merging.merge(self.repository, self.owner, pull, "squash")
        return self.main()

    def main(self) -> str:
        """Check main out as a job does: its last commit alone."""
        self.job = replace(self.checkout, path=self.output.parent / "job")
        self.checkout.git(
            "clone", "--quiet", "--depth=1", "--branch=main", f"file://{self.repository.git}", str(self.job.path)
        )
        return self.job.git("rev-parse", "HEAD")

    def start(self, *options: str, **env: str) -> subprocess.Popen[str]:
        """Start the script as its job does."""
        job = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_TOKEN": self.token,
            "GITHUB_API_URL": "https://api.github.com",
            "GITHUB_REPOSITORY": "acme/hello-api",
            "GITHUB_OUTPUT": str(self.output),
        }
        return self.job.start("tested", *options, **self.github.env, **job, **env)

    def run(self, *options: str, **env: str) -> Answer:
        """Run it to its end."""
        process = self.start(*options, **env)
        out, err = process.communicate(timeout=60)
        assert self.token not in out + err
        return Answer.of(process.returncode, out, err)

    def before(self) -> str:
        """Ask whether the files were tested before; return what the job is told."""
        self.output.write_text("")
        answer = self.run()
        assert answer.code == 0, answer.text
        return self.output.read_text()


@pytest.fixture
def merges(laptop: Checkout, github: GitHub, tmp_path: Path) -> Iterator[Merges]:
    octo = github.user("octo")
    github.organization("acme", members={"octo": "admin"})
    github.hosting.create(github.tokens[github.token("octo")], "acme", "hello-api", private=True, description=None)
    token = github.token(octo, "run", permissions=READS, repositories=["acme/hello-api"])
    made = Merges(laptop, github, token, tmp_path / "output")
    made.push("main")
    yield made
    assert github.failures == []


def test_what_the_pull_request_tested_is_known(merges: Merges) -> None:
    merges.propose("one", "one")
    assert merges.merge("one") != merges.repository.pulls[1].head_sha, "it was squashed"
    assert merges.before() == "tested=yes\n"


@pytest.mark.parametrize("check", ["failure", "cancelled", "skipped", None])
def test_a_check_that_is_not_green_counts_for_nothing(merges: Merges, check: str | None) -> None:
    merges.propose("one", "one", check)
    merges.merge("one")
    assert merges.before() == ""


def test_a_commit_without_a_pull_request_is_tested(merges: Merges) -> None:
    merges.checkout.write(app_py="print('direct')\n")
    merges.checked(merges.checkout.commit(), "success")
    merges.push("main")
    merges.main()
    assert merges.before() == ""


def test_what_was_merged_with_another_change_is_tested(merges: Merges) -> None:
    merges.propose("one", "one")
    merges.add_another_file()
    merges.push("main")
    merges.merge("one")
    assert merges.before() == ""


def test_the_same_files_do_not_count_where_they_were_tested_together_with_what_went_again(merges: Merges) -> None:
    """Its test ran on its branch merged with a main that had one more file: those are not the files of today."""
    merges.propose("one", "one")
    merges.add_another_file()
    merges.checkout.git("rm", "--quiet", "other.py")
    merges.checkout.commit("Not that one")
    merges.push("main")
    merges.merge("one")
    merged, head = merges.job.git("log", "-1", "--format=%T"), merges.repository.pulls[1].head_sha
    assert merged == merges.checkout.git("log", "-1", "--format=%T", head), "the same files"
    answer = merges.run()
    assert (answer.code, "older main" in answer.text) == (0, True)
    assert not merges.output.exists()


def test_where_github_says_no_the_tests_run(merges: Merges) -> None:
    merges.propose("one", "one")
    merges.merge("one")
    merges.token = merges.github.token("octo", "run", permissions={"contents": "read"}, repositories=["acme/hello-api"])
    assert merges.before() == ""


def test_a_green_check_of_that_name_counts_for_nothing_whoever_made_it(merges: Merges) -> None:
    """An App says `test` is green, and so does a status that somebody set manually; pull-request.yml never ran."""
    head = merges.propose("one", "one", "skipped")
    del merges.repository.runs[0]
    for kind in ("check", "status"):
        said = Report("test", kind, "success", "https://example.com")  # type: ignore[arg-type]
        results.report(merges.github, merges.repository, head, said)
    merges.merge("one")
    assert merges.before() == ""


@pytest.mark.parametrize(
    ("workflow", "event"),
    [
        ("another.yml", "pull_request"),
        ("another.yml", "push"),
        (PULL_REQUEST, "push"),
        (PULL_REQUEST, "workflow_dispatch"),
    ],
)
def test_a_job_of_that_name_in_another_workflow_or_by_another_event_counts_for_nothing(
    merges: Merges, workflow: str, event: str
) -> None:
    head = merges.propose("one", "one")
    del merges.repository.runs[0]
    merges.checked(head, "success", workflow, event)
    merges.merge("one")
    assert merges.before() == ""


@pytest.mark.parametrize("states", [("success", "failure"), ("failure", "success"), ("success", None)])
def test_one_green_run_among_others_of_the_pull_request_counts_for_nothing(
    merges: Merges, states: tuple[str, str | None]
) -> None:
    head = merges.propose("one", "one", states[0])
    merges.checked(head, states[1])
    merges.merge("one")
    assert merges.before() == ""


@pytest.mark.parametrize(("last", "told"), [("success", "tested=yes\n"), ("failure", ""), (None, "")])
def test_the_last_attempt_of_a_run_counts(merges: Merges, last: str | None, told: str) -> None:
    merges.propose("one", "one", "failure" if last == "success" else "success")
    merges.repository.runs[0].jobs.append(a_test_job(last, attempt=2))
    merges.merge("one")
    assert merges.before() == told


def test_of_several_pull_requests_the_one_that_was_merged_counts(merges: Merges) -> None:
    """Another one, still open, has the same commit in it, and its checks are green."""
    merges.propose("one", "one", "failure")
    merges.merge("one")
    revision = merges.job.git("rev-parse", "HEAD")
    merges.checkout.git("fetch", "--quiet", f"file://{merges.repository.git}", "main")
    merges.checkout.git("checkout", "--quiet", "-B", "two", revision)
    merges.propose("two", "two")
    assert merges.before() == ""


@pytest.mark.parametrize(("conclusion", "code"), [("success", 0), ("failure", 1), ("cancelled", 1)])
def test_a_deployment_waits_for_its_own_job(merges: Merges, conclusion: str, code: int) -> None:
    run = merges.checked(merges.main(), None, DEPLOY, "push")
    job = run.jobs[-1]
    asked = len(merges.github.requests)

    process = merges.start("--wait", GITHUB_RUN_ID=str(run.id))
    eventually("its first look", lambda: len(merges.github.requests) > asked, 30)
    job.status, job.conclusion = "completed", conclusion
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert len(merges.github.requests) > asked + 1, "it was not over at the first look"


@pytest.mark.parametrize(("own", "said"), [("failure", "nothing is deployed"), (None, "has not ended")])
def test_what_others_say_of_the_commit_deploys_nothing(merges: Merges, own: str | None, said: str) -> None:
    """Another run, a job of that name in another workflow and an App are green, but the run's own job is not."""
    revision = merges.main()
    run = merges.checked(revision, own, DEPLOY, "push")
    merges.checked(revision, "success", DEPLOY, "workflow_dispatch")
    merges.checked(revision, "success", "another.yml", "push")
    results.report(merges.github, merges.repository, revision, Report("test", "check", "success", "https://a.b"))
    answer = merges.run("--wait", GITHUB_RUN_ID=str(run.id), TEST_TIMEOUT="0")
    assert answer.code == 1
    assert said in answer.text


@pytest.mark.parametrize(("attempts", "code"), [(("failure", "success"), 0), (("success", "failure"), 1)])
def test_of_a_run_that_was_started_again_the_last_attempt_counts(
    merges: Merges, attempts: tuple[str, str], code: int
) -> None:
    run = merges.checked(merges.main(), attempts[0], DEPLOY, "push")
    run.jobs.append(a_test_job(attempts[1], attempt=2))
    assert merges.run("--wait", GITHUB_RUN_ID=str(run.id)).code == code


def test_a_job_that_was_green_and_not_started_again_still_counts(merges: Merges) -> None:
    """`Re-run failed jobs` after the registry was away: only `deploy` runs again."""
    run = merges.checked(merges.main(), "success", DEPLOY, "push")
    run.jobs.append(Job("deploy", "deploy", number(), now(), status="in_progress", attempt=2))
    assert merges.run("--wait", GITHUB_RUN_ID=str(run.id)).code == 0


def test_without_such_a_job_nothing_is_deployed(merges: Merges) -> None:
    run = merges.checked(merges.main(), None, DEPLOY, "push")
    run.jobs.clear()
    answer = merges.run("--wait", GITHUB_RUN_ID=str(run.id), TEST_TIMEOUT="0")
    assert answer.code == 1
    assert "has not ended" in answer.text
