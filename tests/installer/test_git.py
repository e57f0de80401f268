"""The project's own clone: something to push, and to nowhere else."""

import subprocess
from pathlib import Path

import pytest

from installer.errors import InstallerError
from installer.git import Clone

URL = "https://github.com/acme/web"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments], cwd=folder, check=True)


def test_a_folder_that_is_no_repository_of_its_own_is_told(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "web").mkdir()
    with pytest.raises(InstallerError, match="no git repository of its own"):
        Clone(tmp_path / "web").head()


def test_a_repository_without_a_commit_is_told(tmp_path: Path) -> None:
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


def test_another_origin_is_told_without_its_password(tmp_path: Path) -> None:
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
