"""What GitHub remembers: accounts, tokens, repositories and what belongs to them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import nacl.public

from .clock import now, number
from .environments import Environment
from .pulls import PullRequest
from .reported import Report
from .runs import Run
from .webhooks import Hook

LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}
PERMISSIONS = (
    "metadata", "administration", "contents", "variables", "secrets", "actions", "pull_requests", "checks", "workflows",
    "deployments", "webhooks", "statuses", "environments",
)  # fmt: skip
FULL_ACCESS: Mapping[str, str] = dict.fromkeys(PERMISSIONS, "write")


@dataclass
class Ruleset:
    name: str
    target: str
    enforcement: str
    conditions: dict[str, Any]
    rules: list[dict[str, Any]]
    bypass_actors: list[dict[str, Any]]
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)


@dataclass(eq=False)
class Account:
    """A user or an organisation."""

    login: str
    kind: Literal["User", "Organization", "Bot"]
    plan: str = "free"  # free, team (for users: pro), enterprise
    members: dict[str, Literal["admin", "member"]] = field(default_factory=dict)
    workflow_permissions: Literal["read", "write"] = "read"  # what repositories start with
    workflow_permissions_capped: bool = False  # the organisation forbids its repositories to change them
    members_can_create_repositories: bool = True
    deploy_keys_enabled: bool = True
    actions: dict[str, Any] = field(
        default_factory=lambda: {
            "enabled_repositories": "all", "allowed_actions": "all", "sha_pinning_required": False
        }
    )  # fmt: skip
    selected_actions: dict[str, Any] = field(default_factory=dict)
    rulesets: list[Ruleset] = field(default_factory=list)  # those of the organisation, for all its repositories
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    @property
    def node_id(self) -> str:
        return f"{'O' if self.kind == 'Organization' else 'U'}_{self.id}"


@dataclass(frozen=True)
class Token:
    """Who asks, and what they may do."""

    secret: str = field(repr=False)
    kind: Literal["classic", "fine-grained", "run", "app", "jwt"]
    owner: Account
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] = field(default_factory=dict)
    repositories: frozenset[str] | None = None  # full names; None: all of the owner's
    ends: float = float("inf")  # by time.time()

    def __str__(self) -> str:
        return f"{self.owner.login} ({self.kind})"


@dataclass
class Stored:
    """A variable or a secret."""

    name: str
    value: str = field(repr=False)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)


@dataclass(frozen=True)
class DeployKey:
    title: str
    key: str
    read_only: bool
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)


@dataclass(frozen=True)
class DeploymentStatus:
    state: str
    description: str
    creator: Account
    log_url: str = ""
    environment_url: str = ""
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)


@dataclass
class Deployment:
    sha: str
    ref: str
    task: str
    environment: str
    description: str | None
    payload: Any
    transient: bool
    production: bool
    creator: Account
    statuses: list[DeploymentStatus] = field(default_factory=list)  # newest last
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    @property
    def state(self) -> str:
        """What the newest status says; GitHub calls one without any `pending`."""
        return self.statuses[-1].state if self.statuses else "pending"


@dataclass(eq=False)
class Repository:
    """A repository: its settings here, its content in a bare git directory."""

    name: str
    owner: Account
    private: bool
    git: Path
    description: str | None = None
    archived: bool = False
    default_branch: str = "main"
    former_branches: dict[str, str] = field(default_factory=dict)  # what each renamed one is called now
    settings: dict[str, Any] = field(default_factory=dict)
    workflow_permissions: str = "read"
    can_approve_pull_requests: bool = False
    actions: dict[str, Any] = field(
        default_factory=lambda: {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False}
    )
    selected_actions: dict[str, Any] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Stored] = field(default_factory=dict)
    secrets: dict[str, Stored] = field(default_factory=dict)
    keys: dict[int, DeployKey] = field(default_factory=dict)
    rulesets: dict[int, Ruleset] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)  # by name in lower case
    hooks: dict[int, Hook] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    workflows: dict[str, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    reports: dict[str, dict[str, Report]] = field(default_factory=dict)  # by commit and name
    secrets_key: nacl.public.PrivateKey = field(default_factory=nacl.public.PrivateKey.generate, repr=False)
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)
    pushed_at: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def node_id(self) -> str:
        return f"R_{self.id}"

    @property
    def secrets_key_id(self) -> str:
        return str(self.id)

    def environment(self, name: str) -> Environment:
        """Return an environment; who names one that is not there makes it, without any rule."""
        return self.environments.setdefault(name.lower(), Environment(name))

    def role(self, user: Account) -> str:
        """Say what a user may do here: admin, write, read or none."""
        if user is self.owner or self.owner.members.get(user.login) == "admin":
            return "admin"
        return self.collaborators.get(user.login) or (
            "read" if user.login in self.owner.members or not self.private else "none"
        )


def new_secret(kind: str) -> str:
    prefix = {"classic": "ghp_", "fine-grained": "github_pat_", "run": "ghs_", "app": "ghs_"}[kind]
    return prefix + secrets.token_hex(18)
