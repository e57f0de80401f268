import json
import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from installer.cluster.kubectl import lent


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_its_owners_alone_and_goes_with_the_block() -> None:
    with lent({"current-context": "here"}) as path:
        assert json.loads(path.read_text()) == {"current-context": "here"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.parent.exists()


def test_what_a_killed_run_left_is_removed_and_what_is_in_use_is_not(tmp_path: Path) -> None:
    left, used, other = (tmp_path / name for name in ("gitops-flask-left", "gitops-flask-used", "someone-s"))
    for each in (left, used, other):
        each.mkdir()
        (each / "kubeconfig").write_text("{}")
    for each in (left, other):
        os.utime(each / "kubeconfig", (time.time() - 7200,) * 2)
    with lent({}):
        pass
    assert not left.exists()
    assert used.exists()
    assert other.exists()
