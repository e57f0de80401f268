"""What is checked at GitLab before the first write: each thing that is missing or in the way is told with its fix."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from installer.cluster.kubectl import Cluster
from installer.engine.resource import Finding
from installer.forges.credentials import find
from installer.preflight import gitlab as gitlab_checks
from installer.preflight import tools
from installer.project.project import FORGE_KINDS, Project
from tests.github.git import git as on_server

from .clones import git
from .gitlab_bench import SETTINGS, Bench

Ask = Callable[[Callable[[Project], Any]], list[Finding]]
PAGE = "https://gitlab.com/acme/web"


@pytest.fixture
def bench(at_gitlab: Bench) -> Bench:
    return at_gitlab


@pytest.fixture
def ask(bench: Bench) -> Ask:
    """Ask one check about the project acme/web."""
    credentials = find(SETTINGS)
    connected = FORGE_KINDS["gitlab"].connect(SETTINGS, credentials)
    opened = Project(bench.folder, SETTINGS, credentials, connected, Cluster(None))
    return lambda check: list(check(opened))


@pytest.mark.parametrize(("ahead", "words"), [(300, "s ahead of GitLab's."), (-90, "s behind GitLab's.")])
def test_a_clock_that_is_wrong_is_reported(ask: Ask, monkeypatch: pytest.MonkeyPatch, ahead: int, words: str) -> None:
    (found,) = ask(gitlab_checks.clock)
    assert (found.what, found.fix) == ("the clock agrees with GitLab's", "")
    now = time.time
    monkeypatch.setattr(tools, "_now", lambda: now() + ahead)
    (found,) = ask(gitlab_checks.clock)
    assert found.what.endswith(words)
    assert "timedatectl" in found.fix
    assert not found.problem


def test_a_branch_that_makes_the_environments_branch_impossible_is_reported(bench: Bench, ask: Ask) -> None:
    bench.set_up("filled")
    assert ask(gitlab_checks.no_branch_in_the_way) == []
    on_server(bench.project.git, "branch", "env", "main")
    (found,) = ask(gitlab_checks.no_branch_in_the_way)
    assert found.what == "A branch `env` makes `env/dev` impossible: git cannot hold both."
    assert found.fix == f"Rename it, or delete it: {PAGE}/-/branches"
    assert found.problem


@pytest.mark.parametrize(("slug", "refused"), [("web", ""), ("other", "holds something else: the project other")])
def test_a_project_that_is_there_is_adopted_or_refused_with_the_reason(
    bench: Bench, ask: Ask, slug: str, refused: str
) -> None:
    assert ask(gitlab_checks.same_project) == [], "none is there"
    (bench.folder / "gitops.yaml").write_text(f"version: 1\nproject: {{slug: {slug}}}\n")
    git(bench.folder, "commit", "-qam", "x", "--allow-empty")
    bench.set_up("filled")
    found = ask(gitlab_checks.same_project)
    fix = "Choose another project_slug, or move that project away."
    assert [(each.what, each.fix) for each in found] == ([(f"{PAGE} exists and {refused}.", fix)] if refused else [])


def test_who_is_no_maintainer_is_told_so_and_not_that_the_mark_cannot_be_read(bench: Bench, ask: Ask) -> None:
    bench.set_up("filled")
    assert ask(gitlab_checks.administered) == []
    bench.project.members.clear()
    bench.gitlab.groups["acme"].members[bench.gitlab.users["octo"].id] = 30
    assert ask(gitlab_checks.same_project) == []
    (found,) = ask(gitlab_checks.administered)
    assert "You are no maintainer of acme/web" in found.what
    assert found.fix == f"Let one make you one: {PAGE}/-/project_members"
