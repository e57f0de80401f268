"""`deploy --break-glass`: a commit of main, tested, built and deployed from a laptop; over real git, without its CI."""

import os
import re
from pathlib import Path

import pytest

from installer.commands import deploy as verb
from installer.commands import rollback
from installer.status import deployment_record, report
from installer.support import process
from installer.support.errors import InstallerError
from installer.support.resume_command import this_run

from .laptop import BUILT, DIGEST, Laptop

pytestmark = pytest.mark.slow


def deploy(laptop: Laptop, commit: str = "", *, skip_tests: bool = False) -> None:
    verb.deploy(laptop.project, commit=commit, reason="Actions is\ndown", skip_tests=skip_tests, yes=True)


def refused(laptop: Laptop, what: str, commit: str = "") -> str:
    """Return the fix of what is refused with these words, and nothing was changed."""
    laptop.github.changes.clear()
    with pytest.raises(InstallerError, match=what) as caught:
        deploy(laptop, commit)
    assert laptop.github.changes == []
    return caught.value.fix


def docker_calls(laptop: Laptop) -> str:
    file = laptop.bin / "docker.calls"
    return file.read_text() if file.exists() else ""


def test_the_commit_is_tested_built_and_deployed_under_a_tag_of_its_own_and_status_says_by_whom(
    laptop: Laptop, capfd: pytest.CaptureFixture[str]
) -> None:
    fixed = laptop.merge("Fix")
    deploy(laptop)
    tag = f"{laptop.registry.host}/acme/web:local-{fixed}"
    assert f"--tag {tag} " in docker_calls(laptop)
    assert "--platform linux/amd64" in docker_calls(laptop)
    assert "imagetools" not in docker_calls(laptop), "nothing that was pushed before is taken"
    assert "--cache-from" not in docker_calls(laptop)
    assert laptop.recorded() == {
        "image": {
            "repository": f"{laptop.registry.host}/acme/web",
            "tag": f"local-{fixed}",
            "digest": BUILT,
            "architectures": ["amd64"],
        },
        "revision": fixed,
    }
    by = "octo (break-glass: Actions is down)"
    assert f"\nDeployed-by: {by}\n" in laptop.message()
    assert "\n[skip ci]\n" in laptop.message()
    project = laptop.project
    row = report._branch(project, deployment_record.read(project))
    assert row.state == f"records {fixed[:12]}, deployed by {by}"
    said = capfd.readouterr()
    assert "test: done" in said.err, "the tests ran, and are shown as they run"
    assert said.out.endswith("until live\n")
    assert os.environ["REGISTRY_TOKEN"] not in said.out + said.err


