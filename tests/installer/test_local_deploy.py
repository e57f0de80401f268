"""Deployments of a project on one machine: the project's own scripts, real git, and no CI, no cluster, no Docker."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from installer.cli import cli
from installer.cluster.kubectl import Cluster
from installer.commands import down, local, rollback, up
from installer.preflight import local as preflight
from installer.project.project import Project
from installer.status import deployment_record, report
from installer.support.errors import DeadlinePassed, InstallerError
from installer.support.resume_command import this_run
from installer.ui import console
from installer.ui.progress import Timeline
from tests.deployment.workspace import TEMPLATE, write_program

from .clones import git, start
from .cluster import apply
from .laptop import BUILT, DOCKER, SETTINGS
from .local import Server, server
from .registry import Troubled, a_registry
from .shells import unset

__all__ = ["server"]
pytestmark = pytest.mark.slow
UV = """#!/bin/sh
printf '%s in %s%s\n' "$*" "$VIRTUAL_ENV" "$UV_PROJECT_ENVIRONMENT" >>"$(dirname "$0")/uv.calls"
exit ${UV_ENDS:-0}
"""
ANEW = "sha256:" + "3c" * 32
SECTION = 'local:\n  context: "kind-gitops-flask"\n  cluster: "gitops-flask"\n'


@dataclass
class Laptop:
    """A project on one machine, whose git server is up and empty."""

    folder: Path
    server: Server
    registry: Troubled
    bin: Path

    @property
    def project(self) -> Project:
        return Project.open(self.folder)

    def commit(self, subject: str) -> str:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", subject)
        return git(self.folder, "rev-parse", "HEAD")

    def changes(self, old: str, new: str) -> None:
        """Change the settings, and commit that."""
        settings = self.folder / "gitops.yaml"
        settings.write_text(settings.read_text().replace(old, new))
        self.commit("Other settings")

    def recorded(self, file: str = "image.yaml") -> dict[str, Any]:
        tree: dict[str, Any] = yaml.safe_load(git(self.server.bare, "show", f"env/dev:{file}"))
        return tree

    def deploy(self, commit: str = "") -> None:
        local.deploy_here(self.project, commit=commit, skip_tests=False)

    def builds(self) -> int:
        return (self.bin / "docker.calls").read_text().count("buildx build ")

    def docker_builds(self, digest: str) -> None:
        write_program(self.bin / "docker", DOCKER.replace(BUILT, digest))


@pytest.fixture
def laptop(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Laptop]:
    folder, programs = tmp_path / "web", tmp_path / "bin"
    monkeypatch.setenv("HOME", str(tmp_path))
    unset(monkeypatch, "CI", "GITHUB_ACTIONS", "REGISTRY_TOKEN", "REGISTRY_USERNAME", "BUILDX_BUILDER")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    for command in ("local", "rollback"):
        monkeypatch.setattr(f"installer.commands.{command}.checks.before_reading", lambda *_, **__: [])
        monkeypatch.setattr(f"installer.commands.{command}.until_rolled_out", lambda *_: console.report("until live"))
    monkeypatch.setattr("installer.commands.deploy.of_nodes", lambda _: ("amd64",))
    monkeypatch.setattr("installer.commands.programs.platform.machine", lambda: "x86_64")
    write_program(programs / "uv", UV)
    with a_registry() as registry:
        registry.asks, registry.public, registry.bearer = False, BUILT, False
        shutil.copytree(TEMPLATE / "ci", folder / "ci")
        settings = SETTINGS.format(scm="github", host="github.com", registry=registry.host) + SECTION
        files = {"gitops.yaml": settings, "chart/Chart.yaml": "name: web\n", "deploy/dev.yaml": "a: 1\n"}
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        made = Laptop(start(folder), server, registry, programs)
        made.docker_builds(BUILT)
        yield made


def pushed(laptop: Laptop) -> None:
    project = laptop.project
    (resource,) = [each for each in project.resources() if each.key == "initial-push"]
    apply(resource)


@pytest.fixture
def deployed(laptop: Laptop) -> Laptop:
    pushed(laptop)
    laptop.deploy()
    return laptop


def rolled_back(deployed: Laptop) -> str:
    """Deploy a commit more, which is rolled back; return it."""
    bad = deployed.commit("Sell badly")
    deployed.deploy()
    rollback.rollback(deployed.project, to="", why="orders fail", yes=True)
    return bad


def test_what_is_checked_out_is_pushed_tested_built_and_deployed_without_a_question(
    laptop: Laptop, capfd: pytest.CaptureFixture[str]
) -> None:
    pushed(laptop)
    head = laptop.commit("Say hello")
    laptop.deploy()
    assert laptop.server.git.head("main") == head
    assert laptop.recorded() == {
        "image": {"repository": f"{laptop.registry.host}/acme/web", "tag": head, "digest": BUILT,
                  "architectures": ["amd64"]},
        "revision": head,
    }  # fmt: skip
    said = capfd.readouterr()
    assert "test: done" in said.err
    assert said.out.endswith("until live\n")
    assert "\nlogin" not in (laptop.bin / "docker.calls").read_text()
    assert git(laptop.folder, "rev-parse", "origin/env/dev") == laptop.server.git.head("env/dev"), "kept in the clone"
    assert git(laptop.folder, "remote", "get-url", "origin") == "git://web-git.argocd.svc:9418/acme/web.git"


def test_a_second_change_is_a_second_deployment_and_its_record_names_no_reason(deployed: Laptop) -> None:
    second = deployed.commit("Say hello")
    deployed.deploy()
    assert deployed.recorded()["revision"] == second
    message = git(deployed.server.bare, "log", "-1", "--format=%B", "env/dev")
    assert "Argocd-reference-commit-subject: Say hello" in message
    assert "Deployed-by" not in message
    assert git(deployed.server.bare, "rev-list", "--count", "env/dev") == "2"


def test_a_commit_of_main_can_be_named_and_one_that_was_not_pushed_is_told_so(deployed: Laptop) -> None:
    second = deployed.commit("Say hello")
    with pytest.raises(InstallerError, match=rf"^{second} is not on main of acme/web"):
        deployed.deploy(second)
    deployed.deploy()
    assert deployed.recorded()["revision"] == second


def test_red_tests_deploy_nothing_and_bring_nothing_to_main_so_that_the_commit_can_be_amended(
    deployed: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, head = deployed.recorded(), deployed.server.git.head("main")
    monkeypatch.setenv("UV_ENDS", "1")
    deployed.commit("Break it")
    with pytest.raises(InstallerError, match=r"^ci/test: ") as red:
        deployed.deploy()
    still = f"Nothing was deployed; {before['revision'][:12]} still runs. Fix it, commit, and run: "
    assert red.value.fix.startswith(still)
    assert this_run.resume == ""
    assert (deployed.recorded(), deployed.server.git.head("main")) == (before, head)
    monkeypatch.delenv("UV_ENDS")
    git(deployed.folder, "commit", "--quiet", "--allow-empty", "--amend", "--message", "Mend it")
    deployed.deploy()
    amended = git(deployed.folder, "rev-parse", "HEAD")
    assert deployed.recorded()["revision"] == deployed.server.git.head("main") == amended


def test_scripts_do_not_hear_of_the_environment_that_runs_the_command(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", "/of/gitops-flask")
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", "/of/gitops-flask")
    pushed(laptop)
    laptop.deploy()
    calls = (laptop.bin / "uv.calls").read_text()
    assert "run --no-sync pytest --cov in \n" in calls
    assert "/of/gitops-flask" not in calls


def test_what_is_not_committed_is_refused(deployed: Laptop) -> None:
    (deployed.folder / "new.py").write_text("half done\n")
    with pytest.raises(InstallerError, match=r"new\.py is not as in commit ") as refused:
        deployed.deploy()
    assert refused.value.fix.startswith("Commit that, or leave it out: ")
    assert refused.value.fix.endswith("stash --include-untracked")


def another_clone(laptop: Laptop, subject: str) -> str:
    """Bring a commit to the server's main from another clone, and return it."""
    folder = laptop.folder.with_name("another")
    git(laptop.folder, "clone", "--quiet", str(laptop.server.bare), str(folder))
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)
    git(folder, "push", "--quiet", "origin", "main")
    return git(folder, "rev-parse", "HEAD")


