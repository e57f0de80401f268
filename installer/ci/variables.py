"""What a code host's own CI reads: variables, the mark of the repository among them, and the secret for images."""

import json
from dataclasses import dataclass, field

from ..config.settings import CI_TOKENS, MAIN, Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked, differences
from ..forges.base import Store
from ..forges.credentials import Credentials
from ..forges.github.repository import GitHub
from .registry import token_page

OWNER_VARIABLE = "GITOPS_FLASK"
"""Its value is the repository's address, and after a blank each one that it had before."""


class Variables(Resource[dict[str, str]]):
    """What GitHub's workflows read as `vars`, and GitLab's jobs in their environment.

    `RUNNER` is left alone where gitops.yaml names none.
    """

    key = "variables"
    needs = ("repository",)

    def __init__(self, settings: Settings, store: Store, credentials: Credentials) -> None:
        self.nothing: dict[str, str] = {}
        self.lane: Lane = settings.lane
        self._store = store
        self._desired: dict[str, str | None] = {
            OWNER_VARIABLE: " ".join((settings.url, *settings.formerly)),
            **(_of_pipelines(settings, credentials) if settings.ci not in CI_TOKENS else {}),
        }
        self._ours = [name for name, value in self._desired.items() if value]
        self.title = f"{store.variables_are} {', '.join(self._ours)}"

    def observe(self) -> dict[str, str]:
        """Return all variables; none where there is no repository."""
        return self._store.variables()

    def diff(self, seen: dict[str, str]) -> Change | None:
        """Compare those that are ours."""
        fields = differences(self._desired, seen)
        if not fields:
            return None
        return Change("change" if any(name in seen for name in self._desired) else "create", fields)

    def apply(self, seen: dict[str, str], change: Change) -> None:
        """Set those that differ."""
        for each in change.fields:
            if each.new is None:
                self._store.delete_variable(each.name)
            else:
                self._store.set_variable(each.name, each.new, seen)

    def removal(self, seen: dict[str, str]) -> str:
        """Name those of ours that are there."""
        return GOES if any(name in seen for name in self._ours) else ""

    def remove(self) -> str:
        """Delete those that are ours, the mark last."""
        names = sorted(self._ours, key=lambda name: name == OWNER_VARIABLE)
        gone = [name for name in names if self._store.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


def _of_pipelines(settings: Settings, credentials: Credentials) -> dict[str, str | None]:
    return {
        "REGISTRY_USERNAME": None if settings.own_registry else credentials.registry_username,
        "REGISTRY_CA": settings.registry_ca_file or None,
        **({"RUNNER": settings.runner} if settings.runner else {}),
    }


NAME = "REGISTRY_TOKEN"
FINGERPRINT = "REGISTRY_TOKEN_FINGERPRINT"
WHERE = "DEPLOY_ENVIRONMENT"
"""The variable that names the environment with the secret for the workflow; without it, the repository has it."""
_EXPOSED = (
    "this plan has no environments for a private repository: whoever may push a branch can read {name} by a workflow "
    "of its own, and overwrite images; so no image and no layer of the registry is reused, and builds take longer"
)


def environment_of(settings: Settings) -> str:
    """Return the name of the environment that keeps the secret.

    An Enterprise Server makes a Deployment for each job that names an environment, and calls it a success when the job
    ends. Those of `dev` say what the pods answered, so there it is an environment of its own.
    """
    return settings.environment if settings.in_cloud else f"{settings.environment}-registry"


@dataclass(frozen=True)
class Seen:
    """Where the secret is, and what is noted of it: no code host shows it again."""

    in_repository: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    """Among them a salted fingerprint, which identifies the token."""
    protects: bool = False
    """Whether there are environments, and the plan heeds them."""
    in_environment: bool = False
    let_in: frozenset[str] | None = None
    """Branches and tags; None: all, or there is no such environment."""


class RegistryToken(Resource[Seen]):
    """A secret of the repository; without a token at hand, the one that is there is kept."""

    key = "registry-token"
    nothing = Seen()
    needs: tuple[str, ...] = ("repository", "variables", "rules")

    def __init__(self, settings: Settings, store: Store, credentials: Credentials) -> None:
        self.lane: Lane = settings.lane
        self.title = f"{store.secret_is} {NAME}"
        self._store = store
        self._token = credentials.registry_token
        self._registry = settings.registry

    def observe(self) -> Seen:
        """Look for the secret's name and the fingerprint."""
        return Seen(NAME in self._store.secrets(), self._store.variables())

    def diff(self, seen: Seen) -> Change | None:
        """Compare fingerprints; no token can be read back."""
        there = seen.in_repository
        if not self._token:
            return None if there else self._missing()
        fields = self._rotated(seen, there=there)
        return Change("change" if there else "create", fields) if fields else None

    def _missing(self) -> Change:
        what = f"one that may push to {self._registry} (read & write){token_page(self._registry)}"
        return blocked("no token at hand", f"Set {NAME} in the environment, to {what}.")

    def _rotated(self, seen: Seen, *, there: bool) -> tuple[Field, ...]:
        same = there and self._token.matches(seen.variables.get(FINGERPRINT, ""))
        return () if same or not self._token else (Field(NAME, None, "rotated" if there else "set"),)

    def apply(self, seen: Seen, change: Change) -> None:
        """Store the secret, then its fingerprint: a kill between the two only stores the secret once more."""
        self._store.set_secret(NAME, self._token)
        self._store.set_variable(FINGERPRINT, self._token.fingerprint(), seen.variables)

    def removal(self, seen: Seen) -> str:
        """Say whether there is one, or something noted of it."""
        return GOES if seen.in_environment or seen.in_repository or {WHERE, FINGERPRINT} & {*seen.variables} else ""

    def remove(self) -> str:
        """Delete the secret and its fingerprint."""
        self._store.delete_variable(FINGERPRINT)
        return "deleted" if self._store.delete_secret(NAME) else "was not there"


class EnvironmentToken(RegistryToken):
    """A secret of an environment of GitHub's that lets in main alone; without environments, of the repository."""

    nothing = Seen(protects=True)
    needs = ("repository", "variables")

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        super().__init__(settings, github, credentials)
        self._github = github
        self._environment = environment_of(settings)
        as_jobs_name_it = {"name": self._environment, "deployment": False} if settings.in_cloud else self._environment
        self._where = json.dumps(as_jobs_name_it)
        self._private = settings.private and settings.in_cloud

    def observe(self) -> Seen:
        """Look for the secret's name in both places, for the environment's branches, and for what is noted."""
        protects = not self._private or self._github.plan_protects()
        there = self._github.branches_let_in(self._environment) if protects else None
        return Seen(
            NAME in self._github.secrets(),
            self._github.variables(),
            protects,
            protects and NAME in self._github.secrets(self._environment),
            None if there is None else frozenset(there),
        )

    def diff(self, seen: Seen) -> Change | None:
        """Compare places, branches and fingerprints; no token can be read back."""
        there = seen.in_environment if seen.protects else seen.in_repository
        if not self._token and not there:
            if not seen.in_repository:
                return self._missing()
            why = f"{NAME} is a secret of the repository, which workflows of every branch can read"
            return Change("skipped", note=f"{why}; set {NAME} in the environment, and `up` moves it")
        fields: list[Field] = []
        if seen.protects and seen.let_in != frozenset({f"branch {MAIN}"}):
            shown = None if seen.let_in is None else ", ".join(sorted(seen.let_in))
            fields.append(Field(f"environment {self._environment}", shown, f"branch {MAIN}"))
        fields += self._rotated(seen, there=there)
        wanted = self._where if seen.protects else None
        if seen.variables.get(WHERE) != wanted:
            fields.append(Field(WHERE, seen.variables.get(WHERE), wanted))
        if seen.protects and seen.in_repository:
            fields.append(Field(f"{NAME} of the repository", "set", None))
        note = "" if seen.protects else _EXPOSED.format(name=NAME)
        if fields:
            return Change("change" if there or seen.in_repository else "create", tuple(fields), note)
        return Change("skipped", note=note) if note else None

    def apply(self, seen: Seen, change: Change) -> None:
        """Make what differs, in an order in which a kill at any point leaves the workflow a secret to read."""
        changed = {field.name for field in change.fields}
        environment = self._environment if seen.protects else ""
        if f"environment {self._environment}" in changed:
            self._github.let_in_only(self._environment, MAIN)
        if NAME in changed:
            self._github.set_secret(NAME, self._token, environment)
            self._github.set_variable(FINGERPRINT, self._token.fingerprint(), seen.variables)
        if WHERE in changed and seen.protects:
            self._github.set_variable(WHERE, self._where, seen.variables)
        elif WHERE in changed:
            self._github.delete_variable(WHERE)
        if f"{NAME} of the repository" in changed:
            self._github.delete_secret(NAME)

    def remove(self) -> str:
        """Delete the secret, what is noted of it, and the environment where others keep nothing in it."""
        seen = self.observe()
        gone = [self._github.delete_secret(NAME)]
        if seen.protects:
            gone.append(self._github.delete_secret(NAME, self._environment))
            self._github.delete_environment(self._environment)
        self._github.delete_variable(WHERE)
        self._github.delete_variable(FINGERPRINT)
        return "deleted" if any(gone) else "was not there"
