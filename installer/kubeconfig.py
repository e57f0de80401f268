"""A kubeconfig that is lent for one command: its user's rights in a file that nobody else reads and nothing leaves."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PREFIX = "gitops-flask-"
_STALE = 3600.0  # seconds; no command takes that long


@contextmanager
def lent(tree: dict[str, Any]) -> Iterator[Path]:
    """Write a kubeconfig, mode 0600, for as long as the block lasts; drop those that killed runs left behind."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        path = Path(folder) / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(json.dumps(tree), encoding="utf-8")
        yield path


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*/kubeconfig"):
        try:
            stale = time.time() - left.stat().st_mtime > _STALE
        except OSError:  # it went just now, or is another user's
            continue
        if stale:
            shutil.rmtree(left.parent, ignore_errors=True)