def test_what_has_diverged_from_main_is_refused_before_it_is_tested_and_the_merge_that_is_named_works(
    deployed: Laptop,
) -> None:
    other = another_clone(deployed, "Another's")
    mine = deployed.commit("Mine")
    calls = (deployed.bin / "uv.calls").read_text()
    with pytest.raises(InstallerError, match=rf"^{mine[:12]} and main have diverged: main's {other[:12]} ") as refused:
        deployed.deploy()
    assert (deployed.bin / "uv.calls").read_text() == calls
    assert refused.value.fix == f"git -C {deployed.folder} merge origin/main"
    git(deployed.folder, "merge", "--quiet", "origin/main")
    deployed.deploy()
    merged = git(deployed.folder, "rev-parse", "HEAD")
    assert deployed.recorded()["revision"] == deployed.server.git.head("main") == merged


def test_what_is_behind_main_is_refused_with_the_way_forward_and_the_way_back(deployed: Laptop) -> None:
    first = deployed.recorded()["revision"]
    second = deployed.commit("Say hello")
    deployed.deploy()
    git(deployed.folder, "checkout", "--quiet", "--detach", first)
    with pytest.raises(InstallerError, match=rf"^{first[:12]} is behind main, which is at {second[:12]}\.") as refused:
        deployed.deploy()
    assert refused.value.fix.startswith(f"git -C {deployed.folder} checkout main; or, if it was deployed before, ")
    assert refused.value.fix.endswith(f" --to {first[:12]}")
    git(deployed.folder, "checkout", "--quiet", "main")
    third = another_clone(deployed, "Another's")
    with pytest.raises(InstallerError, match=rf"^{second[:12]} is behind main, which is at {third[:12]}\.") as refused:
        deployed.deploy()
    assert refused.value.fix.startswith(f"git -C {deployed.folder} merge origin/main; ")


