"""The command that goes on where something stopped: it must work when the folder that this code came from is gone."""

import json
import shlex
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from . import __name__ as package


def command(verb: str, project: Path, origin: str | None = None) -> str:
    """Return a shell command that runs a verb of this installer on a project.

    `origin` is what `uvx --from` takes: a git address, a zip's address or a folder.
    """
    words = [*_program(origin or _installed_from()), verb, "--project", str(project.resolve())]
    return shlex.join(words)


def _program(origin: str | None) -> list[str]:
    if origin:
        return ["uvx", "--from", origin, "gitops-flask"]
    if package == "installer":  # a checkout of the template
        return ["uv", "run", "--project", str(Path(__file__).resolve().parent.parent), "gitops-flask"]
    return [sys.argv[0] if Path(sys.argv[0]).name.startswith("gitops-flask") else "gitops-flask"]


def _installed_from() -> str | None:
    """Return where this package was installed from (PEP 610); None where it came from an index or is a checkout."""
    if package == "installer":
        return None
    try:
        text = distribution("gitops-flask").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    if not text:
        return None
    source = json.loads(text)
    if "vcs_info" in source:
        return f"{source['vcs_info']['vcs']}+{source['url']}@{source['vcs_info']['commit_id']}"
    url = urlsplit(source["url"])
    return url2pathname(url.path) if url.scheme == "file" else str(source["url"])
