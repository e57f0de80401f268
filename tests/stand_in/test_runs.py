"""Real act behind the stand-in: what starts workflows, what they may do, and what comes of them."""

import json

import pytest
from github import GithubException

from tests.github import GitHub
from tests.github.workflows import Workflow, evaluate

from .conftest import Person

pytestmark = pytest.mark.all

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
CI = f"""
name: ci
on: {{pull_request: {{branches: [main]}}}}
permissions: {{}}
jobs:
  test:
    runs-on: ${{{{ vars.RUNNER || 'ubuntu-latest' }}}}
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
        with: {{persist-credentials: false}}
      - run: test "$(cat a)" = good && ! grep -i authorization .git/config
"""
DEPLOY = f"""
name: deploy
on:
  push: {{branches: [main]}}
  workflow_dispatch: {{inputs: {{init: {{type: boolean, default: false}}}}}}
permissions: {{}}
jobs:
  login:
    runs-on: ubuntu-latest
    steps:
      - run: test -n "$TOKEN" && test -z "$SECRET_OF_THE_TEST" && echo "$TOKEN"
        env: {{TOKEN: "${{{{ secrets.TOKEN }}}}"}}
  deploy:
    needs: [login]
    runs-on: ubuntu-latest
    permissions: {{contents: write}}
    steps:
      - uses: {CHECKOUT}
      - run: |
          git push origin HEAD:env/dev
          echo "created=${{{{ github.event.created }}}} before=${{{{ github.event.before }}}}"
  overreach:
    needs: [deploy]
    runs-on: ubuntu-latest
    permissions: {{contents: read}}
    steps:
      - uses: {CHECKOUT}
      - run: '! git push origin HEAD:stolen'
  never:
    if: github.ref == 'refs/heads/none'
    runs-on: ubuntu-latest
    steps: [{{run: 'false'}}]
"""
LISTENS = "on: {push: {branches: ['env/**']}}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
FILES = {
    "a": "good",
    ".github/workflows/ci.yml": CI,
    ".github/workflows/deploy.yml": DEPLOY,
    ".github/workflows/env.yml": LISTENS,
}


def test_a_push_starts_what_listens_to_it_with_each_job_s_own_permissions(
    octo: Person, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_TEST", "not for runners")
    octo.repository()
    octo.gh("secret", "set", "TOKEN", "--body", "s3cret", "-R", "acme/web")
    sha = octo.commit(FILES)
    octo.push("main")
    run = github.wait_for_run("acme/web", workflow="deploy.yml", event="push", sha=sha)
    assert {job.name: job.conclusion for job in run.jobs} == {
        "login": "success",
        "deploy": "success",
        "overreach": "success",
        "never": "skipped",
    }
    assert f"created=true before={'0' * 40}" in run.log
    assert "s3cret" not in run.log
    assert github.branches(github.repository("acme/web")) == {"main": sha, "env/dev": sha}
    assert [each.workflow for each in github.runs("acme/web")] == [".github/workflows/deploy.yml"]  # no loop
    assert not [token for token in github.tokens.values() if token.kind == "run"]  # they end with the run

    octo.gh("secret", "delete", "TOKEN", "-R", "acme/web")
    octo.gh("workflow", "run", "deploy.yml", "--ref", "main", "-f", "init=true")
    again = github.wait_for_run("acme/web", event="workflow_dispatch")
    assert [job.conclusion for job in again.jobs] == ["failure", "skipped", "skipped", "skipped"]
    listed = json.loads(octo.gh("run", "list", "--json", "event,conclusion,number"))
    assert [(each["event"], each["conclusion"]) for each in listed] == [
        ("workflow_dispatch", "failure"),
        ("push", "success"),
    ]
    assert "exit status 1" in octo.gh("run", "view", str(again.id), "--log-failed")


def test_a_failing_test_blocks_the_merge_and_a_fixed_one_lets_it_in(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "good", ".github/workflows/ci.yml": CI})
    octo.gh("repo", "edit", "acme/web", "--delete-branch-on-merge")
    octo.protect()
    octo.git("checkout", "--quiet", "-b", "feature/x")
    octo.commit({"a": "bad"}, "the change")
    octo.push("feature/x")
    octo.gh("pr", "create", "--title", "T", "--body", "B", "--base", "main", "--head", "feature/x")
    assert github.wait_for_run("acme/web", event="pull_request").conclusion == "failure"
    assert "fail" in octo.gh("pr", "checks", "1", ok=False)
    assert "base branch policy prohibits the merge" in octo.gh("pr", "merge", "1", "--squash", ok=False)
    pull = octo.api().get_repo("acme/web").get_pull(1)
    with pytest.raises(GithubException, match=r'405.*Required status check \\"test\\" is expected'):
        pull.merge(merge_method="squash")

    sha = octo.commit({"a": "good", "b": "new"}, "fixed")
    octo.push("feature/x")
    assert github.wait_for_run("acme/web", event="pull_request", sha=sha).conclusion == "success"
    assert "pass" in octo.gh("pr", "checks", "1")
    octo.gh("pr", "merge", "1", "--squash")
    assert github.file("acme/web", "main", "b") == "new"
    assert github.branches(github.repository("acme/web")).keys() == {"main"}
    merged = octo.api().get_repo("acme/web").get_commits()
    assert merged[0].commit.message.startswith("T (#1)")
    assert merged.totalCount == 2


