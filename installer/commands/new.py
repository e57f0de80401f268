"""`new`: generate a project, run its own checks and the service itself, and offer to deploy it."""

import importlib.util
import json
import logging
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path
from typing import Any

import click
from cookiecutter import prompt
from cookiecutter.environment import StrictEnvironment
from cookiecutter.exceptions import CookiecutterException, FailedHookException, OutputDirExistsException
from cookiecutter.main import cookiecutter

from ..cluster import workloads
from ..support import process, resume_command
from ..support.errors import InstallerError
from ..support.http_client import Client
from ..support.wait import until
from ..ui import console
from .after_generation import mode_from_environment, offered_later, prompt_to_deploy

_STARTS = 60.0  # seconds
_BRACES = re.compile(r"\{[{%#]")
_FOLDER = re.compile(r"[\w-]+")
"""What the slug may be for cookiecutter to make a folder of that name, and no other; the hook knows the rest."""


class Questions:
    """Asks again where an answer cannot be used, and keeps what was answered otherwise than proposed."""

    def __init__(self, output: Path, questions: Mapping[str, Any]) -> None:
        found = importlib.util.spec_from_file_location("pre_gen_project", template() / "hooks/pre_gen_project.py")
        if found is None or found.loader is None:
            raise FileNotFoundError(template())
        self._rules = importlib.util.module_from_spec(found)
        found.loader.exec_module(self._rules)
        self._output = output
        self._answers: dict[str, Any] = {"_only_for": questions["_only_for"]}
        self._given: dict[str, str] = {}

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Check what cookiecutter asks in a block."""
        text, choice = prompt.read_user_variable, prompt.read_user_choice

        def ask(name: str, proposed: str, *rest: Any) -> str:
            while True:
                answer = str(self._answer(text, name, proposed, *rest))
                if not (found := self._problem(name, answer)):
                    break
                console.fail(found)
            return self._keep(name, answer, proposed)

        def choose(name: str, options: list[str], *rest: Any) -> str:
            return self._keep(name, self._answer(choice, name, options, *rest), options[0])

        prompt.read_user_variable, prompt.read_user_choice = ask, choose
        try:
            yield
        finally:
            prompt.read_user_variable, prompt.read_user_choice = text, choice

    def again(self) -> str:
        """Return the command that asks again, with what was answered so far; empty where nothing was."""
        if not self._given:
            return ""
        typed = [word for word in resume_command.this_run.arguments if word.partition("=")[0] not in self._given]
        answers = [f"{name}={answer}" for name, answer in self._given.items()]
        return f"{resume_command.program()} {shlex.join([*(typed or ['new']), *answers])}"

    def refused(self, given: Mapping[str, str]) -> list[str]:
        """Return what is wrong with answers that were given together."""
        self._answers |= given
        return [problem for name, answer in given.items() if (problem := self._problem(name, answer))]

    def _answer(self, ask: Any, *question: Any) -> Any:
        try:
            return ask(*question)
        except (KeyboardInterrupt, EOFError):
            click.echo(err=True)
            if again := self.again():
                console.fail(f"No project was written. Your answers are kept in this command:\n  {again}")
            raise click.Abort from None

    def _problem(self, name: str, answer: str) -> str:
        """Return what is wrong with an answer, after those before it; empty where nothing is."""
        if name == "project_slug" and answer and (self._output / answer).exists():
            return f"{name}: {self._output / answer} is there already. Write another name, or move that folder away."
        found: list[str] = self._rules.problems(self._answers | {name: answer})
        return next((problem for problem in found if problem.startswith(f"{name}:")), "")

    def _keep(self, name: str, answer: str, proposed: str) -> str:
        self._answers[name] = answer
        if answer != proposed:
            self._given[name] = answer
        return answer


def template() -> Path:
    """Return the template's folder: inside the wheel, or the checkout that this package stands in."""
    here = Path(__file__).resolve().parents[1]
    packed = here / "template"
    return packed if packed.is_dir() else here.parent


def _questions() -> dict[str, Any]:
    return dict(json.loads((template() / "cookiecutter.json").read_text(encoding="utf-8")))


def slug_of(project_name: str) -> str:
    """Return the slug that the template makes of a project's name."""
    question = _questions()["project_slug"]
    environment = StrictEnvironment(context={"cookiecutter": {}})
    return str(prompt.render_variable(environment, question, {"project_name": project_name}))


def new(output: Path, answers: dict[str, str], *, no_input: bool, check: bool) -> Path:
    """Ask the questions, write the project into `output`, run its own checks, and offer the deployment."""
    questions = _questions()
    check_answers(answers, questions)
    if not no_input and not console.interactive():
        no_input = True
        given = ", ".join(f"{name}={value}" for name, value in answers.items())
        console.report(f"There is no terminal: the defaults are taken{f', but for {given}' if given else ''}.")
        example = " ".join(f"{name}=…" for name in _asked(questions))
        console.report(f"To give other answers: {resume_command.program()} new {example}")
    logging.getLogger("cookiecutter").setLevel(logging.CRITICAL)  # its traceback under what a hook has said
    tool = resume_command.tool()  # a fork's own
    context = answers | ({"_tool": tool} if tool else {})
    asked = Questions(output, questions)
    with offered_later(), asked.checked():
        try:
            written = cookiecutter(
                str(template()), no_input=no_input, extra_context=context, output_dir=str(output), accept_hooks=True
            )
        except FailedHookException:
            raise InstallerError("No project was written.", "Give other answers where it says so above.") from None
        except OutputDirExistsException as error:
            other = "Choose another name or --output-dir, or move that folder away."
            raise InstallerError(f"No project was written: {error}".removesuffix("."), _kept(other, asked)) from None
        except CookiecutterException as error:
            reported = getattr(error, "message", None) or str(error)  # some print all that they know
            fix = _kept("Give another answer.", asked)
            raise InstallerError(f"No project was written: {reported}", fix) from None
        except OSError as error:
            where = f"Both {output} and HOME, where cookiecutter keeps what was answered, must be yours to write."
            raise InstallerError(f"No project was written: {error}", _kept(where, asked)) from None
    folder = Path(written)
    console.report(f"Written: {folder}")
    if check:
        check_project(folder)
    prompt_to_deploy(folder, mode_from_environment())
    return folder


