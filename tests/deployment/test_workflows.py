"""What the workflows may do, when they run and where: act ignores most of it, so it is read here."""

from __future__ import annotations

import json
import re
import subprocess
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.workspace import TEMPLATE
from tests.github.environments import Named, named
from tests.github.workflows import evaluate
from tests.listening import serving

WORKFLOWS = {path.stem: path for path in sorted((TEMPLATE / ".github/workflows").glob("*.yml"))}
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"


def load(name: str) -> dict[str, Any]:
    """Return a workflow; YAML reads its key `on` as true."""
    parsed: dict[Any, Any] = yaml.safe_load(WORKFLOWS[name].read_text())
    return {"on": parsed.pop(True)} | parsed


JOBS = [(name, job) for name in WORKFLOWS for job in load(name)["jobs"]]
every_workflow = pytest.mark.parametrize("name", WORKFLOWS)
every_job = pytest.mark.parametrize(("name", "job"), JOBS)


def test_there_are_four_workflows_and_their_jobs_have_the_names_that_rules_ask_for() -> None:
    jobs = {name: {key: job["name"] for key, job in load(name)["jobs"].items()} for name in WORKFLOWS}
    assert {name: list(keys) for name, keys in jobs.items()} == {
        "deploy": ["test", "deploy"],
        "promote": ["promote"],
        "pull-request": ["test", "image", "chart"],
        "rollback": ["rollback", "redeploy"],
    }
    assert all(key == shown for keys in jobs.values() for key, shown in keys.items())


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("pull-request", {"pull_request": {"branches": ["main"]}, "merge_group": {"branches": ["main"]}}),
        ("deploy", {"push": {"branches": ["main"]}, "workflow_dispatch": ["init"]}),
        ("promote", {"workflow_dispatch": ["environment", "revision", "init"]}),
        ("rollback", {"workflow_dispatch": ["to", "why", "release", "environment"]}),
    ],
)
def test_workflows_start_for_main_only_so_that_env_branches_start_none(name: str, events: dict[str, Any]) -> None:
    on = load(name)["on"]
    if "workflow_dispatch" in on:
        on["workflow_dispatch"] = list(on["workflow_dispatch"]["inputs"])
    assert on == events


PERMISSIONS = {
    ("deploy", "test"): {"contents": "read", "actions": "read", "pull-requests": "read"},
    ("deploy", "deploy"): {"contents": "write", "actions": "read", "deployments": "write"},
    ("promote", "promote"): {"contents": "write", "deployments": "write"},
    ("rollback", "rollback"): {"contents": "write", "deployments": "write"},
    ("rollback", "redeploy"): {"actions": "write"},
}


@every_job
def test_a_job_may_do_what_it_needs_and_no_more(name: str, job: str) -> None:
    workflow = load(name)
    assert workflow["permissions"] == {}
    assert workflow["jobs"][job]["permissions"] == PERMISSIONS.get((name, job), {"contents": "read"})


@every_job
def test_a_job_runs_on_the_runner_of_the_repository_and_ends(name: str, job: str) -> None:
    settings = load(name)["jobs"][job]
    assert settings["runs-on"] == "${{ vars.RUNNER || 'ubuntu-latest' }}"
    assert 0 < settings["timeout-minutes"] <= 20


def test_every_merge_is_deployed_and_only_pull_requests_cancel() -> None:
    assert {name: load(name)["concurrency"] for name in WORKFLOWS} == {
        "deploy": {"group": "deploy-${{ github.sha }}", "cancel-in-progress": False},
        "promote": {"group": "promote-${{ github.run_id }}", "cancel-in-progress": False},
        "pull-request": {
            "group": "pull-request-${{ github.event.pull_request.number || github.sha }}",
            "cancel-in-progress": True,
        },
        "rollback": {"group": "rollback-${{ github.run_id }}", "cancel-in-progress": False},
    }
    assert not any("concurrency" in load(name)["jobs"][job] for name, job in JOBS)


