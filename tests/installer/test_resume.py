"""The command that goes on must work when the folder that the installer came from is gone."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from installer import resume


def installed_from(monkeypatch: pytest.MonkeyPatch, direct_url: object) -> None:
    monkeypatch.setattr(resume, "package", "gitops_flask")
    text = None if direct_url is None else json.dumps(direct_url)
    monkeypatch.setattr(resume, "distribution", lambda name: SimpleNamespace(read_text=lambda file: text))


def test_from_the_hook_it_names_the_template_that_was_used(tmp_path: Path) -> None:
    origin = "git+https://github.com/org/gitops-flask@v1"
    expected = f"uvx --from {origin} gitops-flask up --project {tmp_path}"
    assert resume.command("up", tmp_path, origin) == expected


def test_in_a_checkout_it_names_the_checkout(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    assert resume.command("up", tmp_path) == f"uv run --project {root} gitops-flask up --project {tmp_path}"


def test_odd_folders_are_quoted(tmp_path: Path) -> None:
    odd = tmp_path / "it's here"
    assert resume.command("up", odd, "x").endswith(f"""--project '{tmp_path}/it'"'"'s here'""")


@pytest.mark.parametrize(
    ("direct_url", "origin"),
    [
        (
            {"url": "https://github.com/org/gitops-flask", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://github.com/org/gitops-flask@abc",
        ),
        ({"url": "file:///home/me/gitops%20flask", "dir_info": {}}, "/home/me/gitops flask"),
        ({"url": "https://example.com/gitops-flask.zip", "archive_info": {}}, "https://example.com/gitops-flask.zip"),
    ],
)
def test_run_by_uvx_it_names_where_that_installed_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, direct_url: object, origin: str
) -> None:
    installed_from(monkeypatch, direct_url)
    assert resume.command("up", tmp_path) == resume.command("up", tmp_path, origin)


def test_installed_from_an_index_it_is_the_command_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed_from(monkeypatch, None)
    monkeypatch.setattr(sys, "argv", ["/home/me/bin/gitops-flask"])
    assert resume.command("up", tmp_path) == f"/home/me/bin/gitops-flask up --project {tmp_path}"
