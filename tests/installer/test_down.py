"""`down` as it is typed: what goes and what stays is listed before it asks, and is what happens then."""

import io
import subprocess
from pathlib import Path

import pytest

from installer.engine import reconcile
from tests.github import GitHub as StandIn
from tests.github.git import git as on_server
from tests.github.model import Stored

from .bench import Bench
from .cluster import Quiet
from .typed import Run
from .whole import Helm

pytestmark = pytest.mark.slow


@pytest.fixture
def there(github: StandIn, project: Path, helm: Helm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody to ask, and a repository with some of what `up` makes; an Argo CD that others made."""
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    repository = github.repository("acme/web")
    for branch in ("main", "env/dev"):
        on_server(repository.git, "fetch", "--quiet", str(project), f"main:refs/heads/{branch}")
    repository.variables["REGISTRY_USERNAME"] = Stored("REGISTRY_USERNAME", "acme")
    github.changes.clear()
    monkeypatch.setattr("sys.stdin", io.StringIO())


def parts(printed: str) -> tuple[str, str, str]:
    """Return what was listed to go, what to stay, and what was told to stay in the end."""
    listed, _, after = printed.partition("Stays on purpose:")
    before, _, stays = listed.partition("Stays:")
    stays = "\n".join(line for line in stays.splitlines() if line.startswith("- "))  # not the steps after it
    return before.partition("This removes what `up` made:")[2], stays, after


@pytest.mark.usefixtures("there")
def test_what_goes_and_what_stays_is_listed_before_anybody_is_asked(run: Run, github: StandIn) -> None:
    done = run("down", code=1)
    goes, stays, _ = parts(done.stdout)
    assert "https://github.com/acme/web · kind" in done.stdout
    assert goes.strip().splitlines() == ["- Actions variables GITOPS_FLASK, REGISTRY_USERNAME"]
    for words in (
        "- GitHub repository acme/web: https://github.com/acme/web with its branches (--repository deletes it)",
        "- branch main of acme/web",
        "- first deployment to env/dev: env/dev is the record of what was deployed",
        "- Argo CD v3.4.4 in namespace argocd (used as it is), it was not made for this project",
        "- images in docker.io/acme/web",
    ):
        assert words in stays
    assert github.changes == []


@pytest.mark.usefixtures("there")
def test_nobody_is_asked_for_the_name_of_an_argo_cd_that_stays(run: Run, github: StandIn) -> None:
    told = run("down", "--argocd", code=1)
    assert "Type argocd" not in told.stdout + told.stderr
    assert "Pass --yes" in told.stderr
    assert github.changes == []
    _, stays, after = parts(run("down", "--argocd", "--yes", code=0).stdout)
    for words in (stays, after):
        assert "Argo CD v3.4.4 in namespace argocd (used as it is), it was not made for this project" in words


@pytest.mark.usefixtures("there")
def test_the_branches_of_a_deleted_repository_are_not_said_to_stay(run: Run, github: StandIn) -> None:
    goes, stays, after = parts(run("down", "--repository", "--confirm-repository", "acme/web", code=0).stdout)
    assert "- GitHub repository acme/web, with all its history" in goes
    assert "- branch main of acme/web with the repository" in goes
    assert "env/dev" not in stays + after
    assert "branch" not in stays + after
    assert github.repositories == {}


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize("yes", [[], ["--yes"]], ids=["asked", "--yes"])
def test_where_nobody_can_type_the_name_the_option_that_carries_it_is_named(
    run: Run, github: StandIn, yes: list[str]
) -> None:
    told = run("down", "--repository", *yes, code=1).stderr
    assert "Nothing was changed: --repository takes a name, and nobody can be asked for it here." in told
    assert "Pass --confirm-repository acme/web" in told
    assert "Stopped" not in told
    assert github.changes == []


@pytest.mark.usefixtures("there")
def test_another_name_removes_nothing(run: Run, github: StandIn) -> None:
    told = run("down", "--repository", "--confirm-repository", "acme/other", code=1).stderr
    assert "it is acme/web, and --confirm-repository says acme/other" in told
    assert github.changes == []


@pytest.mark.parametrize("option", ["repository", "argocd"])
def test_a_name_for_what_nobody_asked_to_remove_is_wrong_usage(run: Run, option: str) -> None:
    assert f"--confirm-{option} belongs to --{option}" in run("down", f"--confirm-{option}", "x", code=2).stderr


@pytest.mark.parametrize("given", ["nothing", "empty", "filled", "changed"])
def test_what_is_listed_to_go_goes_and_nothing_else_does(shared: Bench, given: str) -> None:
    shared.set_up(given)
    resources = list(shared.resources().values())
    listed = {resource.key: fate for resource, fate in reconcile.removal(resources)}
    told = {resource.key: outcome for resource, outcome in reconcile.remove(resources, Quiet())}
    for key, outcome in told.items():
        if outcome in ("was not there", "were not there"):
            assert key not in listed
        else:
            assert listed[key].startswith("stays") == outcome.startswith("stays"), (key, listed[key], outcome)
    assert reconcile.removal([r for r in resources if r.key not in ("repository", "initial-push", "deployment")]) == []
