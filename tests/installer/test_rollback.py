"""Which deployment a rollback brings back, as the project's own `ci/rollback` would; and the run that does it."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from installer.ci import pipelines
from installer.ci.base import ROLLBACK
from installer.commands import rollback as verb
from installer.project.project import Project
from installer.status import deployment_record
from installer.support.errors import InstallerError
from installer.ui import console
from tests.deployment.workspace import PROJECT, TEMPLATE
from tests.github import GitHub as StandIn

pytestmark = pytest.mark.slow

A, B, C = "a" * 40, "b" * 40, "c" * 40
WORKFLOW = """
name: rollback
on: {{workflow_dispatch: {{inputs: {{to: {{type: string}}, why: {{type: string}}, release: {{type: boolean}}}}}}}}
jobs:
  rollback:
    runs-on: ubuntu-latest
    steps: [{{run: "echo it was asked for $TO; {ends}", env: {{TO: "${{{{ inputs.to }}}}"}}}}]
"""


@pytest.fixture
def shop(github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Callable[..., None]]:
    """A project, and a function that adds a commit to `env/dev`: a revision, with a hold or not."""
    github.user("octo")
    github.organization("acme", plan="team", members={"octo": "admin"})
    for name, value in {**github.env, "GH_TOKEN": github.token("octo"), "GH_CONFIG_DIR": str(tmp_path / "gh")}.items():
        monkeypatch.setenv(name, value)
    tree = {
        "version": 1,
        "project": {"name": "Web", "slug": "web"},
        "github": {"host": "github.com", "owner": "acme", "visibility": "private"},
        "registry": {"host": "docker.io", "account": "acme", "visibility": "public"},
        "cluster": {"namespace": "web-dev"},
    }
    (tmp_path / "gitops.yaml").write_text(yaml.safe_dump(tree))
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    clone = tmp_path / "clone"
    git = ["git", "-C", str(clone), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "env/dev", str(clone)], check=True)

    def put(files: dict[str, str], message: str, branch: str = "env/dev") -> None:
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text)
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
        target = github.repository("acme/web").git
        subprocess.run(["git", "fetch", "-q", str(clone), f"+HEAD:refs/heads/{branch}"], cwd=target, check=True)

    def deploy(revision: str, *, held: bool = False, subject: str = "Sell") -> None:
        (clone / "hold.yaml").unlink(missing_ok=True)
        hold = {"hold.yaml": yaml.safe_dump({"who": "octo", "why": "bad", "since": "now"})} if held else {}
        image = {"image": {"repository": "docker.io/acme/web", "digest": "sha256:1"}, "revision": revision}
        trailers = f"Argocd-reference-commit-sha: {revision}\nArgocd-reference-commit-subject: {subject}"
        put({"image.yaml": yaml.safe_dump(image), **hold}, f"Deploy {revision[:12]}: {subject}\n\n{trailers}")

    deploy.put = put  # type: ignore[attr-defined]
    return Project.open(tmp_path), deploy


def now(opened: Project) -> deployment_record.DeploymentRecord:
    record = deployment_record.read(opened)
    assert record is not None
    return record


def test_the_deployment_before_the_current_one_comes_back(shop: tuple[Project, Callable[..., None]]) -> None:
    opened, deploy = shop
    deploy(A, subject="Open the shop")
    deploy(B)
    deploy(C)
    deploy(C)
    found = deployment_record.previous(opened, now(opened))
    assert (found.revision, found.subject) == (B, "Sell")
    assert str(deployment_record.named(opened, "aaaa")).startswith("aaaaaaaaaaaa Open the shop (deployed 20")


def test_what_was_rolled_back_is_passed_over(shop: tuple[Project, Callable[..., None]]) -> None:
    opened, deploy = shop
    deploy(A)
    deploy(B)
    deploy(C)
    deploy(B, held=True)
    assert now(opened).hold == "octo, since now: bad"
    assert deployment_record.previous(opened, now(opened)).revision == A


def test_from_a_record_that_nobody_can_read_the_deployment_before_it_comes_back(
    shop: tuple[Project, Callable[..., None]],
) -> None:
    opened, deploy = shop
    for revision in (A, B):
        deploy(revision)
    deploy.put({"image.yaml": "revision: [\n", "hold.yaml": "\x07"}, "By hand")  # type: ignore[attr-defined]
    with pytest.raises(InstallerError, match=r"image\.yaml on env/dev .* is no YAML") as caught:
        deployment_record.read(opened)
    assert "rollback --project" in caught.value.fix
    record = deployment_record.newest(opened)
    assert record
    assert record.hold, "ci/deploy sees a hold, whatever is in it"
    assert deployment_record.previous(opened, record).revision == B


def test_before_the_first_deployment_there_is_nothing_to_go_back_to(shop: tuple[Project, Callable[..., None]]) -> None:
    opened, deploy = shop
    deploy(A)
    with pytest.raises(InstallerError, match=f"before {A[:12]} nothing was deployed"):
        deployment_record.previous(opened, now(opened))


def test_a_revision_that_was_never_deployed_is_reported_with_those_that_were(
    shop: tuple[Project, Callable[..., None]],
) -> None:
    opened, deploy = shop
    deploy(A)
    with pytest.raises(InstallerError, match="dddd was deployed to env/dev") as caught:
        deployment_record.named(opened, "dddd")
    assert f"{A[:12]} Sell" in str(caught.value)
    with pytest.raises(InstallerError, match="is no commit"):
        deployment_record.named(opened, "main")


def workflow(deploy: Callable[..., None], ends: str) -> None:
    """Give the repository a rollback.yml, and with it a branch main."""
    put = deploy.put  # type: ignore[attr-defined]
    put({".github/workflows/rollback.yml": WORKFLOW.format(ends=ends)}, "Start", "main")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither look for a cluster nor wait for one."""
    monkeypatch.setattr(verb.checks, "before_reading", lambda _: [])
    monkeypatch.setattr(verb, "until_live", lambda _: console.report("until live"))


