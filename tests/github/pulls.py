"""Pull requests, as GitHub remembers them."""

from dataclasses import dataclass, field
from typing import Any

from .clock import now, number


@dataclass(frozen=True)
class Approval:
    """A person's approval, of the commit that was the head then."""

    login: str
    sha: str
    id: int = field(default_factory=number)
    at: str = field(default_factory=now)


@dataclass
class PullRequest:
    number: int
    id: int
    title: str
    body: str | None
    author: str
    base: str  # branch
    head: str  # branch
    created_at: str
    draft: bool = False
    state: str = "OPEN"  # OPEN, MERGED, CLOSED
    head_sha: str = ""
    base_sha: str = ""
    merge_commit: str | None = None
    merged_at: str | None = None
    closed_at: str | None = None
    merged_by: str | None = None
    pushed_by: str = ""  # who pushed its head last; until somebody does, its author
    approvals: list[Approval] = field(default_factory=list)
    auto_merge: tuple[Any, str] | None = None  # the token that asked for it, and the method

    @property
    def node_id(self) -> str:
        return f"PR_{self.id}"
