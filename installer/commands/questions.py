"""The questions of `new`, as cookiecutter asks them: each answer is checked as it is given, and none is lost."""

import importlib.util
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from cookiecutter import prompt

from ..support import resume_command
from ..ui import console


class Questions:
    """Asks again where an answer cannot be used, and keeps what was answered otherwise than proposed."""

    def __init__(self, template: Path, output: Path, questions: Mapping[str, Any]) -> None:
        found = importlib.util.spec_from_file_location("pre_gen_project", template / "hooks/pre_gen_project.py")
        if found is None or found.loader is None:
            raise FileNotFoundError(template)
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
