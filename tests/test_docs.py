"""The documentation: its links lead somewhere, and its commands are run by tests."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from installer.commands.options import SECTIONS
from tests.conftest import PROJECT, ROOT, Bake
from tests.documented import BY_HAND, BY_OTHERS, README, TUTORIAL, blocks, commands, story
from tests.e2e.test_tutorial import ANSWERS

_FENCE = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")


def pages() -> list[str]:
    """Return the repository's pages, without those of the template, which are read in generated projects."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in listed if (ROOT / name).is_file() and not name.startswith(f"{PROJECT}/"))


# --- links ------------------------------------------------------------------------------------------------------


def without_code(page: Path) -> str:
    text = _FENCE.sub("", page.read_text("utf-8"))
    return re.sub(r"(`+)[^`].*?\1", lambda code: code[0].replace("](", "] ("), text)


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    found: list[str] = []
    for title in re.findall(r"^#+ +(.+?) *#*$", _FENCE.sub("", page.read_text("utf-8")), re.MULTILINE):
        shown = re.sub(r"\[(.*?)\]\(.*?\)", r"\1", title)
        anchor = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
        before = sum(re.sub(r"-\d+$", "", each) == anchor for each in found)
        found.append(f"{anchor}-{before}" if before else anchor)
    return set(found)


def dead_links(page: Path, top: Path) -> Iterator[str]:
    """Yield the page's links to files of the same repository that are not there, and to headings that do not exist."""
    for link in _LINK.findall(without_code(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        leads_to = (page.parent / path).resolve() if path else page
        if not leads_to.exists() or not leads_to.is_relative_to(top.resolve()):
            yield f"{link}: there is no such file"
        elif anchor and anchor not in anchors(leads_to):
            yield f"{link}: there is no such heading"


@pytest.mark.parametrize("name", pages())
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(name: str) -> None:
    assert list(dead_links(ROOT / name, ROOT)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A page: `x`, *y*\n\n[1](#a-page-x-y) [2](#b) [3](b.md) [4](https://b) [5](../c) `[6](d)`\n"
    )
    assert [link.partition(":")[0] for link in dead_links(tmp_path / "a.md", tmp_path)] == ["#b", "b.md", "../c"]


@pytest.mark.parametrize("answers", [{}, {"scm": "gitlab"}, {"ci": "circleci"}, {"database": "postgresql"}], ids=str)
def test_every_link_of_a_generated_page_leads_to_a_file_and_a_heading(bake: Bake, answers: dict[str, str]) -> None:
    project = bake(**answers).path
    written = [project / "README.md", project / "chart/README.md"]
    assert {page.name: dead for page in written if (dead := list(dead_links(page, project)))} == {}


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text("utf-8")) if ":" not in link}
    assert [name for name in pages() if name.startswith("docs/") and (ROOT / name) not in {*listed, index}] == []


# --- what the README says ---------------------------------------------------------------------------------------


def test_the_readme_lists_the_commands_as_help_does() -> None:
    rows = re.findall(r"^\| (\w*) *\| `(\w+)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    listed: dict[str, list[str]] = {}
    for section, command in rows:
        listed.setdefault(section or list(listed)[-1], []).append(command)
    assert listed == {section: list(commands) for section, commands in SECTIONS.items()}


def test_the_readme_is_read_to_its_end() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 125


def test_every_chart_value_is_in_the_reference_once() -> None:
    template = (ROOT / PROJECT / "chart/values.yaml").read_text("utf-8")
    rows = (ROOT / "docs/reference/chart-values.md").read_text("utf-8").split("| --- | --- |")[1]
    listed = re.findall(r"`(\w+)`", rows)
    assert sorted(listed) == sorted(set(re.findall(r"^(\w+):", template, re.MULTILINE)))


# --- commands ---------------------------------------------------------------------------------------------------


def test_every_command_of_readme_and_tutorial_is_run_by_a_test_or_it_is_said_why_not() -> None:
    typed = [*commands(README), *commands(TUTORIAL)]
    run = story().splitlines()
    assert [line for line in commands(README) if line not in {*run, *BY_HAND, *BY_OTHERS}] == []
    assert [line for line in {*BY_HAND, *BY_OTHERS} if line not in typed] == []
    assert [
        file for file in BY_OTHERS.values() if not re.search("readme|documented", (ROOT / file).read_text("utf-8"))
    ] == []


def test_what_the_tutorial_has_typed_is_shell(tmp_path: Path) -> None:
    script = tmp_path / "tutorial"
    script.write_text(f"#!/usr/bin/env bash\n{ANSWERS}\n{story()}", encoding="utf-8")
    done = subprocess.run(
        ["shellcheck", "--exclude=SC2317,SC2329", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_teams_defaults_are_taken_by_both_commands_of_the_how_to(template: Path, tmp_path: Path) -> None:
    page = "docs/how-to/second-service.md"
    (config,) = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "team.yaml").write_text(config, encoding="utf-8")
    of_us, of_cookiecutter = next(block for block in blocks(page) if "team.yaml" in block).splitlines()
    python = f"'{sys.executable}' -m"
    here = [
        of_us.replace("gitops-flask new", f"{python} installer new --no-input --no-check --output-dir ours"),
        of_cookiecutter.replace("cookiecutter ", f"{python} cookiecutter --no-input --output-dir theirs ", 1).replace(
            "gh:org/gitops-flask", f"'{template}'"
        ),
    ]
    environment = os.environ | {"PYTHONPATH": str(template), "HOME": str(tmp_path), "PWD": str(tmp_path)}
    for command in here:
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, check=True)
    ours, theirs = ((tmp_path / name / "orders/gitops.yaml").read_text("utf-8") for name in ("ours", "theirs"))
    assert ours == theirs
    for setting in ('host: "ghcr.io"', 'account: "acme"', "database: postgresql", "visibility: private"):
        assert setting in ours
