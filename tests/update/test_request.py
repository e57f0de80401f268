"""An update at a code host: the branches, the request, and what becomes of it; at GitHub and at GitLab alike."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from installer.project.project import Project
from installer.update.repository import Repository
from tests.github import Fault, GitHub
from tests.github.git import git as on_server
from tests.github.model import Ruleset
from tests.gitlab import GitLab
from tests.gitlab.model import Protection

from .conftest import Host, Typed, each_host
from .story import START, Story

pytestmark = pytest.mark.slow

LIB = START["ci/lib.sh"]
THEIRS, OURS = LIB.replace("line 3", "theirs"), LIB.replace("line 3", "ours")
UPDATE, TEMPLATE = "gitops-flask/update", "gitops-flask/template"
BY_RULE = {"github": re.compile("rule violations"), "gitlab": re.compile("GitLab: You (are not allowed|can only)")}


@pytest.fixture
def released(story: Story) -> Story:
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    (story.template / "CHANGELOG.md").write_text("# Log\n\n## [2.0.0] - 2026-01-02\n\n- A better library.\n")
    return story


@each_host
def test_an_update_without_conflicts_is_a_request_that_says_what_changed_and_why(
    host: Host, released: Story, typed: Typed
) -> None:
    done = typed(released.project, "update")
    (request,) = host.requests()
    assert request.title == "Update from the template, 2.0.0"
    assert not request.draft
    assert "- A better library." in request.text
    assert "- `ci/lib.sh`" in request.text
    assert host.file(UPDATE, "ci/lib.sh") + "\n" == THEIRS
    assert host.branches().keys() == {"main", UPDATE, TEMPLATE}
    assert f"request: https://{'github' if 'github' in done.out else 'gitlab'}.com/acme/web/" in done.out
    assert done.out.rstrip().endswith("/1")


@pytest.mark.all
def test_a_persons_settings_of_git_send_nothing_else_and_stop_nothing(
    host: Host, released: Story, typed: Typed, tmp_path: Path
) -> None:
    """Commits are signed, and git says so wherever it shows one; tags go along with a push."""
    gpg = tmp_path / "gpg"
    signature = r"-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n"
    gpg.write_text(
        f"#!/bin/sh\ncat >/dev/null\ncase \"$*\" in\n*verify*) echo gpg: Good >&2; echo '[GNUPG:] GOODSIG 1 x' ;;\n"
        f"*) echo '[GNUPG:] SIG_CREATED x' >&2; printf -- '{signature}' ;;\nesac\n"
    )
    gpg.chmod(0o755)
    released.git("config", "gpg.program", str(gpg))
    released.git("commit", "--quiet", "--amend", "--no-edit", "--gpg-sign")
    host.push("+main:main")
    released.git("tag", "--annotate", "--message", "Mine", "mine")
    for name, value in {
        "log.showSignature": "true",
        "push.gpgSign": "true",
        "push.followTags": "true",
        "push.pushOption": "ci.skip",
    }.items():
        released.git("config", name, value)
    assert "gpg: Good" in released.git("log", "-1", "--format=%H")

    assert "request: https://" in typed(released.project, "update").out
    assert host.file(UPDATE, "ci/lib.sh") + "\n" == THEIRS
    assert on_server(host.bare, "tag", "--list") == ""


@each_host
def test_conflicts_make_a_draft_that_lists_them(host: Host, released: Story, typed: Typed) -> None:
    released.work({"ci/lib.sh": OURS})
    host.push("main:main")
    done = typed(released.project, "update")
    (request,) = host.requests()
    assert request.draft
    assert request.title.endswith("Update from the template, 2.0.0 (1 conflict)")
    assert "- ci/lib.sh: changed here and in the template" in request.text
    assert "<<<<<<< HEAD" in host.file(UPDATE, "ci/lib.sh")
    assert "Opened a draft: " in done.out


def test_it_is_the_hosts_main_that_is_updated_whatever_is_here(host: Host, released: Story, typed: Typed) -> None:
    released.work({"README.md": "# Not pushed\n"})
    typed(released.project, "update")
    assert host.file(UPDATE, "README.md") == "# Web"


def test_merged_and_its_branch_deleted_the_next_update_begins_where_that_ended(
    host: Host, released: Story, typed: Typed
) -> None:
    typed(released.project, "update")
    render = host.branches()[TEMPLATE]
    host.merge()
    host.close(1)  # to those that ask for open ones, as good as merged
    assert "Nothing to update" in typed(released.project, "update").out

    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    typed(released.project, "update")
    assert host.file(UPDATE, "ci/lib.sh") + "\n" == THEIRS + "more\n"
    assert on_server(host.bare, "rev-parse", f"{TEMPLATE}^") == render
    assert len(host.requests()) == 2


def test_run_again_it_changes_nothing_and_a_newer_version_brings_the_open_request_up_to_date(
    host: Host, released: Story, typed: Typed
) -> None:
    typed(released.project, "update")
    before = host.branches()
    assert "Brought up to date: " in typed(released.project, "update").out
    assert host.branches() == before

    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    typed(released.project, "update")
    (request,) = host.requests()
    assert request.title == "Update from the template, 3.0.0"
    assert request.head == host.branches()[UPDATE]
    assert host.file(UPDATE, "ci/lib.sh") + "\n" == THEIRS + "more\n"


def test_what_people_did_on_the_branch_is_never_overwritten(host: Host, released: Story, typed: Typed) -> None:
    typed(released.project, "update")
    released.git("switch", "--quiet", "--create", "work", f"origin/{UPDATE}")
    released.work({"ci/lib.sh": "resolved\n"})
    host.push(f"work:{UPDATE}")
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})

    done = typed(released.project, "update", code=1)

    assert f"There is work of others on {UPDATE}" in done.err
    assert host.file(UPDATE, "ci/lib.sh") == "resolved"


@pytest.mark.all
def test_what_people_did_on_the_branch_of_a_closed_request_is_named_where_the_next_one_begins(
    host: Host, released: Story, typed: Typed
) -> None:
    typed(released.project, "update")
    released.git("switch", "--quiet", "--create", "work", f"origin/{UPDATE}")
    released.work({"ci/lib.sh": "resolved\n"})
    host.push(f"work:{UPDATE}")
    host.close(1)
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})

    done = typed(released.project, "update")

    assert f"({UPDATE} had been {released.git('rev-parse', 'work')}, with work of others)" in done.out
    assert released.git("rev-parse", f"origin/{UPDATE}") == host.branches()[UPDATE]


@pytest.mark.parametrize(
    "words", [("update",), pytest.param(("update", "--abort"), marks=pytest.mark.all)], ids=["update", "abort"]
)
def test_what_people_push_meanwhile_is_never_overwritten(
    host: Host, released: Story, typed: Typed, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    typed(released.project, "update")
    released.git("switch", "--quiet", "--create", "work", f"origin/{UPDATE}")
    released.work({"ci/lib.sh": "resolved\n"})
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    monkeypatch.setattr("installer.update.request.about_to_write", lambda: host.push(f"work:{UPDATE}"))

    done = typed(released.project, *words, code=1)

    assert f"Somebody pushed {UPDATE} meanwhile: run this again." in done.err
    assert host.file(UPDATE, "ci/lib.sh") == "resolved"
    if words == ("update",):
        assert f"There is work of others on {UPDATE}" in typed(released.project, "update", code=1).err


def test_a_declined_version_is_not_proposed_again_until_the_next_or_until_it_is_named(
    host: Host, released: Story, typed: Typed
) -> None:
    typed(released.project, "update")
    host.close(1)
    assert "2.0.0 was declined: https://" in typed(released.project, "update").out
    assert [each.state for each in host.requests()] == ["closed"]

    typed(released.project, "update", "--to", "2.0.0")
    assert [each.state for each in host.requests()] == ["closed", "open"]
    host.close(2)
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    typed(released.project, "update")
    assert [each.state for each in host.requests()] == ["closed", "closed", "open"]


def test_abort_closes_the_request_and_deletes_its_branch_and_declines_nothing(
    host: Host, released: Story, typed: Typed
) -> None:
    typed(released.project, "update")
    done = typed(released.project, "update", "--abort")
    assert "deleted the branch gitops-flask/update" in done.out
    assert host.branches().keys() == {"main", TEMPLATE}
    assert [each.state for each in host.requests()] == ["closed"]
    typed(released.project, "update")
    assert [each.state for each in host.requests()] == ["closed", "open"]


@pytest.mark.all
def test_another_clone_goes_on_from_the_hosts_branches(host: Host, released: Story, typed: Typed) -> None:
    typed(released.project, "update")
    host.merge()
    host.close(1)
    clone = released.root / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", "--branch=main", host.bare.as_uri(), str(clone)], check=True
    )
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    assert "changed 1 files since 2.0.0" in typed(clone, "update").out
    assert host.file(UPDATE, "ci/lib.sh") + "\n" == THEIRS + "more\n"


def test_a_token_that_may_not_push_is_reported_and_nothing_is_left(
    at_github: Host, released: Story, typed: Typed, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.user("guest")
    github.repository("acme/web").collaborators["guest"] = "read"
    monkeypatch.setenv("GH_TOKEN", github.token("guest"))
    done = typed(released.project, "update", code=1)
    assert "git push https://github.com/acme/web" in done.err
    assert at_github.branches().keys() == {"main"}
    assert at_github.changes() == []


def test_a_host_that_does_not_answer_is_reported(
    at_github: Host, released: Story, typed: Typed, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    github.faults.order(Fault("down", status=503), "GET", r"/repos/acme/web$", times=9)
    assert "503" in typed(released.project, "update", code=1).err
    assert at_github.changes() == []


def test_without_drafts_in_the_plan_the_title_says_it(
    at_github: Host, released: Story, typed: Typed, github: GitHub
) -> None:
    said = "Draft pull requests are not supported in this repository."
    github.faults.order(Fault("no drafts", status=422, message=said), "POST", r"/pulls$", first=1, times=1)
    released.work({"ci/lib.sh": OURS})
    at_github.push("main:main")
    typed(released.project, "update")
    (request,) = at_github.requests()
    assert not request.draft
    assert request.title == "Update from the template, 2.0.0 (1 conflict)"


@pytest.mark.all
def test_the_templates_branch_is_kept_by_a_rule_and_goes_on(host: Host, released: Story, typed: Typed) -> None:
    project = Project.open(released.project)
    rules = next(r for r in project.resources() if r.key == "rules")
    seen = rules.observe()
    change = rules.diff(seen)
    assert change
    rules.apply(seen, change)

    typed(released.project, "update")
    login, url = project.credentials.login, project.settings.clone_url
    remote = Repository(released.project, login.variables, login.options)
    for refs in (f":refs/heads/{TEMPLATE}", f"+main:refs/heads/{TEMPLATE}"):
        assert BY_RULE[project.settings.scm].search(remote.attempt("push", "--quiet", url, refs).err), refs
    released.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    typed(released.project, "update")
    assert host.file(TEMPLATE, "ci/lib.sh") + "\n" == THEIRS + "more\n"


def forbid_at_github(github: GitHub) -> None:
    conditions = {"ref_name": {"include": ["~ALL"], "exclude": []}}
    rules: list[dict[str, Any]] = [{"type": "creation"}]
    github.accounts["acme"].rulesets.append(Ruleset("all", "branch", "active", conditions, rules, []))


def forbid_at_gitlab(gitlab: GitLab) -> None:
    gitlab.project("acme/web").protections[TEMPLATE] = Protection(TEMPLATE, 0, 0)


@pytest.mark.parametrize("scm", ["github", "gitlab"])
def test_a_rule_that_forbids_the_branches_is_reported_and_nothing_is_left(
    scm: str, released: Story, typed: Typed, request: pytest.FixtureRequest
) -> None:
    host: Host = request.getfixturevalue(f"at_{scm}")
    stand_in = request.getfixturevalue(scm)
    forbid_at_github(stand_in) if scm == "github" else forbid_at_gitlab(stand_in)
    done = typed(released.project, "update", code=1)
    assert BY_RULE[scm].search(done.err)
    assert f"have somebody run this who may push {TEMPLATE} and {UPDATE}" in done.err
    assert host.branches().keys() == {"main"}
    assert host.requests() == []
