"""The tutorial, typed in the playground as it is written."""

import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.documented import story

from .test_playground import COMMAND

ANSWERS = r"""
set -e
export UV_PYTHON_DOWNLOADS=never  # uv would ask github.com for one, and that is the stand-in

gitops-flask() {
  case "$1:$*" in
    new:*) PYTHONPATH=$TEMPLATE python -m installer "$@" --no-input --no-check ;;
    up:* | rollback:*) command gitops-flask "$@" --yes ;;
    down:*) command gitops-flask "$@" --confirm-repository acme/hello-api --confirm-argocd argocd ;;
    *--watch*) eventually recorded && command gitops-flask "$@" ;;
    *) command gitops-flask "$@" ;;
  esac
}

gh() {
  [ "$1 $2" != "pr checks" ] || eventually reported
  command gh "$@"
}

eventually() {
  local end=$((SECONDS + 240))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { echo "not within 240 s: $*" >&2; return 1; }
    sleep 1
  done
}

reported() { [ "$(command gh pr checks greeting --json name --jq length 2>/dev/null)" = 3 ]; }

recorded() {
  git fetch -q origin
  git show origin/env/dev:image.yaml | grep -qF "revision: \"$(git rev-parse origin/main)\""
}
"""
"""What a person answers and waits for between the commands: which is all that the page leaves to them."""


@pytest.mark.e2e
@pytest.mark.all
@pytest.mark.timeout(2400)
def test_the_tutorial_ends_well_as_it_is_written(tmp_path: Path) -> None:
    script = tmp_path / "tutorial"
    script.write_text(f"{ANSWERS}\n{story()}", encoding="utf-8")
    done = subprocess.run(COMMAND, cwd=ROOT, input=f"bash '{script}'", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    live = done.stdout.count("Live: every pod of hello-api answers revision ")
    assert live == 3, "after up, the rollback and the release of the hold"
    assert "Stays on purpose:" in done.stdout
