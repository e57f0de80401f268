"""What the verbs' command lines have in common."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __name__ as package
from ..config.environments import ADDED
from ..config.trusted_hosts import NotTrusted, is_trusted, remember
from ..support import resume_command
from ..support.plain_text import plain

if TYPE_CHECKING:
    from ..project.project import Project

Decorated = Callable[..., Any]


SECTIONS = {
    "Start": ("try", "new"),
    "Project": ("doctor", "plan", "up", "status", "open", "down"),
    "Deployments": ("promote", "rollback", "deploy"),
    "Template": ("template",),
}
"""The commands as `--help` lists them: in the order in which they are used."""


class Sections(click.Group):
    """Lists the commands in sections."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their sections."""
        return [name for names in SECTIONS.values() for name in names]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section of the help text for each section, all with the same columns."""
        widest = max(map(len, self.commands))
        for section, names in SECTIONS.items():
            with formatter.section(section):
                rows = [(name.ljust(widest), self.commands[name].get_short_help_str(formatter.width)) for name in names]
                formatter.write_dl(rows)


def _noted(_: click.Context, __: click.Parameter, context: str | None) -> str | None:
    """Let what is printed as a command name the same context."""
    resume_command.this_run.context = context
    return context


@dataclass(frozen=True)
class Where:
    """Which project and cluster a command is about, by its options."""

    folder: Path
    context: str | None
    environment: str | None

    def open(self) -> "Project":
        """Open the project, in the environment that was named."""
        project = opened(self.folder, self.context)
        has = [each.environment for each in project.settings.of_each()]
        named = self.environment or has[0]
        if named not in has:
            what = f"{project.settings.slug} has no environment {named!r}, only {' and '.join(has)}"
            raise click.UsageError(f"{what}. To add one: {ADDED}.")
        resume_command.this_run.environment = named if named != has[0] else ""
        return project.of(named)


def on_project(function: Decorated) -> Decorated:
    """Give a verb the options by which it finds its project and its cluster: it is called with a `Where`."""

    @wraps(function)
    def verb(folder: Path, context: str | None, *, verbose: bool, environment: str | None = None, **own: Any) -> Any:
        if verbose:
            show_commands()
        return function(Where(folder, context, environment), **own)

    decorated: Decorated = verb
    options = [
        click.option("--project", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                     default=lambda: resume_command.project_at(Path()) or Path(),
                     help="The generated project (default: the one in or above this folder)."),
        click.option("--context", metavar="NAME", callback=_noted,
                     help="The kubeconfig context (default: the current one)."),
        click.option("-v", "--verbose", is_flag=True, help="Show every command and request."),
    ]  # fmt: skip
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


into_folder = click.option(
    "-o", "--output-dir", type=click.Path(file_okay=False, path_type=Path), default=Path(), metavar="DIR",
    help="Where the project's folder goes (default: here).",
)  # fmt: skip
in_environment = click.option("--env", "environment", metavar="NAME", help="The environment (default: dev).")
as_document = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON (gitops-flask's docs/reference/json.md explains it)."
)
may_say_yes = click.option("-y", "--yes", is_flag=True, help="Do not ask before changing things.")


def examples(*lines: str) -> str:
    """Return the end of a help text; click leaves the line breaks of a paragraph that begins with a backspace."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


class _Plain(logging.Formatter):
    """Formats what a terminal shows and does not obey."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message and what belongs to it."""
        return plain(super().format(record))


def opened(folder: Path, context: str | None = None) -> "Project":
    """Open a project; ask whether a host that only its settings name may get a token, and remember a yes.

    --yes is none: it was said before anyone saw the host.
    """
    from ..project.project import Project  # GitHub's and the cluster's libraries: not for `--help`
    from ..ui import console
    from .programs import use_fetched

    use_fetched()
    while True:
        try:
            return Project.open(folder, context)
        except NotTrusted as error:
            if not console.interactive() or not click.confirm(plain(error.question), err=True):
                raise
            remember(error.kind, error.host)
            if not is_trusted(error.kind, error.host):  # there is no place to remember it
                raise


def show_commands() -> None:
    """Print every command and request to standard error, secrets blotted out."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Plain())
    logging.basicConfig(handlers=[handler])
    logging.getLogger(package).setLevel(logging.DEBUG)
