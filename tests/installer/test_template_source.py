from pathlib import Path

import pytest

from installer.support.resume_command import source_of


@pytest.mark.parametrize(
    ("template", "checkout", "expected"),
    [
        ("gh:org/gitops-flask", None, "git+https://github.com/org/gitops-flask"),
        ("gh:org/gitops-flask.git", "v1.2", "git+https://github.com/org/gitops-flask@v1.2"),
        ("gl:org/gitops-flask", None, "git+https://gitlab.com/org/gitops-flask"),
        ("bb:org/gitops-flask", None, "git+https://bitbucket.org/org/gitops-flask"),
        ("https://ghe.example.com/org/t.git", "main", "git+https://ghe.example.com/org/t.git@main"),
        ("git+https://ghe.example.com/org/t", None, "git+https://ghe.example.com/org/t"),
        ("git@ghe.example.com:org/t.git", None, "git+ssh://git@ghe.example.com/org/t.git"),
        ("ssh://git@ghe.example.com/org/t.git", "v1", "git+ssh://git@ghe.example.com/org/t.git@v1"),
        ("ssh://git:a-token@ghe.example.com/org/t.git", None, "git+ssh://git@ghe.example.com/org/t.git"),
        ("file:///srv/t.git", None, "git+file:///srv/t.git"),
        ("https://example.com/t.zip", None, "https://example.com/t.zip"),
    ],
)
def test_an_address_becomes_what_uvx_understands(template: str, checkout: str | None, expected: str) -> None:
    assert source_of(template, checkout) == expected


def test_a_token_in_an_address_is_dropped() -> None:
    assert source_of("https://me:s3cret@example.com/org/t.git") == "git+https://example.com/org/t.git"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "gitops-flask"
    folder.mkdir()
    (folder / "cookiecutter.json").touch()
    (folder / "pyproject.toml").touch()
    return folder


def test_a_folder_is_found_by_its_absolute_path(checkout: Path) -> None:
    assert source_of(str(checkout)) == str(checkout)


def test_a_relative_folder_is_found_from_where_it_was_typed(checkout: Path) -> None:
    assert source_of("gitops-flask", typed_in=str(checkout.parent)) == str(checkout)
    assert source_of(".", typed_in=str(checkout)) == str(checkout)


def test_a_relative_folder_that_is_not_the_template_is_no_origin(checkout: Path, tmp_path: Path) -> None:
    (checkout / "cookiecutter.json").unlink()

    assert source_of("gitops-flask", typed_in=str(tmp_path)) == ""
    assert source_of("gitops-flask", typed_in=None) == ""


def test_a_zip_on_this_machine_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "t.zip"
    archive.touch()

    assert source_of("t.zip", typed_in=str(tmp_path)) == str(archive)
    assert source_of("other.zip", typed_in=str(tmp_path)) == ""
