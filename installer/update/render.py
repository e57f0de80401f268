"""The template, what a project says of it, and the render of both by cookiecutter, in a process without our secrets."""

import contextlib
import io
import json
import logging
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..support import process
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.resume_command import without_login
from .repository import Repository

QUESTIONS = "cookiecutter.json"
_PARTS = (QUESTIONS, "hooks", "{{cookiecutter.project_slug}}")
_YOURS = ("src/*", "tests/*", "deploy/*", "README.md")
_GIT = re.compile(r"git\+(?P<url>(?:\w+://)(?:[^/@]*@)?[^@]+)(?:@(?P<revision>.+))?")
_FORMS = "installer/config/forms.py"
"""What the hooks read of the installer; a template in a wheel has it beside its folder."""
_LONGEST = 120
"""Seconds that a template may take."""
_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".venv", ".*_cache")


@dataclass(frozen=True)
class Template:
    """A template in a folder; `address` is what gets it elsewhere, `commit` its own, where that is known."""

    folder: Path
    address: str = ""
    commit: str = ""

    @property
    def questions(self) -> dict[str, Any]:
        """Return the content of cookiecutter.json."""
        try:
            found = json.loads((self.folder / QUESTIONS).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InstallerError(f"{self.address or self.folder} is no template: its {QUESTIONS} has no questions.")
        return found

    @property
    def version(self) -> str:
        """Return the version that it writes into what it generates."""
        return str(self.questions.get("_generated_by", ""))

    @property
    def tool(self) -> str:
        """Return the address that its projects get: where it came from, or what it says of itself."""
        return self.address or str(self.questions.get("_tool", ""))

    @property
    def yours(self) -> tuple[str, ...]:
        """Return the patterns of the files that belong to a project's team."""
        return tuple(map(str, self.questions.get("_yours", _YOURS)))

    @property
    def asked(self) -> list[str]:
        """Return the names of the questions."""
        return [name for name in self.questions if not name.startswith("_")]

    def changelog(self, since: str) -> str:
        """Return what CHANGELOG.md says of all versions after one; of none where it does not know that one."""
        file = self.folder / "CHANGELOG.md"
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        sections = re.split(r"^(?=## \[)", text, flags=re.MULTILINE)[1:]
        newer = [each for each in sections if _after(each, since)]
        return "\n".join(each.strip() + "\n" for each in newer if len(each.strip().splitlines()) > 1)


def _after(section: str, since: str) -> bool:
    found = re.match(r"## \[(\d[\w.]*)\]", section)
    return number(found[1]) > number(since) if found else True


def number(version: str) -> tuple[int, ...]:
    """Return a version to compare by."""
    return tuple(map(int, re.findall(r"\d+", version)[:3]))


def fetch(address: str, into: Path) -> Template:
    """Get a template from `git+URL@REVISION`, or take the folder that an address is."""
    found = _GIT.fullmatch(address)
    if not found:
        if not (address and Path(address, QUESTIONS).is_file()):
            raise InstallerError(f"{address} is no template.", "Give a folder or an address for git.")
        return Template(Path(address).resolve(), commit=_commit(Path(address)))
    into.mkdir(parents=True)
    git = Repository(into)
    for words in (
        ("clone", "--quiet", "--template=", "--", found["url"], "."),
        ("checkout", "--quiet", "--detach", *([found["revision"]] if found["revision"] else ["HEAD"])),
    ):
        try:
            git.git(*words)
        except CommandFailed as error:
            said = error.output.strip().splitlines() or ["git says nothing"]
            why = next((line for line in said if line.startswith("fatal: ")), said[-1]).removeprefix("fatal: ")
            fix = "Is the address right, is there such a version, and may git read it from here?"
            raise InstallerError(f"The template {without_login(address)} cannot be had: {why}", fix) from None
    commit = git.git("rev-parse", "HEAD")
    named = address if found["revision"] else f"{address}@{commit}"
    named = "" if found["url"].startswith("file:") else named  # nobody else has it
    return Template(into, without_login(named), commit)


def at(address: str, revision: str) -> str:
    """Return the address of another revision."""
    found = _GIT.fullmatch(address)
    if not found:
        what = f"{address or 'The template'} is no address for git, so it has no version {revision}."
        raise InstallerError(what, "Name one: --template git+https://HOST/ORG/gitops-flask")
    return f"git+{found['url']}@{revision}"


def without_revision(address: str) -> str:
    """Return what all versions of a template have in common."""
    found = _GIT.fullmatch(address)
    return f"git+{found['url']}" if found else address


def plain(address: str) -> str:
    """Return what is the same for all addresses of one template: git takes each with and without `.git`."""
    return without_revision(address).removeprefix("git+").rstrip("/").removesuffix(".git")


def commit_of(address: str) -> str:
    """Return the commit that an address names; empty where it names none, or a tag or branch, which may move."""
    found = _GIT.fullmatch(address)
    return found["revision"] if found and re.fullmatch(r"[0-9a-f]{40,64}", found["revision"] or "") else ""


def _commit(folder: Path) -> str:
    """Return the commit of a checkout that has nothing else; empty where there is none."""
    git = Repository(folder)
    head = git.find("HEAD") if (folder / ".git").exists() else ""
    return head if head and not git.attempt("status", "--porcelain").out.strip() else ""


# --- `.gitops-flask.yaml`: from which template and which answers a project was made -------------------

FILE = ".gitops-flask.yaml"
_HEAD = "# How this project was generated; gitops-flask template update reads and writes it.\n"


@dataclass(frozen=True)
class Record:
    """What a project says of its template; `commit` is the pristine render, empty where that is the first commit."""

    version: str
    template: str
    """What `uvx --from` takes to get that version: an address for git with a revision."""
    answers: Mapping[str, str]
    commit: str = ""

    def text(self) -> str:
        """Return the file's content; without a commit, it is what cookiecutter writes."""
        answers = "".join(f"  {name}: {_quoted(answer)}\n" for name, answer in self.answers.items())
        commit = f"commit: {_quoted(self.commit)}\n" if self.commit else ""
        head = f"{_HEAD}version: {_quoted(self.version)}\ntemplate: {_quoted(self.template)}\n"
        return f"{head}{commit}answers:\n{answers}"


def parse(text: str) -> Record:
    """Read the file's content; raise where it is not of that form."""
    fix = f"Take {FILE} back from an earlier commit: git log -- {FILE}"
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InstallerError(f"{FILE} is no YAML.", fix) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("answers"), dict):
        raise InstallerError(f"{FILE} has no answers.", fix)
    fields = [tree.get("version"), tree.get("template"), tree.get("commit", "")]
    if not all(isinstance(each, str) for each in (*fields, *tree["answers"], *tree["answers"].values())):
        raise InstallerError(f"{FILE}: version, template, commit and each answer must be text in quotes.", fix)
    version, template, commit = fields
    return Record(version, template, dict(tree["answers"]), commit)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# --- the render ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Render:
    """What a template makes of answers: the files as a tree, and all the answers that led to it."""

    tree: str
    answers: Mapping[str, str]


