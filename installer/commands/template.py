"""`template update` and `template check`: update a project from its template."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ..config.settings import Settings
from ..forges.git import Clone
from ..project.project import FORGE_KINDS, Project
from ..support import resume_command
from ..support.errors import InstallerError
from ..support.resume_command import source_of
from ..ui import console, json_documents
from ..update import render
from ..update.render import FILE, Record, Template
from ..update.repository import Repository
from ..update.request import Hosted, Local
from ..update.update import UPDATE, Base, Rendered, base_of, initial, prepare, recorded, rendered
from .new import check_answers
from .new import template as at_hand

BEHIND = 3


def update(project: Project, *, to: str, address: str, answers: Mapping[str, str], init: bool) -> None:
    """Merge the template into the project's main, and propose it."""
    repository, place = _opened(project)
    main = place.main()
    with TemporaryDirectory(prefix="gitops-flask-") as folder:
        scratch = Path(folder)
        template = _template(to, address, scratch)
        about = (repository, main, template, scratch)
        base = _first_base(*about, project.settings) if init else _base(*about)
        if not (address or init):
            _refuse_another_template(base.record, template)
        check_answers(answers, template.questions, "Nothing was changed.")
        if "project_slug" in answers:
            what = "project_slug cannot be changed: repository, image, release and namespace have that name."
            raise InstallerError(what, "Make a project with the other name, and move the code.")
        new = rendered(repository, base, template, scratch, answers)
        if not new.changed and not init:
            console.report(f"Nothing to update: the project has all of the template, {template.version}.")
            return
        made = prepare(repository, main, template, new, answers)
        console.report(f"The template changed {len(new.changed)} files since {base.record.version or 'then'}.")
        for line in (*made.news, *made.merged.notes):
            console.report(f"- {line}")
        for conflict in made.merged.conflicts:
            console.fail(f"Conflict: {conflict}")
        console.report(place.propose(made, again=bool(to or answers or init)))


def abort(project: Project) -> None:
    """Take back an update that is not merged yet."""
    _, place = _opened(project)
    console.report(place.abort())


def check(folder: Path, *, as_json: bool) -> int:
    """Report whether the template has an update for the project; return the exit code."""
    repository = Repository(folder)
    main = Local(repository).main() if Clone(folder).head() else ""
    with TemporaryDirectory(prefix="gitops-flask-") as scratch:
        template = _template("", "", Path(scratch))
        base = _base(repository, main, template, Path(scratch))
        _refuse_another_template(base.record, template)
        new = rendered(repository, base, template, Path(scratch), {})
    if as_json:
        console.document(json_documents.template(new))
    elif new.changed:
        _report(new)
    else:
        console.report(f"Current: the project has all of the template, {template.version}.")
    return BEHIND if new.changed else 0


def _report(new: Rendered) -> None:
    before, now = new.before.record.version, new.record.version
    console.report(f"Behind: made by {before}; {now} changes {len(new.changed)} files.")
    if new.changelog:
        console.report(f"\n{new.changelog}")
    console.report(f"Get them: {resume_command.program()} template update")


def _opened(project: Project) -> tuple[Repository, Hosted | Local]:
    """Return the project's repository, and where its updates are put."""
    Clone(project.folder).head()  # raises where it is none of its own
    repository, settings = Repository(project.folder), project.settings
    if project.credentials.token and project.forge.find():
        requests = FORGE_KINDS[settings.scm].requests(project.forge)
        return repository, Hosted(repository, settings.clone_url, project.credentials.login, requests)
    reason = "there is no such repository" if project.credentials.token else "there is no token"
    console.report(f"{settings.url} is not used: {reason}.")
    return repository, Local(repository)


def _template(to: str, address: str, scratch: Path) -> Template:
    """Return the template that is wanted: the one at hand, another version of it, or another one."""
    if not address:
        here = _at_hand()
        return render.fetch(render.at(here.tool, _tag(to)), scratch / "to") if to not in ("", here.version) else here
    folder = Path(address).expanduser().resolve()
    source = address if address.startswith("git+") else source_of(address)
    if folder.is_dir() or not source:
        source = str(folder)
    if to:
        source = f"git+{folder.as_uri()}" if folder.is_dir() else source
        source = render.at(source, _tag(to))
    return render.fetch(source, scratch / "template")


def _tag(version: str) -> str:
    return f"v{version}" if version[:1].isdigit() else version


def _at_hand() -> Template:
    """Return the template that is part of this tool."""
    address = resume_command.tool() or ""
    commit = re.search(r"@([0-9a-f]{40})$", address)
    here = render.fetch(str(at_hand()), Path())
    return replace(here, address=address, commit=commit[1] if commit else here.commit)


def _base(repository: Repository, main: str, template: Template, scratch: Path) -> Base:
    """Return what the project stands on. Its answers are rendered: whoever may write to main may put code in them."""
    record = recorded(repository, main)
    check_answers(record.answers, dict.fromkeys(record.answers, ""), f"{FILE} cannot be used:")
    return base_of(repository, main, record, template, scratch)


def _first_base(repository: Repository, main: str, template: Template, scratch: Path, settings: Settings) -> Base:
    if repository.text(main, FILE) is not None:
        raise InstallerError(f"The project has a {FILE} already.", f"Run it without --init: {UPDATE}")
    version = repository.text(main, ".python-version") or ""
    return initial(repository, main, template, _answers(settings, version.strip()), scratch)


def _refuse_another_template(record: Record, template: Template) -> None:
    known, here = map(render.without_revision, (record.template, template.tool))
    if render.plain(known) != render.plain(here):
        what = f"The project was made from {known or 'no template'}, and this gitops-flask is of {here}."
        way = f"uvx --from {shlex.quote(known)} {UPDATE}; or go over to another: {UPDATE} --template ADDRESS"
        raise InstallerError(what, way)


def _answers(settings: Settings, python: str) -> dict[str, str]:
    """Return the answers that a project's settings were made from."""
    found = {
        "project_name": settings.name,
        "project_slug": settings.slug,
        "description": settings.description,
        "scm": settings.scm,
        "ci": settings.ci,
        "owner": settings.owner,
        "host": settings.host,
        "visibility": settings.visibility,
        "registry": settings.registry,
        "registry_account": settings.account,
        "python_version": python,
        "namespace": settings.namespace,
        "database": settings.database,
    }
    return {name: answer for name, answer in found.items() if answer}
