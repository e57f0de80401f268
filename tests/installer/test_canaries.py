"""GitHub's half at its most talkative, in a process of its own: the tokens are nowhere but in the one request."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installer.forges.base import Pair
from tests.canaries import Canaries, Wrappers
from tests.conftest import ROOT
from tests.github import Fault

from .bench import REGISTRY_TOKEN, Bench

pytestmark = pytest.mark.slow

AN_UP = """
import json, logging, sys, traceback
from pathlib import Path
from tests.installer.bench import Bench
from installer.support.errors import InstallerError

logging.basicConfig(level=logging.DEBUG)
bench = Bench(None, Path(sys.argv[1]), "")
for key in ("repository", "variables", "registry-token", "push-key", "initial-push", "rules", "credential", "webhook"):
    try:
        bench.apply(key)
    except InstallerError:
        traceback.print_exc()
Path(sys.argv[2]).write_text(json.dumps([bench.kept("web-repo", "sshPrivateKey"), bench.kept("web-webhook", "secret")]))
"""


@pytest.fixture
def bench(fresh: Bench) -> Bench:
    return fresh


@pytest.mark.parametrize(
    "fault",
    [
        None,
        pytest.param(Fault("401", status=401, message="Bad credentials"), marks=pytest.mark.all),
        pytest.param(Fault("cut", "cut"), marks=pytest.mark.all),
    ],
    ids=["all is well", "refused", "cut"],
)
def test_no_canary_sings(bench: Bench, tmp_path: Path, fault: Fault | None) -> None:
    wrappers = Wrappers.make(tmp_path / "bin", os.environ["PATH"])
    home, temporary, kept = tmp_path / "home", tmp_path / "tmp", tmp_path / "kept-by-the-cluster"
    home.mkdir()
    temporary.mkdir()
    if fault:
        bench.set_up("empty")
        for method in ("PUT", "POST", "PATCH"):
            bench.github.faults.order(fault, method, "^/(repos/)?acme/web")
    done = subprocess.run(
        [sys.executable, "-c", AN_UP, str(bench.project), str(kept)],
        cwd=ROOT,
        env=os.environ
        | {"HOME": str(home), "TMPDIR": str(temporary), "GIT_TRACE": "2", "GH_DEBUG": "api"}
        | {"PATH": f"{wrappers.folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    key, webhook = json.loads(kept.read_text())
    made = {"key": key or "no key was made", "webhook": webhook or "no secret was made"}
    dev = bench.repository.environments.get("dev")
    pushes = dev.secrets.get("DEPLOY_KEY") if dev else None
    made |= {"push_key": pushes.value if pushes else "no key was made"}
    canaries = Canaries(token=bench.token, registry_token=REGISTRY_TOKEN, **made)
    assert canaries.in_text(done.stdout) == canaries.in_text(done.stderr) == set()
    assert "$ git" in done.stderr, "the log was on"
    assert canaries.in_text(wrappers.calls()) == set()
    assert "push" in wrappers.calls()
    assert canaries.in_files(tmp_path, but=[kept]) == {}
    told = [f"{asked.method} {asked.path}" for asked in bench.github.requests]
    assert canaries.in_text("\n".join(told)) == set()
    if fault is None:
        assert bench.repository.environments["dev"].secrets["REGISTRY_TOKEN"].value == REGISTRY_TOKEN
        assert len(key) > 300
        assert len(made["push_key"]) > 300
        assert [hook.secret for hook in bench.repository.hooks.values()] == [webhook]


def test_the_canaries_are_found_where_they_are(tmp_path: Path) -> None:
    key = Pair.make().private.reveal()
    canaries = Canaries(token="ghp_0123456789abcdef", key=key)
    assert canaries.in_text("x https://x:ghp_0123456789abcdef@github.com") == {"token"}
    assert canaries.in_text("Basic eC1hY2Nlc3MtdG9rZW46Z2hwXzAxMjM0NTY3ODlhYmNkZWY=") == {"token"}
    assert canaries.in_text(key.splitlines()[2]) == {"key"}
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("ghp_0123456789abcdef")
    assert list(canaries.in_files(tmp_path).values()) == [{"token"}]
