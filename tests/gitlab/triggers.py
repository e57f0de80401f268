"""What starts pipelines, and what each of them is told."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.github import git
from tests.github.wire import UnmodelledError

from .call import level_of
from .ci_local import BadFileError, Place
from .file import NAME, PROBE, File
from .model import DEVELOPER, MAINTAINER, OWNER, MergeRequest, Project, Token, User, now
from .pipelines import Job, Pipeline
from .wire import RefusedError

if TYPE_CHECKING:
    from .stand_in import GitLab

MAY_SET = {"no_one_allowed": OWNER + 1, "developer": DEVELOPER, "maintainer": MAINTAINER, "owner": OWNER}


class Triggers:
    """Make pipelines: of pushes and merge requests a moment later, of requests at once."""

    def __init__(self, gitlab: "GitLab") -> None:
        self._gitlab = gitlab
        self.creating: Counter[int] = Counter()  # by project

    def pushed(self, project: Project, branch: str, old: str, new: str, user: User) -> None:
        self._soon(project, ref=branch, sha=new, source="push", user=user, before_sha=old)

    def proposed(self, project: Project, request: MergeRequest, user: User) -> None:
        ref = f"refs/merge-requests/{request.iid}/head"
        git.git(project.git, "update-ref", ref, request.sha)
        self._soon(
            project, ref=ref, sha=request.sha, source="merge_request_event", user=user, before_sha=git.ZERO,
            merge_request=request,
        )  # fmt: skip

    def asked_for(self, project: Project, ref: str, user: User, variables: dict[str, str]) -> Pipeline:
        """Make one as the API was asked to; before_sha is all zeros then, as for every pipeline started manually."""
        sha = git.refs(project.git).get(ref)
        if sha is None:
            raise RefusedError(400, {"base": ["Reference not found"]})
        made = self._make(project, ref=ref, sha=sha, source="api", user=user, before_sha=git.ZERO, variables=variables)
        if made is None:
            raise RefusedError(400, {"base": ["Pipeline will not run for the selected trigger."]})
        if made.yaml_errors:
            raise RefusedError(400, {"base": [made.yaml_errors]})
        self._gitlab.runner.advance(project, made)
        return made

    def may_give_variables(self, project: Project, token: Token) -> None:
        least = MAY_SET[project.settings["ci_pipeline_variables_minimum_override_role"]]
        if level_of(token, project) < least:
            raise RefusedError(400, {"base": ["Insufficient permissions to set pipeline variables"]})

    def _soon(self, project: Project, **about: Any) -> None:
        self.creating[project.id] += 1

        def work() -> None:
            made = None
            try:
                made = self._make(project, **about)
            except Exception as error:  # whatever it is: the test must see it
                self._gitlab.fail(f"pipeline of {project.full_path} {about['ref']}: {error!r}")
            with self._gitlab.moved:
                self.creating[project.id] -= 1
                self.creating += Counter()  # forget zeros
                if made:
                    self._gitlab.runner.advance(project, made)
                self._gitlab.moved.notify_all()

        self._gitlab.runner.thread(work)

    def _make(self, project: Project, **about: Any) -> Pipeline | None:
        file = File.read(project.git, about["sha"])
        if file is None:
            if project.settings["auto_devops_enabled"]:
                raise UnmodelledError("Auto DevOps, which takes the place of a missing file")
            return None
        file.check()
        gitlab = self._gitlab
        with gitlab.lock:
            iid = max((each.iid for each in project.pipelines), default=0) + 1
            pipeline = Pipeline(iid=iid, folder=gitlab.folder / "p", created_at=now(), stages=file.stages, **about)
            pipeline.folder /= str(pipeline.id)
        place = Place(pipeline.folder / "look")
        place.write(file.to_look_at(), gitlab.predefined.of(project, pipeline))
        gitlab.runner.check_out(project, pipeline, place.tree)
        try:
            listed = place.look(gitlab.runner.env)
        except BadFileError as error:
            pipeline.yaml_errors, listed = str(error), []
        holds = [each["when"] != "never" for each in listed if each["name"].startswith(PROBE)]
        if holds and not any(holds):
            return None
        jobs = [each for each in listed if not each["name"].startswith(PROBE) and each["when"] != "never"]
        pipeline.interruptible = not pipeline.yaml_errors and file.interruptible(holds.index(True) if holds else 0)
        pipeline.jobs = [self._job(pipeline, each) for each in jobs]
        pipeline.yaml_errors = pipeline.yaml_errors or _lacking(jobs)
        if not pipeline.jobs and not pipeline.yaml_errors:
            return None
        with gitlab.lock:
            self._end_older(project, pipeline)
            project.pipelines.insert(0, pipeline)
        return pipeline

    def _job(self, pipeline: Pipeline, listed: dict[str, Any]) -> Job:
        if listed["when"] not in ("on_success", "manual"):
            raise UnmodelledError(f"{NAME}: when: {listed['when']}")
        needs = None if "needs" not in listed else [each["job"] for each in listed["needs"] if not each["optional"]]
        optional = [each["job"] for each in listed.get("needs", []) if each["optional"]]
        return Job(
            name=listed["name"],
            stage=listed["stage"],
            status="to be played" if listed["when"] == "manual" else "created",
            needs=None if needs is None else [*needs, *(f"?{name}" for name in optional)],
            allow_failure=bool(listed["allow_failure"]),
            created_at=pipeline.created_at,
            log_file=pipeline.folder / f"{listed['name']}.log",
        )

    def _end_older(self, project: Project, pipeline: Pipeline) -> None:
        for each in project.pipelines:
            if each.ref == pipeline.ref and each.interruptible and not each.over:
                self._gitlab.runner.cancel(project, each)


def _lacking(jobs: list[dict[str, Any]]) -> str | None:
    names = {each["name"] for each in jobs}
    for job, need in ((each["name"], need) for each in jobs for need in each.get("needs", [])):
        if need["job"] not in names and not need["optional"]:
            return f"'{job}' job needs '{need['job']}' job, but '{need['job']}' does not exist in the pipeline"
    return None
