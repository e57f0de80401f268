"""The three-way merge of a template's two renders and a project, by git itself."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..support import process
from ..support.errors import InstallerError
from ..support.secret import redact
from .render import FILE
from .repository import GONE, Entry, Repository, index_info

LOCK, PYPROJECT = "uv.lock", "pyproject.toml"
_MIGRATIONS = re.compile(r"(.*/)?migrations/versions/")
Entries = dict[str, Entry]


@dataclass(frozen=True)
class Merged:
    """The project with the template's changes; `conflicts` and `notes` name files, and why."""

    tree: str
    conflicts: Sequence[str] = ()
    notes: Sequence[str] = ()


def merge(repository: Repository, base: str, ours: str, theirs: str, yours: Sequence[str], label: str) -> Merged:
    """Merge what a template changed between two renders, base and theirs, into a project's tree.

    `yours` are patterns of files that change only where the project has them as they were rendered. The lock file and
    the record are not merged: the first is made again, the second is the caller's.
    """
    notes: list[str] = []
    with repository.scratch() as there:
        base, theirs = _with_line_endings(there, base, ours, theirs)
        b, o, t = (there.entries(tree) for tree in (base, ours, theirs))
        changes = _yours(there, b, o, t, yours, notes, (base, theirs))
        out = dict.fromkeys((LOCK, FILE), GONE)
        bare = [
            there.changed(tree, {p: e for p, e in {**more, **out}.items() if e != GONE or p in entries})
            for tree, more, entries in ((base, {}, b), (ours, {}, o), (theirs, changes, t))
        ]
        conflicts = _merged(there, (bare[0], bare[1], bare[2]), label, notes)
        merged = there.git("write-tree")
        restored = _still_imported(there, merged, o, b, yours)
        notes += [f"{path}: the template drops it; it stays, something imports it" for path in restored]
        merged = there.changed(merged, {**restored, **{p: o[p] for p in out if p in o}})
        lock = _lock(there, merged, b, o, t, notes)
        return Merged(there.changed(merged, {LOCK: lock} if lock else {}), tuple(conflicts), tuple(notes))


def _with_line_endings(there: Repository, base: str, ours: str, theirs: str) -> tuple[str, str]:
    """Give both renders the line endings of the project: to end lines otherwise is no change of theirs."""
    with_cr = _ending(there, ours, "i/crlf")
    without = _ending(there, base, "i/lf")
    for_base, for_theirs = {}, {}
    b, t = there.entries(base), there.entries(theirs)
    for path in sorted(with_cr & without):
        for_base[path] = _crlf(there, b[path])
        if path in t:
            for_theirs[path] = for_base[path] if t[path] == b[path] else _crlf(there, t[path])
    return there.changed(base, for_base), there.changed(theirs, for_theirs)


def _ending(there: Repository, tree: str, kind: str) -> set[str]:
    there.git("read-tree", tree)
    listed = there.git("ls-files", "--eol", "-z").split("\0")
    return {path for about, _, path in (line.partition("\t") for line in listed) if about.startswith(f"{kind} ")}


def _crlf(there: Repository, entry: Entry) -> Entry:
    mode, blob = entry
    text = there.attempt("cat-file", "blob", blob).out
    return entry if "\ufffd" in text else (mode, there.blob(re.sub(r"\r?\n", "\r\n", text)))


def _is(patterns: Sequence[str], path: str) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _yours(
    there: Repository,
    b: Entries,
    o: Entries,
    t: Entries,
    patterns: Sequence[str],
    notes: list[str],
    both: Sequence[str],
) -> Entries:
    """Return what the template's render must have instead, so that git leaves what the team changed as it is."""
    changes: Entries = {}
    unchanged_elsewhere = {entry for path, entry in o.items() if path not in b}
    moved = _renames(there, *both)
    for path in sorted(filter(lambda each: _is(patterns, each), {*b, *t})):
        was, here, new = b.get(path), o.get(path), t.get(path)
        if new == was or here == new:
            continue
        if was is None:
            if here is not None:
                notes.append(f"{path}: the template has one, too; yours stays")
                changes[path] = GONE
        elif here != was and not (here is None and was in unchanged_elsewhere and new is not None):
            changes[path] = was
            target = moved.get(path)
            if here is None:
                notes.append(f"{path}: not here any more, so its update is left out")
            elif target and target not in o and target not in b:
                changes |= {path: GONE, target: was}
                notes.append(f"{path}: yours moves to {target}, its content stays")
            else:
                what = "drops it" if new is None else "has another one"
                notes.append(f"{path}: you changed it, so it stays; the template {what}")
    return changes | _migrations(b, o, {**t, **changes}, notes)


