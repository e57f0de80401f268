"""The command that resumes where something stopped: the shortest that works where the user stands.

It must also work when the folder that this code came from is gone. Only the standard library: the hook imports this.
"""

import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from .. import __name__ as package

PROGRAM = "gitops-flask"
OF_AN_ENVIRONMENT = ("status", "open", "rollback", "deploy")
"""The verbs that are about one environment."""
_MARK = "gitops.yaml"
_TEMPLATE = "cookiecutter.json"
_CHECKOUT = Path(__file__).resolve().parents[2]
"""The folder that this code is in, where it was not installed."""


@dataclass
class Run:
    """How this run was started, as far as the process does not show it."""

    template: str = ""
    """What `uvx --from` takes to run this installer again: a git address, a zip's address or a folder."""
    working_dir: Path | None = None
    """Where the user stands, if not in this process's folder: a hook runs in the project."""
    context: str | None = None
    """The kubeconfig context that was asked for."""
    environment: str = ""
    """The environment that was asked for, where it is not the usual one."""
    arguments: tuple[str, ...] = ()
    """What was typed after the program's name."""
    resume: str = ""
    """The command that resumes it; empty before it has changed anything."""


this_run = Run()


def project_at(folder: Path) -> Path | None:
    """Return the generated project that a folder is, or is in; None where it is in none."""
    here = folder.resolve()
    return next((each for each in (here, *here.parents) if (each / _MARK).is_file()), None)


def command(verb: str, folder: Path, *options: str) -> str:
    """Return a shell command that runs a verb of this installer on a project."""
    working_dir = this_run.working_dir or Path.cwd()
    inside = project_at(working_dir) == folder.resolve()
    where = [] if inside else ["--project", _shortest(folder, working_dir)]
    return shlex.join([*_program(working_dir), verb, *where, *_cluster(), *_environment(verb, options), *options])


def entering(folder: Path, verb: str) -> str:
    """Return a shell command that enters a project and runs a verb there: its last part works there for any verb."""
    return inside(folder, shlex.join([*_program(folder.resolve()), verb, *_cluster()]))


def _environment(verb: str, options: tuple[str, ...]) -> list[str]:
    """Return what names the environment that was asked for, where a verb takes that and the options name none."""
    named = this_run.environment if verb in OF_AN_ENVIRONMENT and "--env" not in options else ""
    return ["--env", named] if named else []


def _cluster() -> list[str]:
    return ["--context", this_run.context] if this_run.context else []


def program() -> str:
    """Return how this installer is called where the user stands."""
    return shlex.join(_program(this_run.working_dir or Path.cwd()))


def release(version: str) -> str:
    """Return a shell command that gets a certain release from where this one came, and runs there what was typed."""
    origin = _origin() or (str(_CHECKOUT) if package == "installer" else "")
    if origin and Path(origin, _TEMPLATE).is_file():  # a checkout of the template
        git = ["git", "-C", origin]
        return f"{shlex.join([*git, 'fetch', '--tags'])} && {shlex.join([*git, 'switch', '--detach', f'v{version}'])}"
    wanted = f"{_without_revision(origin)}@v{version}" if origin.startswith("git+") else f"{PROGRAM}=={version}"
    return shlex.join([*_from(wanted, _path_of_the_shell()), *this_run.arguments])


def tool() -> str | None:
    """Return what `uvx --from` takes to get this very installer on any machine; None where that is not known."""
    origin = _origin()
    return origin if re.match(r"git\+(https|ssh)://", origin) else None


def without_login(address: str) -> str:
    """Drop what may be a token: whoever needs it has it in git's credential helper. An ssh user stays, no password."""
    address = re.sub(r"^((git\+)?https?://)[^/@]*@", r"\1", address)
    return re.sub(r"^((git\+)?ssh://[^/@:]*):[^/@]*@", r"\1@", address)


def inside(folder: Path, line: str) -> str:
    """Return a shell command that runs a line in the project's folder."""
    working_dir = this_run.working_dir or Path.cwd()
    return (
        line
        if working_dir.resolve() == folder.resolve()
        else f"cd {shlex.quote(_shortest(folder, working_dir))} && {line}"
    )


