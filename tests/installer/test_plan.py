"""`plan`, `doctor` and `up` know one list of what stands in the way; what is only here is said."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.documents import valid
from tests.github.authority import Authority

from .bench import WAITS_FOR_A_RUNNER
from .ground import Ground
from .registry import Trouble
from .typed import Run


def a_branch_in_the_way(ground: Ground) -> None:
    ground.repository()
    ground.repository("env")


def registry_refuses(ground: Ground) -> None:
    ground.registry.trouble = Trouble(401)


def another_users_name(ground: Ground) -> None:
    ground.github.user("someone")
    ground.write(github={"owner": "someone"})


def archived(ground: Ground) -> None:
    ground.repository()
    ground.github.repository("acme/web").archived = True


def a_workflow(ground: Ground) -> None:
    """Let the first push start a run: without one, `up` looks for it a while."""
    (ground.project / ".github/workflows").mkdir(parents=True)
    (ground.project / ".github/workflows/deploy.yml").write_text(WAITS_FOR_A_RUNNER)
    ground.git("add", ".")
    ground.git("commit", "-qm", "A workflow")


FAULTS: dict[str, tuple[Callable[[Ground], object], str]] = {
    "foreign content": (
        lambda ground: ground.repository(file="app.rb"),
        "https://github.com/acme/web exists and holds something else",
    ),
    "no commit": (lambda ground: ground.git("update-ref", "-d", "HEAD"), "The project has no commit yet."),
    "no repository": (lambda ground: shutil.rmtree(ground.project / ".git"), "is no git repository of its own"),
    "another origin": (
        lambda ground: ground.git("remote", "add", "origin", "https://github.com/acme/other.git"),
        "The remote `origin` is github.com/acme/other",
    ),
    "a branch env": (a_branch_in_the_way, "A branch `env` makes `env/dev` impossible"),
    "a registry that refuses": (registry_refuses, "refuses acme: 401"),
    "a lacking scope": (
        lambda ground: ground.monkeypatch.setenv("GH_TOKEN", ground.github.token("octo", scopes=["repo"])),
        "The token lacks the scope `workflow`",
    ),
    "another user's name": (another_users_name, "someone is another user: only they can create this"),
    "an archived repository": (archived, "GitHub repository acme/web: it is archived."),
}


@pytest.mark.slow
@pytest.mark.parametrize(("make", "words"), FAULTS.values(), ids=FAULTS)
def test_what_up_refuses_plan_and_doctor_say_in_the_same_words(
    run: Run, ground: Ground, make: Callable[[Ground], object], words: str
) -> None:
    make(ground)
    refused = run("up", "--yes", code=1).stderr
    assert "Nothing was changed." in refused
    assert words in refused
    assert ground.github.changes == []
    document = valid("plan", run("plan", "--json", "--exit-code", code=1).stdout)
    missing = [each["what"] for each in document["problems"] if each["level"] == "problem"]
    blocked = [f"{r['title']}: {r['note']}." for r in document["resources"] if r["action"] == "blocked"]
    assert any(words in each for each in (*missing, *blocked)), (missing, blocked)
    told = valid("doctor", run("doctor", "--json", code=1).stdout)
    assert sum(words in each["what"] for each in told["findings"] if each["level"] == "problem") == 1


@pytest.mark.slow
def test_what_plan_has_nothing_against_up_begins(run: Run, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    a_workflow(ground)
    run("plan", "--exit-code", code=3)
    monkeypatch.setattr("installer.commands.up.DEADLINE", 0)
    assert "Nothing was changed." not in run("up", "--yes", code=1).stderr
    assert "acme/web" in ground.github.repositories


def test_a_plan_has_no_words_of_an_api_and_no_padding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GH_TOKEN")
    told = run("plan", code=0).stdout
    plan, _, printed = told.partition("\nMissing:")
    problems = valid("plan", run("plan", "--json").stdout)["problems"]
    missing = [each["what"] for each in problems if each["level"] == "problem"]
    assert missing
    assert all(each in printed for each in missing)
    assert re.findall(r"\b[a-z]+_[a-z_]+\b|\b(?:True|False|None)\b", plan) == []
    assert [line for line in told.splitlines() if line != line.rstrip()] == []
    assert "\n             visibility: private\n" in plan
    assert "\n             branches, once merged: deleted\n" in plan


# --- what is only here ------------------------------------------------------------------------------------------------

ADD = "git add gitops.yaml && git commit -m 'Change the settings' gitops.yaml"
REVERSE = "gitops.yaml: what is set there is not committed; whoever runs this from a clone plans the reverse."


def notes(run: Run) -> list[dict[str, str]]:
    """Return what the plan notes, but for the public image of this private repository, which it always does."""
    found = valid("plan", run("plan", "--json").stdout)["problems"]
    image, *rest = sorted(
        (each for each in found if each["level"] == "note"), key=lambda each: "image" not in each["what"]
    )
    assert "gitops.yaml calls its image public" in image["what"]
    return rest


def test_settings_that_are_not_committed_are_said_with_the_command_that_commits_them(run: Run, ground: Ground) -> None:
    assert notes(run) == []
    ground.write(project={"description": "Mine alone"})
    (note,) = notes(run)
    assert (note["what"], note["fix"]) == (REVERSE, ADD)
    text = run("plan", code=0).stdout
    assert f"\n- {REVERSE}\n  → {ADD}" in text.partition("\nNote:\n")[2]
    assert run("plan", "--exit-code").code == 3, "it stops nothing"
    ground.git("config", "user.name", "x")
    ground.git("config", "user.email", "x@example.com")
    subprocess.run(["bash", "-c", note["fix"]], cwd=ground.project, check=True)
    assert notes(run) == []


def test_a_file_that_they_name_counts_as_well(run: Run, ground: Ground, tmp_path: Path) -> None:
    shutil.copy(Authority(tmp_path).certificate, ground.project / "company.pem")
    ground.write(registry={"ca": "company.pem"})
    ground.git("commit", "-qam", "A CA")
    (note,) = notes(run)
    assert note["what"].startswith("company.pem: what is set there is not committed")
    assert note["fix"] == "git add company.pem && git commit -m 'Change the settings' company.pem"


def test_settings_that_main_has_otherwise_are_said_too(run: Run, ground: Ground) -> None:
    ground.repository()
    assert notes(run) == []
    ground.write(project={"description": "Mine alone"})
    ground.git("commit", "-qam", "Mine")
    (note,) = notes(run)
    assert note["what"].startswith("gitops.yaml here is not the one on main")
    assert "git push origin HEAD:refs/heads/settings" in note["fix"]


def test_once_main_is_pushed_they_go_by_a_pull_request(run: Run, ground: Ground) -> None:
    ground.repository()
    ground.git("update-ref", "refs/remotes/origin/main", "HEAD")
    ground.write(project={"description": "Mine alone"})
    (note,) = notes(run)
    assert (
        note["fix"] == f"git switch -c settings && {ADD} && git push -u origin settings, and merge it by a pull request"
    )


@pytest.mark.slow
def test_up_says_so_at_its_end(run: Run, ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    a_workflow(ground)
    ground.write(project={"description": "Mine alone"})
    monkeypatch.setattr("installer.commands.up.until_live", lambda *_: print("LIVE"))
    for said in ("created", "Nothing to change."):
        told, _, ended = run("up", "--yes", code=0).stdout.partition("LIVE")
        assert said in told
        assert f"Note: {REVERSE}" in ended
        ground.repository("env/dev")
