"""What the stand-ins for the CIs' APIs have in common: a table of routes, tokens, and a GitHub that tells of pushes."""

import json
import re
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tests.github import GitHub, results
from tests.github.model import Repository
from tests.github.pulls import PullRequest
from tests.github.reported import Report
from tests.github.wire import Request, Response, json_response

from .machine import Place


class No(Exception):
    """An answer that the vendor itself would refuse with."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.response = json_response(status, body)


Answer = Callable[..., Any]


def route(method: str, pattern: str, *parameters: str) -> Callable[[Answer], Answer]:
    """Mark what answers a request; `parameters` are those of the query that it knows."""

    def mark(answer: Answer) -> Answer:
        answer.route = (method, re.compile(pattern), frozenset(parameters))  # type: ignore[attr-defined]
        return answer

    return mark


class Service:
    """One vendor. It knows the repositories at GitHub once GitHub is given to it by `at`."""

    hosts: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.tokens: dict[str, str] = {}
        """Whose each is."""
        self.requests: list[str] = []
        self.down = False
        """Whether its API answers nothing but that."""
        self._threads: list[threading.Thread] = []
        self.env: dict[str, str] = {}
        """What every machine has."""

    def neighbours(self) -> Mapping[str, Callable[[Request], Response]]:
        return dict.fromkeys(self.hosts, self.answer)

    def at(self, github: GitHub) -> None:
        """Listen to this GitHub's pushes, and run what they start on machines that reach it."""
        self.github = github
        self.env = {n: v for n, v in github.env.items() if not n.startswith("GH_")} | self.env
        github.listeners.append(self.pushed)
        github.reviewers.append(self.proposed)

    def pushed(self, repository: Repository, ref: str, old: str, new: str) -> None:
        raise NotImplementedError

    def proposed(self, repository: Repository, pull: PullRequest) -> None:
        """Hear of a pull request; nothing follows where pushes of its branch were built already."""

    def report(self, repository: Repository, revision: str, *said: Report) -> None:
        """Tell GitHub of a commit, for all to see who may merge it."""
        for each in said:
            results.report(self.github, repository, revision, each)

    def answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.target}")
        if self.down:
            return json_response(503, {"message": "Service Unavailable"})
        try:
            for name in dir(type(self)):
                one = getattr(self, name)
                method, pattern, known = getattr(one, "route", ("", None, frozenset()))
                found = pattern.fullmatch(request.path) if pattern and method == request.method else None
                if found:
                    if strangers := request.query.keys() - known:
                        return self._fail(f"{request.target}: {strangers}")
                    self.check(request)
                    body = json.loads(request.body) if request.body else None
                    with self.lock:
                        made = one(*found.groups(), *([body] if method in ("POST", "PATCH") else []), **request.query)
                    return made if isinstance(made, Response) else json_response(200, made)
        except No as no:
            return no.response
        except Exception:  # a fault of the stand-in's own: the test must see it
            return self._fail(f"{request.method} {request.target}: {traceback.format_exc()}")
        return self._fail(f"not modelled: {request.method} {request.host}{request.target}")

    def check(self, request: Request) -> None:
        """Raise where the request has no token that is known."""
        raise NotImplementedError

    def _fail(self, message: str) -> Response:
        self.github.fail(f"{type(self).__name__} stand-in: {message}")
        return json_response(501, {"message": message})

    def place(self, repository: Repository, variables: Mapping[str, str]) -> Place:
        return Place(
            self.github.folder / type(self).__name__ / str(repository.id),
            repository.git,
            repository.full_name,
            private=repository.private,
            env=self.env,
            variables=variables,
        )

    def start(self, do: Callable[[], None]) -> None:
        def safely() -> None:
            try:
                do()
            except Exception:  # the test that started it must fail
                self.github.fail(f"{type(self).__name__} stand-in: {traceback.format_exc()}")

        thread = threading.Thread(target=safely, daemon=True)
        self._threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until all that was started is over."""
        for thread in self._threads:
            thread.join(timeout=120)


def message_of(git: Callable[..., str], revision: str) -> str:
    return git("log", "-1", "--format=%B", revision)
