"""The verbs as they are typed: what they print, for people and for programs, and their exit codes."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.engine.reconcile import Planned
from installer.engine.resource import blocked
from installer.support.wait import until
from tests.conftest import ROOT
from tests.documents import valid
from tests.github import GitHub as StandIn
from tests.github.model import Stored
from tests.installer.clones import git
from tests.installer.programs import Programs
from tests.installer.registry import Troubled
from tests.installer.typed import Run
from tests.installer.whole import TOKEN, push_to


def test_plan_reports_programs_what_would_be_made_and_no_secret(
    run: Run, project: Path, working_registry: Troubled
) -> None:
    push_to(working_registry, project)
    done = run("plan", "--json", code=0)
    document = valid("plan", done.stdout)
    actions = {r["key"]: r["action"] for r in document["resources"]}
    assert set(actions.values()) == {"create"}
    assert [r["key"] for r in document["resources"]] == [
        *("repository", "variables", "registry-token", "initial-push", "deployment", "rules"),
        *("argocd", "namespace", "credential", "application", "watcher"),
    ], "no pull secret for a public image, no reporter, no webhook"
    (secret,) = [r for r in document["resources"] if r["key"] == "registry-token"]
    assert secret["fields"] == [
        {"name": "environment dev", "old": None, "new": "branch main"},
        {"name": "REGISTRY_TOKEN", "old": None, "new": "set"},
        {"name": "DEPLOY_ENVIRONMENT", "old": None, "new": '{"name": "dev", "deployment": false}'},
    ]
    (note,) = document["problems"]
    assert (note["level"], "calls its image public" in note["what"]) == ("note", True)
    assert (document["repository"], document["cluster"]) == (
        "https://github.com/acme/web",
        "kind (https://127.0.0.1:6443)",
    )
    assert TOKEN not in done.stdout + done.stderr


def test_plan_has_exit_codes_for_scripts_where_they_are_wanted(
    run: Run, project: Path, working_registry: Troubled, monkeypatch: pytest.MonkeyPatch
) -> None:
    push_to(working_registry, project)
    monkeypatch.delenv("REGISTRY_TOKEN")
    assert run("plan", "--exit-code").code == 1, "no token for the registry at hand: it cannot be known"
    monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
    assert run("plan", "--exit-code").code == 3
    assert run("plan").code == 0
    (project / "gitops.yaml").unlink()
    assert run("plan", "--exit-code").code == 1


def test_a_plan_that_cannot_look_says_so_to_programs(run: Run, programs: Programs) -> None:
    programs.answer("kubectl", "version", err="Unable to connect to the server: dial tcp", status=1)
    document = valid("plan", run("plan", "--json", "--exit-code", code=1).stdout)
    (problem,) = (each for each in document["problems"] if each["level"] == "problem")
    assert (problem["lane"], problem["level"]) == ("cluster", "problem")
    unseen = [r["key"] for r in document["resources"] if r["action"] == "unseen"]
    assert unseen == ["argocd", "namespace", "credential", "application", "watcher"]


def test_a_plan_that_cannot_look_at_github_still_looks_at_the_cluster(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "ghp_wrong")
    document = valid("plan", run("plan", "--json", "--exit-code", code=1).stdout)
    (problem,) = (each for each in document["problems"] if each["level"] == "problem")
    assert problem["lane"] == "github"
    actions = {r["key"]: r["action"] for r in document["resources"]}
    assert (actions["repository"], actions["credential"], actions["argocd"]) == ("unseen", "unseen", "create")


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--unknown"],
        ["nothing"],
        ["rollback", "--release-hold", "--to", "abcd"],
        ["deploy"],
        ["deploy", "--break-glass", " "],
        ["new", "x"],
    ],
)
def test_wrong_usage_is_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


@pytest.mark.parametrize("verb", ["up", "down"])
def test_where_nobody_can_be_asked_a_change_is_refused_with_the_way_out(run: Run, github: StandIn, verb: str) -> None:
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    github.repository("acme/web").secrets["REGISTRY_TOKEN"] = Stored("REGISTRY_TOKEN", "kept")
    github.changes.clear()
    done = run(verb, code=1)
    assert "Nothing was changed: nobody can be asked here (there is no terminal)." in done.stderr
    assert "--yes" in done.stderr
    assert github.changes == []


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_ctrl_c_sigterm_and_a_closed_terminal_leave_nothing_behind_and_say_how_to_go_on(
    project: Path, programs: Programs, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    called, place = programs.folder / "called", tmp_path / "tmp"
    place.mkdir()
    tidies = "trap 'sleep 0.3; exit' INT"  # so long that a second signal finds it at that
    (programs.folder / "kubectl").write_text(f"#!/bin/sh\n{tidies}\necho $$ >{called}\nsleep 600 & wait\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "installer", "up", "--yes"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(place)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert until(lambda: (called.exists() and called.read_text()) or running.poll() is not None, 60, every=0.02)
    assert running.poll() is None
    os.kill(running.pid, number)
    if number == signal.SIGTERM:  # as `timeout` does
        os.kill(running.pid, number)
    _, told = running.communicate(timeout=120)
    assert running.returncode == code
    assert "Stopped." in told
    assert told.endswith(" gitops-flask up\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int(called.read_text()), 0)
    assert list(place.iterdir()) == []


def test_doctor_finds_all_well_and_says_what_it_looked_at(run: Run) -> None:
    done = run("doctor", "--json")
    document = valid("doctor", done.stdout)
    told = "\n".join(f["what"] for f in document["findings"])
    for words in (
        *("git 2.", "gh 2.", "helm 4.3.1", "argocd 3.5.3", "kubectl 1.34.4"),
        "the token for github.com is octo's, classic",
        "the token has the scopes repo and workflow",
        "the clock agrees with GitHub's",
        "acme is an organisation",
        "the cluster kind (https://127.0.0.1:6443) is v1.34.2",
        "you may create namespaces",
    ):
        assert words in told
    (problem,) = [f for f in document["findings"] if f["level"] == "problem"]
    assert "There is no REGISTRY_TOKEN at hand" in problem["what"]
    assert done.code == 1


def test_doctor_reports_all_that_is_wrong_each_with_its_fix(
    run: Run, programs: Programs, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", github.token("octo", scopes=["repo"]))
    github.accounts["acme"].plan = "free"
    programs.answer("helm", "version", "v3.9.0")
    programs.answer("argocd", "version", "argocd: v2.14.1\n")
    programs.answer("kubectl", "auth can-i", "no\n", status=1)
    versions = {"clientVersion": {"gitVersion": "v1.30.0"}, "serverVersion": {"gitVersion": "v1.34.2"}}
    programs.answer("kubectl", "version", versions)
    programs.answer("kubectl", "version --client", "Client Version: v1.34.4\n")
    done = run("doctor", code=1)
    for words in (
        "✗ helm is 3.9.0; 3.13 is the oldest that works",
        "✗ argocd is 2.14.1; 3.2 is the oldest that works",
        "✗ The token lacks the scope `workflow`, which it takes to push `.github/workflows`",
        "→ gh auth refresh --hostname github.com --scopes repo,workflow",
        "! acme's plan has no rules and no environments for private repositories: main stays",
        "✗ You may not create namespaces, create customresourcedefinitions",
        "! kubectl is v1.30.0, the cluster v1.34.2: more than one minor version apart is not supported.",
    ):
        assert words in done.stdout
    assert github.changes == []


def test_doctor_works_outside_a_project_as_far_as_that_goes(run: Run, tmp_path: Path) -> None:
    done = run("doctor", cwd=tmp_path, code=0)
    assert "✓ you may create namespaces" in done.stdout
    assert "what depends on a project was not checked" in done.stdout
    assert "acme" not in done.stdout


def test_doctor_goes_on_where_the_token_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "ghp_wrong")
    document = valid("doctor", run("doctor", "--json", code=1).stdout)
    problems = [f["what"] for f in document["findings"] if f["level"] == "problem"]
    assert len(problems) == 2, problems
    assert "does not work" in problems[0]
    assert problems[1] == "Actions secret REGISTRY_TOKEN: no token at hand (not needed if it is stored)"
    assert any("you may create" in f["what"] for f in document["findings"])


def test_doctor_names_every_missing_token_though_it_can_look_nowhere(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("GH_TOKEN")
    settings = yaml.safe_load((project / "gitops.yaml").read_text())
    settings["registry"]["visibility"] = "private"
    settings["project"]["database"] = "postgresql"
    (project / "gitops.yaml").write_text(yaml.safe_dump(settings))
    told = run("doctor", code=1).stdout
    for words in (
        "✗ There is no token for github.com",
        "✗ Actions secret REGISTRY_TOKEN: no token at hand (not needed if it is stored)\n  → Set REGISTRY_TOKEN in",
        "✗ pull secret of docker.io/acme/web: no token at hand (not needed if it is stored)",
        "✗ Secret web-dev-database with the database's address: no address at hand (not needed if it is stored)",
    ):
        assert words in told
    assert told.count("kubectl is not installed") == 1


def test_status_without_anything_is_unhealthy_and_says_of_each_part_why(run: Run) -> None:
    document = valid("status", run("status", "--json", code=1).stdout)
    states = {part["key"]: part["state"] for part in document["parts"]}
    assert states["repository"].startswith("create")
    assert states["run"] == "none yet"
    assert states["branch"] == "nothing was deployed yet"
    assert states["sync"] == "there is no Application"
    assert (document["healthy"], document["hold"]) == (False, None)


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_status_before_the_first_up_says_so_first_and_ends(run: Run, project: Path, watch: list[str]) -> None:
    done = run("status", *watch, code=1)
    assert done.stdout == "Nothing was created yet. Create it with: gitops-flask up\n"


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_status_with_nothing_at_hand_tells_the_causes_first_and_nothing_of_what_it_did_not_see(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, watch: list[str]
) -> None:
    (project.parent / "git-alone").mkdir()
    (project.parent / "git-alone/git").symlink_to(shutil.which("git") or "git")
    monkeypatch.setenv("PATH", str(project.parent / "git-alone"))
    monkeypatch.delenv("GH_TOKEN")
    first, *causes = run("status", *watch, code=1).stdout.splitlines()
    assert first.startswith("Nothing was created yet. Create it with: ")
    assert [line[0] for line in causes] == ["✗", " "] * (len(causes) // 2)
    git(project, "remote", "add", "origin", "https://github.com/acme/web")
    *causes, last = run("status", *watch, code=1).stdout.splitlines()
    assert causes[0].startswith("✗ not checked  ")
    assert causes[1].startswith(" " * 17 + "→ ")
    assert not [line for line in causes if "unseen" in line or "no token at hand" in line]
    assert last.startswith("! 1")
    assert last.endswith("not looked at: see above")


def test_down_waits_for_no_other_run_and_takes_nothing_of_it_away(run: Run, github: StandIn) -> None:
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True, capture_output=True)
    variables = github.repository("acme/web").variables
    variables["GITOPS_FLASK"] = Stored("GITOPS_FLASK", "web")
    note = Stored("GITOPS_FLASK_UP_1", json.dumps({"by": "ann@laptop", "machine": "hers", "verb": "up"}))
    variables[note.name] = note
    github.changes.clear()
    done = run("down", "--yes", code=1)
    assert "Another `up` is at work on acme/web, by ann@laptop. This one changed nothing there." in done.stderr
    assert "gh variable delete GITOPS_FLASK_UP_1 --repo acme/web" in done.stderr
    assert github.changes == []
    assert "ann@laptop" not in run("plan", code=0).stderr
    assert "ann@laptop" not in run("status", code=1).stderr
    assert variables[note.name] is note
    del variables[note.name]
    run("down", "--yes", code=0)
    assert list(variables) == []


def test_rollback_before_the_first_deployment_names_the_first_step(run: Run, github: StandIn) -> None:
    done = run("rollback", "--yes", code=1)
    assert "There is no branch env/dev: nothing was deployed yet, or it was lost." in done.stderr
    assert done.stderr.endswith("→ gitops-flask up\n")
    assert github.changes == []


def test_up_does_not_call_it_done_where_something_must_be_given_first(
    run: Run, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def all_but_one(resources: list[Any]) -> list[Planned]:
        without = blocked("no token at hand", "Set it.")
        return [Planned(r, without if r.key == "registry-token" else None) for r in resources]

    monkeypatch.setattr("installer.engine.reconcile.plan", all_but_one)
    done = run("up", "--yes", code=1)
    assert "Nothing was changed." in done.stderr
    assert "Actions secret REGISTRY_TOKEN: no token at hand" in done.stderr
    assert done.stderr.endswith("\n  gitops-flask up\n")
    assert github.changes == []


@pytest.mark.parametrize(
    ("where", "what", "fix"),
    [("argocd", {"access": "https"}, "ARGOCD_REPOSITORY_TOKEN"), ("github", {"visibility": "public"}, "")],
)
def test_a_deploy_key_is_renewed_only_where_there_is_one(
    run: Run, project: Path, where: str, what: dict[str, str], fix: str
) -> None:
    tree = yaml.safe_load((project / "gitops.yaml").read_text())
    tree.setdefault(where, {}).update(what)
    (project / "gitops.yaml").write_text(yaml.safe_dump(tree))
    done = run("up", "--renew-key", "--yes", code=1)
    assert "There is no deploy key" in done.stderr
    assert fix in done.stderr


def test_a_verb_finds_the_project_from_any_folder_in_it(run: Run, project: Path) -> None:
    (project / "src/web").mkdir(parents=True)
    assert "GitHub repository acme/web" in run("plan", cwd=project / "src/web", code=0).stdout
    told = run("plan", cwd=project.parent, code=1).stderr
    assert f"There is no gitops.yaml in {project.parent}." in told


def test_the_context_that_was_asked_for_is_named_in_the_command_that_resumes(run: Run) -> None:
    assert run("up", "--context", "kind", code=1).stderr.endswith("\n  gitops-flask up --context kind\n")
