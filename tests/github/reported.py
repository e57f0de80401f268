"""What others than Actions say of a commit: a status, as CircleCI does, or a check of an App, as Travis CI does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .clock import now, number

State = Literal["pending", "success", "failure"]


@dataclass(frozen=True)
class Report:
    """One line of it; a later one of the same name takes its place."""

    name: str
    kind: Literal["status", "check"]
    state: State
    url: str
    at: str = field(default_factory=now)
    app: str = "travis-ci"
    """Whose check it is, by the App's short name; a status has none."""
    id: int = field(default_factory=number)


def context(report: Report, required: Callable[[str], bool]) -> dict[str, Any]:
    """Return it as GraphQL sees it among a commit's checks."""
    is_required = lambda **_: required(report.name)  # noqa: E731
    if report.kind == "status":
        return {
            "__typename": "StatusContext",
            "context": report.name,
            "state": report.state.upper(),
            "targetUrl": report.url,
            "createdAt": report.at,
            "description": None,
            "avatarUrl": None,
            "isRequired": is_required,
        }
    over = report.state != "pending"
    return {
        "__typename": "CheckRun",
        "name": report.name,
        "status": "COMPLETED" if over else "IN_PROGRESS",
        "conclusion": report.state.upper() if over else None,
        "startedAt": report.at,
        "completedAt": report.at if over else None,
        "detailsUrl": report.url,
        "title": None,
        "summary": None,
        "isRequired": is_required,
        "checkSuite": {"__typename": "CheckSuite", "workflowRun": None},
    }
