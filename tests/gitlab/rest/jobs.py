"""Pipelines and jobs (doc/api/pipelines.md, jobs.md)."""

from tests.github.wire import Response

from ..call import Call
from ..model import DEVELOPER, GUEST, REPORTER
from ..pipelines import Job, Pipeline, as_variables
from ..wire import RefusedError, answered, missing, route

PIPELINES = "/projects/{id}/pipelines"
JOBS = "/projects/{id}/jobs/{job_id}"


def _pipeline(call: Call, number: str) -> Pipeline:
    found = next((each for each in call.project.pipelines if str(each.id) == number), None)
    if found is None:
        raise missing("Pipeline")
    return found


def _job(call: Call, number: str) -> tuple[Pipeline, Job]:
    for pipeline in call.project.pipelines:
        for job in pipeline.jobs:
            if str(job.id) == number:
                return pipeline, job
    raise missing("Job")


@route("GET", PIPELINES, level=REPORTER, reads="ref sha status source order_by sort")
def pipelines(call: Call) -> Response:
    query = call.request.query
    kept = [
        each
        for each in call.project.pipelines
        if query.get("ref") in {None, each.ref}
        and query.get("sha") in {None, each.sha}
        and query.get("status") in {None, each.status}
        and query.get("source") in {None, each.source}
    ]
    if query.get("sort") == "asc":
        kept.reverse()
    return call.page([call.site.pipeline(call.project, each) for each in kept])


@route("GET", PIPELINES + "/{pipeline_id}", level=REPORTER)
def pipeline(call: Call, pipeline_id: str) -> Response:
    return answered(200, call.site.pipeline(call.project, _pipeline(call, pipeline_id), whole=True))


@route("POST", "/projects/{id}/pipeline", level=DEVELOPER, reads="ref variables")
def create(call: Call) -> Response:
    sent = call.sent
    given = as_variables(sent.get("variables", []))
    if given:
        call.gitlab.triggers.may_give_variables(call.project, call.token)
    made = call.gitlab.triggers.asked_for(call.project, sent["ref"], call.token.user, given)
    return answered(201, call.site.pipeline(call.project, made, whole=True))


@route("GET", PIPELINES + "/{pipeline_id}/variables", level=DEVELOPER)
def variables(call: Call, pipeline_id: str) -> Response:
    given = _pipeline(call, pipeline_id).variables
    return answered(200, [{"variable_type": "env_var", "key": k, "value": v, "raw": False} for k, v in given.items()])


@route("GET", PIPELINES + "/{pipeline_id}/jobs", level=REPORTER)
def jobs(call: Call, pipeline_id: str) -> Response:
    found = _pipeline(call, pipeline_id)
    return call.page([call.site.job(call.project, found, each) for each in found.jobs])


@route(
    "GET",
    "/projects/{id}/repository/commits/{sha}/statuses",
    level=REPORTER,
    reads="name",
    takes={"name": {"type": "string"}, "page": {"type": "integer"}, "per_page": {"type": "integer"}},
    page="commits.md",
)
def statuses(call: Call, sha: str) -> Response:
    """Answer the newest job of each name: a pipeline's jobs are statuses of its commit."""
    name = call.request.query.get("name")
    jobs = [job for each in call.project.pipelines if each.sha == sha for job in each.jobs if name in (None, job.name)]
    newest = {job.name: job for job in sorted(jobs, key=lambda job: job.id)}
    shown = [{"id": job.id, "sha": sha, "name": job.name, "status": job.status} for job in newest.values()]
    return call.page(shown)


@route("GET", JOBS, level=GUEST)
def job(call: Call, job_id: str) -> Response:
    return answered(200, call.site.job(call.project, *_job(call, job_id)))


@route("GET", JOBS + "/trace", level=GUEST)
def trace(call: Call, job_id: str) -> Response:
    _, job = _job(call, job_id)
    return Response(200, job.log.encode(), {"Content-Type": "text/plain"})


@route("POST", JOBS + "/play", level=DEVELOPER, reads="job_variables_attributes")
def play(call: Call, job_id: str) -> Response:
    pipeline, job = _job(call, job_id)
    if job.status != "manual":
        raise RefusedError(400, "400 Bad request - Unplayable Job")
    given = as_variables(call.sent.get("job_variables_attributes", []))
    if given:
        call.gitlab.triggers.may_give_variables(call.project, call.token)
    call.gitlab.runner.play(call.project, pipeline, job, call.token.user, given)
    return answered(200, call.site.job(call.project, pipeline, job))