@pytest.mark.parametrize("method", ["merge", "rebase"])
def test_merging_is_done_by_git(octo: Person, github: GitHub, method: str) -> None:
    octo.repository(files={"a": "1"})
    octo.git("checkout", "--quiet", "-b", "side")
    octo.commit({"b": "1"}, "one")
    octo.commit({"c": "1"}, "two")
    octo.push("side")
    octo.git("checkout", "--quiet", "main")
    octo.commit({"d": "1"}, "meanwhile")
    octo.push("main")
    repository = octo.api().get_repo("acme/web")
    pull = repository.create_pull(base="main", head="side", title="T", body="")
    assert (pull.commits, pull.changed_files, pull.mergeable_state) == (2, 2, "clean")
    assert pull.merge(merge_method=method).merged
    subjects = {each.commit.message.partition("\n")[0] for each in repository.get_commits()}
    expected = {"change", "meanwhile", "one", "two"}
    assert subjects == expected | ({"Merge pull request #1 from acme/side"} if method == "merge" else set())
    assert [github.file("acme/web", "main", name) for name in "abcd"] == ["1"] * 4


def test_a_conflict_is_not_mergeable(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    octo.git("checkout", "--quiet", "-b", "side")
    octo.commit({"a": "2"})
    octo.push("side")
    octo.git("checkout", "--quiet", "main")
    octo.commit({"a": "3"})
    octo.push("main")
    pull = octo.api().get_repo("acme/web").create_pull(base="main", head="side", title="T", body="")
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    with pytest.raises(GithubException, match="405"):
        pull.merge()


def test_a_job_without_a_runner_waits_for_ever(octo: Person, github: GitHub) -> None:
    octo.repository()
    octo.gh("variable", "set", "RUNNER", "--body", "of-our-own", "-R", "acme/web")
    octo.commit({"a": "good", ".github/workflows/ci.yml": CI.replace("pull_request", "push")})
    octo.push("main")
    with pytest.raises(AssertionError, match=r"waits for a runner labelled \['of-our-own'\]"):
        github.wait_for_run("acme/web")
    assert octo.api().get_repo("acme/web").get_workflow_runs()[0].status == "in_progress"


def test_a_newer_run_of_a_group_cancels_the_one_under_way(octo: Person, github: GitHub) -> None:
    slow = (
        "on: push\nconcurrency: {group: 'g-${{ github.ref }}', cancel-in-progress: true}\n"
        "jobs: {one: {runs-on: ubuntu-latest, steps: [{run: sleep 3600}]}}\n"
    )
    octo.repository(files={".github/workflows/slow.yml": slow})
    octo.commit({".github/workflows/slow.yml": slow.replace("sleep 3600", "true")})
    octo.push("main")
    assert github.wait_for_run("acme/web").conclusion == "success"
    assert [each.conclusion for each in github.runs("acme/web")] == ["success", "cancelled"]


def test_a_run_s_token_may_dispatch_where_its_job_says_so_and_that_starts_a_run(octo: Person, github: GitHub) -> None:
    call = (
        "curl --silent --output answer --write-out '%{http_code}' --header \"Authorization: Bearer $TOKEN\" --data "
        '\'{"ref": "main"}\' $GITHUB_API_URL/repos/$GITHUB_REPOSITORY/actions/workflows/target.yml/dispatches'
    )
    job = {"runs-on": "ubuntu-latest", "env": {"TOKEN": "${{ github.token }}"}}
    jobs = {
        "may": {**job, "permissions": {"actions": "write"}, "steps": [{"run": f'test "$({call})" = 204'}]},
        "may_not": {**job, "permissions": {"contents": "write"}, "steps": [{"run": f'test "$({call})" = 403'}]},
    }
    target = "on: workflow_dispatch\njobs: {one: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
    files = {"caller.yml": json.dumps({"on": "push", "permissions": {}, "jobs": jobs}), "target.yml": target}
    octo.repository(files={f".github/workflows/{name}": content for name, content in files.items()})
    assert github.wait_for_run("acme/web", workflow="caller.yml").conclusion == "success"
    started = github.wait_for_run("acme/web", workflow="target.yml")
    assert (started.event, started.actor, started.conclusion) == (
        "workflow_dispatch",
        "github-actions[bot]",
        "success",
    )


def test_a_pull_request_that_waits_for_its_checks_merges_itself(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "good", ".github/workflows/ci.yml": CI})
    octo.gh("repo", "edit", "acme/web", "--enable-auto-merge")
    octo.protect()
    octo.git("checkout", "--quiet", "-b", "side")
    octo.commit({"b": "new", "a": "bad"})
    octo.push("side")
    octo.gh("pr", "create", "--title", "T", "--body", "B", "--base", "main", "--head", "side")
    github.wait_for_run("acme/web", event="pull_request")
    octo.gh("pr", "merge", "1", "--squash", "--auto")
    assert github.file("acme/web", "main", "b") is None
    sha = octo.commit({"a": "good"})
    octo.push("side")
    github.wait_for_run("acme/web", event="pull_request", sha=sha)
    assert github.repository("acme/web").pulls[1].state == "MERGED"
    assert github.file("acme/web", "main", "b") == "new"


