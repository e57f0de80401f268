"""One update of a project: from what was rendered last, by way of a pristine render, to a commit on top of main."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..config.settings import TEMPLATE
from ..support.errors import InstallerError
from .merge import Merged, merge
from .render import FILE, Record, Template, commit_of, fetch, number, parse, plain, render, without_revision
from .repository import GONE, Repository

CRUFT = ".cruft.json"
UPDATE = "gitops-flask template update"


@dataclass(frozen=True)
class Base:
    """What a project was made from, and the commit that holds it as it was rendered."""

    record: Record
    commit: str


@dataclass(frozen=True)
class Update:
    """What a newer template changes in a project; `commit` stands on main, `pristine` is the render alone."""

    before: Record
    now: Record
    commit: str
    pristine: str
    merged: Merged
    changed: Sequence[str]
    """The files that the template itself changed."""
    changelog: str
    news: Sequence[str]
    """What became of answers."""


def recorded(repository: Repository, main: str) -> Record:
    """Return what a project's main branch says of its template; raise where it says nothing."""
    text = repository.text(main, FILE)
    if text is None:
        fix = f"For a project that was made before there was one: {UPDATE} --init"
        raise InstallerError(f"The branch main has no {FILE}, which says from what this project was made.", fix)
    return parse(text)


def base_of(repository: Repository, main: str, record: Record, template: Template, scratch: Path) -> Base:
    """Return the render that a project stands on: the one that it names, else rendered again."""
    for commit in _candidates(repository, main, record):
        there = parse(repository.text(commit, FILE) or "")
        if there.version != record.version:
            continue  # another tool updated the project
        if there.answers != record.answers:
            raise _edited(there, record)
        return Base(record, commit)
    return Base(record, _again(repository, main, record, template, scratch))


def _edited(made: Record, now: Record) -> InstallerError:
    names = sorted(n for n in {*made.answers, *now.answers} if made.answers.get(n) != now.answers.get(n))
    back = ", ".join(f"{name}: {made.answers.get(name, 'no such line')}" for name in names)
    again = " ".join(f"--set {name}={now.answers[name]}" for name in names if name in now.answers)
    what = f"{FILE} was edited: {', '.join(names)} differs from what the project was made with."
    return InstallerError(what, f"Take it back ({back}); to change an answer: {UPDATE} {again}".strip())


def _candidates(repository: Repository, main: str, record: Record) -> list[str]:
    """Return the commits that may be the render; of a shallow clone, after the rest was asked for."""
    for fetched in (False, True):
        if fetched:
            shallow = repository.attempt("rev-parse", "--is-shallow-repository").out.strip() == "true"
            more = ["--unshallow"] if shallow else []
            repository.attempt("fetch", "--quiet", "--no-tags", *more, "origin")
        if record.commit:
            found = [record.commit] if repository.find(record.commit) else []
        else:
            added = repository.git("log", "--diff-filter=A", "--format=%H", "--full-history", main, "--", FILE).split()
            found = [*reversed(added)]
        if found := [each for each in found if repository.is_untouched(each) and repository.text(each, FILE)]:
            return found
    return []


def _again(repository: Repository, main: str, record: Record, template: Template, scratch: Path) -> str:
    """Render the recorded version again, and commit it upon the project's first commit."""
    if record.version == template.version and template.tool == record.template:
        old = template
    elif plain(record.template) == plain(template.tool):
        old = fetch(record.template, scratch / "old")
    else:
        what = f"What {record.template} made of this project is not in its history. To render it again runs its code."
        raise InstallerError(what, f"If it may: {UPDATE} --template {shlex.quote(record.template)}")
    made = render(old, repository, record.answers, scratch / "again", tool=record.template)
    return pristine(repository, made.tree, replace(record, commit=""), _root(repository, main))


def _root(repository: Repository, main: str) -> str:
    return repository.git("rev-list", "--max-parents=0", main).split()[-1]


