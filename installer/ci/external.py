"""A CI that is not the code host's own: it builds the repository and keeps variables; what runs, GitHub shows."""

import json
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import requests

from ..config.settings import CLOUD, MAIN, Settings
from ..engine.resource import GOES, Change, Field, Lane, Resource, blocked
from ..forges.base import Forge
from ..forges.credentials import DEPLOY_TOKEN, Credentials
from ..forges.github.repository import GitHub
from ..forges.http import Api, said
from ..support.errors import UNREADABLE, ApiError, InstallerError
from ..support.secret import Secret, redact
from .base import CI, DEPLOY, END, Run
from .variables import NAME as REGISTRY_TOKEN
from .variables import Variables

NOTE = "GITOPS_FLASK_CI"
"""The note at the code host with a salted fingerprint of each value: a CI does not show them again."""
_MAY = {
    REGISTRY_TOKEN: "an access token of the registry that may push",
    DEPLOY_TOKEN: "a fine-grained token for this repository; Contents and Deployments: read and write",
}
_FINE_GRAINED = "github_pat_"
_NUMBER = attrgetter("number")


class JsonApi(Api):
    """One API and one token; `title` is for messages, `variable` names where the token came from."""

    def __init__(self, title: str, base: str, headers: Mapping[str, str], variable: str) -> None:
        super().__init__(title, base, headers)
        self._variable = variable

    def refusal(self, verb: str, path: str, answer: requests.Response) -> ApiError:
        """Return what the CI said."""
        found = said(answer)  # CircleCI and Travis CI call it otherwise
        reason = redact(str(found.get("message") or found.get("error_message") or answer.reason))
        return ApiError(self._title, f"{verb} {path}", answer.status_code, reason, self._fix(answer.status_code))

    def _fix(self, status: int) -> str:
        if status in (401, 403):
            return f"The token in {self._variable} is wrong, has expired, or may not do this: make a new one."
        if status >= 500 or status == 429:
            return f"{self._title} has trouble, or was asked too often: run this again later; it resumes."
        return f"See what {self._title} says; then run this again."


class Plain(Secret):
    """A value that is no secret: it is not blotted out of messages."""

    def __init__(self, value: str) -> None:
        self._value = value


@dataclass(frozen=True)
class Shown:
    """What a CI shows of a value: its end, or all of it."""

    text: str
    whole: bool = False

    def fits(self, value: Secret) -> bool:
        """Return whether this may be that value."""
        return value.reveal() == self.text if self.whole else value.reveal().endswith(self.text)


class ExternalCI(CI):
    """Of its own API it takes what lets it build the repository and keeps its variables, where there is a token."""

    token_variable: str
    """The environment variable with the token for its API."""
    building: str
    """Where people let it build the repository, and how."""
    settings_page: str
    """Where people set its variables."""
    jobs: tuple[str, ...]
    """What GitHub shows of a deployment: the names of its checks or statuses, the one last that ends it."""
    runs = ""
    _forge: GitHub

    def __init__(self, settings: Settings, github: GitHub, credentials: Credentials) -> None:
        super().__init__(settings, github, credentials)
        self.deployment = f"{self.title}'s {DEPLOY}"
        self.stored = Named(self)
        # of a server of its own nothing is known here
        self.no_token = not credentials.ci_token or settings.host != CLOUD
        hidden = self.check_app and settings.private and credentials.token.reveal().startswith(_FINE_GRAINED)
        self.unseen = "GitHub lets no fine-grained token read checks of a private repository" if hidden else ""

    # --- what its API does ---------------------------------------------------------------------

    @abstractmethod
    def build(self) -> None:
        """Let the CI build the project."""

    @abstractmethod
    def request(self) -> None:
        """Have it build main with the action init, which the project's file knows."""

    @abstractmethod
    def variables(self) -> Mapping[str, Shown] | None:
        """Return the names, and what is shown of each value; None where the CI does not build the project yet."""

    @abstractmethod
    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        """Create or replace a variable; `shown` says that it is no secret."""

    @abstractmethod
    def delete_variable(self, name: str) -> bool:
        """Delete one; False where it was not there."""

    # --- what is kept there --------------------------------------------------------------------

    def resources(self) -> list[Resource[Any]]:
        """Return the mark at GitHub, and the variables at the CI."""
        return [
            Variables(self._settings, self._forge, self._credentials),
            CIVariables(self._settings, self._forge, self._credentials, self),
        ]

    # --- what runs -----------------------------------------------------------------------------

    def newest(self) -> Run | None:
        """Return what GitHub shows of a deployment at the head of main, or None."""
        head = None if self.unseen else self._forge.head(MAIN)
        return self._at(head) if head else None

    def start(self) -> None:
        """Request a build of main; which run that becomes GitHub shows later."""
        if self.no_token:
            what = f"There is no {self.token_variable} in the environment, so {self.title} cannot be asked."
            raise InstallerError(what, f"Set it, or {self.manual_step(DEPLOY)}")
        if self.unseen:
            raise InstallerError(f"Nobody here would see how that goes: {self.unseen}.", self.manual_step(DEPLOY))
        self.request()

    def _at(self, commit: str) -> Run | None:
        """Return the run that a commit's checks or statuses come from; None where it has none of a deployment's."""
        found = self._forge.checks(commit, self.check_app) if self.check_app else self._forge.statuses(commit)
        known = [each for each in found if each.name in self.jobs]
        reported = list({each.name: each for each in sorted(known, key=_NUMBER)}.values())  # the newest of each name
        if not reported:
            return None
        newest = max(reported, key=_NUMBER)
        # what failed or runs decides; where both do, the newer: another run may have begun since
        job = max((each for each in reported if not each.green), key=_NUMBER, default=newest)
        over = job.over and (not job.green or job.name == self.jobs[-1])
        state = "pending" if job.over and not over else job.state
        return Run(newest.number, commit, job.url or self.page, state, over, over and job.green, job.name)