def test_inputs_of_a_dispatch_are_checked(octo: Person) -> None:
    octo.repository(files=FILES)
    said = octo.gh("workflow", "run", "deploy.yml", "--ref", "main", "-f", "other=1", ok=False)
    assert 'Unexpected inputs provided: [\\"other\\"]' in said or 'Unexpected inputs provided: ["other"]' in said
    assert "is not a boolean" in octo.gh("workflow", "run", "deploy.yml", "--ref", "main", "-f", "init=x", ok=False)


def test_an_enterprise_server_runs_workflows_too(enterprise: Person, ghes: GitHub) -> None:
    enterprise.repository(files={"a": "good", ".github/workflows/ci.yml": CI.replace("pull_request", "push")})
    run = ghes.wait_for_run("acme/web")
    assert run.conclusion == "success", run.log


@pytest.mark.parametrize(
    ("filters", "branch", "changed", "wanted"),
    [
        ({"branches": ["main"]}, "main", ["a"], True),
        ({"branches": ["main"]}, "main2", ["a"], False),
        ({"branches": ["env/*"]}, "env/dev", ["a"], True),
        ({"branches": ["env/*"]}, "env/pr/1", ["a"], False),
        ({"branches": ["env/**", "!env/dev"]}, "env/dev", ["a"], False),
        ({"branches-ignore": ["env/**"]}, "env/dev", ["a"], False),
        ({"paths": ["**.md"]}, "main", ["docs/a.md", "b"], True),
        ({"paths": ["src/**"]}, "main", ["docs/a.md"], False),
        ({"paths-ignore": ["docs/**"]}, "main", ["docs/a", "src/b"], True),
        ({"paths-ignore": ["docs/**"]}, "main", ["docs/a"], False),
        (None, "any", [], True),
    ],
)
def test_filters_decide_as_at_github(
    filters: dict[str, list[str]] | None, branch: str, changed: list[str], *, wanted: bool
) -> None:
    workflow = Workflow("w.yml", {"on": {"push": filters}, "jobs": {}})
    assert workflow.wants("push", branch, changed) is wanted
    assert not workflow.wants("pull_request", branch, changed)


