"""`new`: generate a project, prove it, and offer to make it real."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from cookiecutter.exceptions import CookiecutterException
from cookiecutter.main import cookiecutter

from .. import console, shell
from ..errors import InstallerError
from ..offer import VARIABLE, guarded, mode_from_environment, offer


def template() -> Path:
    """Return the template's folder: inside the wheel, or the checkout that this package stands in."""
    here = Path(__file__).resolve().parent.parent
    packed = here / "template"
    return packed if packed.is_dir() else here.parent


def new(output: Path, answers: dict[str, Any], *, no_input: bool, prove_it: bool) -> Path:
    """Ask the questions, write the project into `output`, run its own checks, and offer the installation."""
    with guarded(VARIABLE, "later"):  # the hook must not offer what comes after the proof
        try:
            written = cookiecutter(
                str(template()), no_input=no_input, extra_context=answers, output_dir=str(output), accept_hooks=True
            )
        except CookiecutterException as error:
            raise InstallerError(f"No project was written: {error}", "Mend the answer that is named above.") from None
    project = Path(written)
    console.report(f"Written: {project}")
    if prove_it:
        prove(project)
    offer(project, mode_from_environment())
    return project


def prove(project: Path) -> None:
    """Run the project's own checks: its tests, and its chart where helm is at hand."""
    _check(project, "ci/test", "tests, types and style")
    if shell.missing("helm"):
        console.report("- chart: not rendered, helm is not installed")
    else:
        _check(project, "ci/chart", "chart rendered and checked")


def _check(project: Path, script: str, what: str) -> None:
    with console.out.status(f"{script}: {what} …"), tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(
            project, Path(scratch) / project.name
        )  # no caches, no environment are left in the project
        result = shell.attempt("bash", script, cwd=copy, timeout=600, env={"VIRTUAL_ENV": ""})
    if result.status:
        raise InstallerError(f"{script} failed:\n{result.out}{result.err}", f"cd {project} && {script}")
    console.report(f"✓ {script}: {what}")
