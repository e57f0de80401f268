"""Which deployment a rollback brings back, as the project's own `ci/rollback` would."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from installer.project.project import Project
from installer.status import deployment_record
from installer.status.service import DeploymentRecord
from installer.support.errors import InstallerError
from installer.ui import console
from tests.github import GitHub as StandIn
from tests.github.git import git as on_server

from . import gitops_yaml
from .clones import git
from .shells import octos

pytestmark = pytest.mark.slow

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
def shop(github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Project, Callable[..., None]]:
    """A project, and a function that adds a commit to `env/dev`: a revision, with a hold or not."""
    octos(github, monkeypatch, tmp_path)
    gitops_yaml.write(tmp_path)
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    clone = tmp_path / "clone"
    git(tmp_path, "init", "-q", "-b", "env/dev", str(clone))

    def put(files: dict[str, str], message: str, branch: str = "env/dev") -> None:
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text)
        git(clone, "add", "--all")
        git(clone, "commit", "-q", "--allow-empty", "-m", message)
        on_server(github.repository("acme/web").git, "fetch", "-q", str(clone), f"+HEAD:refs/heads/{branch}")

    def deploy(revision: str, *, held: bool = False, subject: str = "Sell") -> None:
        (clone / "hold.yaml").unlink(missing_ok=True)
        hold = {"hold.yaml": yaml.safe_dump({"who": "octo", "why": "bad", "since": "now"})} if held else {}
        image = {"image": {"repository": "docker.io/acme/web", "digest": "sha256:1"}, "revision": revision}
        trailers = f"Argocd-reference-commit-sha: {revision}\nArgocd-reference-commit-subject: {subject}"
        put({"image.yaml": yaml.safe_dump(image), **hold}, f"Deploy {revision[:12]}: {subject}\n\n{trailers}")

    deploy.put = put  # type: ignore[attr-defined]
    return Project.open(tmp_path), deploy


def now(opened: Project) -> DeploymentRecord:
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


def test_on_a_terminal_in_ci_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    monkeypatch.delenv("CI", raising=False)
    assert console.interactive()
    monkeypatch.setitem(os.environ, "CI", "true")
    assert not console.interactive()
    with pytest.raises(InstallerError, match="CI is set"):
        console.confirm("Do this?", yes=False)