@pytest.mark.usefixtures("at_once")
def test_rollback_starts_the_projects_workflow_with_what_was_confirmed(
    shop: tuple[Project, Callable[..., None]], github: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, deploy = shop
    workflow(deploy, ends="true")
    deploy(A)
    deploy(B)
    verb.rollback(opened, to="", why="orders fail", yes=True)
    (run,) = github.runs("acme/web")
    assert f"it was asked for {A}" in run.log
    told = capsys.readouterr().out
    assert f"Comes back:  {A[:12]} Sell" in told
    assert f"Goes:        {B[:12]}" in told
    assert "rollback.yml: run" in told
    assert told.endswith("until live\n")


@pytest.mark.usefixtures("at_once")
def test_a_red_run_ends_the_rollback_with_the_end_of_its_log(
    shop: tuple[Project, Callable[..., None]], github: StandIn
) -> None:
    opened, deploy = shop
    workflow(deploy, ends="echo no such deployment; exit 1")
    deploy(A)
    deploy(B)
    with pytest.raises(InstallerError) as caught:
        verb.rollback(opened, to="aaaa", why="", yes=True)
    assert "failure: https://github.com/acme/web/actions/runs/" in str(caught.value)
    assert "no such deployment" in str(caught.value)


@pytest.mark.usefixtures("at_once")
def test_nobody_to_ask_means_no_rollback(shop: tuple[Project, Callable[..., None]], github: StandIn) -> None:
    opened, deploy = shop
    workflow(deploy, ends="true")
    deploy(A)
    deploy(B)
    github.changes.clear()
    with pytest.raises(InstallerError, match="nobody can be asked here"):
        verb.rollback(opened, to="", why="", yes=False)
    assert github.changes == []


@pytest.mark.usefixtures("at_once")
def test_what_runs_already_is_rolled_back_to_only_under_a_hold(
    shop: tuple[Project, Callable[..., None]], github: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, deploy = shop
    workflow(deploy, ends="true")
    deploy(A)
    with pytest.raises(InstallerError, match="already, by a deployment"):
        verb.rollback(opened, to="aaaa", why="", yes=True)
    deploy(B)
    deploy(A, held=True)
    verb.rollback(opened, to="aaaa", why="", yes=True)
    assert f"env/dev is held at {A[:12]} already." in capsys.readouterr().out
    assert github.runs("acme/web") == []


@pytest.mark.usefixtures("at_once")
def test_without_a_hold_there_is_nothing_to_release(
    shop: tuple[Project, Callable[..., None]], github: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, deploy = shop
    workflow(deploy, ends="true")
    deploy(A)
    verb.release(opened, yes=True)
    assert "env/dev is not held" in capsys.readouterr().out
    assert github.runs("acme/web") == []


def test_an_older_server_that_does_not_name_the_run_is_asked_for_the_newest(
    shop: tuple[Project, Callable[..., None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, deploy = shop
    workflow(deploy, ends="true")
    first = pipelines.start(opened.ci, ROLLBACK, {"to": A})
    opened = replace(opened, settings=replace(opened.settings, host="github.example.com"))
    second = pipelines.start(opened.ci, ROLLBACK, {"to": B})
    assert second > first
    assert pipelines.follow(opened.ci, second, ROLLBACK, 60, lambda _: None).number == second


def test_on_a_terminal_in_ci_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    assert console.interactive()
    monkeypatch.setitem(os.environ, "CI", "true")
    assert not console.interactive()
    with pytest.raises(InstallerError, match="CI is set"):
        console.confirm("Do this?", yes=False)


DEPLOY = """
name: deploy
on: {push: {branches: [main]}, workflow_dispatch: {inputs: {init: {type: boolean}}}}
jobs:
  deploy:
    runs-on: ubuntu-latest
    permissions: {contents: write}
    steps:
      - {uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1, with: {persist-credentials: false}}
      - run: ci/deploy --init
        env:
          GITHUB_TOKEN: ${{ github.token }}
          IMAGE_DIGEST: "sha256:1111111111111111111111111111111111111111111111111111111111111111"
"""


@pytest.mark.all
@pytest.mark.usefixtures("at_once")
def test_with_the_projects_own_workflow_there_and_back(
    shop: tuple[Project, Callable[..., None]], github: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened, _ = shop
    main = tmp_path / "main"
    for name in ("ci", "chart", ".github/workflows/rollback.yml"):
        (main / name).parent.mkdir(parents=True, exist_ok=True)
        source = TEMPLATE / name
        shutil.copytree(source, main / name) if source.is_dir() else shutil.copy2(source, main / name)
    (main / "deploy").mkdir()
    (main / "gitops.yaml").write_text(PROJECT.replace("hello-api", "web"))
    (main / ".github/workflows/deploy.yml").write_text(DEPLOY)
    git = ["git", "-C", str(main), "-c", "user.name=x", "-c", "user.email=x@example.com"]
    helper = ["-c", "credential.helper=!gh auth git-credential"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(main)], check=True)
    revisions = []
    for replicas in (1, 2):
        (main / "deploy/dev.yaml").write_text(f"replicas: {replicas}\n")
        subprocess.run([*git, "add", "--all"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"Run {replicas}"], check=True)
        subprocess.run([*git, *helper, "push", "-q", opened.settings.url, "HEAD:main"], check=True)
        revisions.append(subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip())
        github.wait_for_run("acme/web", workflow="deploy.yml", sha=revisions[-1], timeout=60)
    assert now(opened).revision == revisions[1]
    verb.rollback(opened, to="", why="two are too many", yes=True)
    assert f"Comes back:  {revisions[0][:12]} Run 1" in capsys.readouterr().out
    assert now(opened).revision == revisions[0]
    assert now(opened).hold.startswith("octo, since ")
    assert now(opened).hold.endswith(": two are too many")
    verb.release(opened, yes=True)
    assert now(opened).revision == revisions[1]
    assert now(opened).hold == ""
