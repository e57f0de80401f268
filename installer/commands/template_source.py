"""Where the template came from, in the words of `uvx --from`: cookiecutter's own copy of it is gone after the run."""

import re
from pathlib import Path

from ..support.resume_command import without_login

ABBREVIATIONS = {"gh": "https://github.com/", "gl": "https://gitlab.com/", "bb": "https://bitbucket.org/"}
SCP = re.compile(r"(?P<login>\w+@[\w.-]+):(?P<path>[^/].*)")


def source_of(template: str, checkout: str | None = None, typed_in: str | None = None) -> str:
    """Return what `uvx --from` takes to run the installer of a template, or nothing where no way leads back to it.

    `template` and `checkout` are what cookiecutter was given; `typed_in` is where a relative path starts.
    """
    prefix, colon, rest = template.partition(":")
    if colon and prefix in ABBREVIATIONS:
        return _git(ABBREVIATIONS[prefix] + rest.removesuffix(".git"), checkout)
    if re.match(r"(git\+)?(https?|ssh|git|file)://", template):
        address = without_login(template.removeprefix("git+"))
        return address if address.lower().endswith(".zip") else _git(address, checkout)
    if scp := SCP.fullmatch(template):
        return _git(f"ssh://{scp['login']}/{scp['path']}", checkout)
    return _local(Path(typed_in or "/", Path(template).expanduser())) or ""


def _git(address: str, checkout: str | None) -> str:
    return f"git+{address}" + (f"@{checkout}" if checkout else "")


def _local(path: Path) -> str | None:
    if path.suffix.lower() == ".zip":
        return str(path.resolve()) if path.is_file() else None
    known = all((path / file).is_file() for file in ("cookiecutter.json", "pyproject.toml"))
    return str(path.resolve()) if known else None