def pristine(repository: Repository, tree: str, record: Record, parent: str) -> str:
    """Commit a render; nothing is to build it."""
    blob = repository.blob(record.text())
    whole = repository.changed(tree, {FILE: ("100644", blob)})
    if repository.tree(parent) == whole and repository.is_untouched(parent):
        return parent
    return repository.commit(whole, f"Template {record.version} [skip ci]", parent)


@dataclass(frozen=True)
class Rendered:
    """What a template makes of a project's answers, and what was made of them before."""

    record: Record
    tree: str
    before: Base
    old: str
    changed: Sequence[str]
    """The files in which the two differ; none where the project is current."""
    changelog: str


def rendered(
    repository: Repository, base: Base, template: Template, scratch: Path, answers: Mapping[str, str]
) -> Rendered:
    """Render a template with a project's answers, some of them changed, and compare it with the former render."""
    before = base.record
    if number(template.version) < number(before.version):
        what = f"This project was made by {before.version}, and the template at hand is {template.version}."
        raise InstallerError(what, f"Get the newer one, or name it: {UPDATE} --to {before.version}")
    _offered({**before.answers, **answers}, template)
    made = render(template, repository, before.answers, scratch / "same", changed=answers, tool=before.template)
    old, new = (_bare(repository, tree) for tree in (repository.tree(base.commit), made.tree))
    changed = repository.git("diff-tree", "-r", "--no-renames", "--name-only", "-z", old, new).split("\0")
    if new != old:
        _refuse_an_older_commit(before, template, scratch)
    if new != old and template.tool != before.template:  # the address stands in files, but is no reason to update
        made = render(template, repository, before.answers, scratch / "new", changed=answers, tool=template.tool)
    record = Record(template.version, template.tool, made.answers)
    log = template.changelog(before.version)
    return Rendered(record, made.tree, base, old, tuple(filter(None, changed)), log)


def _refuse_an_older_commit(before: Record, template: Template, scratch: Path) -> None:
    """Raise where the template at hand is an older commit of the same version, as uvx keeps one."""
    known = commit_of(before.template)
    if template.version != before.version or known in ("", template.commit) or not template.commit:
        return
    if plain(before.template) != plain(template.tool):
        return
    try:
        git = _history(template, scratch)
    except InstallerError:
        return  # nobody knows
    if not git.attempt("merge-base", "--is-ancestor", template.commit, known).status:
        what = f"This project was made by {known[:12]} of the template, and the one at hand is older: "
        fix = f"Get the newest: uvx --refresh --from {shlex.quote(without_revision(template.tool))} {UPDATE}"
        raise InstallerError(f"{what}{template.commit[:12]}.", fix)


def _history(template: Template, scratch: Path) -> Repository:
    """Return the template with all its commits: a wheel has none, but its address."""
    if (template.folder / ".git").exists():
        return Repository(template.folder)
    return Repository(fetch(without_revision(template.tool), scratch / "history").folder)


def _bare(repository: Repository, tree: str) -> str:
    return repository.changed(tree, {FILE: GONE} if repository.text(tree, FILE) is not None else {})


def prepare(repository: Repository, main: str, template: Template, new: Rendered, answers: Mapping[str, str]) -> Update:
    """Make the commit that brings a project to a template."""
    before, now = new.before.record, new.record
    refs = (f"refs/remotes/origin/{TEMPLATE}", f"refs/heads/{TEMPLATE}", new.before.commit)
    clean = pristine(repository, new.tree, now, next(filter(None, map(repository.find, refs))))
    now = replace(now, commit=clean)
    merged = merge(repository, new.old, repository.tree(main), repository.tree(clean), template.yours, "template")
    changes = {FILE: ("100644", repository.blob(now.text()))}
    cruft = repository.text(main, CRUFT)
    if cruft is not None:
        changes[CRUFT] = ("100644", repository.blob(_with_cruft(cruft, template, now)))
    merged = replace(merged, tree=repository.changed(merged.tree, changes))
    commit = repository.commit(merged.tree, _message(now, merged), main)
    return Update(before, now, commit, clean, merged, new.changed, new.changelog, _news(before, now, answers))


