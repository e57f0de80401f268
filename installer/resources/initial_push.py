"""The first push of the project's files, made once, and the first deployment that comes of it."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

from ..ci import base
from ..ci.base import CI, DEPLOY, Run
from ..config.settings import MAIN, Settings
from ..engine.resource import WITH_REPOSITORY, Change, Resource, blocked
from ..forges import git
from ..forges.base import Forge, template_files
from ..support import resume_command
from ..support.errors import InstallerError
from ..support.file_lock import locked
from ..support.wait import until


@dataclass(frozen=True)
class Seen:
    """The head of main; and its files, where a code host's form made them and nothing else is there."""

    head: str | None = None
    files: tuple[str, ...] = ()


class InitialPush(Resource[Seen]):
    """The branch `main`. Later changes are the team's, by pull request: they are never pushed from here."""

    key = "initial-push"
    nothing = Seen()
    needs = ("repository", "variables", "registry-token", "platforms", "push-key", "push-access")
    """What the first run of the CI must find."""

    def __init__(
        self,
        settings: Settings,
        forge: Forge,
        login: git.Login,
        clone: git.Clone,
        *,
        allows_initial_push: Callable[[], AbstractContextManager[None]] = nullcontext,
        repository_goes: bool = False,
    ) -> None:
        self.lane = settings.lane
        self._settings = settings
        self._forge = forge
        self._login = login
        self._clone = clone
        self._lets_in = allows_initial_push
        self._fate = WITH_REPOSITORY if repository_goes else "stays"
        self.title = f"branch {MAIN} of {settings.repository}"

    def observe(self) -> Seen:
        """Return the head of the branch at the host, and what is there where that is as good as nothing."""
        head = self._forge.head(MAIN)
        return Seen(head, template_files(self._forge) if head else ())

    def diff(self, seen: Seen) -> Change | None:
        """Push where nothing is there, or only what a form made."""
        if not seen.head:
            return Change("create", note="the commit that is checked out")
        if not seen.files:
            return None
        here: dict[str, str] = {}
        with suppress(InstallerError):  # no commit yet: its own check says so
            here = self._clone.top()
        kept = [name for name in seen.files if name not in here]
        if unsaved := [name for name in kept if os.path.lexists(self._clone.folder / name)]:
            add = resume_command.git(self._clone.folder, "add", *unsaved)
            commit = resume_command.git(self._clone.folder, "commit", "-m", f"Add {', '.join(unsaved)}", *unsaved)
            why = f"{', '.join(unsaved)} is not committed here, and {self._settings.url} has another"
            return blocked(why, f"Keep yours: {add} && {commit}; or move it away, to take theirs.")
        return Change("change", note=self._note(seen.files, kept))

    def _note(self, files: tuple[str, ...], kept: list[str]) -> str:
        reported = [f"{', '.join(files)} came with the repository, and this project is merged with that"]
        if replaced := [name for name in files if name not in kept]:
            reported.append(f"this project's {', '.join(replaced)} counts (theirs stays in the history)")
        if kept:
            reported.append(f"their {', '.join(kept)} is kept")
        return "; ".join(reported)

    def apply(self, seen: Seen, change: Change) -> None:
        """Push the checked-out commit, unless a git that a killed run left behind has done it meanwhile."""
        url = self._settings.clone_url
        self._clone.connect(url)
        self._clone.follow(MAIN)  # before the push: whoever is killed after it does not come here again
        with locked(f"branch {MAIN} of {url}", 200) as files:
            now = self.observe()
            if now.files:
                self._clone.merge_beneath(url, MAIN, self._login)
                with self._lets_in():
                    self._clone.push(url, MAIN, self._login, files)
            elif now.head is None:
                self._clone.push(url, MAIN, self._login, files)

    def removal(self, seen: Seen) -> str:
        """Say that the team's work stays: only the whole repository takes it along."""
        return self._fate if seen.head else ""


# --- the first deployment: the branch that Argo CD follows ----------------------------------------


@dataclass(frozen=True)
class Deployed:
    """The head of `env/dev`, and the newest run that may be about to write it."""

    deployed: str | None
    run: Run | None


class FirstDeployment(Resource[Deployed]):
    """Sees to it that a run is under way that will create `env/dev`; waiting for its end is another's work."""

    key = "deployment"
    patience = 20.0
    """Seconds until a run shows up."""
    nothing = Deployed(None, None)
    needs = ("initial-push",)

    def __init__(self, settings: Settings, forge: Forge, ci: CI, *, repository_goes: bool = False) -> None:
        self.lane = settings.lane
        self._forge = forge
        self._ci = ci
        self._branch = settings.branch
        kept = f"stays: {settings.branch} is the record of what was deployed"
        self._fate = WITH_REPOSITORY if repository_goes else kept
        self.title = f"first deployment to {settings.branch}"

    def observe(self) -> Deployed:
        """Look for the branch; where it is missing, for the newest deployment run of main."""
        deployed = self._forge.head(self._branch)
        return Deployed(deployed, None if deployed else self._ci.newest())

    def diff(self, seen: Deployed) -> Change | None:
        """Only a missing branch needs a first deployment."""
        note = f"{self._ci.deployment} writes {self._branch}"
        if self._ci.no_token:
            note += f", once it is set up: {self._ci.manual_step(DEPLOY)}"
        return None if seen.deployed else Change("create", note=note)

    def apply(self, seen: Deployed, change: Change) -> None:
        """Let the run that the first push started do it; start one where there is none or it failed."""
        if self._ci.no_token or self._ci.unseen:  # whoever sets the CI up manually starts it, or their push did
            return
        if seen.run is None:
            # a run shows up a moment after the push that starts it
            seen = Deployed(None, until(self._ci.newest, self.patience))
        if seen.run is None or seen.run.over:
            before = base.number(seen.run)
            self._ci.start()
            until(lambda: base.number(self._ci.newest()) != before, self.patience)

    def removal(self, seen: Deployed) -> str:
        """Say that the record of what was deployed stays: only the whole repository takes it along."""
        return self._fate if seen.deployed else ""
