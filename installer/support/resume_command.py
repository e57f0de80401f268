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
    where = [] if project_at(_here()) == folder.resolve() else ["--project", _shortest(folder)]
    return shlex.join([*_program(_here()), verb, *where, *_cluster(), *_environment(verb, options), *options])


def entering(folder: Path, verb: str = "up") -> str:
    """Return a shell command that enters a project and runs a verb there: its last part works there."""
    return inside(folder, shlex.join([*_program(folder.resolve()), verb, *_cluster()]))


def program() -> str:
    """Return how this installer is called where the user stands."""
    return shlex.join(_program(_here()))


def inside(folder: Path, line: str) -> str:
    """Return a shell command that runs a line in the project's folder."""
    return line if _is_here(folder) else f"cd {shlex.quote(_shortest(folder))} && {line}"


def git(folder: Path, *arguments: str) -> str:
    """Return a shell command that runs git on a project."""
    return shlex.join(["git", *([] if _is_here(folder) else ["-C", _shortest(folder)]), *arguments])


def script(folder: Path, name: str) -> str:
    """Return a shell command that runs one of the project's own scripts."""
    return shlex.quote(name if _is_here(folder) else f"{_shortest(folder)}/{name}")


def _here() -> Path:
    return this_run.working_dir or Path.cwd()


def _is_here(folder: Path) -> bool:
    return _here().resolve() == folder.resolve()


def _shortest(folder: Path, start: Path | None = None) -> str:
    whole = str(folder.resolve())
    try:
        return min(os.path.relpath(whole, (start or _here()).resolve()), whole, key=len)
    except ValueError:  # on another drive
        return whole


def _cluster() -> list[str]:
    return ["--context", this_run.context] if this_run.context else []


def _environment(verb: str, options: tuple[str, ...]) -> list[str]:
    """Return what names the environment that was asked for, where a verb takes that and the options name none."""
    named = this_run.environment if verb in OF_AN_ENVIRONMENT and "--env" not in options else ""
    return ["--env", named] if named else []


def release(version: str) -> str:
    """Return a shell command that gets a certain release from where this one came, and runs there what was typed."""
    origin = _origin() or (str(_CHECKOUT) if package == "installer" else "")
    if origin and Path(origin, _TEMPLATE).is_file():  # a checkout of the template
        git = ["git", "-C", origin]
        return f"{shlex.join([*git, 'fetch', '--tags'])} && {shlex.join([*git, 'switch', '--detach', f'v{version}'])}"
    without_revision = re.sub(r"^(git\+\w+://([^/@]*@)?[^/@]*/[^@]*)@.*$", r"\1", origin)
    wanted = f"{without_revision}@v{version}" if origin.startswith("git+") else f"{PROGRAM}=={version}"
    return shlex.join([*_from(wanted, _path_of_the_shell()), *this_run.arguments])


def tool() -> str | None:
    """Return what `uvx --from` takes to get this very installer on any machine; None where that is not known."""
    origin = _origin()
    return origin if re.match(r"git\+(https|ssh)://", origin) else None


def without_login(address: str) -> str:
    """Drop what may be a token: whoever needs it has it in git's credential helper. An ssh user stays, no password."""
    address = re.sub(r"^((git\+)?https?://)[^/@]*@", r"\1", address)
    return re.sub(r"^((git\+)?ssh://[^/@:]*):[^/@]*@", r"\1@", address)


def _program(working_dir: Path) -> list[str]:
    path = _path_of_the_shell()
    found = shutil.which(PROGRAM, path=path)
    if found and (this_run.template or _is_this(Path(found))):
        return [PROGRAM]
    typed = Path(sys.argv[0]).absolute()
    passes = _lent() or ".cache" in typed.parts  # uvx, `uv run` and `pipx run` make it for one command only
    if not this_run.template and typed.name == PROGRAM and typed.is_file() and not passes:
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


def _uv_run(checkout: Path, working_dir: Path) -> list[str]:
    nearest = next((each for each in (working_dir, *working_dir.parents) if (each / "pyproject.toml").is_file()), None)
    return ["uv", "run", "--no-dev", *([] if nearest == checkout else ["--project", _shortest(checkout, working_dir)])]


def _lent() -> bool:
    """Return whether uv runs this, and has put the programs of its environment in front of PATH for that time."""
    first = os.environ.get("PATH", "").split(os.pathsep)[0]
    return "UV" in os.environ and Path(first) in (Path(sys.prefix, "bin"), Path(sys.prefix, "Scripts"))


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
    """Return what `uvx --from` takes to get this installer again; empty where it is a checkout, or from an index.

    Where a package was installed from, PEP 610 says.
    """
    if this_run.template or package == "installer":
        return this_run.template
    try:
        text = distribution(PROGRAM).read_text("direct_url.json")
    except PackageNotFoundError:
        return ""
    if not text:
        return ""
    source = json.loads(text)
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{without_login(source['url'])}@{source['vcs_info']['commit_id']}"
    url = urlsplit(source["url"])
    return url2pathname(url.path) if url.scheme == "file" else without_login(source["url"])


# --- where the template came from -----------------------------------------------------------------

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
    path = Path(typed_in or "/", Path(template).expanduser())
    if path.suffix.lower() == ".zip":
        return str(path.resolve()) if path.is_file() else ""
    return str(path.resolve()) if all((path / file).is_file() for file in (_TEMPLATE, "pyproject.toml")) else ""


def _git(address: str, checkout: str | None) -> str:
    return f"git+{address}" + (f"@{checkout}" if checkout else "")
