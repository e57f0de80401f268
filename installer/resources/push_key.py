"""The strict way to the environment's branch: a key pushes there that workflows of main have, and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..ci.variables import NAME as REGISTRY_TOKEN
from ..ci.variables import WHERE, environment_of
from ..cluster.objects import identities
from ..config.settings import FILE, MAIN, Settings
from ..engine.resource import GOES, Change, Field, Resource, blocked, covers
from ..forges.base import DeployKey, Pair, fingerprint
from ..forges.github.repository import GitHub, GitHubDeployKeys
from ..support.errors import InstallerError
from .github_repository import Ruleset, find_rulesets, ruleset, write_ruleset

NAME = "DEPLOY_KEY"
FINGERPRINT = "DEPLOY_KEY_FINGERPRINT"
"""The variable that names the key in the secret: GitHub shows no secret again."""
_EXCEPTED = {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}
"""All keys of the repository that may write: GitHub excepts no single one."""


@dataclass(frozen=True)
class Seen:
    """Our keys and our ruleset, and where the private half is."""

    protects: bool
    """Whether the plan heeds environments and rules."""
    keys: tuple[DeployKey, ...] = ()
    others: tuple[str, ...] = ()
    """The titles of others' keys that may write."""
    ruleset: Ruleset | None = None
    stored: bool = False
    """Whether the environment has a secret of that name."""
    variables: dict[str, str] = field(default_factory=dict)
    without_environment: bool = False
    """Whether the registry's token is a secret of the repository, so that workflows name no environment."""

    @property
    def current(self) -> DeployKey | None:
        """Return the key whose private half is in the secret, as far as is known."""
        noted = self.variables.get(FINGERPRINT) if self.stored else None
        return next((key for key in self.keys if not key.read_only and fingerprint(key.key) == noted), None)


def ruleset_of(settings: Settings) -> str:
    """Return the name of the ruleset that leaves everybody else out."""
    return f"gitops-flask: only main pushes {settings.branch}"


