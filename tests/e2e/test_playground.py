"""The playground: one command, and a developer's shell in which everything works."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT

COMMAND = [sys.executable, "-m", "tests.e2e.playground"]


@pytest.mark.e2e
@pytest.mark.all
def test_in_the_playground_a_project_is_made_planned_and_pushed_to_by_hand() -> None:
    typed = """
        set -e
        GITOPS_FLASK_INSTALL=no cookiecutter "$TEMPLATE" --no-input project_name='My API' owner=acme
        cd my-api
        gitops-flask plan
        gh repo create acme/my-api --private --source . --push
        gh api repos/acme/my-api/commits/main --jq .commit.message
        kubectl get namespace default -o name
    """
    done = subprocess.run(COMMAND, cwd=ROOT, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("GitHub repository acme/my-api", "Generated", "namespace/default"):
        assert word in done.stdout
    assert "down of my-api: done" in done.stderr


def test_without_a_cluster_the_playground_says_what_it_needs() -> None:
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG" and not name.startswith("E2E_")}
    done = subprocess.run(COMMAND, cwd=ROOT, env=kept, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "This needs a cluster, see docs/testing.md; not set: KUBECONFIG, E2E_AUDIT_LOG," in done.stderr