def _message(now: Record, merged: Merged) -> str:
    conflicts = "".join(f"\n- {each}" for each in merged.conflicts)
    return f"Update from the template, {now.version}" + (f"\n\nConflicts:{conflicts}" if conflicts else "")


def _offered(answers: Mapping[str, str], template: Template) -> None:
    """Raise where a choice that was made is none any more."""
    for name, answer in answers.items():
        choices = template.questions.get(name)
        if isinstance(choices, list) and answer not in choices:
            what = f"{name}: {answer} is no choice any more in {template.version}."
            raise InstallerError(what, f"Choose another: {UPDATE} --set {name}={'|'.join(map(str, choices))}")


def _news(before: Record, now: Record, given: Mapping[str, str]) -> tuple[str, ...]:
    lines = []
    for name, answer in now.answers.items():
        if name not in before.answers:
            how = "" if name in given else f" (the default; another one: {UPDATE} --set {name}=…)"
            lines.append(f"new question {name}: {answer}{how}")
        elif answer != before.answers[name]:
            lines.append(f"{name}: {answer}, before {before.answers[name]}")
    return (*lines, *(f"{name} is not asked any more" for name in before.answers if name not in now.answers))


def _with_cruft(text: str, template: Template, now: Record) -> str:
    """Return cruft's own record with the template's commit, by which cruft goes on."""
    fix = "Update with cruft: cruft update"
    try:
        cruft = json.loads(text)
        known = cruft["template"]
        here = plain(known) == plain(template.address) or Path(known).resolve() == template.folder
        context = cruft["context"]["cookiecutter"]
        context |= {name: answer for name, answer in now.answers.items() if name in context}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InstallerError(f"{CRUFT} cannot be read.", fix) from None
    if not (template.commit and here):
        raise InstallerError(f"This project is cruft's ({CRUFT}), and the commit of the template is not known.", fix)
    return json.dumps({**cruft, "commit": template.commit}, indent=2, ensure_ascii=False) + "\n"


# --- a project that was made before there was a record ------------------------------------------------------------


def initial(repository: Repository, main: str, template: Template, answers: Mapping[str, str], scratch: Path) -> Base:
    """Find the version of the template whose render is the most like the project's first commit."""
    added = repository.git("log", "--diff-filter=A", "--format=%H", main, "--", "gitops.yaml").split()
    if not added:
        raise InstallerError("No commit of main has gitops.yaml.", "Commit the project as it was made, then run this.")
    first = added[-1]
    wanted = repository.entries(repository.tree(first))
    named = re.search(r"uvx --from (\S+) gitops-flask", repository.text(first, "README.md") or "")
    tool = named[1] if named else ""
    best: tuple[int, str, Record] | None = None
    for at_which, candidate in enumerate(_versions(repository, first, template, scratch)):
        try:
            made = render(candidate, repository, answers, scratch / f"candidate-{at_which}", tool=tool)
        except InstallerError:
            continue  # an answer that it did not take
        found = repository.entries(made.tree)
        differing = sum(found.get(path) != wanted.get(path) for path in {*found, *wanted} - {FILE})
        if best is None or differing < best[0]:
            best = differing, made.tree, Record(candidate.version, tool or template.tool, made.answers)
    if best is None:
        raise InstallerError("No version of the template takes this project's answers.", "Is it of this template?")
    _, tree, record = best
    return Base(record, pristine(repository, tree, record, _root(repository, main)))


def _versions(repository: Repository, first: str, template: Template, scratch: Path) -> list[Template]:
    """Return the released versions, the newest commit of before the project was made, and the one at hand."""
    git = _history(template, scratch)
    date = repository.git("show", "--no-patch", "--format=%cI", first)
    before = git.git("rev-list", "-1", f"--before={date}", "HEAD")
    revisions = dict.fromkeys([before, *git.git("tag", "--list", "v*", "--sort=-creatordate").split()])
    found = []
    for revision in filter(None, revisions):
        there = fetch(f"git+{git.folder.resolve().as_uri()}@{revision}", scratch / f"version-{revision}")
        if (there.folder / "cookiecutter.json").is_file():
            found.append(there)
    return [template, *found]
