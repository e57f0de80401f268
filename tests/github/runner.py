"""Runs of workflows: which of them wait for each other, how they go, and how they end."""

import contextlib
import json
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import act
from .environments import named
from .model import Account, Deployment, DeploymentStatus, Repository, Token, new_secret, now, number
from .runs import Job, Run
from .wire import RefusedError, UnmodelledError
from .workflows import Workflow, evaluate, secret_name, token_name, workflows

if TYPE_CHECKING:
    from .stand_in import GitHub

BOT = Account("github-actions[bot]", "Bot")
ACTIVE = ("queued", "in_progress", "pending")


class Runner:
    """Run workflows: one thread and one act each."""

    def __init__(self, github: "GitHub", env: Mapping[str, str], labels: frozenset[str]) -> None:
        self._github = github
        self.env = dict(env)
        self.labels = labels
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._threads: list[threading.Thread] = []
        self._cancelled: set[int] = set()

    def close(self) -> None:
        """Stop what still runs."""
        with self._github.lock:
            for process in self._processes.values():
                process.terminate()
        for thread in self._threads:
            thread.join(timeout=10)

    def start(
        self,
        repository: Repository,
        workflow: Workflow,
        event: str,
        payload: dict[str, Any],
        actor: str,
        branch: str,
        head_sha: str,
        sha: str,
        ref: str,
        title: str,
    ) -> Run:
        run_id = number()
        counted = 1 + sum(each.workflow == workflow.path for each in repository.runs)
        log = self._github.folder / f"run-{run_id}.log"
        run = Run(
            run_id,
            counted,
            workflow.path,
            workflow.name,
            event,
            payload,
            branch,
            head_sha,
            sha,
            ref,
            actor,
            now(),
            title,
            log,
        )
        context = self._context(repository, run)
        repository.workflows.setdefault(workflow.path, number())
        self._queue(workflow, run, context, set(workflow.jobs))
        self._enter_environments(repository, workflow, run, context)
        repository.runs.insert(0, run)
        self._begin(repository, workflow, run, context)
        return run

    def rerun(self, repository: Repository, run: Run, actor: str, *, failed: bool) -> None:
        """Run it again, with the same commit and the rights of who started it first; `failed`: what did not succeed.

        As https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs has it: the jobs that
        failed and those that need them; what succeeded stays as it is, in the new attempt too.
        """
        if run.status != "completed":
            raise RefusedError(403, "This workflow is already running")
        workflow = next(each for each in workflows(repository, run.sha) if each.path == run.workflow)
        again = {job.key for job in run.jobs if not failed or job.conclusion not in ("success", "skipped")}
        while more := {job.key for job in run.jobs if again & set(job.needs)} - again:
            again |= more
        if not again:
            raise RefusedError(403, "This workflow run cannot be retried: no job of it failed")
        for job in run.jobs:
            others = set(job.needs) - again if job.key in again else set()
            if others and "needs." in json.dumps(workflow.jobs[job.key]):
                raise UnmodelledError(
                    f"job {job.key} again, with the outputs of {sorted(others)} of an earlier attempt"
                )
        run.attempt, run.triggered_by, run.began_at = run.attempt + 1, actor, now()
        run.earlier += run.jobs
        run.jobs = [
            replace(job, id=number(), attempt=run.attempt, deployment=None) for job in run.jobs if job.key not in again
        ]
        run.conclusion, run.stuck = None, False
        self._cancelled.discard(run.id)
        context = self._context(repository, run)
        self._queue(workflow, run, context, again)
        self._enter_environments(repository, workflow, run, context)
        self._begin(repository, workflow, run, context)

    def _queue(self, workflow: Workflow, run: Run, context: dict[str, Any], keys: set[str]) -> None:
        """Make the jobs of an attempt, in the order of the file."""
        for key, job in workflow.jobs.items():
            if key not in keys:
                continue
            needs = job.get("needs", [])
            label = job["runs-on"]
            labels = [evaluate(each, context) for each in ([label] if isinstance(label, str) else label)]
            run.jobs.append(
                Job(
                    key,
                    job.get("name", key),
                    number(),
                    now(),
                    labels,
                    needs=[needs] if isinstance(needs, str) else needs,
                    attempt=run.attempt,
                )
            )
        run.jobs.sort(key=lambda job: list(workflow.jobs).index(job.key))

    def _begin(self, repository: Repository, workflow: Workflow, run: Run, context: dict[str, Any]) -> None:
        """Let an attempt take its place in its group, and start it."""
        run.status = "queued"
        concurrency = workflow.content.get("concurrency")
        if concurrency:
            described: dict[str, Any] = {"group": concurrency} if isinstance(concurrency, str) else concurrency
            run.group = evaluate(described["group"], context)
            self._make_room(repository, run, cancel=described.get("cancel-in-progress", False))
        thread = threading.Thread(target=self._execute, args=(repository, workflow, run), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _context(self, repository: Repository, run: Run) -> dict[str, Any]:
        github = {
            "event": run.payload, "event_name": run.event, "sha": run.sha, "ref": run.ref, "run_id": run.id,
            "workflow": run.workflow_name, "actor": run.actor, "repository": repository.full_name,
            "ref_name": run.ref.removeprefix("refs/heads/").removeprefix("refs/"),
            "head_ref": run.head_branch if run.event == "pull_request" else "",
        }  # fmt: skip
        variables = {name: each.value for name, each in repository.variables.items()}
        return {"github": github, "vars": variables, "inputs": run.payload.get("inputs")}

    def _enter_environments(
        self, repository: Repository, workflow: Workflow, run: Run, context: dict[str, Any]
    ) -> None:
        """Find each job's environment, and end those that theirs does not let in, with what needs them."""
        cloud = self._github.site.is_cloud
        for job in run.jobs:
            if job.status == "completed":  # in an earlier attempt
                continue
            wanted = named(workflow.jobs[job.key], partial(evaluate, context=context), cloud=cloud)
            if wanted is None:
                continue
            job.environment = wanted.name
            there = repository.environment(wanted.name)
            if self._has_environments(repository) and not there.lets_in(run.ref):
                ref = run.ref.removeprefix("refs/heads/")
                why = f"is not allowed to deploy to {there.name} due to environment protection rules."
                job.refused = f'Branch "{ref}" {why}'
                job.log.append(job.refused)
                act.complete(job, "failure")
            elif wanted.deployment:
                made = Deployment(
                    *(run.sha, run.head_branch, "deploy", there.name, None, {}),
                    *(False, False, BOT),
                    statuses=[self._deployment_is(repository, run, "in_progress")],
                )
                repository.deployments[made.id] = made
                job.deployment = made.id
        refused = {job.key for job in run.jobs if job.refused}
        while more := [job for job in run.jobs if job.key not in refused and refused & set(job.needs)]:
            refused |= {job.key for job in more}
            for job in more:
                job.refused = "what it needs did not start"
                act.complete(job, "skipped")

    def _has_environments(self, repository: Repository) -> bool:
        """Say whether the plan heeds environments; where it does not, rules and secrets of theirs count for nothing."""
        return not (self._github.site.is_cloud and repository.private and repository.owner.plan == "free")

    def _deployment_is(self, repository: Repository, run: Run, state: str) -> DeploymentStatus:
        page = f"{self._github.site.web}/{repository.full_name}/actions/runs/{run.id}"
        return DeploymentStatus(state, "", BOT, log_url=page)

    def _make_room(self, repository: Repository, run: Run, *, cancel: bool) -> None:
        """Let at most one run of a group work and one wait: GitHub cancels the others."""
        others = [each for each in repository.runs if each is not run and each.group == run.group]
        active = [each for each in others if each.status in ACTIVE]
        run.status = "pending" if active else "queued"
        for other in active:
            if cancel or other.status == "pending":
                self.cancel(other)

    def cancel(self, run: Run) -> None:
        self._cancelled.add(run.id)
        for job in run.jobs:
            job.cancelled = job.status != "completed"
        if run.id in self._processes:
            self._processes[run.id].terminate()
        self._moved()

    # -- how they go

    def _execute(self, repository: Repository, workflow: Workflow, run: Run) -> None:
        tokens: list[Token] = []
        returncode = 0
        try:
            with self._github.lock:
                self._github.moved.wait_for(lambda: run.id in self._cancelled or not self._blocked(repository, run))
                run.status = "in_progress"
                tokens = self._tokens(repository, workflow, run)
                if run.id not in self._cancelled and any(job.status == "queued" for job in run.jobs):
                    self._processes[run.id] = self._act(repository, workflow, run, tokens)
            if run.id in self._processes:
                act.follow(self._processes[run.id], run, self._moved)
                returncode = self._processes[run.id].returncode
        except Exception as error:  # whatever it is: the test that started it must fail
            self._github.fail(f"run of {workflow.path}: {error!r}")
            returncode = 1
        with self._github.lock:
            for token in tokens:
                del self._github.tokens[token.secret]
            self._processes.pop(run.id, None)
            act.conclude(run, returncode=returncode, cancelled=run.id in self._cancelled)
            for job in run.jobs:
                if job.deployment is not None and job.conclusion:
                    state = "success" if job.conclusion == "success" else "failure"
                    status = self._deployment_is(repository, run, state)
                    repository.deployments[job.deployment].statuses.append(status)
            self._github.moved.notify_all()
            with contextlib.suppress(RefusedError):
                self._github.merging.merge_what_waits(repository)

    def _blocked(self, repository: Repository, run: Run) -> bool:
        return run.group is not None and any(
            other is not run and other.group == run.group and other.status in {"queued", "in_progress"}
            for other in repository.runs
        )

    def _tokens(self, repository: Repository, workflow: Workflow, run: Run) -> list[Token]:
        """Mint one token for each job, good for this repository and what the job's permissions say."""
        owner = self._github.accounts.get(run.actor.lower(), repository.owner)
        tokens = [
            Token(
                new_secret("run"),
                "run",
                owner,
                permissions=workflow.permissions(job.key, repository.workflow_permissions),
                repositories=frozenset({repository.full_name}),
            )
            for job in run.jobs
        ]
        self._github.tokens.update({token.secret: token for token in tokens})
        return tokens

    def _act(self, repository: Repository, workflow: Workflow, run: Run, tokens: list[Token]) -> subprocess.Popen[str]:
        named = {token_name(job.key): token.secret for job, token in zip(run.jobs, tokens, strict=True)}
        stored: dict[str, str] = {}
        for job in run.jobs:
            given = dict(repository.secrets)
            if job.environment and not job.refused and self._has_environments(repository):
                given |= repository.environment(job.environment).secrets
            stored |= {secret_name(job.key, name): each.value for name, each in given.items()}
        leads = {name: value for name, value in self._github.env.items() if not name.startswith("GH_")}
        folder: Path = self._github.folder / f"run-{run.id}-{run.attempt}"
        return act.start(
            folder,
            repository,
            run,
            workflow,
            host=self._github.site.host,
            labels=self.labels,
            secrets={**stored, **named, "GITHUB_TOKEN": "not-used-see-for_act"},
            env={**leads, **self.env},
        )

    def _moved(self) -> None:
        with self._github.moved:
            self._github.moved.notify_all()
