"""The project's own clone: something to push, and to nowhere else."""

import subprocess
from pathlib import Path

import pytest

from installer.forges.git import Clone, Login, _login_free
from installer.forges.github.api import said_to_a_program
from installer.support.errors import CommandFailed, InstallerError

from .clones import git

URL = "https://github.com/acme/web"


def test_a_folder_of_another_user_is_no_missing_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(InstallerError, match=r"Git does not trust .*: it belongs to another user\.") as caught:
        Clone(tmp_path).head()
    assert caught.value.fix == f"git config --global --add safe.directory {tmp_path}"


def test_a_folder_that_is_no_repository_of_its_own_is_reported(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "web").mkdir()
    with pytest.raises(InstallerError, match="no git repository of its own"):
        Clone(tmp_path / "web").head()


def test_a_repository_without_a_commit_is_reported(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(InstallerError, match="no commit yet"):
        Clone(tmp_path).head()
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert len(Clone(tmp_path).head()) == 40


@pytest.mark.parametrize(
    "same", [URL, URL + ".git", URL + "/", "git@github.com:acme/web.git", "ssh://git@github.com/Acme/web", URL.upper()]
)
def test_one_repository_has_many_addresses(tmp_path: Path, same: str) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", same)
    assert Clone(tmp_path).check_origin(URL)


def test_another_origin_is_reported_without_its_password(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "remote", "add", "origin", "https://me:ghp_hidden@example.com/other")
    with pytest.raises(InstallerError) as error:
        Clone(tmp_path).connect(URL)
    assert "example.com/other" in str(error.value)
    assert "ghp_hidden" not in str(error.value)


def test_a_missing_origin_is_added(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    Clone(tmp_path).connect(URL)
    assert subprocess.check_output(["git", "remote", "get-url", "origin"], cwd=tmp_path, text=True).strip() == URL


def setting(folder: Path, name: str) -> str:
    return subprocess.run(["git", "config", name], cwd=folder, capture_output=True, text=True).stdout.strip()


def test_the_branch_follows_its_twin_on_github_before_that_is_there(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "work")
    Clone(tmp_path).connect(URL)
    Clone(tmp_path).follow("main")
    assert [setting(tmp_path, f"branch.work.{name}") for name in ("remote", "merge")] == ["origin", "refs/heads/main"]


def test_a_detached_head_follows_nothing(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "checkout", "-q", "--detach")
    Clone(tmp_path).follow("main")
    assert "branch." not in (tmp_path / ".git/config").read_text()


@pytest.mark.parametrize("kind", ["insteadOf", "pushInsteadOf"])
def test_a_setting_of_gits_that_leads_the_first_push_to_ssh_is_named_and_the_fix_fixes_it(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "gitconfig").write_text(f'[url "ssh://git@github.com/"]\n{kind} = https://github.com/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    with pytest.raises(InstallerError) as error:
        Clone(tmp_path).check_address(URL)
    assert f"url.ssh://git@github.com/.{kind} leads {URL} to ssh://git@github.com/acme/web" in error.value.message
    subprocess.run(error.value.fix.partition("alone: ")[2], shell=True, check=True, cwd=Path.cwd())
    Clone(tmp_path).check_address(URL)
    git(tmp_path, "remote", "add", "origin", URL)
    told = subprocess.check_output(["git", "remote", "get-url", "--push", "origin"], cwd=tmp_path, text=True)
    assert told.strip() == URL, "git itself agrees"


def test_settings_of_gits_for_other_addresses_are_no_trouble(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "url.ssh://git@example.com/.insteadOf", "https://example.com/")
    git(tmp_path, "config", "url.https://github.com/.insteadOf", "gh:")
    Clone(tmp_path).check_address(URL)


@pytest.mark.parametrize("stream", ["", " >&2"])
def test_a_hook_that_stops_the_first_push_is_heard(tmp_path: Path, stream: str) -> None:
    there, project = tmp_path / "there.git", tmp_path / "web"
    git(tmp_path, "init", "-q", "--bare", str(there))
    git(tmp_path, "init", "-q", "-b", "main", str(project))
    git(project, "commit", "-q", "--allow-empty", "-m", "x")
    hook = project / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho 'run make lint first'{stream}\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(CommandFailed) as error:
        Clone(project).push(f"file://{there}", "main", Login("github.com", "", {}, said_to_a_program))
    assert "run make lint first" in str(error.value)
    assert "Your hook .git/hooks/pre-push stopped it" in error.value.fix
    subprocess.run(error.value.fix.partition("without it: ")[2], shell=True, check=True, capture_output=True)
    assert subprocess.check_output(["git", "-C", there, "rev-parse", "main"])


def test_in_the_hook_of_another_repository_git_still_asks_the_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("other", "web"):
        git(tmp_path, "init", "-q", name)
        git(tmp_path / name, "commit", "-q", "--allow-empty", "-m", name)
    mine = subprocess.check_output(["git", "-C", tmp_path / "web", "rev-parse", "HEAD"], text=True).strip()
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index"))
    assert Clone(tmp_path / "web").head() == mine


def test_a_login_in_gits_settings_is_shown_neither_with_a_colon_nor_without() -> None:
    assert _login_free("url.https://ghp_X@mirror/.insteadOf https://a:b@c/ ssh://git@d/") == (
        "url.https://mirror/.insteadOf https://c/ ssh://git@d/"
    )