def _migrations(b: Entries, o: Entries, t: Entries, notes: list[str]) -> Entries:
    """Return what keeps migrations as they are: a database may be at any that was there, and two heads stop a pod."""
    changes: Entries = {}
    for folder in sorted({found[0] for found in map(_MIGRATIONS.match, {*b, *t}) if found}):
        was, here, new = ({p: e for p, e in each.items() if p.startswith(folder)} for each in (b, o, t))
        if was != here and new != was:
            changes |= {path: was.get(path, GONE) for path in {*was, *new}}
            notes.append(f"{folder}: you have migrations of your own, so the template's are left out")
        else:
            changes |= {path: entry for path, entry in was.items() if new.get(path, GONE) == GONE}
    return changes


def _renames(there: Repository, base: str, theirs: str) -> dict[str, str]:
    words = there.git("diff-tree", "-r", "-z", "-M", "--diff-filter=R", "--name-status", base, theirs).split("\0")
    return {words[at + 1]: words[at + 2] for at in range(0, len(words) - 2, 3)}


def _merged(there: Repository, trees: tuple[str, str, str], label: str, notes: list[str]) -> list[str]:
    """Let git merge; leave the result in the index, with git's own markers, and name the conflicts."""
    base, ours, theirs = trees
    root = there.commit(base, "base")
    there.git("update-ref", f"refs/heads/{label}", there.commit(theirs, "theirs", root))
    there.git("checkout", "--quiet", "--force", "-B", "project", there.commit(ours, "ours", root))
    done = there.attempt("merge", "--no-commit", "--no-ff", "--no-verify-signatures", "-s", "ort", label)
    stages: dict[str, dict[int, Entry]] = {}
    for line in filter(None, there.git("ls-files", "--unmerged", "-z").split("\0")):
        about, _, path = line.partition("\t")
        mode, blob, stage = about.split(" ")
        stages.setdefault(path, {})[int(stage)] = (mode, blob)
    if done.status and not stages:
        there.git("merge", "--no-commit", "--no-ff", label)  # raises with what git says
    conflicts, result = [], {}
    kinds = {frozenset(each) for each in stages.values()}
    twice = {frozenset({1}), frozenset({2}), frozenset({3})} <= kinds  # renamed here and there, to two names
    for path, each in stages.items():
        match sorted(each):
            case [1, 3]:
                result[path] = GONE
                notes.append(f"{path}: not here any more, so its update is left out")
            case [1, 2]:
                result[path] = each[2]
                notes.append(f"{path}: the template drops it; you changed it, so it stays")
            case [1]:
                result[path] = GONE
            case [2]:
                result[path] = each[2]
                conflicts.append(f"{path}: moved here and in the template, to two names; it stays where you have it")
            case [3]:
                result[path] = GONE if twice else each[3]
                if not twice:
                    conflicts.append(f"{path}: git could not place it")
            case [1, 2, 3] if (text := _moved_pins(there, path)) is not None:
                result[path] = (each[2][0], there.blob(text))
                notes.append(f"{path}: pins moved here and in the template; the newer ones stay")
            case _:
                where = "changed here and in the template" if 1 in each else "made here and in the template"
                conflicts.append(f"{path}: {where}")
    for path, entry in result.items():
        lines = index_info({path: GONE}, ours) + (index_info({path: entry}, ours) if entry != GONE else "")
        there.git("update-index", "-z", "--index-info", stdin=lines)
    for path in stages.keys() - result.keys():
        there.git("add", "--force", "--", f":(literal){path}")
    return conflicts


def _moved_pins(there: Repository, path: str) -> str | None:
    try:
        return resolved((there.folder / path).read_bytes().decode())
    except (OSError, UnicodeDecodeError):
        return None


# --- what is imported stays ---------------------------------------------------------------------------------------


def _still_imported(there: Repository, merged: str, o: Entries, b: Entries, yours: Sequence[str]) -> Entries:
    """Return the modules that the merge took away although something that is left imports them."""
    now = there.entries(merged)
    gone = {p for p in o.keys() & b.keys() - now.keys() if p.endswith(".py") and _is(yours, p)}
    restored: Entries = {}
    looked: set[str] = set()
    while gone - restored.keys() and (todo := {p for p in {*now, *restored} if p.endswith(".py")} - looked):
        looked |= todo
        wanted = {name for path in todo for name in _imports(path, _source(there, (now | restored)[path]))}
        restored |= {path: o[path] for path in gone - restored.keys() if wanted & _names(path)}
    return restored


def _source(there: Repository, entry: Entry) -> str:
    return there.attempt("cat-file", "blob", entry[1]).out


def _names(path: str) -> set[str]:
    """Return the names that a module may have: its path's, and that below the first folder, as in src and tests."""
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return {".".join(parts), ".".join(parts[1:])}