@dataclass(frozen=True)
class Seen:
    """The CI's variables, None where it does not build the project yet; and what was noted of their values."""

    variables: Mapping[str, Shown] | None
    noted: Mapping[str, str]


class CIVariables(Resource[Seen]):
    """Set through the CI's API where there is a token for it; otherwise listed by name for people to set."""

    lane: Lane = "github"
    key = "registry-token"
    nothing = Seen(None, {})
    needs = ("repository", "variables")

    def __init__(self, settings: Settings, forge: Forge, credentials: Credentials, ci: ExternalCI) -> None:
        self._note = forge.note(NOTE)
        self._ci = ci
        self._plain = {
            "REGISTRY_USERNAME": credentials.registry_username,
            **({"REGISTRY_CA": settings.registry_ca_file} if settings.registry_ca_file else {}),
        }
        self._values: dict[str, Secret] = {
            **{name: Plain(value) for name, value in self._plain.items()},
            REGISTRY_TOKEN: credentials.registry_token,
            DEPLOY_TOKEN: credentials.deploy_token,
        }
        self.title = f"{ci.title} variables {', '.join(self._values)}"

    def observe(self) -> Seen:
        """Ask the CI and the note; nothing of a CI that there is no token for."""
        noted: dict[str, str] = {}
        with suppress(*UNREADABLE):
            noted = dict(json.loads(self._note.read() or "{}"))
        return Seen(None if self._ci.no_token else self._ci.variables(), noted)

    def diff(self, seen: Seen) -> Change | None:
        """Compare names, what the CI shows of the values, and fingerprints."""
        if self._ci.no_token:
            return Change("skipped", note=self._checklist())
        there = seen.variables or {}
        fields = [] if seen.variables is not None else [Field("project", None, "built")]
        missing = []
        for name, value in self._values.items():
            if not value:
                missing += [name] if name not in there else []
            elif not self._same(name, value, seen):
                new = self._plain.get(name, "rotated" if name in there else "set")
                fields.append(Field(name, None if name not in there else "another value", new))
        fields += [Field(name, "set", None) for name in seen.noted if name in there and name not in self._values]
        if missing:
            reported = "; ".join(f"{name} ({_MAY[name]})" for name in missing)
            return blocked("its secrets are not at hand", f"Set in the environment {reported}.", tuple(fields))
        return Change("change" if there else "create", tuple(fields)) if fields else None

    def _same(self, name: str, value: Secret, seen: Seen) -> bool:
        shown = (seen.variables or {}).get(name)
        return shown is not None and shown.fits(value) and value.matches(seen.noted.get(name, ""))

    def _checklist(self) -> str:
        ci = self._ci
        build = f"Let {ci.title} build the repository ({ci.building})"
        lines = [
            f"there is no {ci.token_variable}, with which `up` would do this. {build}, and set manually",
            *(f"{name}: {value}" for name, value in self._plain.items()),
            *(f"{name}: {may} (a secret)" for name, may in _MAY.items()),
            f"at {ci.settings_page}",
        ]
        return "\n  ".join(lines)

    def apply(self, seen: Seen, change: Change) -> None:
        """Let the CI build the project, set what differs, then note it: a kill in between sets it once more."""
        if seen.variables is None:
            self._ci.build()
        noted = dict(seen.noted)
        for field in change.fields:
            if value := self._values.get(field.name):
                self._ci.set_variable(field.name, value, shown=field.name in self._plain)
                noted[field.name] = value.fingerprint()
            elif field.new is None:
                self._ci.delete_variable(field.name)
                del noted[field.name]
        self._note.delete()
        self._note.make(json.dumps(noted))

    def removal(self, seen: Seen) -> str:
        """Say which of ours are there, as far as that can be seen."""
        if self._ci.no_token:
            return self._stays
        return GOES if any(name in (seen.variables or {}) for name in self._values) else ""

    @property
    def _stays(self) -> str:
        return f"stays: there is no {self._ci.token_variable}; delete them at {self._ci.settings_page}"

    def remove(self) -> str:
        """Delete the variables; that the CI builds the repository stays."""
        self._note.delete()
        if self._ci.no_token:
            return self._stays
        gone = [name for name in self._values if self._ci.delete_variable(name)]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


class Named:
    """The variables of such a CI, by names and values as far as it shows them."""

    def __init__(self, ci: ExternalCI) -> None:
        self._ci = ci

    def variables(self) -> dict[str, str]:
        """Return what is shown of them; none where the CI cannot be asked, or does not build the project yet."""
        found = {} if self._ci.no_token else self._ci.variables() or {}
        return {name: shown.text if shown.whole else f"{END}{shown.text}" for name, shown in found.items()}

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        """Create or replace one."""
        self._ci.set_variable(name, Plain(value), shown=True)

    def delete_variable(self, name: str) -> bool:
        """Delete one."""
        return not self._ci.no_token and self._ci.delete_variable(name)
