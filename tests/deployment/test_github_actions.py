"""The generated workflow at GitHub, run by act with the secret where `up` keeps it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ci_runner.programs import TOKEN, install
from tests.conftest import Bake
from tests.github import GitHub
from tests.github.environments import BranchPolicy
from tests.github.fixtures import blame
from tests.github.git import ZERO
from tests.github.model import Stored
from tests.github.pushes import Push

pytestmark = pytest.mark.slow
SLUG = "acme/hello-api"


@pytest.mark.parametrize("plan", ["team", "free"])
def test_the_first_push_deploys_with_the_secret_of_the_environment_or_of_the_repository(
    bake: Bake, tmp_path: Path, plan: str
) -> None:
    project = shutil.copytree(bake(visibility="public").path, tmp_path / "clone")
    with GitHub.serve(runner_env=install(tmp_path / "bin")) as github:
        owner = github.tokens[github.token(github.user("octo"))]
        github.organization("acme", plan=plan, members={"octo": "admin"})
        repository = github.hosting.create(owner, "acme", "hello-api", private=True, description=None)
        values = {"REGISTRY_USERNAME": "acme"}
        kept = repository.secrets
        if plan == "team":
            values["DEPLOY_ENVIRONMENT"] = '{"name": "dev", "deployment": false}'
            dev = repository.environment("dev")
            dev.policy = {"protected_branches": False, "custom_branch_policies": True}
            dev.branches[1] = BranchPolicy("main")
            kept = dev.secrets
        kept["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", TOKEN)
        repository.variables.update({name: Stored(name, value) for name, value in values.items()})
        fetch = ["git", "fetch", "--quiet", str(project), "+HEAD:refs/heads/main"]
        subprocess.run(fetch, cwd=repository.git, check=True)
        head = github.branches(repository)["main"]
        github.hosting.pushed(Push(repository, owner), [(ZERO, head, "refs/heads/main")])
        run = github.wait_for_run(SLUG, workflow="deploy.yml", timeout=240)
        assert {job.name: job.conclusion for job in run.jobs} == {"test": "success", "deploy": "success"}, run.log
        assert head in (github.file(SLUG, "env/dev", "image.yaml") or "")
        (opened,) = repository.deployments.values()
        assert (opened.environment, opened.state) == ("dev", "in_progress"), "by ci/deploy, and by nobody else"
        assert "tested: done: the job 'test' of this run is green" in run.log
        assert ("no layers are kept: others than main's own runs can push" in run.log) == (plan == "free")
        blame(github)
