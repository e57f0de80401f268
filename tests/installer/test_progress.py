"""What people see while it happens."""

import logging
import threading

import pytest

from installer.support.wait import clear
from installer.ui.progress import Steps, Waiting


def test_each_step_ends_in_a_counted_line(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = {
        "repository": "created",
        "initial-push": "failed",
        "argocd": "blocked",
        "namespace": "skipped: it needs argocd",
    }
    with Steps(4) as steps:
        for title, outcome in outcomes.items():
            steps.begins(title)
            steps.ends(title, outcome, 1.25)
    assert capsys.readouterr().out.splitlines() == [
        "✓   1/4  repository: created (1.2 s)",
        "✗   2/4  initial-push: failed (1.2 s)",
        "✗   3/4  argocd: blocked (1.2 s)",
        "!   4/4  namespace: skipped: it needs argocd (1.2 s)",
    ]


def test_a_step_that_waits_says_for_what_and_each_thing_once(capsys: pytest.CaptureFixture[str]) -> None:
    obstacles = iter(["repo-server", "repo-server", "redis", ""])

    def lane() -> None:
        steps.begins("Argo CD")
        clear("The start", lambda: next(obstacles), seconds=10, every=0.01)

    with Steps(1) as steps:
        thread = threading.Thread(target=lane)
        thread.start()
        thread.join()
    assert capsys.readouterr().out.splitlines() == [
        "…        Argo CD (0 s): repo-server",
        "…        Argo CD (0 s): redis",
    ]


def test_afterwards_the_log_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("installer")
    before = (logger.level, list(logger.handlers))
    with Steps(1):
        assert logger.isEnabledFor(logging.INFO)
    assert (logger.level, list(logger.handlers)) == before


def test_a_wait_prints_a_condition_only_when_it_changes(capsys: pytest.CaptureFixture[str]) -> None:
    waiting = Waiting()
    for condition in ("queued", "queued", "in progress"):
        waiting(condition)
    assert [line.split(" s  ")[1] for line in capsys.readouterr().out.splitlines()] == ["queued", "in progress"]
