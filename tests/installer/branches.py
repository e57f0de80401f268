"""A project whose branch holds these files, at a code host that says nothing else."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from installer.forges.base import Commit

from .cluster import SETTINGS


def holding(files: Mapping[str, str | None], message: str = "", when: str = "2026-11-28T21:00:00Z") -> Any:
    """Return the project; its branch has one commit with this message."""
    host = SimpleNamespace(
        head=lambda _: "c" * 40,
        file=lambda path, _: files.get(path),
        commits=lambda _: [Commit("c" * 40, message, when)],
    )
    return SimpleNamespace(forge=host, settings=SETTINGS, folder=Path("web"))
