"""What the verbs' command lines have in common."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __name__ as package
from ..config.trusted_hosts import NotTrusted, is_trusted, remember
from ..support import resume_command
from ..support.plain_text import plain

if TYPE_CHECKING:
    from ..project.project import Project

Decorated = Callable[..., Any]


SECTIONS = {
    "Start": ("try", "new"),
    "Project": ("doctor", "plan", "up", "status", "open", "down"),
    "Deployments": ("rollback", "deploy"),
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


def on_project(function: Decorated) -> Decorated:
    """Give a verb the options by which it finds its project and its cluster."""
    options = [
        click.option("--project", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
                     default=lambda: resume_command.project_at(Path()) or Path(),
                     help="The generated project (default: the one that you stand in)."),
        click.option("--context", metavar="NAME", callback=_noted,
                     help="The kubeconfig context (default: the current one)."),
        click.option("-v", "--verbose", is_flag=True, help="Show every command and request."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


in_environment = click.option(
    "--env", "environment", metavar="NAME", help="The environment (default: dev, the only one)."
)
as_document = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON (docs/reference/json.md says what it means)."
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


def open_project(folder: Path, context: str | None, verbose: bool, environment: str | None = None) -> "Project":  # noqa: FBT001 - as click gives it
    """Open the project that a command is about, in the environment that was named."""
    show_commands(wanted=verbose)
    project = opened(folder, context)
    has = project.settings.environment
    if environment not in (None, has):
        raise click.BadParameter(
            f"{project.settings.slug} has no environment {environment!r}, only {has}.", param_hint="--env"
        )
    return project


def opened(folder: Path, context: str | None = None) -> "Project":
    """Open a project; ask whether a host that only its settings name may get a token, and remember a yes.

    --yes is none: it was said before anyone saw the host.
    """
    from ..project.project import Project  # GitHub's and the cluster's libraries: not for `--help`
    from ..support.programs import use_fetched
    from ..ui import console

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


def show_commands(*, wanted: bool) -> None:
    """Print every command and request to standard error, secrets blotted out."""
    if wanted:
        handler = logging.StreamHandler()
        handler.setFormatter(_Plain())
        logging.basicConfig(handlers=[handler])
        logging.getLogger(package).setLevel(logging.DEBUG)