def test_doctor_counts_docker_to_the_cluster_whether_it_runs_or_not(deployed: Laptop) -> None:
    (runs,) = preflight.docker(deployed.project)
    (deployed.bin / "docker.stopped").touch()
    (stopped,) = preflight.docker(deployed.project)
    assert (runs.lane, runs.what) == ("cluster", "docker 29 builds the image")
    assert (stopped.lane, stopped.what) == ("cluster", "Docker does not run: Cannot connect to the Docker daemon")


def test_without_docker_nothing_is_pushed(deployed: Laptop) -> None:
    head = deployed.server.git.head("main")
    deployed.commit("Say hello")
    (deployed.bin / "docker.stopped").touch()
    with pytest.raises(InstallerError, match=r"^Docker does not run: Cannot connect"):
        deployed.deploy()
    assert deployed.server.git.head("main") == head


def test_without_a_git_server_up_is_named(laptop: Laptop) -> None:
    (laptop.server.folder / "deployment").unlink()
    with pytest.raises(InstallerError, match="There is no git server web-git that runs") as refused:
        laptop.deploy()
    assert refused.value.fix.endswith(f"up --project {laptop.folder}")


def test_a_server_that_lost_everything_is_given_nothing_by_a_deployment_which_would_forget_a_hold(
    deployed: Laptop,
) -> None:
    git(deployed.server.bare, "update-ref", "-d", "refs/heads/main")
    git(deployed.server.bare, "update-ref", "-d", "refs/heads/env/dev")
    with pytest.raises(InstallerError, match="There is no git server web-git that runs and has a main") as refused:
        deployed.deploy()
    assert refused.value.fix.endswith(f"up --project {deployed.folder}")


