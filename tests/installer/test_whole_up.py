"""`up` as it is typed, as a whole, where the registry, the deployment or a policy fails: what it says and leaves."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from installer.preflight.github import blocking_reason
from installer.project.project import Project
from installer.status import deployment_record
from installer.support.errors import InstallerError
from tests.documents import valid
from tests.github import GitHub as StandIn

from .bench import WAITS_FOR_A_RUNNER
from .clones import git
from .registry import Trouble, Troubled
from .typed import Done, Run
from .whole import TOKEN, Helm

pytestmark = pytest.mark.slow

FAILS = """on:
  push: {branches: [main]}
  workflow_dispatch: {inputs: {init: {type: boolean}}}
jobs:
  image:
    runs-on: ubuntu-latest
    steps: [{run: "echo dial tcp registry-1.docker.io:443 connection refused; exit 1"}]
"""


@pytest.fixture
def up(
    run: Run, project: Path, helm: Helm, working_registry: Troubled, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """Run `up` on a project whose deployment is this workflow, with some seconds until it must be live."""
    settings = yaml.safe_load((project / "gitops.yaml").read_text())
    settings["registry"]["host"] = working_registry.host

    def up(workflow: str = WAITS_FOR_A_RUNNER, seconds: float = 0) -> Done:
        (project / ".github/workflows").mkdir(parents=True, exist_ok=True)
        (project / ".github/workflows/deploy.yml").write_text(workflow)
        (project / "gitops.yaml").write_text(yaml.safe_dump(settings))
        git(project, "add", ".")
        git(project, "commit", "-q", "--allow-empty", "-m", "Go")
        monkeypatch.setattr("installer.commands.up.DEADLINE", seconds)
        done = run("up", "--yes")
        assert TOKEN not in done.stdout + done.stderr
        assert done.code == 1
        assert "Traceback" not in done.stderr
        assert done.stderr.endswith("\n  gitops-flask up\n"), "the command that resumes, from where the user stands"
        return done

    return up


TROUBLES = [
    (Trouble(500), "It has trouble, or a proxy on the way to it has."),
    (Trouble(401), "refuses acme: 401"),
]


@pytest.mark.parametrize(("trouble", "told"), TROUBLES, ids=str)
def test_a_registry_in_trouble_is_reported_before_anything_is_written(
    up: Callable[..., Done], github: StandIn, helm: Helm, working_registry: Troubled, trouble: Trouble, told: str
) -> None:
    working_registry.trouble = trouble
    done = up()
    assert "Nothing was changed." in done.stderr
    assert told in done.stderr
    assert (github.changes, helm.installed) == ([], [])


def test_once_the_registry_is_back_the_next_up_goes_on(
    up: Callable[..., Done], github: StandIn, working_registry: Troubled
) -> None:
    working_registry.trouble = Trouble(500)
    up()
    working_registry.trouble = Trouble(times=0)
    assert "The first deployment: not within 0 s" in up().stderr
    assert "REGISTRY_TOKEN" in github.repository("acme/web").environments["dev"].secrets


def test_a_registry_that_is_gone_is_reported(
    up: Callable[..., Done], github: StandIn, working_registry: Troubled
) -> None:
    working_registry.shutdown()
    working_registry.server_close()
    done = up()
    assert "Nothing was changed." in done.stderr
    assert f"The registry {working_registry.host} does not answer" in done.stderr
    assert github.changes == []


def test_a_slow_deployment_ends_at_the_deadline_with_its_last_state_and_the_next_up_waits_for_the_same(
    up: Callable[..., Done], github: StandIn
) -> None:
    for _ in range(2):
        told = up(seconds=1.5).stderr
        (run,) = github.runs("acme/web")
        seen = f"The first deployment: not within 2 s. Last seen: deploy.yml: run {run.id} "
        assert told.partition(seen)[2].startswith(("queued\n", "in progress\n")), told
        assert "→ See https://github.com/acme/web/actions" in told


def test_status_says_that_a_deployment_is_under_way(up: Callable[..., Done], run: Run) -> None:
    up()
    document = valid("status", run("status", "--json", code=1).stdout)
    assert document["deployment"]["status"] in ("queued", "in_progress")
    states = {part["key"]: part["state"] for part in document["parts"]}
    assert states["run"].startswith("under way (")
    assert states["branch"] == "nothing was deployed yet"


def test_a_red_deployment_ends_it_at_once_with_the_end_of_the_log_and_the_next_up_starts_another(
    up: Callable[..., Done], github: StandIn, helm: Helm
) -> None:
    for count in (1, 2):
        told = up(FAILS, seconds=60).stderr
        first = github.runs("acme/web")
        assert len(first) == count
        assert "failure without a deployment: https://github.com/acme/web/actions/runs/" in told
        assert "job image:" in told
        assert "connection refused" in told
        assert "→ Fix what it names, then run this again." in told
    assert {name for name, _ in helm.installed} == {"web-dev-namespace", "web-repo", "web-dev"}, "the rest was made"


def test_actions_that_are_not_among_the_selected_are_reported_before_anything_is_written(
    up: Callable[..., Done], github: StandIn, helm: Helm
) -> None:
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    github.changes.clear()
    github.repository("acme/web").actions["allowed_actions"] = "selected"
    done = up(WAITS_FOR_A_RUNNER.replace('run: "true"', "uses: actions/checkout@v7"))
    assert "Only `selected` actions are allowed in acme/web; the workflows use actions/checkout@v7." in done.stderr
    assert "Allow actions/checkout@*: https://github.com/acme/web/settings/actions" in done.stderr
    assert (github.changes, helm.installed) == ([], [])


def test_a_run_that_a_policy_did_not_let_start_is_reported_with_the_policy(
    up: Callable[..., Done], github: StandIn, project: Path
) -> None:
    up(WAITS_FOR_A_RUNNER.replace('run: "true"', "uses: actions/checkout@v7"))
    (run,) = github.runs("acme/web")
    run.status, run.conclusion, run.jobs = "completed", "startup_failure", []
    github.repository("acme/web").actions["allowed_actions"] = "local_only"
    with pytest.raises(InstallerError) as caught:
        deployment_record.wait(Project.open(project), 1, lambda _: None, blocking_reason)
    assert "startup failure without a deployment" in str(caught.value)
    assert "Only `local_only` actions are allowed" in str(caught.value)
