"""The first deployment: the branch that Argo CD follows, written by the project's CI."""

from dataclasses import dataclass

from ..ci import pipelines
from ..ci.base import CI, DEPLOY, Run
from ..config.settings import Settings
from ..engine.resource import WITH_REPOSITORY, Change, Lane, Resource
from ..forges.base import Forge
from ..support.wait import until


@dataclass(frozen=True)
class Seen:
    """The head of `env/dev`, and the newest run that may be about to write it."""

    deployed: str | None
    run: Run | None


class FirstDeployment(Resource[Seen]):
    """Sees to it that a run is under way that will create `env/dev`; waiting for its end is another's work."""

    key = "deployment"
    needs = ("initial-push",)

    def __init__(
        self, settings: Settings, forge: Forge, ci: CI, *, patience: float = 20, repository_goes: bool = False
    ) -> None:
        self.lane: Lane = settings.scm
        self._forge = forge
        self._ci = ci
        self._branch = settings.branch
        self._patience = patience
        self._repository_goes = repository_goes
        self.title = f"first deployment to {settings.branch}"

    def observe(self) -> Seen:
        """Look for the branch; where it is missing, for the newest deployment run of main."""
        deployed = self._forge.head(self._branch)
        return Seen(deployed, None if deployed else self._ci.newest(DEPLOY))

    def blank(self) -> Seen:
        """Return what is seen where nothing was made yet."""
        return Seen(None, None)

    def diff(self, seen: Seen) -> Change | None:
        """Only a missing branch needs a first deployment."""
        note = f"{self._ci.named(DEPLOY)} writes {self._branch}"
        if self._ci.no_token:
            note += f", once it is set up: {self._ci.manual_step(DEPLOY)}"
        return None if seen.deployed else Change("create", note=note)

    def apply(self, seen: Seen, change: Change) -> None:
        """Let the run that the first push started do it; start one where there is none or it failed."""
        if self._ci.no_token or self._ci.unseen:  # whoever sets the CI up manually starts it, or their push did
            return
        if seen.run is None:
            # a run shows up a moment after the push that starts it
            seen = Seen(None, until(lambda: self._ci.newest(DEPLOY), self._patience))
        if seen.run is None or seen.run.over:
            before = pipelines.number(seen.run)
            self._ci.start(DEPLOY, {"init": "true"})
            until(lambda: pipelines.number(self._ci.newest(DEPLOY)) != before, self._patience)

    def removal(self, seen: Seen) -> str:
        """Say whether the branch stays: only the whole repository takes it along."""
        if not seen.deployed:
            return ""
        kept = f"stays: {self._branch} is the record of what was deployed"
        return WITH_REPOSITORY if self._repository_goes else kept

    def remove(self) -> str:
        """Keep the branch: it is the record of what was deployed."""
        return self.removal(Seen(self._forge.head(self._branch), None)) or "was not there"
