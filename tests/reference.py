"""The reference pages that are made from the code: `python -m tests.reference` writes them."""

import dataclasses
import re

import click
from click.testing import CliRunner

from installer.cli import cli
from installer.config import settings_file
from installer.config.forms import FORMS, Form
from installer.config.settings import FILE, Settings
from tests.conftest import PROJECT, ROOT

FOLDER = ROOT / "docs/reference"
MADE = "This page is made from the code by `uv run python -m tests.reference`; a test holds them together."
PAGES = {"command-line.md", "gitops-yaml.md"}


def command_line() -> str:
    """Return what `--help` says, of the whole and of each command."""

    def said(*verb: str) -> str:
        done = CliRunner().invoke(cli, [*verb, "--help"], prog_name="gitops-flask", terminal_width=80)
        assert done.exit_code == 0, done.output
        return f"```\n{done.output.strip()}\n```\n"

    names = [(name, *more) for name in cli.list_commands(None) for more in [(), *_below(name)]]  # type: ignore[arg-type]
    verbs = "\n".join(f"## gitops-flask {' '.join(name)}\n\n{said(*name)}" for name in names)
    return f"# The command line\n\n{MADE}\n\n{said()}\n{RULES}\n{verbs}"


def _below(name: str) -> list[tuple[str, ...]]:
    """Return the commands of a group."""
    command = cli.commands[name]
    return [(each,) for each in command.commands] if isinstance(command, click.Group) else []


def settings() -> str:
    """Return every setting of `gitops.yaml`: what it must look like, what it is if it is not there, what it is for."""
    defaults = {each.name: each.default for each in dataclasses.fields(Settings)}
    notes = comments()
    rows = []
    for name, (where, given) in (settings_file._FIELDS | settings_file._LOCAL).items():
        form = FORMS[given] if isinstance(given, str) else given
        most = f" (at most {form.longest} characters)" if form.longest < Form("", "").longest else ""
        default = shown(defaults[name])
        if name in settings_file._MUST_BE_SAID:
            default = "required"
        rows.append(
            (
                where,
                f"{form.words}{most}",
                NO_FIXED_DEFAULT.get(name, default),
                " GitHub only." * (name in settings_file._ONLY_AT_GITHUB),
            )
        )
    rows += [(where, "a PEM file next to it, or nothing", "none", "") for where in settings_file._FILES.values()]
    rows += [(where, *OTHERS[where], "") for where in settings_file._OTHERS]
    cells = [
        (
            f"`{where.replace('scm.', '<host>.')}`",
            form,
            default,
            f"{NOTES.get(where) or notes[where.replace('github.', 'scm.')]}{only}",
        )
        for where, form, default, only in sorted(rows)
    ]
    table = "\n".join(f"| {' | '.join(cell.strip() or ' ' for cell in row)} |" for row in cells)
    return f"{HEAD}\n| setting | value | default | meaning |\n| --- | --- | --- | --- |\n{table}\n"


RULES = """\
Run a command in any folder of the generated project, or give `--project DIR`. Exit codes: 0 done, fine or live; 1 an
error that says how to fix it; 2 wrong usage; 130 Ctrl-C; 143 SIGTERM; `plan --exit-code` has [its own](json.md). An
unexpected error is 1, too: one sentence, and a log with the details, without secrets
(`~/.local/state/gitops-flask/logs`; `GITOPS_FLASK_DEBUG=1` prints it).
"""
HEAD = f"""\
# {FILE}

{MADE}

This file in the project's folder has what the installer knows of the project, and no secret. `<host>` is `github` or
`gitlab`, where the repository is; a project has one of them. An unknown setting is an error that names the nearest one.
`plan` says if the file differs from the one on `main`.
"""
NO_FIXED_DEFAULT = {"ci": "the code host's own", "image_visibility": "as the repository"}
NOTES = {
    "argocd.namespace": "Where Argo CD is, or will be installed.",
    "cluster.namespace": "The service's own namespace; instead of it `environments` names one for each.",
    "environments": "More than `dev` alone ([how-to](../how-to/environments.md)).",
    "github.public_runner": "`allowed`: pull requests to a public repository may run on your own runners.",
    "github.reporter_image": "What the reporter's pod runs: this image or your registry's copy; `up` pins its digest.",
    "local.cluster": "The kind cluster that `try` made; `down` removes it.",
    "local.context": "Required in a section `local`, which `try` adds: the cluster with its git server and Argo CD.",
    "local.registry_image": "What runs as the registry in that cluster.",
    "project.ci": "github-actions, gitlab-ci, circleci or travis-ci.",
    "project.description": "Shown with the repository.",
    "project.formerly": "Repositories that this one replaced: `up` removes what it created there.",
    "project.name": "What people call the service.",
    "project.slug": "Its name for machines: repository, image, Helm release, Service.",
    "registry.account": "The image is host/account/slug.",
    "registry.ca": "The company's CA that signed the registry's certificate: a PEM file next to this one.",
    "registry.host": "Where the image is pushed to and pulled from.",
    "registry.token_server": "Where the registry sends logins, if that is another host (security.md).",
    "scm.api_version": "The version of GitHub's REST API.",
    "scm.host": "The code host: github.com, gitlab.com or your own.",
    "scm.owner": "The user, organisation or group that owns the repository.",
    "scm.visibility": "Of the repository.",
    "version": "The format of this file.",
}
"""What a setting is for, where the generated file has no comment that says so."""
OTHERS = {
    "version": ("1", "required"),
    "generated_by": ("a version in quotes, like '1.2.0'", "not known"),
    "requires": ("a version in quotes, like '1.2.0'", "any version may work on it"),
    "argocd.values": ("values for Argo CD's chart", "none"),
    "cluster.extra_kinds": ("a list of kinds, like [external-secrets.io/ExternalSecret]", "none"),
    "environments": (
        "names with namespace and from, like {dev: {namespace: web-dev}, test: {namespace: web-test, from: dev}}",
        "`dev` alone",
    ),
    "project.formerly": ("a list of addresses, like [https://github.com/acme/web]", "none"),
}


def shown(value: object) -> str:
    return "none" if value in ("", (), dataclasses.MISSING) else f"`{value}`"


def comments() -> dict[str, str]:
    """Return what the generated file says of a setting, by its place."""
    found: dict[str, str] = {}
    section = ""
    for line in (ROOT / PROJECT / FILE).read_text(encoding="utf-8").splitlines():
        if begun := re.fullmatch(r"(\S.*):", line):
            section = "scm." if "scm" in begun[1] else f"{begun[1]}."
        if said := re.fullmatch(r"( *)(\w+): .*?[^{] +# (.+)", line):
            text = re.sub(r"\{\{.*?\}\}", "the code host", said[3])
            found[f"{section if said[1] else ''}{said[2]}"] = f"{text[0].upper()}{text[1:]}."
    return found


def pages() -> dict[str, str]:
    return {"command-line.md": command_line(), "gitops-yaml.md": settings()}


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