def git(folder: Path, *arguments: str) -> str:
    """Return a shell command that runs git on a project."""
    working_dir = this_run.working_dir or Path.cwd()
    where = [] if working_dir.resolve() == folder.resolve() else ["-C", _shortest(folder, working_dir)]
    return shlex.join(["git", *where, *arguments])


def script(folder: Path, name: str) -> str:
    """Return a shell command that runs one of the project's own scripts."""
    working_dir = this_run.working_dir or Path.cwd()
    return shlex.join(
        [name if working_dir.resolve() == folder.resolve() else f"{_shortest(folder, working_dir)}/{name}"]
    )


def _shortest(folder: Path, working_dir: Path) -> str:
    whole = str(folder.resolve())
    try:
        relative = os.path.relpath(whole, working_dir.resolve())
    except ValueError:  # on another drive
        return whole
    return min(relative, whole, key=len)


def _program(working_dir: Path) -> list[str]:
    path = _path_of_the_shell()
    found = shutil.which(PROGRAM, path=path)
    if found and (this_run.template or _is_this(Path(found))):
        return [PROGRAM]
    typed = Path(sys.argv[0]).absolute()
    if not this_run.template and typed.name == PROGRAM and typed.is_file() and not _passing(typed):
        return [str(typed)]
    template = _origin()
    if template and Path(sys.prefix).parent == Path(template):  # a checkout's own environment, which its lock file made
        return [*_uv_run(Path(template), working_dir.resolve()), PROGRAM]
    if template:
        return _from(template, path)
    if package == "installer":  # a checkout of the template
        return [*_uv_run(_CHECKOUT, working_dir.resolve()), PROGRAM]
    if _lent() and Path(sys.prefix) != Path(os.environ.get("VIRTUAL_ENV", "")):  # by uvx, which keeps nothing
        return ["uvx", PROGRAM]
    return [PROGRAM]


def _from(origin: str, path: str) -> list[str]:
    if not shutil.which("uvx", path=path) and shutil.which("pipx", path=path):
        return ["pipx", "run", "--spec", origin, PROGRAM]
    return ["uvx", "--from", origin, PROGRAM]


def _without_revision(address: str) -> str:
    return re.sub(r"^(git\+\w+://([^/@]*@)?[^/@]*/[^@]*)@.*$", r"\1", address)


def _uv_run(checkout: Path, working_dir: Path) -> list[str]:
    nearest = next((each for each in (working_dir, *working_dir.parents) if (each / "pyproject.toml").is_file()), None)
    return ["uv", "run", "--no-dev", *([] if nearest == checkout else ["--project", _shortest(checkout, working_dir)])]


def _lent() -> bool:
    """Return whether uv runs this, and has put the programs of its environment in front of PATH for that time."""
    first = os.environ.get("PATH", "").split(os.pathsep)[0]
    return "UV" in os.environ and Path(first) in (Path(sys.prefix, "bin"), Path(sys.prefix, "Scripts"))


def _passing(program: Path) -> bool:
    """Return whether a program is there for one command only, as uvx, `uv run` and `pipx run` make it."""
    return _lent() or ".cache" in program.parts


def _path_of_the_shell() -> str:
    path = os.environ.get("PATH", "")
    return path.partition(os.pathsep)[2] if _lent() else path


def _is_this(program: Path) -> bool:
    """Return whether a program on PATH is the one that runs, and not one that was installed another time."""
    mine = {Path(sys.prefix, "bin", PROGRAM).resolve()}
    if Path(sys.argv[0]).name == PROGRAM:
        mine.add(Path(sys.argv[0]).resolve())
    return program.resolve() in mine


def _origin() -> str:
    """Return what `uvx --from` takes to get this installer again; empty where it is a checkout, or from an index."""
    return this_run.template or _installed_from() or ""


def _installed_from() -> str | None:
    """Return where this package was installed from (PEP 610); None where it came from an index or is a checkout."""
    if package == "installer":
        return None
    try:
        text = distribution(PROGRAM).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    if not text:
        return None
    source = json.loads(text)
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{without_login(source['url'])}@{source['vcs_info']['commit_id']}"
    url = urlsplit(source["url"])
    return url2pathname(url.path) if url.scheme == "file" else without_login(source["url"])
