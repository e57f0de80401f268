"""What ci/tested does; ci/tested --help says what that is for."""

import time

from env_branch import CI, REVISION, Answer, git, main, options, parents, say
from github import REPOSITORY, api


def tested() -> Answer:
    """Wait for the job `test` of this run; or report whether these files were tested before they were merged."""
    if "--wait" in options("wait"):
        return wait()
    for where in (in_pull_request, in_merge_queue):
        try:
            text = where()
        except Answer as no:
            say(" ".join(no.args))
            continue
        with open(CI.get("GITHUB_OUTPUT", "/dev/null"), "a") as output:
            output.write("tested=yes\n")
        return Answer("done:", text, "These very files were tested before they were merged, and are not tested again.")
    return Answer("done:", "no; ci/test has to")


def wait() -> Answer:
    """Wait until the job of this run has ended."""
    end = time.monotonic() + int(CI.get("TEST_TIMEOUT", "900"))
    while not (state := state_of(CI["GITHUB_RUN_ID"])):
        if time.monotonic() >= end:
            return Answer("failed:", "the job 'test' of this run has not ended")
        time.sleep(2)
    if state == "red":
        return Answer("failed:", "the job 'test' of this run is red; nothing is deployed")
    return Answer("done:", f"the job 'test' of this run is green, for {REVISION}")


def in_pull_request() -> str:
    """Say that the pull request that was merged as this commit tested the same files, or raise why not.

    It did where its branch had all of main, since then what it tested, merged with main, was its branch as it was; and
    where nothing differs. The workflow is among these files.
    """
    pulls = api("GET", f"{REPOSITORY}/commits/{REVISION}/pulls")
    heads = [pull["head"]["sha"] for pull in pulls if pull["merge_commit_sha"] == REVISION]
    if len(heads) != 1:
        raise Answer("no:", f"no pull request is known that was merged as {REVISION}")
    head = heads[0]
    if api("GET", f"{REPOSITORY}/git/commits/{head}").get("tree", {}).get("sha") != git("log", "-1", "--format=%T"):
        raise Answer("no:", "the merge changed what the pull request tested")
    # Not the first page: that one has all the files.
    compared = api("GET", f"{REPOSITORY}/compare/{parents(REVISION)[0]}...{head}?per_page=1&page=2")
    if compared.get("behind_by") != 0:
        raise Answer("no:", "the pull request was tested on an older main")
    check_runs("pull_request", head, "pull request")
    return f"the pull request tested these very files, at {head}"


def in_merge_queue() -> str:
    """Say that the queue tested this commit, or raise why not: main moves to the very commit that the queue made."""
    check_runs("merge_group", REVISION, "merge queue")
    return "the merge queue tested this very commit"


def check_runs(event: str, commit: str, whose: str) -> None:
    """Raise where pull-request.yml did not run for a commit, or not each time with a green job."""
    query = f"event={event}&head_sha={commit}&per_page=100"
    runs = api("GET", f"{REPOSITORY}/actions/workflows/pull-request.yml/runs?{query}").get("workflow_runs")
    if not runs:
        raise Answer("no:", f"pull-request.yml did not run for the {whose}")
    for run in runs:
        if state_of(run["id"]) != "green":
            raise Answer("no:", f"the job 'test' of the {whose}'s run {run['id']} is not green")


def state_of(run: str) -> str:
    """Return green, red, or nothing while the job `test` of a run has not ended.

    After a run was started again, the last attempt counts; a job that was not started again counts as it was.
    """
    found = api("GET", f"{REPOSITORY}/actions/runs/{run}/jobs?filter=all&per_page=100").get("jobs", [])
    jobs = [(job["run_attempt"], job["conclusion"]) for job in found if job["name"] == "test"]
    ends = {conclusion for attempt, conclusion in jobs if attempt == max(attempt for attempt, _ in jobs)}
    if not ends or None in ends:
        return ""
    return "green" if ends == {"success"} else "red"


main(tested)
