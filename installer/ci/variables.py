"""Variables of the repository: the mark that says whose it is, and who pushes images, for its own CI."""

from ..config.settings import Settings
from ..config.supported import CI_TOKENS
from ..engine.resource import GOES, Change, Lane, Resource, differences
from ..forges.base import Store
from ..forges.credentials import Credentials

OWNER_VARIABLE = "GITOPS_FLASK"
"""Its value is the repository's address, and after a blank each one that it had before."""


class Variables(Resource[dict[str, str]]):
    """What GitHub's workflows read as `vars`, and GitLab's jobs in their environment.

    `RUNNER` is left alone where gitops.yaml names none.
    """

    key = "variables"
    needs = ("repository",)

    def __init__(self, settings: Settings, store: Store, credentials: Credentials) -> None:
        self.lane: Lane = settings.lane
        self._store = store
        self._desired: dict[str, str | None] = {
            OWNER_VARIABLE: " ".join((settings.url, *settings.formerly)),
            **(_of_pipelines(settings, credentials) if settings.ci not in CI_TOKENS else {}),
        }
        self.title = f"{store.variables_are} {', '.join(name for name, value in self._desired.items() if value)}"

    def observe(self) -> dict[str, str]:
        """Return all variables; none where there is no repository."""
        return self._store.variables()

    def blank(self) -> dict[str, str]:
        """Return what is seen where nothing was made yet."""
        return {}

    def diff(self, seen: dict[str, str]) -> Change | None:
        """Compare those that are ours."""
        fields = differences(self._desired, seen)
        if not fields:
            return None
        return Change("change" if any(name in seen for name in self._desired) else "create", fields)

    def apply(self, seen: dict[str, str], change: Change) -> None:
        """Set those that differ."""
        for field in change.fields:
            if field.new is None:
                self._store.delete_variable(field.name)
            else:
                self._store.set_variable(field.name, field.new, seen)

    def removal(self, seen: dict[str, str]) -> str:
        """Name those of ours that are there."""
        return GOES if any(value and name in seen for name, value in self._desired.items()) else ""

    def remove(self) -> str:
        """Delete those that are ours, the mark last."""
        names = sorted(
            (name for name, value in self._desired.items() if value), key=lambda name: name == OWNER_VARIABLE
        )
        gone = [name for name in names if self._store.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


def _of_pipelines(settings: Settings, credentials: Credentials) -> dict[str, str | None]:
    return {
        "REGISTRY_USERNAME": None if settings.own_registry else credentials.registry_username,
        "REGISTRY_CA": settings.registry_ca_file or None,
        **({"RUNNER": settings.runner} if settings.runner else {}),
    }
