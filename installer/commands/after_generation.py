"""The prompt after generation: show the plan, and deploy where that is wanted."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, cast, get_args

import click

from ..support import crash_report
from ..support.errors import InstallerError
from ..support.resume_command import entering
from ..ui import console

Mode = Literal["ask", "yes", "no", "later"]
"""`later`: nothing now, the caller will offer it."""
VARIABLE = "GITOPS_FLASK_INSTALL"


def mode_from_environment() -> Mode:
    """Return what `GITOPS_FLASK_INSTALL` says; ask where it says nothing."""
    word = os.environ.get(VARIABLE, "ask")
    if word not in get_args(Mode):
        raise InstallerError(f"{VARIABLE} is {word!r}.", "It may be ask, yes or no.")
    return cast("Mode", word)


def prompt_to_deploy(folder: Path, mode: Mode) -> bool:
    """Show the plan and, if it is confirmed, apply it; return whether the project is live.

    Whatever goes wrong, the files stay and the command that resumes is printed.
    """
    console.take_any_encoding()
    resume = entering(folder)
    if mode == "later":
        return False
    if mode == "no":
        _warn(folder)
        console.report(f"Deploy it with:\n  {resume}")
        return False
    from ..preflight import checks
    from .options import opened
    from .plan import (
        look,
        preflight_findings,
        show,
    )  # the cluster's and GitHub's libraries load only where they are used
    from .up import up

    try:
        project = opened(folder)
        problems = checks.before_reading(project) if mode == "ask" else []
        if problems or (mode == "ask" and not console.interactive()):
            planned = look(project, problems)
            findings = preflight_findings(project, planned, problems)
            show(project, planned, findings, brief=bool(problems))
            missing = any(finding.problem for finding in findings)
            first = "Once nothing is missing, deploy" if missing else "Deploy"
            console.report(f"\nNothing was changed. {first} it with:\n  {resume}")
            return False
        up(project, yes=mode == "yes")
    except (click.Abort, KeyboardInterrupt):
        console.fail("Stopped.")
    except Exception as error:  # the files stay, whatever it is
        console.fail(crash_report.report(error))
    else:
        return True
    console.report(f"The project is in {folder.resolve()}. Resume with:\n  {resume}")
    return False


def _warn(folder: Path) -> None:
    """Say what a plan would note of the image; whatever is wrong with the settings is for the plan to say."""
    from ..config.settings_file import load
    from ..preflight.tokens import published_source

    with suppress(InstallerError):
        for finding in published_source(load(folder)):
            console.report(f"Note: {finding}")


@contextmanager
def offered_later() -> Iterator[None]:
    """Keep the hook from offering the deployment for the length of a block: its caller does, after the checks."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "later"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