def test_tests_and_image_run_side_by_side_and_nothing_is_deployed_without_the_tests() -> None:
    jobs = load("deploy")["jobs"]
    assert [job.get("needs") for job in jobs.values()] == [None, None]
    assert [job["if"] for job in jobs.values()] == ["github.ref == 'refs/heads/main'"] * 2
    assert [step["run"].split()[0:2] for step in jobs["deploy"]["steps"] if "run" in step] == [
        ["ci/image"],
        ["ci/tested", "--wait"],
        ["ci/deploy", '${INIT:+"$INIT"}'],
        ["ci/image", "--cache"],
    ]
    assert not any("if" in step for step in jobs["deploy"]["steps"]), "a step that fails ends the job"
    before, test = jobs["test"]["steps"][1:]
    assert (before["id"], before["run"]) == ("before", "ci/tested")
    assert (test["if"], test["run"]) == ("steps.before.outputs.tested != 'yes'", "ci/test")
    for name in ("rollback", "promote"):
        assert load(name)["jobs"][name]["if"] == "github.ref == 'refs/heads/main'"


@every_job
def test_the_only_action_is_checkout_by_its_commit_without_the_token(name: str, job: str) -> None:
    steps = load(name)["jobs"][job]["steps"]
    used = [step for step in steps if "uses" in step]
    assert used == ([] if job == "redeploy" else [{"uses": CHECKOUT, "with": {"persist-credentials": False}}])


def test_nothing_is_used_that_an_enterprise_server_lacks() -> None:
    """Its releases up to 3.19 have no artifacts of today's kind, no attestations, no larger token permissions."""
    for path in WORKFLOWS.values():
        text = path.read_text()
        assert set(re.findall(r"\buses: ([^@\s]+)", text)) <= {"actions/checkout"}
        assert not re.search(r"artifact|attest|id-token|actions/cache|type=gha", text)
        assert not re.search(r"https://(api\.)?github\.com", text), "its own address is in its variables"
        assert set(re.findall(r"\$\{\{ (\w+)\.", text)) <= {"vars", "secrets", "github", "needs", "inputs", "steps"}


@every_job
def test_commands_are_thin_and_hold_no_expression(name: str, job: str) -> None:
    commands = [step["run"] for step in load(name)["jobs"][job]["steps"] if "run" in step]
    assert commands
    for command in commands:
        assert "${{" not in command
        if job != "redeploy":
            assert re.match(r"ci/(test|tested|image|chart|deploy|promote|rollback)\b", command)
            assert "\n" not in command


@every_workflow
def test_a_secret_is_read_by_the_steps_with_the_image_and_the_token_by_those_that_ask_or_push(name: str) -> None:
    text = WORKFLOWS[name].read_text()
    assert text.count("secrets.") == {"deploy": 3, "promote": 1, "rollback": 1, "pull-request": 0}[name]
    assert text.count("${{ secrets.DEPLOY_KEY }}") == (name != "pull-request")
    assert text.count("github.token") == {"deploy": 3, "promote": 1, "rollback": 2, "pull-request": 0}[name]
    for job in load(name)["jobs"].values():
        assert all(value.startswith("${{ vars.") for value in job.get("env", {}).values()), "a secret is the step's own"


@pytest.mark.parametrize(
    ("variable", "cloud", "environment"),
    [
        ('{"name": "dev", "deployment": false}', True, Named("dev", deployment=False)),
        ('"dev-registry"', False, Named("dev-registry", deployment=True)),
        (None, True, None),
        (None, False, None),
    ],
)
def test_the_environment_with_the_secret_is_the_one_that_up_names_and_none_where_it_names_none(
    variable: str | None, cloud: bool, environment: Named | None
) -> None:
    jobs = load("deploy")["jobs"]
    context = {"vars": {"DEPLOY_ENVIRONMENT": variable} if variable else {}}
    assert named(jobs["deploy"], partial(evaluate, context=context), cloud=cloud) == environment
    in_one = {
        (name, job): load(name)["jobs"][job]["environment"]
        for name, job in JOBS
        if "environment" in load(name)["jobs"][job]
    }
    # reviewers may be in an environment of their own, which a person makes
    reviewed = in_one.pop(("promote", "promote"))
    assert reviewed == jobs["deploy"]["environment"].replace("(vars", "(vars.PROMOTE_ENVIRONMENT || vars")
    assert in_one == dict.fromkeys([("deploy", "deploy"), ("rollback", "rollback")], jobs["deploy"]["environment"])


