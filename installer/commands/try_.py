"""`try`: the whole loop on this machine, without an account, from a cluster to a service that is live in it."""

import ipaddress
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import click

from ..ci.registry import IN_CLUSTER
from ..cluster.kind import Kind
from ..cluster.kubectl import Cluster
from ..config.settings import FILE
from ..config.settings_file import load
from ..forges.git import Clone, committer
from ..preflight.tools import OLDEST, PURPOSE, numbers, version_of
from ..resources.local_registry import owner_of, shared_port
from ..support import process
from ..support.errors import InstallerError
from ..support.plain_text import one_line
from ..support.resume_command import entering, program, project_at, this_run
from ..ui import console
from . import new as new_
from . import programs
from .after_generation import offered_later
from .options import opened
from .up import up

PORT = 5001
"""Of the registry; 5000 is AirPlay's on macOS."""
SLUG = "hello-api"
ANSWERS = {"owner": "local", "visibility": "public", "registry": f"localhost:{PORT}"}
"""Instead of the template's own defaults."""
MEMORY = 3.5e9
"""Bytes that Docker must have: Kubernetes, Argo CD and two pods of the service take about three gigabytes."""
_SECTION = """
# This project is tried on one machine: its git server and Argo CD are in this cluster, no code host and no CI above is
# asked, and `gitops-flask deploy` deploys what is committed. A kind `cluster` that `try` made goes with `down`.
local:
  context: "{context}"{more}
"""
"""What `try` adds to a project of the template, which knows nothing of it."""


def try_(
    output: Path,
    answers: dict[str, str],
    *,
    context: str | None,
    confirmed: str | None,
    cluster: str,
    fetch_tools: bool,
    yes: bool,
    registry_image: str = "",
) -> None:
    """Make cluster and project where they are missing, and everything in between; end when the pods answer."""
    if sys.platform == "win32":
        raise InstallerError("Native Windows is not supported.", "Run this in WSL 2, with Docker Desktop.")
    named = answers.get("project_slug") or (new_.slug_of(answers["project_name"]) if "project_name" in answers else "")
    slug = named or SLUG
    folder = _tried_at(output / slug) or (None if named else _tried_at(project_at(Path())))
    settings = load(folder) if folder else None
    if settings:
        context, cluster = (None, settings.kind_cluster) if settings.kind_cluster else (settings.context, cluster)
    if not folder:
        new_.refuse(output, {**answers, "project_slug": slug})
    port = _port(settings.registry if settings else answers.get("registry", ANSWERS["registry"]))
    get_programs(() if context else ("kind",), fetch_tools=fetch_tools)
    _check_docker(context)
    if context:
        _check_context(context, confirmed)
        if port and not settings:
            _check_port(Cluster(context), port)
    where = f"context {context}" if context else f"a kind cluster, {cluster}"
    console.report(f"This makes, and needs no account for it: {where}; Argo CD, a git server and a registry in it;")
    console.report(f"a project in {folder or output / slug}, tested, built and deployed.")
    console.confirm("Go on?", yes=yes)
    this_run.resume = f"{program()} {shlex.join(this_run.arguments)}"
    if not context:
        _have_cluster(Kind(cluster), port or PORT)
    section = {"cluster": "" if context else cluster, "registry_image": registry_image}
    folder = folder or _generate(output, {**answers, "project_slug": slug}, context or Kind(cluster).context, section)
    this_run.resume = entering(folder, "up")
    up(opened(folder), yes=True)
    _report_next(folder)


def _tried_at(folder: Path | None) -> Path | None:
    """Return a folder with a project of an earlier `try`."""
    return folder if folder and (folder / FILE).is_file() and load(folder).local else None


def _port(registry: str) -> int | None:
    """Return the port of a registry in the cluster; None where another registry is named."""
    host, _, port = registry.partition(":")
    return int(port) if host == "localhost" and port.isdigit() else None


# --- programs --------------------------------------------------------------------------------------