class PushKey(Resource[Seen]):
    """A deploy key that may write, its private half in the environment for main alone, and a rule that excepts keys.

    The rule is the last to come and the first to go, so that deployments find a way at any moment.
    """

    lane = "github"
    key = "push-key"
    nothing = Seen(protects=True)
    needs = ("repository", "registry-token")

    def __init__(self, settings: Settings, github: GitHub, *, renew: bool = False, token_at_hand: bool = False) -> None:
        self.wanted = settings.deploy_from == MAIN
        self.title = f"right to push to {' and '.join(settings.branches)}, for workflows of {MAIN} alone"
        self._settings = settings
        self._github = github
        self._keys = GitHubDeployKeys(github)
        self._environment = environment_of(settings)
        self._titles = [key_title(address, settings.branch) for address in identities(settings).values()]
        self._ruleset = ruleset_of(settings)
        self._desired = ruleset(settings.branches, [{"type": "creation"}, {"type": "update"}], [_EXCEPTED])
        self._private = settings.private and settings.in_cloud
        self._renew = renew
        self._token_at_hand = token_at_hand
        """Whether this run can move the registry's token into the environment."""

    def observe(self) -> Seen:
        """Look for our keys and our ruleset; further only where there are any, or should be."""
        keys = self._keys.list()
        ours = tuple(key for key in keys if key.title in self._titles)
        others = tuple(key.title for key in keys if key.title not in self._titles and not key.read_only)
        protects = not self._private or self._github.plan_protects()
        rule = find_rulesets(self._github, self._ruleset.__eq__).get(self._ruleset) if protects else None
        if not (self.wanted or ours or rule):
            return Seen(protects)
        stored = protects and NAME in self._github.secrets(self._environment)
        variables = self._github.variables()
        without = protects and WHERE not in variables and REGISTRY_TOKEN in self._github.secrets()
        return Seen(protects, ours, others, rule, stored, variables, without)

    def diff(self, seen: Seen) -> Change | None:
        """Compare the key by its fingerprint, and the ruleset; where none is wanted, name what is left."""
        if not self.wanted:
            left = [Field(self._ruleset, "active", None)] if seen.ruleset else []
            left += [Field("deploy key", key.title, None) for key in seen.keys]
            return Change("change", tuple(left)) if left else None
        if not seen.protects:
            return blocked(
                "this plan has no rules and no environments for a private repository, so no key can be kept for "
                f"{MAIN} alone",
                f"Upgrade the plan, set github.visibility to public, or github.deploy_from to anywhere in {FILE}.",
            )
        if seen.without_environment and not self._token_at_hand:
            return blocked(
                f"{REGISTRY_TOKEN} is a secret of the repository, so the workflows name no environment yet",
                f"Set {REGISTRY_TOKEN} in the environment of this command: then it moves.",
            )
        fields = tuple(self._differences(seen))
        note = ""
        if seen.others:
            note = f"these keys may push to {self._settings.branch}, too: {', '.join(seen.others)}"
        if fields:
            return Change("change" if seen.keys or seen.ruleset else "create", fields, note)
        return Change("skipped", note=note) if note else None

    def _differences(self, seen: Seen) -> Iterator[Field]:
        if seen.current is None:
            there = bool(seen.keys or seen.stored)
            yield Field("deploy key", "another than the secret's" if there else None, f"a new one, secret {NAME}")
        elif self._renew:
            yield Field("deploy key", "in use", f"a new one, secret {NAME}")
        elif len(seen.keys) > 1:
            yield Field("deploy keys", len(seen.keys), 1)
        if not covers(seen.ruleset, self._desired):
            yield Field(self._ruleset, "another" if seen.ruleset else None, "creation, update; but for deploy keys")

    def apply(self, seen: Seen, change: Change) -> None:
        """Register a new key, store its private half, and then drop the old ones; the rule comes last."""
        if not self.wanted:
            self._take_away(seen)
            return
        current = seen.current and fingerprint(seen.current.key)
        if not current or self._renew:
            current = self._make(seen)
        for key in self._keys.list():
            if key.title in self._titles and fingerprint(key.key) != current:
                self._keys.remove(key)
        if not covers(seen.ruleset, self._desired):
            write_ruleset(self._github, self._ruleset, self._desired, seen.ruleset)

    def _make(self, seen: Seen) -> str:
        """Make a new key whose private half is nowhere but in the secret, and return its fingerprint."""
        self._github.let_in_only(self._environment, MAIN)
        pair = Pair.make()
        self._keys.add(self._titles[0], pair.public, read_only=False)
        self._github.set_secret(NAME, pair.private, self._environment)
        self._github.set_variable(FINGERPRINT, fingerprint(pair.public), seen.variables)
        return fingerprint(pair.public)

    def removal(self, seen: Seen) -> str:
        """Say whether there is a key, its secret or the rule."""
        return GOES if seen.ruleset or seen.stored or seen.keys else ""

    def remove(self) -> str:
        """Delete the rule, the secret and the keys, and the environment where others keep nothing in it."""
        seen = self.observe()
        if not self._take_away(seen):
            return "was not there"
        if left := [key for key in self._keys.list() if key.title in self._titles]:
            raise InstallerError(f"GitHub still has the deploy key {left[0].title}.", f"See {self._settings.url}")
        return "deleted"

    def _take_away(self, seen: Seen) -> bool:
        """Delete all of it; the keys last, since by them the next run knows that something is left."""
        if seen.ruleset:
            self._github.delete(self._github.path("rulesets", str(seen.ruleset["id"])))
        if seen.stored:
            self._github.delete_secret(NAME, self._environment)
        if FINGERPRINT in seen.variables:
            self._github.delete_variable(FINGERPRINT)
        for key in seen.keys:
            self._keys.remove(key)
        if seen.protects and self._github.get(self._github.path("environments", self._environment)):
            self._github.delete_environment(self._environment)
        return bool(seen.ruleset or seen.stored or seen.keys)


def key_title(address: str, branch: str) -> str:
    """Return the title of the deploy key that pushes to a branch of a repository."""
    return f"gitops-flask: {address} pushes to {branch}"
