"""The command line: options only, errors told in one place."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from . import __version__, console
from .errors import InstallerError
from .resume import command
from .verbs import down as down_
from .verbs import new as new_
from .verbs import open as open_
from .verbs import plan as plan_
from .verbs import status as status_
from .verbs import up as up_
from .world import World

Decorated = Callable[..., Any]


class InOrder(click.Group):
    """Lists the verbs in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs as they stand in this file."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gitops-flask")
def cli() -> None:
    """From nothing to a Flask service whose merged pull requests are live in your cluster.

    Tokens come from the environment: GH_TOKEN (or `gh auth login`; GH_ENTERPRISE_TOKEN for an Enterprise
    Server) and REGISTRY_TOKEN with REGISTRY_USERNAME. The cluster is kubectl's current context.
    """


def on_project(function: Decorated) -> Decorated:
    """Give a verb the options by which it finds its project and its cluster."""
    options = [
        click.option("--project", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR",
                     help="The generated project (default: here)."),
        click.option("--context", metavar="NAME", help="The kubeconfig context (default: the current one)."),
        click.option("-v", "--verbose", is_flag=True, help="Show every command that is run."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def _world(project: Path, context: str | None, verbose: bool) -> World:  # noqa: FBT001 - as click gives it
    if verbose:
        logging.basicConfig(format="%(message)s")
        logging.getLogger(__package__).setLevel(logging.DEBUG)
    return World.open(project, context)


@cli.command()
@click.option("-o", "--output-dir", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR",
              help="Where the project's folder goes (default: here).")  # fmt: skip
@click.option("--no-input", is_flag=True, help="Ask nothing: take the defaults and what is given.")
@click.option("--prove/--no-prove", default=True, help="Run the new project's own checks (default: yes).")
@click.argument("answers", nargs=-1, metavar="[QUESTION=ANSWER]...")
def new(output_dir: Path, answers: tuple[str, ...], *, no_input: bool, prove: bool) -> None:
    """Generate a project, prove it by its own checks, and offer to make it real.

    Example: gitops-flask new project_name='Hello API' github_owner=acme
    """
    wrong = [answer for answer in answers if "=" not in answer]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not QUESTION=ANSWER", param_hint="answers")
    given = dict(answer.split("=", 1) for answer in answers)
    new_.new(output_dir, given, no_input=no_input, prove_it=prove)


@cli.command()
@on_project
def plan(project: Path, context: str | None, *, verbose: bool) -> None:
    """Show what `up` would create or change. Changes nothing."""
    plan_.plan(_world(project, context, verbose))


@cli.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask before changing things.")
@on_project
def up(project: Path, context: str | None, *, verbose: bool, yes: bool) -> None:
    """Make the project real, or mend it; ends when its service answers the delivered revision."""
    world = _world(project, context, verbose)
    with _told(go_on=lambda: console.err.print(f"Go on with:\n  {command('up', project)}", markup=False)):
        up_.up(world, yes=yes)


@cli.command()
@on_project
def status(project: Path, context: str | None, *, verbose: bool) -> None:
    """Show every part, and whether each is as it should be. Exit code 0: healthy, 1: not."""
    sys.exit(0 if status_.status(_world(project, context, verbose)) else 1)


@cli.command("open")
@click.option("--port", default=8000, show_default=True, help="The local port.")
@on_project
def open_project(project: Path, context: str | None, *, verbose: bool, port: int) -> None:
    """Forward a local port to the service until Ctrl-C."""
    open_.open_(_world(project, context, verbose), port)


@cli.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask before removing things.")
@click.option("--repository", is_flag=True, help="Delete the GitHub repository too (its name must be typed).")
@click.option("--argocd", is_flag=True, help="Remove Argo CD too, if `up` installed it (its namespace must be typed).")
@on_project
def down(project: Path, context: str | None, *, verbose: bool, yes: bool, repository: bool, argocd: bool) -> None:
    """Remove what `up` made, and list what stays."""
    down_.down(_world(project, context, verbose), yes=yes, repository=repository, argocd=argocd)


def main() -> None:
    """Run the command line; exit codes: 0 fine, 1 an error that is told, 2 wrong usage, 130 Ctrl-C."""
    with _told():
        try:
            cli(standalone_mode=False)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)


@contextmanager
def _told(go_on: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Tell errors as sentences, without a traceback, and then how to go on."""
    try:
        yield
    except InstallerError as error:
        console.fail(str(error))
        go_on()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        console.fail("Stopped.")
        go_on()
        sys.exit(130)