def _imports(path: str, source: str) -> Iterator[str]:
    """Name all that a file's imports may mean."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # conflict markers, say
        for words in re.findall(r"^\s*(?:from|import)\s+([\w.]+)(?:\s+import\s+(\w+))?", source, re.MULTILINE):
            yield from _resolved(path, words[0], [words[1]])
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _resolved(path, alias.name, [])
        elif isinstance(node, ast.ImportFrom):
            yield from _resolved(path, "." * node.level + (node.module or ""), [alias.name for alias in node.names])


def _resolved(path: str, module: str, names: Sequence[str]) -> Iterator[str]:
    level = len(module) - len(module.lstrip("."))
    stem = module.lstrip(".")
    if level:
        stem = ".".join([*path.split("/")[:-level], *([stem] if stem else [])])
    parts = stem.split(".")
    yield from (".".join(parts[: end + 1]) for end in range(len(parts)))
    yield from (f"{stem}.{name}" for name in names if name)


# --- the lock file ------------------------------------------------------------------------------------------------


def _lock(there: Repository, merged: str, b: Entries, o: Entries, t: Entries, notes: list[str]) -> Entry | None:
    """Return the lock file that fits the merged pyproject.toml; None where the project has none."""
    if LOCK not in o:
        return None
    now = there.entries(merged).get(PYPROJECT)
    if now == o.get(PYPROJECT):
        return o[LOCK]
    untouched = o[LOCK] == b.get(LOCK) and LOCK in t
    if untouched and now == t.get(PYPROJECT):
        return t[LOCK]
    start = t[LOCK] if untouched else o[LOCK]  # what the team, or Dependabot, has locked stays where it fits
    there.git("read-tree", "--reset", "-u", there.changed(merged, {LOCK: start}))
    try:
        done = process.attempt("uv", "lock", "--quiet", cwd=there.folder, timeout=300)
        why = (done.err.strip().splitlines() or ["it said nothing"])[-1] if done.status else ""
    except InstallerError as error:  # uv is not installed, or took too long
        why = error.message
    if why:
        notes.append(f"{LOCK}: run `uv lock`, which failed here: {redact(why)}")
        return o[LOCK]
    return start[0], there.git("hash-object", "-w", "--no-filters", "--", str(Path(there.folder, LOCK)))


# --- conflicts in which both sides only moved a pin: Dependabot here, and the template there ------

_Pair = tuple[Sequence[str], Sequence[str]]
_HUNK = re.compile(r"^<{7} .*\n((?:.*\n)*?)={7}\n((?:.*\n)*?)>{7} .*\n", re.MULTILINE)
_DIGEST = re.compile(r"\b[0-9a-f]{40,128}\b")
_VERSION = re.compile(
    r"(?<=[=@:<>~^])v?(\d+(?:\.\d+)+)\b|(?<=[<>])(\d+)\b|\bv(\d+(?:\.\d+)*)\b|(?<![\w.])(\d+\.\d+\.\d+)(?![\w.])"
)
"""What is written as a version is; any other number may be a limit or a port, which nobody compares."""


def resolved(text: str) -> str | None:
    """Return a file with the newer pins instead of git's markers; None where its conflicts are about more.

    A digest goes with the versions of its file, since the two may stand in different lines; where only digests differ,
    the project's stay.
    """
    hunks = [list(_pairs(found[1], found[2])) for found in _HUNK.finditer(text)]
    pairs = [pair for hunk in hunks for pair in hunk]
    if not pairs or any({*map(_without, ours)} != {*map(_without, theirs)} for ours, theirs in pairs):
        return None
    orders = [_newer(ours, theirs) for ours, theirs in pairs]
    winners = {*orders} - {0}
    if len(winners) > 1 and any(
        not order and ours != theirs for order, (ours, theirs) in zip(orders, pairs, strict=True)
    ):
        return None
    usual = winners.pop() if len(winners) == 1 else 1

    def newer(pair: _Pair) -> str:
        return "".join(pair[(_newer(*pair) or usual) < 0])

    left = iter(hunks)
    return _HUNK.sub(lambda _: "".join(map(newer, next(left))), text)


def _pairs(ours: str, theirs: str) -> Iterator[_Pair]:
    """Return what is compared: line by line where both sides have the same lines, else all of both."""
    here, there = ours.splitlines(keepends=True), theirs.splitlines(keepends=True)
    if [*map(_without, here)] == [*map(_without, there)]:
        yield from (([one], [other]) for one, other in zip(here, there, strict=True))
    else:
        yield here, there


def _without(line: str) -> str:
    """Return a line without its pins."""
    return _VERSION.sub("#", _DIGEST.sub("#", line)).rstrip(" \\\r\n")


def _newer(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return 1 where ours has newer versions, -1 where theirs has, 0 where they are the same."""
    here, there = _versions(ours), _versions(theirs)
    return (here > there) - (here < there)


def _versions(lines: Sequence[str]) -> list[tuple[int, ...]]:
    found = _VERSION.finditer(_DIGEST.sub("", "\n".join(lines)))
    return [tuple(map(int, each[each.lastindex or 0].split("."))) for each in found]
