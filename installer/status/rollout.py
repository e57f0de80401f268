"""Whether what `env/dev` records is what runs: Argo CD is asked for the commit, each pod for the revision."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..cluster.argocd import ArgoCD
from ..cluster.kubectl import Cluster
from ..cluster.pods import answers, problems
from ..cluster.workloads import PodAnswer, of_deployment, wrong_image, wrong_revision
from ..config.settings import Settings
from ..support.errors import CommandFailed, DeadlinePassed, InstallerError
from ..support.plain_text import one_line
from ..support.wait import until
from .service import DeploymentRecord, DeploymentState, Place, Service, SyncState, ailing, failure

_ASK_AGAIN = 5.0  # seconds between two questions to GitHub, which counts them
_REFRESH_AGAIN = 10.0
_LOOK_AGAIN = 8.0  # the first pods of a rollout are not ready for some seconds, and nothing is wrong
_SURE = 3  # times in a row that a settled application must be wrong before it is called so
_SURE_OF_SILENCE = 15
_SURE_OF_FAILURE = 2  # looks in a row, `_LOOK_AGAIN` apart


@dataclass
class _ConsecutiveFailures:
    """How often in a row a settled application gave the same wrong picture of one commit."""

    commit: str = ""
    text: str = ""
    times: int = 0

    def add(self, commit: str, text: str) -> int:
        same = (commit, text) == (self.commit, self.text)
        self.commit, self.text, self.times = commit, text, self.times + 1 if same and text else 1
        return self.times


class RunningService(Service):
    """The running service of one project, with what only Argo CD's own CLI can do, and the wait for a rollout."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        super().__init__(cluster, partial(answers, cluster), Place.of(partial(getattr, settings)))
        self._kubectl = cluster
        self._settings = settings
        self._argocd = ArgoCD(cluster, settings.argocd_namespace)

    def problems(self) -> list[str]:
        """Say in short sentences what keeps the service from running."""
        synced = self.sync_state()
        conditions = synced.conditions if synced else (f"There is no Application {self._settings.application}.",)
        found = [trouble.text for deployment in self.deployments() for trouble in of_deployment(deployment)]
        if synced and synced.health in ("Degraded", "Unknown") and not found:
            found += self._failing_resources()
        reported = [*conditions, *found, *problems(self._kubectl, self._settings.namespace, self._selector)]
        return [*dict.fromkeys(reported)]

    def _failing_resources(self) -> list[str]:
        """Name what Argo CD finds Degraded, which is no Deployment; that it does not answer is reported elsewhere."""
        try:
            return [one_line(line) for line in ailing(self._argocd.resources(self._settings.application))]
        except InstallerError:
            return []

    def wait_for_rollout(
        self, expected: Callable[[], DeploymentRecord], seconds: float, say: Callable[[str], None] = lambda _: None
    ) -> list[PodAnswer]:
        """Return what the pods answered once each Ready one answers the revision on `env/dev`.

        A service that has settled on something else, or that cannot come up, raises: waiting would not change it.
        """
        waiter = _RolloutWaiter(self, expected, say)
        if not until(waiter.look, seconds, every=1.0):
            reasons = "\n  ".join([waiter.seen, *self.problems()])
            raise DeadlinePassed(f"{self._settings.slug} live at {waiter.want.revision[:12]}", seconds, reasons)
        return waiter.answered

    def refresh(self) -> str:
        """Let Argo CD look at the branch now; return why it could not."""
        try:
            self._argocd.refresh(self._settings.application)
        except (CommandFailed, DeadlinePassed) as error:
            return error.message
        return ""


class _RolloutWaiter:
    """One wait: what is wanted, what was seen last, and since when it is wrong."""

    def __init__(
        self, live: RunningService, expected: Callable[[], DeploymentRecord], say: Callable[[str], None]
    ) -> None:
        self._live = live
        self._expected = expected
        self._say = say
        self._asked = self._refreshed = -_REFRESH_AGAIN
        self._looked = 0.0
        self._troubles: list[str] = []
        self._refreshed_for = ""
        self._looked_at = ""
        self._streak = _ConsecutiveFailures()
        self._failing = _ConsecutiveFailures()
        self.want = self._ask()
        self.seen = "nothing"
        self.answered: list[PodAnswer] = []

    def look(self) -> bool:
        """Look once; return whether it is live."""
        if time.monotonic() - self._asked > _ASK_AGAIN:
            self.want = self._ask()
        synced = self._live.sync_state()
        if synced is None:
            raise InstallerError("The Application is gone.", "Run `up` again.")
        self.seen = str(synced)
        if synced.revision != self.want.commit:
            self._refresh()
            if synced.unrendered and self._looked_at == self.want.commit:
                self.seen = "; ".join([str(synced), *self._trouble(synced)])
        elif synced.has(self.want.commit):
            self.answered = self._live.answers()
            wrong = wrong_revision(self.answered, self.want.revision)
            wrong = wrong or wrong_image(self._live.pods(), self.want.digest)
            if not wrong:
                return True
            self.seen = f"{synced}, but {wrong}"
            if self._live.rolled_out():
                self._judge(wrong)
        else:
            self.seen = "; ".join([str(synced), *self._trouble(synced)])
        self._say(self.seen)
        return False

    def _ask(self) -> DeploymentRecord:
        self._asked = time.monotonic()
        return self._expected()

    def _refresh(self) -> None:
        """Argo CD polls too; asking it is faster, and asking again helps where it could not read the branch."""
        now = time.monotonic()
        if self._refreshed_for != self.want.commit or now - self._refreshed > _REFRESH_AGAIN:
            self._refreshed_for, self._refreshed = self.want.commit, now
            if failed := self._live.refresh():
                self.seen = f"{self.seen}; {failed}"
            else:
                self._looked_at = self.want.commit

    def _trouble(self, synced: SyncState) -> list[str]:
        """Say what keeps the pods from being ready for so long; asked now and then, it takes a few questions.

        What will not go away by itself raises.
        """
        self._looked = self._looked or time.monotonic()
        if time.monotonic() - self._looked > _LOOK_AGAIN:
            self._looked = time.monotonic()
            self._troubles = self._live.problems()
            found = failure(self._live, self.want, synced, looked=self._looked_at == self.want.commit)
            if found and self._failing.add(self.want.commit, found.kind) >= _SURE_OF_FAILURE:
                raise self._failed(found)
            if not found:
                self._failing = _ConsecutiveFailures()
        return self._troubles

    def _failed(self, found: DeploymentState) -> InstallerError:
        reported = [f"{self.want.revision[:12]} cannot come up: {found.kind}: {one_line(found.reason, 1000)}"]
        reported += [line for line in self._troubles if found.reason not in line]
        fix = "Fix what it names, by a pull request where it is in the project, then run this again; or `rollback`."
        return InstallerError("\n  ".join(reported), fix)

    def _judge(self, wrong: str) -> None:
        times = self._streak.add(self.want.commit, wrong)
        silent = any(answer.error for answer in self.answered)
        if times >= (_SURE_OF_SILENCE if silent else _SURE):
            fix = "The image must carry the commit that it was built from (ARG REVISION in Dockerfile, ci/image), and "
            fix += "nothing in chart/ or deploy/ may name another image."
            raise InstallerError(f"Argo CD rolled out {self.want.commit[:12]} completely, but {wrong}.", fix)
