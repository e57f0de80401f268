"""The attacker is somebody who may push a branch: real act runs whatever workflow they wrote on it."""

import pytest

from tests.github import GitHub
from tests.github.environments import BranchPolicy
from tests.github.model import Repository, Stored

from .conftest import Person

pytestmark = pytest.mark.all

READS = 'test -n "$TOKEN" && printf \'got %s\\n\' "$TOKEN" | rev'
"""Fails where there is no secret; backwards, because act hides it otherwise."""
PUSH = """on: {push: {}}
permissions: {}
jobs:
  quick:
    runs-on: ubuntu-latest
    steps: [{run: 'true'}]
  steals:
    ENVIRONMENT
    runs-on: ubuntu-latest
    steps:
      - run: READS
        env: {TOKEN: "${{ secrets.REGISTRY_TOKEN }}"}
  next:
    needs: [steals]
    runs-on: ubuntu-latest
    steps: [{run: 'true'}]
"""


def workflow(environment: str) -> dict[str, str]:
    said = f"environment: {environment}" if environment else "timeout-minutes: 5"
    return {".github/workflows/deploy.yml": PUSH.replace("ENVIRONMENT", said).replace("READS", READS)}


def guarded(github: GitHub) -> Repository:
    """Let `up` have made the environment dev, for main alone, with the secret."""
    repository = github.repository("acme/web")
    dev = repository.environment("dev")
    dev.policy = {"protected_branches": False, "custom_branch_policies": True}
    only = BranchPolicy("main")
    dev.branches[only.id] = only
    dev.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "s3cret")
    repository.variables["DEPLOY_ENVIRONMENT"] = Stored("DEPLOY_ENVIRONMENT", '{"name": "dev", "deployment": false}')
    return repository


FROM_VARIABLE = '"${{ fromJSON(vars.DEPLOY_ENVIRONMENT || \'\\"\\"\') }}"'


def test_main_reads_the_secret_and_github_makes_no_deployment(octo: Person, github: GitHub) -> None:
    octo.repository()
    repository = guarded(github)
    sha = octo.commit(workflow(FROM_VARIABLE))
    octo.push("main")
    run = github.wait_for_run("acme/web", sha=sha)
    assert {job.name: job.conclusion for job in run.jobs} == dict.fromkeys(("quick", "steals", "next"), "success")
    assert "terc3s" in run.log
    assert repository.deployments == {}


@pytest.mark.parametrize("environment", ["dev", "{name: dev, deployment: false}", FROM_VARIABLE, "mine", ""])
def test_a_workflow_on_another_branch_gets_no_secret_whatever_it_says(
    octo: Person, github: GitHub, environment: str
) -> None:
    octo.repository(files={"a": "1"})
    guarded(github)
    octo.git("checkout", "--quiet", "-b", "attack")
    sha = octo.commit(workflow(environment))
    octo.push("attack")
    run = github.wait_for_run("acme/web", sha=sha)
    assert {job.name: job.conclusion for job in run.jobs} == {
        "quick": "success",
        "steals": "failure",
        "next": "skipped",
    }
    assert "terc3s" not in run.log
    assert "s3cret" not in run.log
    (job,) = (each for each in run.jobs if each.name == "steals")
    if "dev" in environment or "DEPLOY" in environment:
        assert job.log == ['Branch "attack" is not allowed to deploy to dev due to environment protection rules.']


def test_a_pull_request_is_no_main(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    guarded(github)
    octo.git("checkout", "--quiet", "-b", "attack")
    files = workflow("dev")
    octo.commit({name: text.replace("push: {}", "pull_request: {}") for name, text in files.items()})
    octo.push("attack")
    octo.gh("pr", "create", "--title", "T", "--body", "B", "--base", "main", "--head", "attack")
    run = github.wait_for_run("acme/web", event="pull_request")
    assert {job.name: job.conclusion for job in run.jobs}["steals"] == "failure"
    assert "terc3s" not in run.log


def test_a_secret_of_the_repository_is_read_on_every_branch(octo: Person, github: GitHub) -> None:
    """What is left on a plan without environments: an environment's rules and secrets count for nothing there."""
    octo.repository(files={"a": "1"})
    repository = guarded(github)
    repository.owner.plan = "free"
    octo.git("checkout", "--quiet", "-b", "attack")
    octo.commit(workflow("dev"))
    octo.push("attack")
    assert github.wait_for_run("acme/web").conclusion == "failure"
    repository.secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "s3cret")
    sha = octo.commit({"a": "2"})
    octo.push("attack")
    assert "terc3s" in github.wait_for_run("acme/web", sha=sha).log


def test_at_an_enterprise_server_a_job_that_names_an_environment_makes_a_deployment(
    enterprise: Person, ghes: GitHub
) -> None:
    enterprise.repository()
    repository = ghes.repository("acme/web")
    repository.environment("dev-registry").secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "s3cret")
    repository.variables["DEPLOY_ENVIRONMENT"] = Stored("DEPLOY_ENVIRONMENT", '"dev-registry"')
    sha = enterprise.commit(workflow(FROM_VARIABLE))
    enterprise.push("main")
    assert ghes.wait_for_run("acme/web", sha=sha).conclusion == "success"
    assert [(each.environment, each.state) for each in repository.deployments.values()] == [
        ("dev-registry", "success")
    ], "none of dev, whose Deployments say what the pods answered"


def test_an_enterprise_server_takes_no_workflow_that_says_deployment_false(enterprise: Person, ghes: GitHub) -> None:
    enterprise.repository(files={"a": "1"})
    enterprise.commit(workflow("{name: dev, deployment: false}"))
    assert "Unexpected value 'deployment'" in enterprise.push("main")
    assert len(ghes.failures) == 1
    ghes.failures.clear()
