"""The project's files at the code host: the first push, made once."""

from ..config.settings import MAIN, Settings
from ..engine.resource import WITH_REPOSITORY, Change, Lane, Resource
from ..forges import git
from ..forges.base import Host
from ..support.file_lock import turn


class Content(Resource[str | None]):
    """The branch `main`. Later changes are the team's, by pull request: they are never pushed from here."""

    key = "content"

    def __init__(
        self,
        settings: Settings,
        host: Host,
        login: git.Login,
        clone: git.Clone,
        needs: tuple[str, ...] = (),
        *,
        repository_goes: bool = False,
    ) -> None:
        self.lane: Lane = settings.scm
        self.needs = needs  # what the first run of the CI must find
        self._settings = settings
        self._host = host
        self._login = login
        self._clone = clone
        self._repository_goes = repository_goes
        self.title = f"branch {MAIN} of {settings.repository}"

    def observe(self) -> str | None:
        """Return the head of the branch at the host, or None."""
        return self._host.head(MAIN)

    def blank(self) -> str | None:
        """Return what is seen where nothing was made yet."""
        return None

    def diff(self, seen: str | None) -> Change | None:
        """Push only where nothing is there."""
        return None if seen else Change("create", note="the commit that is checked out")

    def apply(self, seen: str | None, change: Change) -> None:
        """Push the checked-out commit, unless a git that a killed run left behind has done it meanwhile."""
        url = self._settings.clone_url
        self._clone.connect(url)
        self._clone.follow(MAIN)  # before the push: whoever is killed after it does not come here again
        with turn(f"branch {MAIN} of {url}", 200) as files:
            if self.observe() is None:
                self._clone.push(url, MAIN, self._login, files)

    def removal(self, seen: str | None) -> str:
        """Say whether it stays: only the whole repository takes it along."""
        if not seen:
            return ""
        return WITH_REPOSITORY if self._repository_goes else "stays"

    def remove(self) -> str:
        """Keep it: it is the team's work."""
        return self.removal(self.observe()) or "was not there"
