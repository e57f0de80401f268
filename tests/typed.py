"""A command as it is typed, in this process."""

import sys
from pathlib import Path
from typing import Any

import pytest

from installer.cli import main


def run_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *words: str
) -> tuple[int, str, str]:
    """Run `gitops-flask WORDS` in a folder; return its exit code and what it printed to both outputs."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["gitops-flask", *words])
    capsys.readouterr()
    ended: Any = 0
    try:
        main()
    except SystemExit as error:
        ended = error.code or 0
    return int(ended), *capsys.readouterr()