def test_skipped_tests_are_in_the_record_and_a_rollback_keeps_who_deployed_it(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_ENDS", "1")
    fixed = laptop.merge("Fix")
    deploy(laptop, fixed[:7], skip_tests=True)
    by = "Deployed-by: octo (break-glass: Actions is down; tests skipped)\n"
    assert by in laptop.message()
    laptop.registry.public = BUILT
    later = laptop.merge("Later")
    deploy(laptop, later, skip_tests=True)
    rollback.rollback(laptop.project, to="", why="", yes=True)
    assert (laptop.revision, by in laptop.message()) == (fixed, True)


def test_red_tests_deploy_nothing(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_ENDS", "1")
    laptop.merge("Fix")
    refused(laptop, r"^ci/test: uv\.lock does not fit")
    assert "build" not in docker_calls(laptop).replace("buildx", "")


def test_what_is_not_committed_is_refused_with_the_command_that_leaves_it_out(laptop: Laptop) -> None:
    fixed = laptop.merge("Fix")
    (laptop.folder / "new.py").write_text("half done\n")
    fix = refused(laptop, rf"new\.py is not as in commit {fixed[:12]}\. ")
    assert "stash --include-untracked" in fix
    assert f"deploy --project {laptop.folder} {fixed} --break-glass" in fix
    deploy(laptop, fixed)
    assert laptop.revision == fixed


def test_a_commit_that_is_not_on_main_is_refused_with_the_command_for_its_head(laptop: Laptop) -> None:
    head = laptop.git("rev-parse", "HEAD")
    laptop.git("commit", "--quiet", "--allow-empty", "-m", "On my own")
    mine = laptop.git("rev-parse", "HEAD")
    for commit, named in (("", mine), (mine, mine), ("no-such", "no-such"), ("--help", "--help")):
        fix = refused(laptop, f"^{named} is not on main of acme/web", commit)
        assert f" {head} --break-glass" in fix


def test_a_commit_is_named_as_git_names_it_in_the_clone(laptop: Laptop, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = laptop.merge("Fix")
    laptop.git("tag", "v1")
    deploy(laptop, "HEAD", skip_tests=True)
    assert laptop.revision == fixed
    for name in ("main", "v1", "main~0", "HEAD^0"):
        deploy(laptop, name, skip_tests=True)
        assert capsys.readouterr().out.endswith(f"env/dev records {fixed} already.\nuntil live\n")


def test_no_login_of_the_persons_is_asked_for_a_commit_that_the_code_host_does_not_have(laptop: Laptop) -> None:
    (laptop.bin.parent / ".gitconfig").write_text(
        f'[credential "https://github.com"]\nhelper = "!touch {laptop.bin}/asked; false"\n'
    )
    laptop.git("commit", "--quiet", "--allow-empty", "-m", "On my own")
    refused(laptop, "is not on main of acme/web")
    assert not (laptop.bin / "asked").exists()


def test_an_image_elsewhere_gets_no_login_of_the_registry_here(laptop: Laptop) -> None:
    settings = laptop.folder / "gitops.yaml"
    before = settings.read_text()
    moved = laptop.merge("Move", **{"gitops.yaml": before.replace(laptop.registry.host, "registry.example.com")})
    settings.write_text(before)
    fix = refused(laptop, f"^{moved[:12]} names the image registry.example.com/acme/web, and gitops.yaml here", moved)
    assert fix.endswith(f"checkout {moved}, then run this again")
    assert "login" not in docker_calls(laptop)


def test_an_older_commit_is_for_rollback_and_the_present_one_is_there_already(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    fix = refused(laptop, "which is newer than", laptop.three[0])
    assert fix.endswith(f"rollback --project {laptop.folder} --to {laptop.three[0]}")
    deploy(laptop, laptop.three[2])
    assert capsys.readouterr().out.endswith(f"env/dev records {laptop.three[2]} already.\nuntil live\n")


def test_under_a_hold_nothing_is_deployed(laptop: Laptop) -> None:
    rollback.rollback(laptop.project, to="", why="it burns", yes=True)
    assert "--release-hold" in refused(laptop, "^env/dev is held by octo, since .*: it burns")


def test_a_hold_by_another_while_the_image_is_built_is_said(laptop: Laptop) -> None:
    laptop.merge("Fix")
    (laptop.bin / "docker.meanwhile").write_text(laptop.by_another("rollback --why 'it burns'"))
    with pytest.raises(InstallerError, match=r"Nothing was deployed, since it was held meanwhile: .* until the hold"):
        deploy(laptop)
    assert (laptop.revision, laptop.recorded("hold.yaml")["who"]) == (laptop.three[1], "grace")


def test_a_newer_commit_that_was_deployed_meanwhile_has_this_one_and_is_waited_for(
    laptop: Laptop, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = laptop.merge("Fix")
    laptop.before_push(laptop.newer_by_another())
    deploy(laptop, fixed, skip_tests=True)
    said = capsys.readouterr()
    assert re.search(f"deploy: superseded env/dev records .*, which is newer than {fixed}", said.err)
    assert said.out.endswith("until live\n")
    assert laptop.revision == laptop.server("rev-parse", "main") != fixed


def test_no_docker_and_a_docker_that_does_not_run_are_a_sentence_each(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.merge("Fix")
    (laptop.bin / "docker.stopped").touch()
    assert refused(laptop, "Docker does not run: Cannot connect to the Docker daemon") == "Start it, and try again."
    (laptop.bin / "docker.stopped").unlink()
    (laptop.bin / "docker.alone").touch()
    assert "buildx" in refused(laptop, "docker has no buildx")
    monkeypatch.setattr(verb.process, "missing", lambda program: program == "docker")
    assert "docs.docker.com" in refused(laptop, "docker is not installed")


def test_machines_that_docker_does_not_build_for_are_a_sentence(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.merge("Fix")
    monkeypatch.setattr(verb, "of_nodes", lambda _: ("arm64",))
    refused(laptop, "^ci/image: PLATFORMS asks for linux/arm64, and this machine builds for linux/amd64")
    monkeypatch.setattr(verb, "of_nodes", lambda _: ())
    assert "list nodes" in refused(laptop, "nodes cannot be listed")


@pytest.mark.parametrize(
    ("nodes", "here", "built"),
    [
        (("amd64", "arm64"), "arm64", "arm64"),
        (("amd64", "arm64"), "aarch64", "arm64"),
        (("amd64", "arm64"), "riscv64", "amd64"),
        (("arm64",), "x86_64", "arm64"),
    ],
)
def test_it_is_built_for_a_node_and_natively_where_one_is_like_this_machine(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, nodes: tuple[str, ...], here: str, built: str
) -> None:
    monkeypatch.setattr(verb, "of_nodes", lambda _: nodes)
    monkeypatch.setattr(verb.programs.platform, "machine", lambda: here)
    assert verb.architecture(laptop.project) == built


def test_without_a_login_or_with_one_that_may_not_push_nothing_begins(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.merge("Fix")
    laptop.registry.may = ("pull",)
    refused(laptop, "does not let acme push acme/web")
    monkeypatch.delenv("REGISTRY_TOKEN")
    assert "docker login" in refused(laptop, f"There is no login for {laptop.registry.host}")


def test_who_may_not_push_is_led_to_the_cis_own_command(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop.merge("Fix")
    may = {"metadata": "read", "contents": "read"}
    monkeypatch.setenv(
        "GH_TOKEN", laptop.github.token("octo", "fine-grained", permissions=may, repositories=["acme/web"])
    )
    assert refused(laptop, "refused the push to env/dev") == "gh workflow run deploy.yml --repo acme/web"


def test_where_workflows_of_main_alone_push_it_is_said_before_anything_is_tested_or_built(laptop: Laptop) -> None:
    fixed = laptop.merge("Fix")
    settings = laptop.folder / "gitops.yaml"
    settings.write_text(settings.read_text().replace("visibility: private", "deploy_from: main\n  visibility: private"))
    said = "^With github.deploy_from: main, only workflows of main push to env/dev"
    assert refused(laptop, said, fixed) == "gh workflow run deploy.yml --repo acme/web"
    assert "build" not in docker_calls(laptop).replace("buildx", "")
    with pytest.raises(InstallerError, match=said) as caught:
        rollback.rollback(laptop.project, to="", why="", yes=True)
    assert caught.value.fix == f"gh workflow run rollback.yml --repo acme/web -f to={laptop.three[1]}"


def test_a_lost_branch_is_no_first_deployment(laptop: Laptop) -> None:
    laptop.merge("Fix")
    laptop.server("update-ref", "-d", "refs/heads/env/dev")
    refused(laptop, r"^There is no branch env/dev: nothing was deployed yet, or it was lost\.")


def test_after_ctrl_c_between_the_images_push_and_the_record_it_converges(laptop: Laptop) -> None:
    fixed = laptop.merge("Fix")
    laptop.before_push(f"kill -INT {os.getpid()}; sleep 60")
    with pytest.raises(KeyboardInterrupt):
        deploy(laptop)
    assert laptop.revision == laptop.three[2]
    assert this_run.resume.endswith(f"{fixed} --break-glass 'Actions is\ndown'")
    this_run.resume = ""
    deploy(laptop, fixed)
    assert laptop.revision == fixed


def test_a_diverged_branch_is_a_sentence_with_the_way_back(laptop: Laptop) -> None:
    laptop.git("commit", "--quiet", "--allow-empty", "--amend", "-m", "In another history")
    laptop.server("fetch", "--quiet", str(laptop.folder), "+HEAD:refs/heads/main")
    fix = refused(laptop, rf"^env/dev records {laptop.three[2][:12]}, which is not in the history of .* \(diverged\)")
    assert "rollback --project" in fix
    assert "build" not in docker_calls(laptop).replace("buildx", "")


def test_the_scripts_of_the_commit_itself_are_run_and_recognised(laptop: Laptop) -> None:
    laptop.git("rm", "--quiet", "ci/lib/on-laptop.sh")
    old = laptop.merge("Without")
    laptop.git("checkout", "--quiet", "HEAD~1", "--", "ci/lib/on-laptop.sh")
    laptop.merge("With")
    assert "bring ci/ of a new project to main" in refused(laptop, f"The scripts of {old[:12]} are older", old)


def test_a_deployment_of_a_person_is_listed_as_one(laptop: Laptop) -> None:
    laptop.merge("Fix")
    deploy(laptop)
    assert str(next(deployment_record.commits(laptop.project))).endswith(" by octo (break-glass: Actions is down))")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where temporary files are."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    monkeypatch.setenv("TMPDIR", str(place))
    return place


def test_nothing_stays_of_the_clone(laptop: Laptop, temporary: Path) -> None:
    laptop.merge("Fix")
    deploy(laptop)
    assert list(temporary.iterdir()) == []
    assert DIGEST != BUILT


def test_nothing_stays_of_the_login_where_a_build_does_not_heed_ctrl_c(
    laptop: Laptop, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_GRACE", 0.5)
    laptop.merge("Fix")
    (laptop.bin / "docker.meanwhile").write_text(f"trap '' INT; kill -INT {os.getpid()}; sleep 60")
    with pytest.raises(KeyboardInterrupt):
        deploy(laptop, skip_tests=True)
    assert (laptop.bin / "docker.token").exists(), "it had logged in"
    assert list(temporary.iterdir()) == []
