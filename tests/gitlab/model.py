"""What GitLab remembers: users, groups, tokens, projects and what belongs to them."""

import datetime
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.github.model import number

from .pipelines import Pipeline

NO_ONE, GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER = 0, 10, 20, 30, 40, 50
ROLES = {NO_ONE: "No one", DEVELOPER: "Developers + Maintainers", MAINTAINER: "Maintainers"}
PREFIXES = {"personal": "glpat-", "project": "glpat-", "job": "glcbt-"}
TokenKind = Literal["personal", "project", "job"]


def now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class User:
    username: str
    bot: bool = False
    id: int = field(default_factory=number)
    namespace_id: int = field(default_factory=number)

    @property
    def path(self) -> str:
        return self.username

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"


@dataclass(eq=False)
class Group:
    """A group, or by a path with slashes a subgroup."""

    path: str
    members: dict[int, int] = field(default_factory=dict)  # user id → access level
    project_creation_level: str = "developer"  # who may make projects: noone, maintainer, developer
    default_branch_protection: int = 2  # 0: none; 2: full, only maintainers may push
    restricted: frozenset[str] = frozenset()  # visibilities that the administrator forbids
    deploy_keys: bool = True
    project_access_tokens: bool = True  # not in gitlab.com's free tier
    namespace_id: int = field(default_factory=number)

    @property
    def id(self) -> int:
        return self.namespace_id


Namespace = User | Group


@dataclass(eq=False)
class Token:
    """Who asks, and what they may do; a job's is of one project and as good as its user there."""

    secret: str = field(repr=False)
    kind: TokenKind
    user: User
    scopes: frozenset[str]
    name: str = ""
    expires_at: str | None = None
    revoked: bool = False
    project: "Project | None" = None
    access_level: int = MAINTAINER
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    def __str__(self) -> str:
        return f"{self.user.username}'s {self.kind} token"


@dataclass
class Variable:
    key: str
    value: str = field(repr=False)
    variable_type: str = "env_var"
    protected: bool = False
    masked: bool = False
    hidden: bool = False
    raw: bool = False
    environment_scope: str = "*"
    description: str | None = None


@dataclass
class Protection:
    """A rule for the branches of one name; a pattern with `*` is not modelled."""

    name: str
    push: int
    merge: int
    allow_force_push: bool = False
    id: int = field(default_factory=number)


@dataclass(frozen=True)
class DeployKey:
    title: str
    key: str
    can_push: bool
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    @property
    def read_only(self) -> bool:
        return not self.can_push


@dataclass(eq=False)
class MergeRequest:
    iid: int
    title: str
    source: str
    target: str
    author: User
    description: str = ""
    state: str = "opened"
    sha: str = ""
    squash: bool = False
    remove_source_branch: bool | None = None
    auto_merge: User | None = None
    merged_sha: str | None = None
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)


@dataclass(eq=False)
class Project:
    name: str
    path: str
    namespace: Namespace
    visibility: str
    git: Path
    settings: dict[str, Any]
    description: str | None = None
    default_branch: str = "main"
    members: dict[int, int] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    protections: dict[str, Protection] = field(default_factory=dict)
    keys: dict[int, DeployKey] = field(default_factory=dict)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    pipelines: list[Pipeline] = field(default_factory=list)  # the newest first
    tokens: dict[int, Token] = field(default_factory=dict)
    hooks: dict[int, Any] = field(default_factory=dict)  # webhooks.Hook
    archived: bool = False
    marked_for_deletion_on: str | None = None
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)

    @property
    def full_path(self) -> str:
        return f"{self.namespace.path}/{self.path}"

    @property
    def private(self) -> bool:
        return self.visibility != "public"

    def level(self, user: User) -> int:
        """Return the access level that somebody has here."""
        if self.namespace is user:
            return OWNER
        inherited = self.namespace.members.get(user.id, 0) if isinstance(self.namespace, Group) else 0
        return max(inherited, self.members.get(user.id, 0))


def new_secret(kind: TokenKind) -> str:
    return PREFIXES[kind] + secrets.token_hex(10)
