"""A repository that was renamed, transferred, archived, made public, or given another default branch meanwhile.

Each is said by `plan`, `status` and `doctor`, with how to fix it, at a stand-in that does what the code host does then.
"""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from installer.engine.reconcile import plan
from installer.engine.resource import Change, Finding
from installer.preflight import checks
from installer.preflight import repository as of_repository
from installer.status import report
from installer.status.report import Row

from . import bench as at_github
from .gitlab_bench import Bench as OfGitLab


@pytest.fixture
def bench(fresh: at_github.Bench) -> at_github.Bench:
    fresh.set_up("filled")
    fresh.apply("repository")
    return fresh


@pytest.fixture
def gitlab_bench(at_gitlab: OfGitLab) -> Iterator[OfGitLab]:
    at_gitlab.set_up("filled")
    yield at_gitlab
    at_gitlab.gitlab.runner.forget()


def said(bench: at_github.Bench | OfGitLab) -> tuple[Change, Row, Finding]:
    """Return what plan, status and doctor have to say of the repository."""
    resource = bench.resources()["repository"]
    (planned,) = plan([resource])
    assert planned.change is not None
    (row,) = report._resources([planned])
    opened: Any = SimpleNamespace(resources=lambda: [resource])
    (found,) = of_repository.as_wanted(opened)
    assert not row.healthy
    assert found.fix
    return planned.change, row, found


def ask(bench: at_github.Bench, method: str, path: str, sent: object) -> None:
    requests.request(
        method,
        f"https://api.github.com/repos/acme/web{path}",
        json=sent,
        headers={"Authorization": f"token {bench.token}"},
        timeout=30,
    ).raise_for_status()


def test_doctor_asks_it() -> None:
    assert of_repository.as_wanted in [check.ask for check in checks.CHECKS]


def test_a_repository_as_it_should_be_is_no_news(bench: at_github.Bench) -> None:
    resource = bench.resources()["repository"]
    opened: Any = SimpleNamespace(resources=lambda: [resource])
    assert list(of_repository.as_wanted(opened)) == []
    assert resource.diff(resource.observe()) is None


def test_a_renamed_repository_is_named_with_the_command_that_renames_it_back(bench: at_github.Bench) -> None:
    ask(bench, "PATCH", "", {"name": "shop"})
    bench.github.changes.clear()
    change, row, found = said(bench)
    back = "gh repo rename web --repo github.com/acme/shop"
    assert (change.action, change.note) == ("blocked", "it is acme/shop now")
    assert all(back in text for text in (change.fix, row.state, found.fix))
    assert bench.github.changes == []
    subprocess.run([*back.split(), "--yes"], check=True, capture_output=True)
    assert plan([bench.resources()["repository"]])[0].change is None


def test_a_transferred_repository_is_named_with_the_line_that_follows_it(bench: at_github.Bench) -> None:
    bench.github.organization("other", plan="team", members={"octo": "admin"})
    ask(bench, "POST", "/transfer", {"new_owner": "other"})
    change, row, found = said(bench)
    assert (change.action, change.note) == ("blocked", "it is other/web now")
    assert all(
        "Write its new owner into gitops.yaml, github.owner" in text for text in (change.fix, row.state, found.fix)
    )
    followed = bench.resources(replace(at_github.SETTINGS, owner="other"))["repository"]
    assert followed.diff(followed.observe()) is None


def test_an_archived_repository_is_named_with_its_page(bench: at_github.Bench) -> None:
    ask(bench, "PATCH", "", {"archived": True})
    change, row, found = said(bench)
    assert (change.action, change.note) == ("blocked", "it is archived")
    assert all(
        "Unarchive it at https://github.com/acme/web/settings" in text for text in (change.fix, row.state, found.fix)
    )


def test_a_private_repository_made_public_is_said_to_have_been_read_and_is_made_private_again(
    bench: at_github.Bench,
) -> None:
    ask(bench, "PATCH", "", {"visibility": "public"})
    change, row, found = said(bench)
    assert [(field.name, field.old, field.new) for field in change.fields] == [("visibility", "public", "private")]
    assert all(
        "anyone may have read it since it was made public" in text for text in (change.note, row.state, found.what)
    )
    bench.apply("repository")
    assert bench.repository.private


