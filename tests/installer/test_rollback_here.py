"""`rollback` and its release from a laptop: the project's own scripts over real git, while no CI answers."""

import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from installer.ci.base import ROLLBACK
from installer.commands import rollback as verb
from installer.project.project import Project
from installer.support.errors import InstallerError
from installer.support.resume_command import this_run
from tests.deployment.workspace import write_program
from tests.github import Fault
from tests.github.git import git as on_server
from tests.github.reported import Report
from tests.github.results import report
from tests.gitlab import GitLab

from .clones import git
from .laptop import DIGEST, SETTINGS, Laptop, without_a_cluster
from .registry import Troubled
from .shells import export, unset

pytestmark = pytest.mark.slow

Three = tuple[str, str, str]
NO_CI = Fault("Actions is down", status=503, message="Service Unavailable")
INDEX = """{"manifests": [{"platform": {"architecture": "amd64", "os": "linux"}},
                          {"platform": {"architecture": "unknown", "os": "unknown"}}]}"""


@pytest.fixture
def three(laptop: Laptop) -> Three:
    """Return what was deployed, the oldest first; since then the CI is down."""
    for method in ("GET", "POST", "PATCH"):
        laptop.github.faults.order(NO_CI, method, "/actions/")
    first, second, third = laptop.three
    return first, second, third


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    yield
    this_run.resume = ""


def rollback(laptop: Laptop, to: str = "", why: str = "") -> None:
    verb.rollback(laptop.project, to=to, why=why, yes=True)


def ready(laptop: Laptop, revision: str, state: str = "success") -> None:
    """Let a commit's check `test` end so, and the registry have its image."""
    repository = laptop.github.repository("acme/web")
    report(laptop.github, repository, revision, Report("test", "check", state, "", app="github-actions"))  # type: ignore[arg-type]
    laptop.registry.tags[revision] = DIGEST
    laptop.registry.index = INDEX


def test_the_deployment_before_comes_back_with_the_scripts_own_record_and_no_ci_is_asked(
    laptop: Laptop, three: Three, capfd: pytest.CaptureFixture[str]
) -> None:
    before = laptop.git("status", "--porcelain"), laptop.git("rev-parse", "HEAD")
    rollback(laptop, why='orders "fail"; $(touch never)')
    assert laptop.revision == three[1]
    hold = laptop.recorded("hold.yaml")
    assert (hold["who"], hold["why"], hold["bad"]) == ("octo", 'orders "fail"; $(touch never)', three[2])
    message = laptop.message()
    assert message.startswith(f"Roll back to {three[1][:7]}: Sell\n\n[skip ci]\n")
    assert f"Argocd-reference-commit-sha: {three[1]}\n" in message
    number = int(re.findall(r"^GitHub-deployment: (\d+)$", message, re.MULTILINE)[0])
    opened = laptop.github.repository("acme/web").deployments[number]
    assert (opened.sha, opened.state) == (three[1], "in_progress")
    said = capfd.readouterr()
    assert f"Comes back:  {three[1][:12]} Sell" in said.out
    assert said.out.endswith("until live\n")
    assert laptop.github.faults.struck == []
    assert laptop.token not in said.out + said.err
    assert (laptop.git("status", "--porcelain"), laptop.git("rev-parse", "HEAD")) == before


def test_a_rollback_to_a_named_deployment_and_one_further(laptop: Laptop, three: Three) -> None:
    rollback(laptop, to=three[1][:7])
    rollback(laptop)
    assert laptop.revision == three[0]
    rollback(laptop, to=three[2])
    assert (laptop.revision, laptop.recorded("hold.yaml")["bad"]) == (three[2], three[0])


def test_what_runs_already_is_rolled_back_to_only_under_a_hold(
    laptop: Laptop, three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InstallerError, match="already, by a deployment"):
        rollback(laptop, to=three[2])
    rollback(laptop)
    capsys.readouterr()
    rollback(laptop, to=three[1])
    assert f"env/dev is held at {three[1][:12]} already." in capsys.readouterr().out


def test_nobody_to_ask_means_no_rollback(laptop: Laptop, three: Three) -> None:
    laptop.github.changes.clear()
    with pytest.raises(InstallerError, match="nobody can be asked here"):
        verb.rollback(laptop.project, to="", why="", yes=False)
    assert laptop.github.changes == []


