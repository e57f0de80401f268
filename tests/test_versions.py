"""One version, and what a project says of the version that it needs."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer import __version__, cli
from installer.commands.new import new
from installer.config.settings_file import load
from installer.support import resume_command
from installer.support.errors import InstallerError
from tests.conftest import ROOT, BakedProject

ANSWERS: dict[str, Any] = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
NEWER = "999.2.3"


def number(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def test_the_template_and_the_tool_have_one_version() -> None:
    assert ANSWERS["_generated_by"] == __version__
    assert ANSWERS["_tool"].endswith(f"@v{__version__}")


def test_a_new_project_is_open_to_the_tool_that_made_it(project: BakedProject) -> None:
    kept = project.yaml("gitops.yaml")
    assert number(kept["requires"]) <= number(kept["generated_by"]) == number(__version__)
    assert load(project.path).slug == project.slug


def test_the_newest_section_of_the_changelog_is_this_version() -> None:
    titles = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert titles[:2] == ["Unreleased", __version__]
    assert [number(title) for title in titles[1:]] == sorted(map(number, titles[1:]), reverse=True)


@pytest.fixture
def for_a_newer_one(project: BakedProject, tmp_path: Path) -> Path:
    """Return a project that a newer version made, with things that this one does not know."""
    kept = project.yaml("gitops.yaml")
    kept |= {"version": 7, "requires": NEWER, "clusters": [{"name": "blue"}]}
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "gitops.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    return folder


@pytest.mark.parametrize("verb", ["plan", "up --yes", "status", "doctor", "rollback --yes", "open", "down --yes"])
def test_a_tool_that_is_too_old_says_which_it_must_be_and_does_nothing(
    for_a_newer_one: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["gitops-flask", *verb.split(), "--project", str(for_a_newer_one)])
    monkeypatch.setenv("PATH", "")  # whatever it ran would not be found
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    line = f"This project needs gitops-flask {NEWER} or newer ({for_a_newer_one}/gitops.yaml, requires); this is"
    assert f"{line} {__version__}." in " ".join((said.out + said.err).split())
    assert f"v{NEWER}" in said.out + said.err
    assert "clusters" not in said.out + said.err, "it does not judge what it does not know"


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (
            "git+https://ghe.acme.com/tools/gitops-flask@0a1b2c",
            f"uvx --from git+https://ghe.acme.com/tools/gitops-flask@v{NEWER}",
        ),
        (
            "git+ssh://git@ghe.acme.com/tools/gitops-flask",
            f"uvx --from git+ssh://git@ghe.acme.com/tools/gitops-flask@v{NEWER}",
        ),
        ("git+https://ghe.acme.com/tools/x@feature/y", f"uvx --from git+https://ghe.acme.com/tools/x@v{NEWER}"),
        ("", f"uvx --from gitops-flask=={NEWER}"),
        ("/home/ada/gitops_flask-0.1.0-py3-none-any.whl", f"uvx --from gitops-flask=={NEWER}"),
    ],
)
def test_the_right_version_comes_from_where_this_one_came(
    monkeypatch: pytest.MonkeyPatch, origin: str, command: str
) -> None:
    run = resume_command.Run(arguments=("up", "--project", "my web"))
    monkeypatch.setattr(resume_command, "this_run", run)
    monkeypatch.setattr(resume_command, "package", "gitops_flask")
    monkeypatch.setattr(resume_command, "_origin", lambda: origin)
    assert resume_command.release(NEWER) == f"{command} gitops-flask up --project 'my web'"


def test_a_checkout_gets_the_command_that_takes_the_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume_command, "this_run", resume_command.Run())
    there = shlex.quote(str(ROOT))
    assert resume_command.release(NEWER) == f"git -C {there} fetch --tags && git -C {there} switch --detach v{NEWER}"


def edited(project: BakedProject, folder: Path, **changes: Any) -> Path:
    kept = {name: value for name, value in (project.yaml("gitops.yaml") | changes).items() if value is not None}
    (folder / "gitops.yaml").write_text(yaml.safe_dump(kept), encoding="utf-8")
    return folder


@pytest.mark.parametrize("requires", [None, "0.0.1", __version__])
def test_a_project_that_needs_no_newer_one_is_worked_on(
    project: BakedProject, tmp_path: Path, requires: str | None
) -> None:
    assert load(edited(project, tmp_path, requires=requires, generated_by=None)).slug == project.slug


@pytest.mark.parametrize("requires", [1.2, "1.2", ">=1.2.0", "latest", "", ["1.2.0"], "1.2.٣", f"1.2.{'3' * 5000}"])
def test_what_is_no_version_is_reported(project: BakedProject, tmp_path: Path, requires: object) -> None:
    with pytest.raises(InstallerError) as error:
        load(edited(project, tmp_path, requires=requires))
    assert f"requires: must be a version in quotes, like '1.2.0', is {requires!r}" in error.value.message


def test_versions_are_compared_as_numbers(
    project: BakedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.config.settings_file.__version__", "1.10.0")
    assert load(edited(project, tmp_path, requires="1.9.9")).slug == project.slug
    with pytest.raises(InstallerError, match=r"needs gitops-flask 1\.10\.1 or newer"):
        load(edited(project, tmp_path, requires="1.10.1"))


@pytest.mark.parametrize(
    ("origin", "named"),
    [
        ("git+https://ghe.acme.com/tools/gitops-flask@0a1b2c", "git+https://ghe.acme.com/tools/gitops-flask@0a1b2c"),
        ("git+file:///home/ada/gitops-flask@0a1b2c", ANSWERS["_tool"]),  # her colleagues do not have her folders
    ],
)
def test_the_projects_readme_says_where_the_tool_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, origin: str, named: str
) -> None:
    monkeypatch.setattr(resume_command, "this_run", resume_command.Run(template=origin))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    project = new(tmp_path / "projects", {}, no_input=True, check=False)
    readme = (project / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"`uvx --from (\S+) gitops-flask`", readme) == [named]