def render(
    template: Template,
    repository: Repository,
    answers: Mapping[str, str],
    scratch: Path,
    *,
    changed: Mapping[str, str] | None = None,
    tool: str = "",
) -> Render:
    """Render the template, and store the files in the project's repository.

    Of recorded answers those count that are asked for. Where some are changed, those that were only the defaults of
    others follow them. What is new is answered by its default.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    copy = scratch / "template"
    copy.mkdir()
    for part in _PARTS:
        source = template.folder / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=_LEFT_OUT, symlinks=True)
        elif source.is_file():
            shutil.copy2(source, copy / part)
    for forms in (template.folder / _FORMS, template.folder.parent / "config/forms.py"):
        if forms.is_file():
            (copy / _FORMS).parent.mkdir(parents=True)
            shutil.copy2(forms, copy / _FORMS)
            break
    questions = template.questions
    (copy / QUESTIONS).write_text(json.dumps({"_commit": template.commit, **questions}), encoding="utf-8")
    given = {name: answer for name, answer in answers.items() if name in template.asked}
    folders = {"template": str(copy), "scratch": str(scratch)}
    order = json.dumps({**folders, "answers": given, "changed": dict(changed or {}), "tool": tool})
    env = {"PWD": str(scratch)}
    if __package__.partition(".")[0] == "installer":  # a checkout, which is not installed
        env["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    itself = (sys.executable, "-m", __name__)
    try:
        done = process.attempt(*itself, stdin=order, cwd=scratch, env=env, timeout=_LONGEST)
    except DeadlinePassed as error:
        fix = "Does one of its hooks wait for something?"
        raise DeadlinePassed(f"The template {tool or template.folder}", _LONGEST, error.last_seen, fix) from None
    if done.status:
        said = "\n".join(f"  {line}" for line in (done.err or done.out).strip().splitlines()[-12:])
        fix = "Other answers: gitops-flask template update --set QUESTION=ANSWER"
        raise InstallerError(f"The template cannot be rendered with the project's answers:\n{said}", fix)
    result = json.loads((scratch / "result.json").read_text(encoding="utf-8"))
    with repository.scratch() as there:
        files = Repository(Path(result["folder"]), {"GIT_DIR": str(there.folder / ".git"), **there.env}, there.options)
        files.git("--work-tree=.", "add", "--all", ".")
        return Render(files.git("write-tree"), result["answers"])


def _main() -> None:
    """Do what standard input says; the result goes into a file, since hooks may print."""
    from cookiecutter.generate import apply_overwrites_to_context
    from cookiecutter.main import cookiecutter
    from cookiecutter.prompt import prompt_for_config

    logging.getLogger("cookiecutter").setLevel(logging.CRITICAL)  # its traceback under what a hook has said
    order = json.load(sys.stdin)
    scratch, template, changed = Path(order["scratch"]), Path(order["template"]), order["changed"]
    sys.path.insert(0, str(template))  # where its own extensions are

    def asked(given: Mapping[str, str]) -> dict[str, Any]:
        questions = Template(template).questions
        apply_overwrites_to_context(questions, dict(given))
        return dict(prompt_for_config({"cookiecutter": questions}, no_input=True))

    answers = dict(order["answers"])
    if changed:
        questions = Template(template).questions
        others = {name: {n: a for n, a in answers.items() if n != name} for name in answers}
        follows = [n for n in answers if isinstance(questions[n], str) and asked(others[n])[n] == answers[n]]
        kept = {n: a for n, a in answers.items() if n not in follows or "cookiecutter." not in questions[n]}
        answers = {**kept, "project_slug": answers["project_slug"], **changed}
    for name in ("cookiecutters", "replay", "files"):
        (scratch / name).mkdir()
    config = scratch / "cookiecutter.yaml"
    config.write_text(
        json.dumps({"cookiecutters_dir": str(scratch / "cookiecutters"), "replay_dir": str(scratch / "replay")})
    )
    if order["tool"]:
        answers["_tool"] = order["tool"]
    folder = cookiecutter(
        str(template), no_input=True, extra_context=answers, output_dir=str(scratch / "files"), config_file=str(config)
    )
    final = {name: str(answer) for name, answer in asked(answers).items() if not name.startswith("_")}
    (scratch / "result.json").write_text(json.dumps({"folder": folder, "answers": final}), encoding="utf-8")


if __name__ == "__main__":
    from cookiecutter.exceptions import CookiecutterException, FailedHookException, UndefinedVariableInTemplate
    from jinja2 import TemplateError

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            _main()
    except FailedHookException:
        sys.exit(1)  # the hook has said why
    except UndefinedVariableInTemplate as error:
        sys.exit(f"{error.message}: {error.error}")
    except TemplateError as error:
        sys.exit(f"{getattr(error, 'filename', None) or 'The template'}, line {getattr(error, 'lineno', '?')}: {error}")
    except (CookiecutterException, ValueError, OSError) as error:
        sys.exit(getattr(error, "message", None) or str(error))