def test_on_a_terminal_one_of_the_latest_deployments_is_chosen(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rollback(laptop)
    monkeypatch.setattr(verb.console, "interactive", lambda: True)
    monkeypatch.setattr(verb.click, "confirm", lambda *_, **__: True)
    asked = []

    def choose(question: str, **given: object) -> int:
        asked.append((question, given["default"]))
        return 1

    monkeypatch.setattr(verb.click, "prompt", choose)
    capsys.readouterr()
    verb.rollback(laptop.project, to="", why="", yes=False)
    listed = re.findall(r"^ +(\d+)  ([0-9a-f]{12}) ", capsys.readouterr().out, re.MULTILINE)
    assert listed == [("1", three[2][:12]), ("2", three[0][:12])], "all but the one that runs, the newest first"
    assert asked == [("Which one comes back?", 2)], "what was rolled back is not the one before"
    assert laptop.revision == three[2]


def test_the_persons_hooks_do_not_run_and_a_missing_identity_is_supplied(
    laptop: Laptop, three: Three, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hooks = tmp_path_factory.mktemp("hooks")
    for name in ("pre-push", "post-checkout", "reference-transaction"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    settings = f"[core]\nhooksPath = {hooks}\n[user]\nuseConfigOnly = true\n[commit]\ngpgSign = true\n"
    (laptop.bin.parent / ".gitconfig").write_text(
        f'{settings}[url "ssh://git@github.com/"]\ninsteadOf = https://github.com/\n'
    )
    rollback(laptop)
    assert laptop.server("log", "-1", "--format=%an <%ae>", "env/dev") == "gitops-flask <gitops-flask@localhost>"
    laptop.git("config", "user.name", "Ada Lovelace")
    rollback(laptop)
    assert laptop.server("log", "-1", "--format=%an", "env/dev") == "Ada Lovelace"


OF_A_PERSON = """
[url "ssh://git@github.com/"]
pushInsteadOf = https://github.com/
[push]
gpgSign = true
pushOption = ci.skip
recurseSubmodules = check
followTags = true
[submodule]
recurse = true
[commit]
gpgSign = true
[gpg]
program = /nowhere
[log]
showSignature = true
[color]
ui = always
"""


def test_what_a_person_sets_for_all_pushes_stops_none_of_ours(laptop: Laptop, three: Three) -> None:
    (laptop.bin.parent / ".gitconfig").write_text(OF_A_PERSON)
    rollback(laptop)
    assert laptop.revision == three[1]


def test_what_a_person_exports_stops_no_rollback_and_shows_no_token(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    traced = {"GIT_TRACE": "1", "GIT_CURL_VERBOSE": "1", "GIT_TRACE_REDACT": "0"}
    export(monkeypatch, {"PYTHONSAFEPATH": "1", "DEPLOY_KEY": "of another project", **traced})
    rollback(laptop)
    assert laptop.revision == three[1]
    basic = b64encode(f"x-access-token:{laptop.token}".encode()).decode()
    said = "".join(capfd.readouterr())
    assert [each for each in (laptop.token, basic) if each in said] == []


def test_neither_a_python3_nor_curl_nor_a_folder_for_programs_is_needed(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    laptop.git("update-index", "--chmod=-x", "ci/rollback")
    laptop.git("commit", "--quiet", "-m", "As where temporary files may not be executed")
    laptop.server("fetch", "--quiet", str(laptop.folder), "+HEAD:refs/heads/main")
    some = laptop.bin.parent / "some"
    some.mkdir()
    for folder in filter(Path.is_dir, map(Path, os.environ["PATH"].split(os.pathsep))):
        for each in folder.iterdir():
            if not each.name.startswith(("python", "curl")) and not (some / each.name).is_symlink():
                (some / each.name).symlink_to(each)
    monkeypatch.setenv("PATH", str(some))
    rollback(laptop)
    assert laptop.revision == three[1]
    assert "there is no curl\nGitHub took no Deployment" in capfd.readouterr().err


def test_where_gits_new_repositories_are_of_another_object_format_ours_is_the_code_hosts(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    rollback(laptop)
    assert laptop.revision == three[1]


@pytest.mark.parametrize("release", [False, True])
def test_a_push_that_the_code_host_refuses_ends_with_the_cis_own_button_filled_in(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, release: bool
) -> None:
    if release:
        rollback(laptop)
        ready(laptop, three[2])
    before = laptop.message()
    may = {"metadata": "read", "contents": "read", "deployments": "write", "checks": "read"}
    token = laptop.github.token("octo", "fine-grained", permissions=may, repositories=["acme/web"])
    monkeypatch.setenv("GH_TOKEN", token)
    with pytest.raises(InstallerError, match=r"^github\.com refused the push to env/dev: .*git's answers") as caught:
        verb.release(laptop.project, yes=True) if release else rollback(laptop, why="orders fail")
    fields = "-f release=true" if release else f"-f to={three[1]} -f 'why=orders fail'"
    assert caught.value.fix == f"gh workflow run rollback.yml --repo acme/web {fields}"
    assert laptop.message() == before


def test_scripts_of_a_project_made_before_are_recognised(laptop: Laptop, three: Three) -> None:
    laptop.git("rm", "--quiet", "ci/lib/on-laptop.sh")
    head = laptop.merge("As it was")
    with pytest.raises(
        InstallerError, match=f"The scripts of {head[:12]} are older .* no ci/lib/on-laptop.sh"
    ) as caught:
        rollback(laptop)
    assert "gh workflow run rollback.yml" in caught.value.fix
    assert laptop.revision == three[2]


def test_two_who_roll_back_at_once_go_back_once(laptop: Laptop, three: Three) -> None:
    laptop.before_push(laptop.by_another("rollback"))
    rollback(laptop)
    assert (laptop.revision, laptop.recorded("hold.yaml")["who"]) == (three[1], "grace")
    assert laptop.server("rev-list", "--count", "env/dev") == "4"


@pytest.mark.parametrize("release", [False, True])
def test_another_ones_hold_that_came_while_a_person_was_asked_stays(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, release: bool
) -> None:
    rollback(laptop, to=three[1] if release else three[0])
    if release:
        ready(laptop, three[2])
    other = three[0] if release else three[2]
    meanwhile = laptop.by_another(f"rollback --to {other} --why 'it burns'")
    monkeypatch.setattr(verb.console, "confirm", lambda *_, **__: subprocess.run(meanwhile, shell=True, check=True))
    act = verb.release if release else partial(verb.rollback, to=three[1], why="")
    with pytest.raises(InstallerError, match=f"held at {other[:12]} by grace, since .*: it burns. Nothing was changed"):
        act(laptop.project, yes=False)
    assert (laptop.revision, laptop.recorded("hold.yaml")["who"]) == (other, "grace")


def test_after_ctrl_c_between_push_and_record_the_command_that_resumes_finds_it_there(
    laptop: Laptop, three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    real = subprocess.check_output(["bash", "-c", "type -ap git | tail -1"], text=True).strip()
    stop = f'{real} "$@" && kill -INT {os.getpid()} && sleep 60'
    (laptop.bin / "git").write_text(f'#!/bin/sh\ncase " $* " in *" push "*) {stop}; esac\nexec {real} "$@"\n')
    with pytest.raises(KeyboardInterrupt):
        rollback(laptop)
    (laptop.bin / "git").unlink()
    assert laptop.revision == three[1], "it was pushed"
    assert (
        this_run.resume.endswith(f"rollback --project {laptop.folder} --to {three[1]}") or three[1] in this_run.resume
    )
    capsys.readouterr()
    rollback(laptop, to=three[1])
    assert capsys.readouterr().out.endswith("until live\n")
    assert laptop.server("rev-list", "--count", "env/dev") == "4"


def test_an_image_that_the_registry_lost_does_not_come_back(laptop: Laptop, three: Three) -> None:
    laptop.registry.public = "sha256:" + "0" * 64
    with pytest.raises(InstallerError, match=f"has the image of {three[1][:12]} no more") as caught:
        rollback(laptop)
    assert "--to" in caught.value.fix
    assert laptop.revision == three[2]


def test_a_registry_that_cannot_be_asked_stops_no_rollback(
    laptop: Laptop, three: Three, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.registry.public = ""
    monkeypatch.delenv("REGISTRY_TOKEN")
    rollback(laptop)
    assert "Note: whether the registry still has its image was not checked" in capsys.readouterr().out
    assert laptop.revision == three[1]


def test_at_gitlab_it_is_the_same_and_no_pipeline_is_asked_for(
    gitlab: GitLab, deployed_thrice: tuple[Troubled, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, before = deployed_thrice
    gitlab.user("octo")
    gitlab.group("acme", members={"octo": 50})
    token = gitlab.token("octo")
    given = {**gitlab.env, "GITLAB_TOKEN": token, "HOME": str(tmp_path), "REGISTRY_HOST": registry.host}
    export(monkeypatch, {**given, "NO_PROXY": "localhost", "no_proxy": "localhost"})
    unset(monkeypatch, "CI", "REGISTRY_TOKEN")
    without_a_cluster(monkeypatch)
    where = {"path": "web", "name": "web", "namespace_id": gitlab.groups["acme"].id}
    bare = gitlab.hosting.create(gitlab.tokens[token], where).git
    folder = tmp_path / "web"
    shutil.copytree(before / "web", folder)
    settings = SETTINGS.format(scm="gitlab", host="gitlab.com", registry=registry.host)
    (folder / "gitops.yaml").write_text(settings)
    (folder / "ci/lib/github.py").unlink()
    git(folder, "commit", "--quiet", "--all", "-m", "At GitLab")
    on_server(bare, "fetch", "--quiet", str(before / "remote.git"), "+refs/heads/env/dev:refs/heads/env/dev")
    on_server(bare, "fetch", "--quiet", str(folder), "+HEAD:refs/heads/main")
    down = Fault("no pipelines", status=503, message="Service Unavailable")
    for method in ("GET", "POST"):
        gitlab.faults.order(down, method, r"/(pipelines?|jobs)([/?]|$)")
    project = Project.open(folder)
    verb.rollback(project, to="", why="orders fail", yes=True)
    assert 'who: "octo"\nwhy: "orders fail"\n' in (gitlab.file("acme/web", "env/dev", "hold.yaml") or "")
    with pytest.raises(InstallerError, match="its check `test` is not there") as caught:
        verb.release(project, yes=True)
    page = "https://gitlab.com/acme/web/-/pipelines/new?ref=main"
    assert caught.value.fix.startswith(f"{page}&var%5BACTION%5D=deploy; or, without the CI: ")
    assert gitlab.file("acme/web", "env/dev", "hold.yaml") is None
    assert gitlab.faults.struck == []
    step = project.ci_unasked.manual_step(ROLLBACK, {"to": "3f2a91c", "why": "it's $5"})
    assert step == f"{page}&var%5BACTION%5D=rollback&var%5BTO%5D=3f2a91c&var%5BWHY%5D=it%27s%20%24%245"


# --- the hold's release ---------------------------------------------------------------------------------------------


def mended(laptop: Laptop) -> str:
    """Roll back, and merge what mends it, which its CI tested and built; return it."""
    rollback(laptop)
    fixed = laptop.merge("Sell well")
    ready(laptop, fixed)
    return fixed


def test_the_release_deploys_the_image_of_main_that_its_ci_built_and_tested(
    laptop: Laptop, three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    fixed = mended(laptop)
    verb.release(laptop.project, yes=True)
    assert (laptop.revision, laptop.recorded("hold.yaml")) == (fixed, {})
    image = laptop.recorded()["image"]
    assert image == {
        "repository": f"{laptop.registry.host}/acme/web", "tag": fixed, "digest": DIGEST, "architectures": ["amd64"],
    }  # fmt: skip
    assert "Deployed-by" not in laptop.message()
    capsys.readouterr()
    verb.release(laptop.project, yes=True)
    assert capsys.readouterr().out == f"env/dev is not held; it is at {fixed[:12]}.\n"
    assert laptop.github.faults.struck == []


@pytest.mark.parametrize("missing", ["test", "red", "image"])
def test_where_the_heads_test_or_image_is_missing_the_hold_goes_and_it_is_said_what_makes_it(
    laptop: Laptop, three: Three, missing: str
) -> None:
    rollback(laptop)
    fixed = laptop.merge("Sell well")
    if missing != "test":
        ready(laptop, fixed, "failure" if missing == "red" else "success")
    if missing == "image":
        laptop.registry.tags.clear()
    said = {
        "test": "its check `test` is not there",
        "red": "its check `test` is failure",
        "image": f"did not return the digest of acme/web:{fixed}",
    }
    with pytest.raises(InstallerError, match=said[missing]) as caught:
        verb.release(laptop.project, yes=True)
    assert caught.value.fix.startswith("gh workflow run deploy.yml --repo acme/web; or, without the CI: ")
    assert "deploy" in caught.value.fix
    assert "--break-glass REASON" in caught.value.fix
    assert (laptop.revision, laptop.recorded("hold.yaml")) == (three[1], {})
    ready(laptop, fixed)
    verb.release(laptop.project, yes=True)
    assert laptop.revision == fixed, "again, it converges"


def test_a_hold_by_another_in_between_is_said(laptop: Laptop, three: Three) -> None:
    mended(laptop)
    again = laptop.bin / "git.before-push"
    laptop.before_push(f"cp {laptop.bin}/second {again}")  # the first push takes the hold away
    write_program(
        laptop.bin / "second", "#!/bin/sh\n" + laptop.by_another(f"rollback --to {three[0]} --why 'it burns'")
    )
    with pytest.raises(InstallerError, match=r"Nothing was deployed, since it was held meanwhile: .* until the hold"):
        verb.release(laptop.project, yes=True)
    assert (laptop.revision, laptop.recorded("hold.yaml")["why"]) == (three[0], "it burns")


def test_that_the_release_would_bring_back_what_was_rolled_back_is_said_before_it_is_asked(
    laptop: Laptop, three: Three, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rollback(laptop)
    ready(laptop, three[2])
    said = []
    monkeypatch.setattr(verb.console, "confirm", lambda *_, **__: said.append(capsys.readouterr().out))
    verb.release(laptop.project, yes=True)
    assert f"The head of main, {three[2][:12]}, is deployed at once.\nNote: that is what was rolled back." in said[0]
    assert laptop.revision == three[2]


def test_a_newer_main_that_its_ci_deployed_meanwhile_is_what_was_wanted(
    laptop: Laptop, three: Three, capsys: pytest.CaptureFixture[str]
) -> None:
    mended(laptop)
    laptop.before_push(f"cp {laptop.bin}/second {laptop.bin}/git.before-push")  # the first push takes the hold away
    write_program(laptop.bin / "second", f"#!/bin/sh\n{laptop.newer_by_another()}\n")
    verb.release(laptop.project, yes=True)
    assert capsys.readouterr().out.endswith("until live\n")
    assert (laptop.revision, laptop.recorded("hold.yaml")) == (laptop.server("rev-parse", "main"), {})


def test_from_a_branch_that_diverged_the_release_says_the_way_back(laptop: Laptop, three: Three) -> None:
    laptop.git("commit", "--quiet", "--allow-empty", "--amend", "-m", "Sell, in another history")
    laptop.server("fetch", "--quiet", str(laptop.folder), "+HEAD:refs/heads/main")
    ready(laptop, laptop.git("rev-parse", "HEAD"))
    with pytest.raises(InstallerError, match=r"ci/deploy: env/dev records .* \(diverged\)\. Go back to a deployment"):
        verb.release(laptop.project, yes=True)


def test_each_cis_button_is_filled_in(laptop: Laptop) -> None:
    project, inputs = laptop.project, {"to": "3f2a91c", "why": "it's $5"}
    said = {}
    for name in ("circleci", "travis-ci"):
        ci = replace(project, settings=replace(project.settings, ci=name)).ci_unasked
        said[name] = ci.manual_step(ROLLBACK, inputs), ci.manual_step(ROLLBACK, {"release": "true"})
    circle, travis = "https://app.circleci.com/pipelines/github/acme/web", "https://app.travis-ci.com/github/acme/web"
    start = "Trigger Pipeline on main with the parameters action: "
    assert said["circleci"] == (f"{start}rollback, to: 3f2a91c, why: it's $5: {circle}", f"{start}release: {circle}")
    start = "Trigger build of main with ACTION="
    assert said["travis-ci"] == (
        f"{start}rollback TO=3f2a91c WHY='it'\"'\"'s $5': {travis}",
        f"{start}release: {travis}",
    )
