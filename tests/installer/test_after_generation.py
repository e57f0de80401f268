"""The offer after generation: effects only where they are wanted, and a way on whatever happens."""

from pathlib import Path

import click
import pytest

from installer.commands import after_generation
from installer.commands import up as up_module
from installer.preflight import checks
from installer.project.project import Project
from installer.support import resume_command
from installer.support.errors import InstallerError
from installer.ui import console

from .shells import unset

SETTINGS = """\
version: 1
project: {name: Web, slug: web, description: ""}
github: {host: github.com, owner: acme, visibility: private}
registry: {host: docker.io, account: acme, visibility: public}
cluster: {namespace: web-dev}
"""
ORIGIN = "git+https://github.com/org/gitops-flask"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(resume_command, "this_run", resume_command.Run(ORIGIN, tmp_path))
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)  # no GitHub is there, and none comes
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # refuses at once
    (tmp_path / "web").mkdir()
    (tmp_path / "web/gitops.yaml").write_text(SETTINGS)
    return tmp_path / "web"


def outcome(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> list[bool]:
    """Let `up` end with an error, or well; return what it was told about `yes`."""
    told: list[bool] = []

    def up(opened: Project, *, yes: bool) -> None:
        told.append(yes)
        if error:
            raise error

    monkeypatch.setattr(up_module, "up", up)
    return told


def test_no_means_that_only_the_command_is_printed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert after_generation.prompt_to_deploy(project, "no") is False
    assert f"cd web && uvx --from {ORIGIN} gitops-flask up\n" in capsys.readouterr().out


@pytest.mark.parametrize("error", [InstallerError("no cluster", "start one"), click.Abort(), KeyboardInterrupt()])
def test_any_failure_keeps_the_project_and_prints_the_way_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    outcome(monkeypatch, error)
    assert after_generation.prompt_to_deploy(project, "yes") is False
    printed = capsys.readouterr()
    assert f"cd web && uvx --from {ORIGIN} gitops-flask up\n" in printed.out
    assert str(error) in printed.err
    assert (project / "gitops.yaml").exists()


def test_yes_asks_nobody(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = outcome(monkeypatch, None)
    assert after_generation.prompt_to_deploy(project, "yes") is True
    assert told == [True]


def test_on_a_terminal_up_asks(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = outcome(monkeypatch, None)
    monkeypatch.setattr(console, "interactive", lambda: True)
    monkeypatch.setattr(checks, "before_reading", lambda opened: [])
    after_generation.prompt_to_deploy(project, "ask")
    assert told == [False]


def test_on_a_terminal_with_nothing_at_hand_the_plan_is_shown_and_nothing_is_asked(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = outcome(monkeypatch, None)
    monkeypatch.setattr(console, "interactive", lambda: True)
    monkeypatch.setenv("PATH", "/nowhere")
    assert after_generation.prompt_to_deploy(project, "ask") is False
    assert not told
    printed = capsys.readouterr().out
    assert "GitHub repository acme/web\n" in printed
    assert "+ create?  watcher of env/dev for Argo CD\n" in printed
    assert "create? means: not checked whether it exists" in printed
    plan, missing = printed.split("\nMissing:\n")
    assert len(plan.splitlines()) <= 24, "on one screen"
    fix = "Set REGISTRY_TOKEN in the environment, to one that may push to docker.io (read & write); make a token at "
    assert f"- Actions secret REGISTRY_TOKEN: no token at hand\n  → {fix}" in missing


def test_without_a_terminal_nothing_is_applied(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told, asked = outcome(monkeypatch, None), []
    monkeypatch.setattr("requests.Session.request", lambda _, method, url, **__: asked.append(f"{method} {url}"))
    monkeypatch.setattr(console, "interactive", lambda: False)
    monkeypatch.setenv("PATH", "/nowhere")
    unset(monkeypatch, "GH_TOKEN", "GITHUB_TOKEN")
    assert after_generation.prompt_to_deploy(project, "ask") is False
    printed = capsys.readouterr().out
    assert not told
    assert "Nothing was changed." in printed
    for word in (
        "helm is not installed: it installs",
        "There is no token for github.com",
        "GitHub repository acme/web",
    ):
        assert word in printed
    assert asked == [], "without a token nobody may read what is asked for"


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(after_generation.VARIABLE, "maybe")
    with pytest.raises(InstallerError, match="maybe"):
        after_generation.mode_from_environment()