def test_a_rollback_holds_and_its_release_deploys_the_head(
    deployed: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    first = deployed.recorded()["revision"]
    rolled_back(deployed)
    assert (deployed.recorded()["revision"], deployed.recorded("hold.yaml")["why"]) == (first, "orders fail")
    kept = git(deployed.folder, "show", "origin/env/dev:hold.yaml")
    assert "orders fail" in kept, "a server that loses it is given it back with its hold"
    said = capsys.readouterr().out
    assert "It is held: `deploy` tests and builds a commit, but does not deploy it, until the hold is released." in said
    fix = deployed.commit("Sell well")
    deployed.docker_builds(ANEW)
    for _ in range(2):  # once it is on main, at once
        with pytest.raises(InstallerError, match=r"^env/dev is held by") as refused:
            deployed.deploy()
        assert "--release-hold" in refused.value.fix
        assert this_run.resume == ""
        assert (deployed.recorded()["revision"], deployed.server.git.head("main")) == (first, fix)
    assert deployed.builds() == 3
    tests = (deployed.bin / "uv.calls").read_text()
    deployed.registry.tags = {fix: ANEW}
    capsys.readouterr()
    rollback.release(deployed.project, yes=True)
    assert "that is what was rolled back" not in capsys.readouterr().out
    assert (deployed.recorded()["revision"], deployed.recorded()["image"]["digest"]) == (fix, ANEW)
    assert (deployed.builds(), (deployed.bin / "uv.calls").read_text()) == (3, tests), "neither built nor tested again"
    assert deployed.project.forge.file("hold.yaml", "env/dev") is None
    rollback.release(deployed.project, yes=True)
    assert capsys.readouterr().out.endswith("env/dev is not held.\n")


def test_what_is_held_names_the_command_of_this_machine_and_no_merges(
    deployed: Laptop, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rolled_back(deployed)
    said = capfd.readouterr()
    assert "and held there. To release it: gitops-flask rollback --release-hold\n" in said.err
    for name in ("RunningService.wait_for_rollout", "_report", "hint"):
        monkeypatch.setattr(f"installer.commands.up.{name}", lambda *_: "")
    record = deployment_record.read(deployed.project)
    assert record is not None
    up.until_rolled_out(deployed.project, record)
    shown = capfd.readouterr().out
    assert "orders fail. Nothing is deployed until the hold is released: " in shown
    assert "erges" not in said.out + said.err + shown


def test_a_release_says_where_it_brings_back_what_was_rolled_back(
    deployed: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    second = rolled_back(deployed)
    rollback.release(deployed.project, yes=True)
    assert "Note: that is what was rolled back." in capsys.readouterr().out
    assert (deployed.recorded()["revision"], deployed.recorded()["image"]["digest"]) == (second, BUILT)
    assert deployed.builds() == 2, "the digest that is recorded for it is used"


def test_a_release_builds_what_the_registry_lost_and_red_tests_leave_the_hold(
    deployed: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = deployed.recorded()["revision"], rolled_back(deployed)
    deployed.registry.public = ANEW
    monkeypatch.setenv("UV_ENDS", "1")
    with pytest.raises(InstallerError, match=r"^ci/test: ") as red:
        rollback.release(deployed.project, yes=True)
    assert f"{first[:12]} still runs" in red.value.fix
    assert (deployed.recorded("hold.yaml")["why"], this_run.resume) == ("orders fail", "")
    monkeypatch.delenv("UV_ENDS")
    rollback.release(deployed.project, yes=True)
    assert deployed.recorded()["revision"] == second
    assert deployed.builds() == 3


def test_what_is_recorded_is_not_built_again_and_an_older_commit_is_refused_before_it_is_built(
    deployed: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    first = deployed.recorded()["revision"]
    second = deployed.commit("Say hello")
    deployed.deploy()
    calls = (deployed.bin / "docker.calls").read_text()
    deployed.deploy()
    assert capsys.readouterr().out.endswith(f"env/dev records {second} already.\nuntil live\n")
    with pytest.raises(InstallerError, match=rf"^env/dev records {second[:12]}, which is newer than {first[:12]}\."):
        deployed.deploy(first[:9])
    assert "buildx build" not in (deployed.bin / "docker.calls").read_text().removeprefix(calls)


# --- what `up` does after all is there ------------------------------------------------------------


def test_up_deploys_the_head_of_main_where_nothing_was_deployed(laptop: Laptop) -> None:
    pushed(laptop)
    timeline = Timeline()
    record = local.ensure_deployed(laptop.project, timeline)
    assert record.revision == git(laptop.folder, "rev-parse", "HEAD") == laptop.recorded()["revision"]
    titles = [span.title for span in timeline.spans]
    assert titles == ["tests (ci/test)", "image (ci/image)", "record (ci/deploy)"]
    calls = len((laptop.bin / "docker.calls").read_text().splitlines())
    assert local.ensure_deployed(laptop.project, timeline) == record
    assert len((laptop.bin / "docker.calls").read_text().splitlines()) == calls, "it is there, nothing is built"


def test_an_image_that_the_registry_lost_is_built_again_under_the_same_hold(
    deployed: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    rolled_back(deployed)
    before = deployed.recorded()
    deployed.registry.public = ANEW
    deployed.docker_builds(ANEW)
    record = local.ensure_deployed(deployed.project, Timeline())
    assert (record.revision, record.digest) == (before["revision"], ANEW)
    assert "orders fail" in record.hold
    assert "no more: it is built again" in capsys.readouterr().out


def test_a_server_that_lost_everything_is_given_back_what_the_clone_has(deployed: Laptop) -> None:
    rolled_back(deployed)
    recorded, hold = deployed.recorded(), deployed.recorded("hold.yaml")
    shutil.rmtree(deployed.server.bare)
    deployed.server.bare.mkdir()
    git(deployed.server.bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    for resource in [each for each in deployed.project.resources() if each.key in ("initial-push", "deployment")]:
        apply(resource)
    assert (deployed.recorded(), deployed.recorded("hold.yaml")) == (recorded, hold)


def test_status_says_nothing_of_a_ci_and_asks_the_registry_without_a_login(
    deployed: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = deployed.project
    monkeypatch.setattr(report, "of_nodes", lambda _: ())
    monkeypatch.setattr(report, "_argocd", lambda *_: report.Row("sync", "Argo CD", healthy=True, state="Synced"))
    monkeypatch.setattr(report, "_service", lambda *_: report.Row("service", "web", healthy=True, state="live"))
    rows = report.examine(project, [], list).rows
    assert [row.key for row in rows] == ["branch", "image", "sync", "service"]
    assert all(row.healthy for row in rows)


# --- another cluster than kind's ------------------------------------------------------------------


@pytest.fixture
def elsewhere(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> Laptop:
    """The project in a context whose registry only a port-forward leads to."""
    laptop.changes('  cluster: "gitops-flask"\n', "")
    pushed(laptop)

    @contextmanager
    def forwarded(_: Cluster, target: str, namespace: str, port: int) -> Iterator[str]:
        assert (target, namespace, port) == ("deployment/gitops-flask-registry", "gitops-flask-registry", 5000)
        yield f"http://{laptop.registry.host}"

    monkeypatch.setattr(Cluster, "forwarded", forwarded)
    return laptop


def test_there_the_image_goes_as_a_layout_through_a_port_forward_again_where_that_ended(
    elsewhere: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes: list[tuple[Path, str, str, str]] = []

    def push(layout: Path, address: str, name: str, tag: str) -> str:
        pushes.append((layout, address, name, tag))
        if len(pushes) == 1:
            raise DeadlinePassed("The port-forward", 60, "it ended")
        return BUILT

    monkeypatch.setattr(local.oci_layout, "push", push)
    elsewhere.deploy()
    head = git(elsewhere.folder, "rev-parse", "HEAD")
    assert len(pushes) == 2
    layout, address, name, tag = pushes[1]
    assert (address, name, tag) == (f"http://{elsewhere.registry.host}", "acme/web", head)
    assert f"type=oci,tar=false,dest={layout}" in (elsewhere.bin / "docker.calls").read_text()
    assert elsewhere.recorded()["image"]["digest"] == BUILT
    assert local.ensure_deployed(elsewhere.project, Timeline()).revision == head


def test_a_registry_that_was_named_takes_a_login_as_everywhere(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    laptop.changes(laptop.registry.host, "registry.example.com")
    pushed(laptop)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "none"))
    with pytest.raises(InstallerError, match=r"There is no login for registry\.example\.com"):
        laptop.deploy()


# --- the command line -----------------------------------------------------------------------------


def test_a_reason_is_refused_where_there_is_no_ci_to_go_without(laptop: Laptop) -> None:
    done = CliRunner().invoke(cli, ["deploy", "--break-glass", "no CI", "--project", str(laptop.folder)])
    assert done.exit_code == 2
    assert "--break-glass is for projects with a CI: this one has none." in done.output


def test_the_record_is_read_as_everywhere(deployed: Laptop) -> None:
    record = deployment_record.read(deployed.project)
    assert record is not None
    assert record.architectures == ("amd64",)
    assert git(deployed.folder, "status", "--short") == ""


# --- what there is, and `down` --------------------------------------------------------------------


def test_the_project_has_no_rules_no_secrets_of_a_ci_and_no_webhook(laptop: Laptop) -> None:
    keys = [resource.key for resource in laptop.project.resources()]
    assert keys == [
        *("repository", "registry", "initial-push", "deployment", "argocd", "former", "namespace", "pull-secret"),
        *("credential", "application", "watcher"),
    ]
    assert {resource.lane for resource in laptop.project.resources()} == {"cluster"}


@pytest.fixture
def kinds(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the kind clusters that were deleted; there is one."""
    deleted: list[str] = []
    monkeypatch.setattr("installer.cluster.kind.Kind.exists", lambda kind: kind.name not in deleted)
    monkeypatch.setattr("installer.cluster.kind.Kind.delete", lambda kind: deleted.append(kind.name))
    monkeypatch.setattr("installer.commands.down.checks.before_reading", lambda *_, **__: [])
    monkeypatch.setattr(Project, "where", lambda _: "kind-gitops-flask")
    monkeypatch.setattr(Cluster, "list", lambda *_, **__: [])
    return deleted


OTHER = {"kind": "Application", "metadata": {"name": "orders-dev", "labels": {}}, "spec": {}}
"""Of another project in the same cluster."""


def take_down(laptop: Laptop, *, yes: bool = True) -> None:
    down.down(laptop.project, yes=yes, repository=down.DestructiveOption(), argocd=down.DestructiveOption())


def test_down_takes_the_kind_cluster_away_and_the_clone_keeps_what_brings_it_back(
    deployed: Laptop, kinds: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    head = deployed.server.git.head("env/dev")
    git(deployed.folder, "update-ref", "-d", "refs/remotes/origin/env/dev")
    take_down(deployed)
    assert kinds == ["gitops-flask"]
    assert git(deployed.folder, "rev-parse", "origin/env/dev") == head
    said = capsys.readouterr().out
    assert "This removes the kind cluster gitops-flask: the service, Argo CD, git server and registry with it." in said
    assert "`gitops-flask try` in it brings it back" in said
    take_down(deployed)
    assert kinds == ["gitops-flask"]
    assert capsys.readouterr().out == "There is no kind cluster gitops-flask.\n"


def test_that_takes_a_yes(deployed: Laptop, kinds: list[str]) -> None:
    with pytest.raises(InstallerError, match="nobody can be asked"):
        take_down(deployed, yes=False)
    assert kinds == []


def test_another_project_in_the_cluster_keeps_it(
    deployed: Laptop, kinds: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Cluster, "list", lambda *_, **__: [OTHER])
    monkeypatch.setattr(down.reconcile, "removal", lambda _: [])
    monkeypatch.setattr(down.reconcile, "remove", lambda *_: [])
    take_down(deployed)
    assert kinds == []
    assert "The kind cluster gitops-flask stays: orders-dev is in it, too.\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after"), [("goes", "removed"), ("stays, Application orders-dev may use it",) * 2, ("goes", "stays")]
)
def test_images_stay_only_where_their_registry_in_the_cluster_stays(
    before: str,
    after: str,
    deployed: Laptop,
    kinds: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project = deployed.project
    registry = next(each for each in project.resources() if each.key == "registry")
    monkeypatch.setattr(down, "_remove_cluster", lambda *_, **__: False)
    monkeypatch.setattr(down.reconcile, "removal", lambda _: [(registry, before)])
    monkeypatch.setattr(down.reconcile, "remove", lambda *_: [(registry, after)])
    take_down(deployed)
    listed, _, done = capsys.readouterr().out.partition("Stays on purpose:")
    for said, fate in ((listed, before), (done, after)):
        assert (f"- images in {project.settings.image_repository}" in said) is fate.startswith("stays")
    assert kinds == []


def test_what_stays_is_counted_among_the_steps_of_down(
    deployed: Laptop, kinds: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Cluster, "list", lambda *_, **__: [OTHER])
    resources = [each for each in deployed.project.resources() if each.key in ("initial-push", "deployment")]
    monkeypatch.setattr(Project, "resources", lambda *_, **__: resources)
    take_down(deployed)
    steps = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✓")]
    assert [line.split()[1] for line in steps] == ["1/2", "2/2"]
    assert "branch env/dev, the record of what was deployed: stays (" in "\n".join(steps)
