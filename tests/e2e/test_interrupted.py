"""Ctrl-C in the middle of the hook's installation: the project stays, and the printed command resumes it."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.github.faults import Fault

from .actors import eventually
from .stage import PROJECT, SLUG, open_stage

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]

BUSY = Fault("busy", status=429, message="You have exceeded a secondary rate limit", headers={"retry-after": "3"})


def test_ctrl_c_in_the_hook_keeps_the_project_and_the_printed_command_goes_on_at_a_terminal(tmp_path: Path) -> None:
    with open_stage(tmp_path) as stage:
        developer = stage.developer
        developer.project = developer.home / SLUG
        output = tmp_path / "output"
        # Between two requests of the variables' step, before the registry's token is stored: the next `up` asks for it.
        stage.github.faults.order(BUSY, "POST", "/actions/variables", times=1)
        with output.open("w") as log:
            hook = subprocess.Popen(
                [*("python", "-m", "cookiecutter", str(stage.fork), "--no-input"), f"project_name={PROJECT}"],
                cwd=developer.home,
                env=developer.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the terminal's whole process group, cookiecutter included
            )
            eventually("the variables", lambda: stage.github.faults.struck, 60, every=0.02)
            os.killpg(hook.pid, signal.SIGINT)
            hook.wait(timeout=60)
            # cookiecutter does not wait for its hook, which ends its present step before it says how to go on
            eventually("the way on", lambda: "Resume with" in output.read_text(), 60)
        printed = output.read_text()
        assert "Stopped." in printed
        assert "acme/story-api: created" in printed
        assert "Traceback" not in printed
        assert (developer.project / "gitops.yaml").exists()
        assert len(developer.git("rev-parse", "HEAD")) == 40
        (command,) = re.findall(r"^ +(cd .*)$", printed, re.MULTILINE)
        assert command == f"cd {SLUG} && gitops-flask up", "it is on this developer's PATH"
        token = developer.env["REGISTRY_TOKEN"]
        shown = developer.on_a_terminal(
            *("bash", "-c", command),
            answers={"Token of acme at docker.io": token, "Do this?": "y"},
            without=["REGISTRY_TOKEN"],
        )
        assert "Live: every pod" in shown
        assert token not in shown
        assert stage.service.revisions() == {developer.git("rev-parse", "HEAD")}
        down = developer.installer("down", "--argocd", "--repository", stdin=f"acme/{SLUG}\nargocd\n")
        assert "Stays on purpose" in down.stdout
        assert stage.github.failures == []