def get_programs(more: Iterable[str], *, fetch_tools: bool) -> None:
    """Let all programs be there and new enough: report all that are not at once, and fetch those that are pinned."""
    programs.use_fetched()
    needed = ("git", "docker", *more, "kubectl", "helm", "argocd")
    missing = {name: why for name in needed if (why := _lacks(name))}
    if not missing:
        return
    console.report("Missing on this machine:")
    for name, why in missing.items():
        console.report(f"- {name}: {why}")
    fetched = [name for name in missing if programs.can_fetch(name)]
    for line in _ways(list(missing)):
        console.report(f"  {line}")
    others = [name for name in missing if name not in fetched]
    if others:
        raise InstallerError(f"{', '.join(others)} must be installed first. Nothing was changed.", _ways(others)[0])
    if not fetch_tools:
        if not console.interactive():
            again = f"{program()} {shlex.join(this_run.arguments)} --fetch-tools"
            raise InstallerError("Programs are missing. Nothing was changed.", f"Install them, or: {again}")
        click.confirm(f"Fetch {', '.join(fetched)} to {programs.folder()}, checked by their SHA-256?", abort=True)
    programs.fetch(fetched, console.report)


def _lacks(name: str) -> str:
    """Say what is wrong with a program on this machine; empty where nothing is."""
    if process.missing(name):
        return f"not installed; it {PURPOSE[name]}"
    if name not in OLDEST:
        return ""
    found, (wanted, why) = numbers(version_of(name)), OLDEST[name]
    if found and found < wanted:
        return f"too old, {'.'.join(map(str, found))}; {'.'.join(map(str, wanted))} is the oldest that works ({why})"
    return ""


def _ways(names: list[str]) -> list[str]:
    """Return how to get them: by brew on macOS, and where it is; else by apt, which has git and Docker, or a page."""
    if sys.platform == "darwin" or shutil.which("brew"):
        return [f"brew install {' '.join(names)}"]
    apt = [{"docker": "docker.io docker-buildx"}.get(name, name) for name in names if name in ("git", "docker")]
    lines = [f"apt install {' '.join(apt)}"] if apt else []
    lines += ["winget install Docker.DockerDesktop (outside of WSL)"] if "docker" in names else []
    return lines + [f"{name}: {process.INSTALL[name]}" for name in names if name not in ("git", "docker")]


# --- the machine and the cluster ------------------------------------------------------------------


def _check_docker(context: str | None) -> None:
    answer = process.attempt("docker", "info", "--format", "{{.MemTotal}}")
    if answer.status:
        said = one_line(answer.err or answer.out).removesuffix(" Is the docker daemon running?").rstrip(".")
        raise InstallerError(f"Docker does not run: {said}. Nothing was changed.", "Start it, then run this again.")
    memory = int(answer.out) if answer.out.strip().isdigit() else MEMORY
    if not context and memory < MEMORY:
        what = f"Docker has {memory / 1e9:.1f} GB of memory, and the cluster takes about {MEMORY / 1e9:.1f}."
        raise InstallerError(f"{what} Nothing was changed.", "Give it more: Docker Desktop, Settings, Resources.")


def _check_context(context: str, confirmed: str | None) -> None:
    """Ask for the name of a context whose API server is not on this machine: it may be anybody's."""
    cluster = Cluster(context)
    server = cluster.server
    cluster.version()
    if _is_here(server):
        return
    needed = f"--confirm-context {context}"
    if confirmed is None and console.interactive():
        question = f"The cluster of {context} is at {server}, not on this machine. Type {context} to go on"
        confirmed = str(click.prompt(question, default="", show_default=False)).strip()
    if confirmed != context:
        what = f"Nothing was changed: the cluster of {context} is at {server}, which is not on this machine."
        raise InstallerError(what, f"Where it is meant all the same: {needed}")