def test_another_default_branch_is_said_and_set_right(bench: at_github.Bench) -> None:
    at_github.on_server(bench.repository.git, "update-ref", "refs/heads/master", "refs/heads/main")
    ask(bench, "PATCH", "", {"default_branch": "master"})
    change, row, found = said(bench)
    assert [(field.name, field.old, field.new) for field in change.fields] == [("default branch", "master", "main")]
    assert all("start with master, which nothing deploys" in text for text in (change.note, row.state, found.what))
    bench.apply("repository")
    assert bench.repository.default_branch == "main"
    assert plan([bench.resources()["repository"]])[0].change is None


def test_main_renamed_to_master_is_named_with_the_command_that_renames_it_back(bench: at_github.Bench) -> None:
    """To push `main` again from here would make two histories."""
    ask(bench, "POST", "/branches/main/rename", {"new_name": "master"})
    change, row, found = said(bench)
    assert (change.action, change.note) == ("blocked", "it has no branch main, its default branch is master")
    back = "gh api -X POST /repos/acme/web/branches/master/rename -f new_name=main"
    assert all(back in text for text in (change.fix, row.state, found.fix))
    subprocess.run(back.split(), check=True, capture_output=True)
    assert plan([bench.resources()["repository"]])[0].change is None


def test_an_empty_repository_whose_owner_prefers_master_is_none_of_these(bench: at_github.Bench) -> None:
    bench.set_up("empty")
    bench.apply("repository")
    bench.repository.default_branch = "master"
    assert plan([bench.resources()["repository"]])[0].change is None


def test_a_project_moved_at_gitlab_is_named_and_no_other_host_is_asked(gitlab_bench: OfGitLab) -> None:
    project, gitlab = gitlab_bench.project, gitlab_bench.gitlab
    gitlab.hosting.move(project, project.namespace, "shop")
    change, row, found = said(gitlab_bench)
    assert (change.action, change.note) == ("blocked", "it is acme/shop now")
    assert all("https://gitlab.com/acme/shop/edit" in text for text in (change.fix, row.state, found.fix))
    gitlab.group("other", members={gitlab.users["octo"].username: 50})
    gitlab.hosting.move(project, gitlab.groups["other"], "web")
    change, _, _ = said(gitlab_bench)
    assert change.note == "it is other/web now"
    assert "gitlab.owner" in change.fix


def test_another_default_branch_at_gitlab_is_said_and_set_right(gitlab_bench: OfGitLab) -> None:
    project = gitlab_bench.project
    at_github.on_server(project.git, "update-ref", "refs/heads/master", "refs/heads/main")
    project.default_branch = "master"
    change, row, _ = said(gitlab_bench)
    assert [(field.name, field.old, field.new) for field in change.fields] == [("default branch", "master", "main")]
    assert "start with master, which nothing deploys" in row.state
    gitlab_bench.apply("repository")
    assert project.default_branch == "main"
    assert plan([gitlab_bench.resources()["repository"]])[0].change is None


def test_a_project_without_main_at_gitlab_is_left_alone(gitlab_bench: OfGitLab) -> None:
    project = gitlab_bench.project
    at_github.on_server(project.git, "update-ref", "refs/heads/master", "refs/heads/main")
    at_github.on_server(project.git, "update-ref", "-d", "refs/heads/main")
    project.default_branch = "master"
    change, _, found = said(gitlab_bench)
    assert (change.action, change.note) == ("blocked", "it has no branch main, its default branch is master")
    assert "/-/branches/new" in found.fix


def test_a_project_made_public_at_gitlab_is_said_to_have_been_read(gitlab_bench: OfGitLab) -> None:
    gitlab_bench.project.visibility = "public"
    change, _, found = said(gitlab_bench)
    assert [(field.name, field.old, field.new) for field in change.fields] == [("visibility", "public", "private")]
    assert "anyone may have read it" in found.what
