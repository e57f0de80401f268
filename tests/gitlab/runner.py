"""Jobs: which of them may begin, how they go, and how they end."""

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.github import git

from .ci_local import SYSTEM_PATH, Place, plain
from .file import File
from .model import Project, Token, User, new_secret, now
from .pipelines import OVER, Job, Pipeline

if TYPE_CHECKING:
    from .stand_in import GitLab

DEPTH = "20"  # of new projects


class Runner:
    """A shell runner of the whole instance: a thread and a gitlab-ci-local for each job."""

    def __init__(self, gitlab: "GitLab", env: Mapping[str, str]) -> None:
        self._gitlab = gitlab
        self._env = dict(env)
        self._threads: list[threading.Thread] = []
        self._closed = False

    @property
    def env(self) -> dict[str, str]:
        """What a job finds in its environment besides its variables: nothing is inherited."""
        return {**self._gitlab.env, **self._env}

    def thread(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Stop what still runs."""
        with self._gitlab.lock:
            self._closed = True
        self.forget()

    def forget(self) -> None:
        """Cancel all pipelines and wait for their threads: the projects are about to go."""
        with self._gitlab.lock:
            for project in self._gitlab.projects.values():
                for pipeline in project.pipelines:
                    self.cancel(project, pipeline)
        for thread in self._threads:
            thread.join(timeout=30)
        self._threads.clear()

    def cancel(self, project: Project, pipeline: Pipeline) -> None:
        for job in pipeline.jobs:
            if job.status in OVER:
                continue
            job.status, job.finished_at = "canceled", now()
            if job.process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(job.process.pid, signal.SIGKILL)
        pipeline.updated_at = now()

    def play(self, project: Project, pipeline: Pipeline, job: Job, user: User, variables: Mapping[str, str]) -> None:
        job.user, job.variables, job.status = user, dict(variables), "pending"
        self._start(project, pipeline, job)

    def advance(self, project: Project, pipeline: Pipeline) -> None:
        """Start the jobs that may start now; skip those whose needs failed."""
        moved = True
        while moved and not self._closed:
            moved = False
            for job in pipeline.jobs:
                if job.status not in ("created", "to be played"):
                    continue
                states = [(each.status, each.allow_failure) for each in self._needed(pipeline, job)]
                if any(state in OVER and state != "success" and not allowed for state, allowed in states):
                    job.status, moved = "skipped", True
                elif all(state in OVER or (state == "manual" and allowed) for state, allowed in states):
                    moved = True
                    if job.status == "to be played":
                        job.status = "manual"
                    else:
                        job.status = "pending"
                        self._start(project, pipeline, job)
        pipeline.updated_at = now()
        if pipeline.over:
            self._gitlab.merging.pipeline_over(project, pipeline)

    def _needed(self, pipeline: Pipeline, job: Job) -> list[Job]:
        if job.needs is None:
            before = pipeline.stages[: pipeline.stages.index(job.stage)]
            return [each for each in pipeline.jobs if each.stage in before]
        names = {name.removeprefix("?") for name in job.needs}
        return [each for each in pipeline.jobs if each.name in names]

    def _start(self, project: Project, pipeline: Pipeline, job: Job) -> None:
        if not self._gitlab.runners:
            return  # it stays pending, for ever
        user = job.user or pipeline.user
        token = Token(new_secret("job"), "job", user, frozenset(), project=project)
        job.secret = token.secret
        self._gitlab.tokens[token.secret] = token
        self.thread(lambda: self._run(project, pipeline, job, token))

    def _run(self, project: Project, pipeline: Pipeline, job: Job, token: Token) -> None:
        gitlab, place = self._gitlab, Place(pipeline.folder / str(job.id))
        code = 1
        try:
            with gitlab.lock:
                if job.status == "canceled":
                    return
                job.status, job.started_at = "running", now()
                gitlab.moved.notify_all()
            file = File.read(project.git, pipeline.sha)
            assert file is not None
            place.write(file.to_run(), gitlab.predefined.of(project, pipeline, job))
            job.log_file.touch()
            self._fetch(project, pipeline, job, place)
            for each in pipeline.jobs:
                kept = pipeline.folder / "artifacts" / each.name
                if kept.is_dir() and (job.needs is None or {each.name, f"?{each.name}"} & set(job.needs)):
                    shutil.copytree(kept, place.artifacts / each.name, dirs_exist_ok=True)
            code = self._follow(project, job, place)
            if code == 0 and (made := place.artifacts / job.name).is_dir():
                shutil.copytree(made, pipeline.folder / "artifacts" / job.name)
        except Exception as error:  # whatever it is: the test must see it
            gitlab.fail(f"job {job.name} of {project.full_path}: {error!r}")
        finally:
            with gitlab.moved:
                gitlab.tokens.pop(token.secret, None)  # it ends with its job
                if job.status == "running":
                    job.status, job.finished_at = "success" if code == 0 else "failed", now()
                job.process = None
                self.advance(project, pipeline)
                gitlab.moved.notify_all()

    def _follow(self, project: Project, job: Job, place: Place) -> int:
        with self._gitlab.lock:
            if job.status == "canceled":
                return 1
            job.process = place.start(job.name, self.env)
        process = job.process
        assert process.stdout is not None
        with job.log_file.open("a") as log:
            for line in process.stdout:
                log.write(_masked(project, job, plain(line.decode(errors="replace"))))
                log.flush()
        return process.wait()

    def _fetch(self, project: Project, pipeline: Pipeline, job: Job, place: Place) -> None:
        """Do as a runner does: a shallow fetch with the job's token, no branch checked out."""
        site = self._gitlab.site
        url = f"https://gitlab-ci-token:{job.secret}@{site.host}/{project.full_path}.git"
        place.tree.mkdir(parents=True)
        env = {"PATH": SYSTEM_PATH, "HOME": str(place.folder / "home"), **self.env, "GIT_TERMINAL_PROMPT": "0"}
        for command in (
            ("init", "--quiet"),
            ("remote", "add", "origin", url),
            ("fetch", "--quiet", "--depth", DEPTH, "origin", pipeline.sha),
            ("checkout", "--quiet", "--detach", pipeline.sha),
        ):
            done = subprocess.run(
                ["git", *command], cwd=place.tree, env=env, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"git {command[0]}: {done.stderr}".replace(job.secret, "…"))

    def check_out(self, project: Project, pipeline: Pipeline, tree: Path) -> None:
        """Make a clone in which the file is looked at: no job ever sees it."""
        tree.mkdir(parents=True)
        git.git(tree, "init", "--quiet")
        (tree / ".git/objects/info/alternates").write_text(f"{project.git}/objects\n")
        git.git(tree, "update-ref", "--no-deref", "HEAD", pipeline.sha)
        git.git(tree, "remote", "add", "origin", f"https://{self._gitlab.site.host}/{project.full_path}.git")


def _masked(project: Project, job: Job, line: str) -> str:
    """Blot out of a log what GitLab would."""
    for secret in (job.secret, *(each.value for each in project.variables.values() if each.masked)):
        line = line.replace(secret, "[MASKED]")
    return line
