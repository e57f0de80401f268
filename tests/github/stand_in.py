"""The stand-in as a whole: seeding, what it remembers, and what tests read from it."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Literal, Self

from . import results
from .apps import Apps
from .calling import Calling
from .code_host import CodeHost
from .dispatch import Dispatch
from .front import Answer
from .hosting import Hosting
from .merging import Merging
from .model import FULL_ACCESS, Account, DeployKey, Repository, Token, new_secret, number
from .pulls import PullRequest
from .pushes import Pushes
from .render import Site
from .runner import Runner
from .runs import Run
from .triggers import Triggers
from .wire import Response

Scopes = Iterable[str]
Listener = Callable[[Repository, str, str, str], None]
"""Hears of a push: the repository, the ref, and where it was before and is now."""
Reviewer = Callable[[Repository, PullRequest], None]
"""Hears of a pull request that is opened, or whose branch was pushed to."""
USUAL_SCOPES = ("repo", "workflow", "read:org", "delete_repo")


class GitHub(CodeHost):
    """A GitHub of one's own; see the package's docstring for how to use it."""

    def __init__(self, folder: Path, host: str, *, runner_env: Mapping[str, str], labels: Iterable[str]) -> None:
        super().__init__(folder, Site(host))
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}  # by full name in lower case
        self.former_names: dict[str, Repository] = {}  # likewise, of what was renamed or transferred
        self.apps = Apps(self)
        self.neighbours: dict[str, Answer] = {}
        self.listeners: list[Listener] = []
        self.reviewers: list[Reviewer] = []
        self._published: dict[str, Response] = {}
        self.dispatch = Dispatch(self)
        self.pushes = Pushes(self, folder / "s")
        self.merging = Merging(self)
        self.hosting = Hosting(self)
        self.triggers = Triggers(self)
        self.webhooks = Calling(self)
        self.runner = Runner(self, runner_env, frozenset(labels))

    @classmethod
    @contextlib.contextmanager
    def serve(
        cls,
        host: str = "github.com",
        *,
        listen: str | None = None,
        certificate: tuple[Path, Path] | None = None,
        allowed: Iterable[str] = (),
        runner_env: Mapping[str, str] | None = None,
        labels: Iterable[str] = ("ubuntu-latest",),
        neighbours: Mapping[str, Answer] | None = None,
    ) -> Iterator[Self]:
        """Run a stand-in: behind a proxy of its own, or (listen, certificate) where the host's name leads to it.

        `neighbours` answer for other hosts, by name, behind the same proxy.
        """
        folder = Path(tempfile.mkdtemp(prefix="github-"))  # short: a socket lies in it
        github = cls(folder, host, runner_env=runner_env or {}, labels=labels)
        github.neighbours.update(neighbours or {})
        with github.served((*github.site.hosts, *github.neighbours), listen, certificate, allowed):
            yield github

    def deploy_keys(self) -> Iterable[DeployKey]:
        return (key for each in self.repositories.values() for key in each.keys.values())

    def bare(self, full_name: str) -> Path:
        return self.repository(full_name).git

    @property
    def ssh_host_keys(self) -> list[str]:
        return [self._ssh.host_key] if self._ssh else []

    # -- seeding

    def user(self, login: str, *, plan: str = "free") -> Account:
        return self._account(Account(login, "User", plan))

    def organization(
        self, login: str, *, plan: str = "team", members: Mapping[str, Literal["admin", "member"]] | None = None
    ) -> Account:
        return self._account(Account(login, "Organization", plan, dict(members or {})))

    def _account(self, account: Account) -> Account:
        self.accounts[account.login.lower()] = account
        return account

    def token(
        self,
        owner: Account | str,
        kind: Literal["classic", "fine-grained", "run"] = "classic",
        *,
        scopes: Scopes = USUAL_SCOPES,
        permissions: Mapping[str, str] = FULL_ACCESS,
        repositories: Iterable[str] | None = None,
    ) -> str:
        """Make a token, and give back its text."""
        account = self.accounts[owner.lower()] if isinstance(owner, str) else owner
        token = Token(
            new_secret(kind),
            kind,
            account,
            scopes=frozenset(scopes if kind == "classic" else ()),
            permissions=dict(permissions) if kind != "classic" else dict(FULL_ACCESS),
            repositories=None if repositories is None else frozenset(repositories),
        )
        self.tokens[token.secret] = token
        return token.secret

    # -- reading

    def repository(self, full_name: str) -> Repository:
        return self.repositories[full_name.lower()]

    def moved_from(self, full_name: str) -> Repository | None:
        """Return what had this name before; a new repository of that name takes the redirect's place."""
        former = self.former_names.get(full_name.lower())
        gone = former is None or former.full_name.lower() not in self.repositories
        return None if gone or full_name.lower() in self.repositories else former

    def found(self, full_name: str) -> Repository | None:
        """Return the repository that a name leads to, a former one too."""
        return self.repositories.get(full_name.lower()) or self.moved_from(full_name)

    def runs(self, full_name: str) -> list[Run]:
        return list(self.repository(full_name).runs)

    def wait_for_run(
        self,
        full_name: str,
        *,
        workflow: str | None = None,
        event: str | None = None,
        sha: str | None = None,
        timeout: float = 60,
    ) -> Run:
        """Wait until the newest run that fits is over; fail at once where it waits for a runner that is not there."""
        return results.wait(self, self.repository(full_name), workflow, event, sha, timeout)

    def story(self) -> str:
        return results.story(self)

    def passed_checks(self, repository: Repository, sha: str) -> frozenset[tuple[str, int | None]]:
        """Name the checks of a commit that have passed, in every workflow that has one of that name, and by whom."""
        return frozenset(results.passed(self, repository, sha))

    def workflow_id(self, repository: Repository, path: str) -> int:
        return repository.workflows.setdefault(path, number())

    def publish(self, content: bytes, kind: str) -> str:
        """Put a log where only who was given the address finds it, and give that address."""
        ticket = token_hex(16)
        self._published[ticket] = Response(200, content, {"Content-Type": kind})
        return f"{self.site.web}/_logs/{ticket}"

    def log_page(self, ticket: str) -> Response:
        return self._published[ticket]