def test_a_promotion_waits_for_the_reviewers_of_the_environment_that_a_person_names() -> None:
    job, usual = load("promote")["jobs"]["promote"], '{"name": "dev", "deployment": false}'
    for variables, expected in (
        (
            {"PROMOTE_ENVIRONMENT": '{"name": "promotion", "deployment": false}', "DEPLOY_ENVIRONMENT": usual},
            "promotion",
        ),
        ({"DEPLOY_ENVIRONMENT": usual}, "dev"),
    ):
        found = named(job, partial(evaluate, context={"vars": variables}), cloud=True)
        assert found == Named(expected, deployment=False)
    assert named(job, partial(evaluate, context={"vars": {}}), cloud=True) is None


@every_workflow
def test_no_answer_of_the_template_is_in_a_workflow(name: str) -> None:
    text = WORKFLOWS[name].read_text()
    assert "cookiecutter" not in text
    assert "{%" not in text


def step_of(name: str, job: str) -> dict[str, Any]:
    """Return the last step of a job that writes the branch or starts a workflow; what follows is for the next build."""
    steps: list[dict[str, Any]] = load(name)["jobs"][job]["steps"]
    return next(step for step in reversed(steps) if "--cache" not in step["run"])


@pytest.mark.parametrize(
    ("name", "job", "env", "called"),
    [
        ("deploy", "deploy", {"INIT": ""}, []),
        ("deploy", "deploy", {"INIT": "--init"}, ["--init"]),
        ("rollback", "rollback", {"RELEASE": "", "TO": "", "WHY": ""}, []),
        ("rollback", "rollback", {"RELEASE": "--release", "TO": "", "WHY": ""}, ["--release"]),
        ("promote", "promote", {"INIT": "", "OF": ""}, []),
        ("promote", "promote", {"INIT": "--init", "OF": "$(id) x"}, ["--init", "--revision", "$(id) x"]),
        (
            "rollback",
            "rollback",
            {"TO": "$(id) x", "WHY": 'it\'s; * "so"'},
            ["--to", "$(id) x", "--why", 'it\'s; * "so"'],
        ),
    ],
)
def test_inputs_become_arguments_as_they_were_typed(
    name: str, job: str, env: dict[str, str], called: list[str], tmp_path: Path
) -> None:
    (tmp_path / "ci").mkdir()
    for script in ("deploy", "promote", "rollback"):
        (tmp_path / "ci" / script).write_text('#!/bin/sh\nfor word; do printf "<%s>" "$word"; done\n')
        (tmp_path / "ci" / script).chmod(0o755)
    command = ["bash", "-e", "-c", step_of(name, job)["run"]]
    done = subprocess.run(command, env={"PATH": "/usr/bin:/bin"} | env, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode() == "".join(f"<{word}>" for word in called)


@pytest.mark.parametrize(("status", "code"), [(204, 0), (403, 22)])
def test_a_release_starts_deploy_at_the_api_of_this_github(status: int, code: int, tmp_path: Path) -> None:
    asked: list[tuple[str, str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    seen = tmp_path / "argv"
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\necho "$@" >{seen}\nexec /usr/bin/curl "$@"\n')
    curl.chmod(0o755)
    env = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "GITHUB_TOKEN": "ghs_TheToken",
        "GITHUB_API_URL": f"http://127.0.0.1:{server.server_port}/api/v3",
        "GITHUB_REPOSITORY": "acme/web",
    }
    with serving(server):
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step_of("rollback", "redeploy")["run"]], env=env)
    assert done.returncode == code
    path = "/api/v3/repos/acme/web/actions/workflows/deploy.yml/dispatches"
    assert asked == [(path, "Bearer ghs_TheToken", {"ref": "main"})]
    assert "ghs_TheToken" not in seen.read_text()
