"""Pull requests, as GitHub remembers them."""

from dataclasses import dataclass
from typing import Any


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
    auto_merge: tuple[Any, str] | None = None  # the token that asked for it, and the method

    @property
    def node_id(self) -> str:
        return f"PR_{self.id}"
