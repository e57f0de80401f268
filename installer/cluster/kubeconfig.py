"""A kubeconfig that is lent for one command: its user's rights in a file that nobody else reads and nothing leaves."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..support.environment import inherited
from ..support.errors import InstallerError

_PREFIX = "gitops-flask-"
_STALE = 3600.0  # seconds; no command takes that long


def missing() -> InstallerError | None:
    """Return what to tell where no kubeconfig is there: kubectl then asks localhost:8080, and says no more."""
    given = [each for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    files = [Path(each) for each in given] or [Path(inherited().get("HOME", "")) / ".kube" / "config"]
    if any(path.exists() and not path.is_dir() for path in files):
        return None
    if not given:
        fix = "Make one with your cluster's own tool, or set KUBECONFIG to the file that you have."
        return InstallerError(f"No cluster is known: there is no {files[0]}, and KUBECONFIG is not set.", fix)
    names = " and ".join(map(str, files))
    one, several = ("is a folder", "are folders") if all(map(Path.is_dir, files)) else ("is not there", "are not there")
    what = f"KUBECONFIG names {names}, which {one if len(files) == 1 else several}."
    return InstallerError(what, "Set it to your kubeconfig, or unset it: then ~/.kube/config is taken.")


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