def _kept(fix: str, asked: Questions) -> str:
    again = asked.again()
    return f"{fix}\nYour answers are kept in this command:\n  {again}" if again else fix


def _asked(questions: Mapping[str, Any]) -> list[str]:
    return [name for name in questions if not name.startswith("_")]


def check_answers(
    answers: Mapping[str, str], questions: Mapping[str, Any], what: str = "No project was written."
) -> None:
    """Raise one error that names every answer to no question, outside of its choices, or with the template's braces."""
    wrong, asked = [], _asked(questions)
    for name, value in answers.items():
        choices = questions.get(name) if name in asked else None
        if name not in asked:
            near = get_close_matches(name, asked, 1)
            known = f"Write {near[0]}." if near else f"There are {_list(asked)}."
            wrong.append(f"{name}: is not a question. {known}")
        elif _BRACES.search(value):
            wrong.append(f"{name}: {value!r} has braces that the template would fill in. Write it without them.")
        elif name == "project_slug" and not _FOLDER.fullmatch(value):
            wrong.append(
                f"{name}: {value!r} cannot be used. Write a-z, 0-9 and single hyphens, from a letter: web-api."
            )
        elif isinstance(choices, list) and value not in choices:
            wrong.append(f"{name}: {value!r} cannot be used. Write {' or '.join(choices)}.")
    if wrong:
        raise InstallerError(f"{what}\n" + "\n".join(f"- {each}" for each in wrong))


def refuse(output: Path, answers: Mapping[str, str]) -> None:
    """Raise one error that names every given answer that cannot be used, before the other questions are known."""
    questions = _questions()
    check_answers(answers, questions)
    if wrong := Questions(output, questions).refused({"scm": questions["scm"][0], **answers}):
        raise InstallerError("No project was written.\n" + "\n".join(f"- {each}" for each in wrong))


def _list(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def check_project(folder: Path) -> None:
    """Run the project's own checks: its tests, its chart where helm is at hand, and the service itself."""
    with tempfile.TemporaryDirectory() as scratch:  # no caches, no environment are left in the project
        copy = shutil.copytree(folder, Path(scratch) / folder.name)
        _check(folder, copy, "ci/test", "tests, types and style")
        if process.missing("helm"):
            console.report("- ci/chart: not run, helm is not installed")
        else:
            _check(folder, copy, "ci/chart", "chart rendered and checked")
        _serve(folder, copy)


def _check(folder: Path, copy: Path, script: str, what: str) -> None:
    with console.out.status(console.styled(f"{script}: {what} …")):
        result = process.attempt("bash", script, cwd=copy, timeout=600, env=process.NO_VENV)
    if result.status:
        raise InstallerError(f"{script} failed:\n{result.out}{result.err}", resume_command.script(folder, script))
    console.report(f"✓ {script}: {what}")
    for line in result.err.splitlines():  # what it has to say of this machine
        if line.startswith(f"{Path(script).name}: "):
            console.report(f"  {line.partition(': ')[2]}")


def _serve(folder: Path, copy: Path) -> None:
    """Start the service, ask it for its revision, and stop it."""
    module = next(path.parent.name for path in (copy / "src").glob("*/__main__.py"))
    revision = "unknown"
    if not process.missing("git"):
        revision = process.attempt("git", "rev-parse", "HEAD", cwd=folder).out.strip() or revision
    port, metrics = _free_ports(2)
    settings = {"REVISION": revision, "PORT": str(port), "METRICS_PORT": str(metrics)}
    settings["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"  # asked for at the start, not yet used
    command = f"uv run python -m {module}"
    shown = console.out.status(console.styled(f"{command} …"))
    with shown, (copy / "log").open("w+", encoding="utf-8", errors="replace") as log:
        service = process.start(
            str(copy / ".venv/bin/python"), ["-m", module], cwd=str(copy), env=settings,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            answer = until(lambda: _version(port) or service.poll() is not None, _STARTS, every=0.1)
        finally:
            process.end(service, signal.SIGTERM)
        log.seek(0)
        said = log.read().strip()
    if not isinstance(answer, str) or workloads.parse(module, answer).revision != revision:
        where = resume_command.inside(folder, command)
        raise InstallerError(f"{command} did not answer with its revision:\n{answer}\n{said}", where)
    console.report(f"✓ {command}: started, answered /version with {revision[:12]}, stopped")


def _version(port: int) -> str:
    """Return what the service answers; empty where it does not yet. Straight to this machine, past any proxy."""
    with suppress(OSError, HTTPException):
        return Client(direct=True).get(f"http://127.0.0.1:{port}/{workloads.VERSION}", 5).text
    return ""


def _free_ports(number: int) -> list[int]:
    """Return ports that nobody listens on just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
