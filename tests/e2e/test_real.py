"""What real.yml plays at the real GitHub, played at the stand-in first: the same script, in the playground."""

import subprocess

import pytest

from tests.conftest import ROOT
from tests.kind_parts import CI

from .test_playground import COMMAND


@pytest.mark.e2e
@pytest.mark.all
@pytest.mark.timeout(2400)
def test_the_story_at_the_real_github_ends_well_at_the_stand_in() -> None:
    typed = f"set -e; export OWNER=acme; for each in create change rollback down; do bash '{CI}/real' $each; done"
    done = subprocess.run(COMMAND, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("real: 2 pods answer ") == 4, (
        "after up, the merge, the rollback and the release of the hold"
    )