def test_small_expressions_are_evaluated() -> None:
    context = {"github": {"sha": "abc", "event": {}}, "vars": {}}
    assert evaluate("d-${{ github.sha }}-${{ vars.RUNNER || 'it''s' }}", context) == "d-abc-it's"
    assert evaluate("${{ github.event.pull_request.number }}", context) == ""


AGAIN = """
on: push
jobs:
  steady: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
  shaky: {runs-on: ubuntu-latest, steps: [{run: 'test "$GITHUB_RUN_ATTEMPT" != 1'}]}
  after: {runs-on: ubuntu-latest, needs: [steady, shaky], steps: [{run: 'true'}]}
"""


@pytest.mark.parametrize("failed", [False, True])
def test_a_run_is_run_again_under_its_number_all_of_it_or_what_failed_with_what_needs_it(
    octo: Person, github: GitHub, *, failed: bool
) -> None:
    octo.repository(files={".github/workflows/again.yml": AGAIN})
    first = github.wait_for_run("acme/web")
    assert [(job.name, job.conclusion) for job in first.jobs] == [
        ("steady", "success"),
        ("shaky", "failure"),
        ("after", "skipped"),
    ]
    octo.gh("run", "rerun", str(first.id), *(["--failed"] if failed else []), "-R", "acme/web")
    run = octo.api().get_repo("acme/web").get_workflow_run(first.id)
    assert (run.run_attempt, run.head_sha, run.run_number) == (2, first.head_sha, first.number)
    assert (run.previous_attempt_url or "").endswith(f"/runs/{first.id}/attempts/1")
    again = github.wait_for_run("acme/web")
    assert (again.id, again.conclusion) == (first.id, "success"), again.log
    newest, every = list(run.jobs()), list(run.jobs("all"))
    assert [(job.name, job.raw_data["run_attempt"]) for job in newest] == [("steady", 2), ("shaky", 2), ("after", 2)]
    assert len(every) == 6
    assert again.log.count("steady | ⭐ Run Set up job") == (1 if failed else 2)
    assert len(github.runs("acme/web")) == 1


def test_a_run_that_is_under_way_or_in_which_nothing_failed_is_not_run_again(octo: Person, github: GitHub) -> None:
    slow = "on: push\njobs: {one: {runs-on: ubuntu-latest, steps: [{run: sleep 3600}]}}\n"
    octo.repository(files={".github/workflows/slow.yml": slow})
    (run,) = octo.api().get_repo("acme/web").get_workflow_runs()
    assert run.rerun() is False
    told = octo.gh("api", "-X", "POST", f"repos/acme/web/actions/runs/{run.id}/rerun", ok=False)
    assert "already running" in told
    assert "HTTP 403" in told
    run.cancel()
    octo.commit({".github/workflows/slow.yml": slow.replace("sleep 3600", "true")})
    octo.push("main")
    done = github.wait_for_run("acme/web")
    told = octo.gh("api", "-X", "POST", f"repos/acme/web/actions/runs/{done.id}/rerun-failed-jobs", ok=False)
    assert "no job of it failed" in told
