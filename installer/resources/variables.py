"""The repository's Actions variables: the mark that says whose it is, and for workflows where images go."""

from ..credentials import Credentials
from ..github import GitHub
from ..lease import NAME as LEASE
from ..resource import Change, Lane, Resource, differences
from ..settings import GITHUB_ACTIONS, Settings

MARK = "GITOPS_FLASK"


class Variables(Resource[dict[str, str]]):
    """What the workflows read as `vars`. `RUNNER` is left alone where gitops.yaml names none."""

    lane: Lane = "github"
    key = "variables"
    needs = ("repository",)

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        self._github = github
        self._desired: dict[str, str | None] = {
            MARK: settings.slug,
            **(_of_workflows(settings, credentials) if settings.ci == GITHUB_ACTIONS else {}),
        }
        self.title = f"Actions variables {', '.join(name for name, value in self._desired.items() if value)}"

    def observe(self) -> dict[str, str]:
        """Return all variables; none where there is no repository."""
        return self._github.variables()

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
                self._github.delete(self._github.path("actions/variables", field.name))
            else:
                self._github.set_variable(field.name, field.new, seen)

    def remove(self) -> str:
        """Delete those that are ours, the mark last."""
        self._github.delete(self._github.path("actions/variables", LEASE))  # of an `up` that was killed
        names = sorted((name for name, value in self._desired.items() if value), key=lambda name: name == MARK)
        gone = [name for name in names if self._github.delete(self._github.path("actions/variables", name))]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


def _of_workflows(settings: Settings, credentials: Credentials) -> dict[str, str | None]:
    return {
        "IMAGE_REPOSITORY": settings.image_repository,
        "REGISTRY_USERNAME": credentials.registry_username,
        "REGISTRY_CA": settings.registry_ca_file or None,
        **({"RUNNER": settings.runner} if settings.runner else {}),
    }
