"""The stand-in as a whole: seeding, what it remembers, and what tests read from it."""

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Self

from tests.github.code_host import CodeHost

from .dispatch import Dispatch
from .hosting import Hosting
from .merging import Merging
from .model import DeployKey, Group, Project, Token, TokenKind, User, new_secret
from .pipelines import Pipeline
from .predefined import Predefined
from .pushes import Pushes
from .render import Site
from .runner import Runner
from .triggers import Triggers
from .webhooks import Calling


class GitLab(CodeHost):
    """A GitLab of one's own; see the package's docstring for how to use it."""

    def __init__(
        self, folder: Path, host: str, *, version: str, runner_env: Mapping[str, str], runners: Iterable[str]
    ) -> None:
        super().__init__(folder, Site(host))
        self.version = version
        self.runners = list(runners)
        self.former_paths: dict[str, Project] = {}  # of projects that were moved
        self.users: dict[str, User] = {}
        self.groups: dict[str, Group] = {}
        self.projects: dict[str, Project] = {}  # by full path in lower case
        self.dispatch = Dispatch(self)
        self.pushes = Pushes(self, folder / "s")
        self.hosting = Hosting(self)
        self.merging = Merging(self)
        self.webhooks = Calling(self)
        self.predefined = Predefined(self)
        self.triggers = Triggers(self)
        self.runner = Runner(self, runner_env)

    @property
    def numbers(self) -> tuple[int, int]:
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)

    @property
    def cloud(self) -> bool:
        return self.site.host == "gitlab.com"

    @classmethod
    @contextlib.contextmanager
    def serve(
        cls,
        host: str = "gitlab.com",
        *,
        version: str = "19.4.0-ee",
        listen: str | None = None,
        certificate: tuple[Path, Path] | None = None,
        allowed: Iterable[str] = (),
        runner_env: Mapping[str, str] | None = None,
        runners: Iterable[str] = ("shell",),
    ) -> Iterator[Self]:
        """Run a stand-in: behind a proxy of its own, or (listen, certificate) where the host's name leads to it."""
        folder = Path(tempfile.mkdtemp(prefix="gitlab-"))  # short: a socket lies in it
        gitlab = cls(folder, host, version=version, runner_env=runner_env or {}, runners=runners)
        with gitlab.served((host,), listen, certificate, allowed):
            yield gitlab

    def deploy_keys(self) -> Iterable[DeployKey]:
        return (key for each in self.projects.values() for key in each.keys.values())

    def bare(self, full_name: str) -> Path:
        return self.project(full_name).git

    # -- seeding

    def user(self, username: str, *, bot: bool = False) -> User:
        return self.users.setdefault(username, User(username, bot))

    def group(self, path: str, members: Mapping[str, int] | None = None) -> Group:
        """Make a group; members are access levels by username: 30 developer, 40 maintainer, 50 owner."""
        group = Group(path, {self.users[name].id: level for name, level in (members or {}).items()})
        self.groups[path] = group
        return group

    def token(
        self, owner: str, *, scopes: Iterable[str] = ("api",), kind: TokenKind = "personal", expires: str | None = None
    ) -> str:
        """Make a token, and give back its text."""
        token = Token(new_secret(kind), kind, self.users[owner], frozenset(scopes), "for tests", expires)
        self.tokens[token.secret] = token
        return token.secret

    def live(self, secret: str | None) -> Token | None:
        return self.tokens.get(secret or "")

    # -- reading

    def project(self, full_path: str) -> Project:
        return self.projects[full_path.lower()]

    def wait_for(self, full_path: str, fits: Callable[[Pipeline], bool], timeout: float = 60) -> Pipeline:
        """Wait until the newest pipeline that fits is over, or waits for a person."""

        def fitting() -> Pipeline | None:
            return next((each for each in self.project(full_path).pipelines if fits(each)), None)

        def done() -> bool:
            found = fitting()
            return found is not None and (found.over or found.status == "manual")

        with self.moved:
            if not self.moved.wait_for(done, timeout):
                raise TimeoutError(f"no pipeline is over after {timeout} s\n{self.story()}\n{self.failures}")
            found = fitting()
        assert found is not None
        return found

    def story(self) -> str:
        """Tell all pipelines with their jobs and logs, for a person whose test failed."""
        return "\n".join(
            f"== {project.full_path} #{pipeline.iid} {pipeline.source} {pipeline.ref} {pipeline.status} "
            f"{pipeline.results()} {pipeline.yaml_errors or ''}\n"
            + "\n".join(f"-- {job.name}\n{job.log}" for job in pipeline.jobs if job.log)
            for project in self.projects.values()
            for pipeline in reversed(project.pipelines)
        )