def _is_here(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    if host in ("localhost", "host.docker.internal", "kubernetes.docker.internal") or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return address.is_loopback or address.is_unspecified
    return host == socket.gethostname()


def _have_cluster(kind: Kind, port: int) -> None:
    """Make the kind cluster; use one of an earlier run, which may have been stopped, or ended before it was whole."""
    if kind.exists():
        mapped = kind.port()
        if mapped is None:
            what = f"There is a kind cluster {kind.name} that leads no port to a registry: `try` did not make it."
            raise InstallerError(f"{what} Nothing was changed.", "Give another name: --cluster NAME")
        if mapped != port:
            what = f"The kind cluster {kind.name} leads port {mapped} to its registry, not {port}."
            raise InstallerError(f"{what} Nothing was changed.", f"Give that: registry=localhost:{mapped}")
        if kind.complete():
            return
        console.report(f"The kind cluster {kind.name} was not made to its end: it is made anew.")
        kind.delete()
    _check_owner(port, None)
    _check_free(port)
    kind.create(port, console.relay)


def _check_port(cluster: Cluster, port: int) -> None:
    """Refuse a port for the registry in a cluster: another than the registry has that is there, or a taken one."""
    there = shared_port(cluster.get("deployments.apps", IN_CLUSTER, IN_CLUSTER))
    if there == port:
        return
    if there:
        what = f"The projects in this cluster share the registry localhost:{there}, not localhost:{port}."
        raise InstallerError(f"{what} Nothing was changed.", f"Give that: registry=localhost:{there}")
    _check_owner(port, cluster)
    if _is_here(cluster.server):
        _check_free(port)


def _check_owner(port: int, cluster: Cluster | None) -> None:
    if owner := owner_of(port, cluster):
        other = PORT if port != PORT else PORT + 1
        fix = f"Take another port: registry=localhost:{other}"
        raise InstallerError(f"Port {port} of the node is {owner}. Nothing was changed.", fix)


def _check_free(port: int) -> None:
    if taken := _taken_by(port):
        fix = f"End it, or take another port: registry=localhost:{port + 1}"
        raise InstallerError(f"Port {port} of this machine is in use by {taken}. Nothing was changed.", fix)


def _taken_by(port: int) -> str:
    """Name the program that listens at a port; empty where nobody does."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        asked = ("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc")
        said = "" if process.missing("lsof") else process.attempt(*asked).out
        found = {line[:1]: line[1:] for line in reversed(said.splitlines())}
        return f"{found['c']} (process {found['p']})" if {"c", "p"} <= found.keys() else "another program"
    return ""


# --- the project -----------------------------------------------------------------------------------


def _generate(output: Path, answers: dict[str, str], context: str, section: dict[str, str]) -> Path:
    """Generate the project, and commit the section that makes it one of this machine."""
    with offered_later():
        folder = new_.new(output, ANSWERS | answers, no_input=True, check=False)
    more = "".join(f'\n  {name}: "{value}"' for name, value in section.items() if value)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(_SECTION.format(context=context, more=more))
    clone = Clone(folder)
    settings = ("-c", f"core.hooksPath={os.devnull}", "-c", "commit.gpgSign=false")
    commit = ("commit", "--quiet", "--message", "Try it on this machine alone", FILE)
    clone.git(*settings, *commit, env=committer(clone.attempt))
    return folder


def _report_next(folder: Path) -> None:
    example = next((folder / "src").glob("*/example.py"), folder / "src").relative_to(folder)

    def there(verb: str) -> str:
        return entering(folder, verb).rpartition(" && ")[2]

    console.report("\nNext:")
    console.report(f"- See it: {entering(folder, 'open')}")
    console.report(f"- Change it: edit {example}, then: git commit --all --message 'Change it' && {there('deploy')}")
    console.report(f"- Go back: {there('rollback')}; take everything away: {there('down')}")
    console.report(
        f"- Make it real: {program()} new, with your code host, registry and cluster; then bring your code along:"
    )
    console.report("  copy src, tests, deploy, pyproject.toml and uv.lock into the new project, and commit them there")
