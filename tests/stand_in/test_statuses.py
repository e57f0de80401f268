"""What GitHub shows at a commit: the statuses that others set, and the checks of Apps."""

import json

import pytest

from tests.github import results
from tests.github.reported import Report, State

from .conftest import Person

SAID = (("ci/one", "pending"), ("ci/two", "success"), ("ci/one", "failure"))


@pytest.fixture
def main(octo: Person) -> str:
    """Return the head of main of a private repository."""
    octo.repository(files={"README.md": "# web"})
    return octo.served.branches(octo.served.repository("acme/web"))["main"]


def shown(octo: Person, path: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(octo.gh("api", f"repos/acme/web/commits/{path}"))
    return found


def test_the_newest_status_of_each_context_is_shown_and_what_they_come_to(octo: Person, main: str) -> None:
    assert shown(octo, "main/status")["state"] == "pending", "so GitHub says where there is none"
    for context, state in SAID:
        octo.gh("api", f"repos/acme/web/statuses/{main}", "-f", f"context={context}", "-f", f"state={state}")
    found = shown(octo, "main/status")
    assert (found["sha"], found["state"], found["total_count"]) == (main, "failure", 2)
    statuses: list[dict[str, object]] = found["statuses"]  # type: ignore[assignment]
    assert {each["context"]: each["state"] for each in statuses} == {"ci/one": "failure", "ci/two": "success"}
    assert "404" in octo.gh("api", "repos/acme/web/commits/nothing/status", ok=False)


def test_a_check_that_ends_is_the_one_that_began_and_the_next_is_another(octo: Person, main: str) -> None:
    repository, seen = octo.served.repository("acme/web"), []
    states: tuple[State, ...] = ("pending", "failure", "pending")
    for state in states:
        results.report(octo.served, repository, main, Report("Travis CI - Branch", "check", state, "https://a.b"))
        (check,) = shown(octo, f"{main}/check-runs")["check_runs"]  # type: ignore[attr-defined]
        seen.append((check["id"], check["status"], check["conclusion"]))
    first, _, third = (number for number, *_ in seen)
    assert seen[:2] == [(first, "in_progress", None), (first, "completed", "failure")]
    assert third > first


def test_a_fine_grained_token_reads_statuses_where_it_may_and_checks_nowhere(octo: Person, main: str) -> None:
    octo.token = octo.served.token("octo", "fine-grained", permissions={"metadata": "read", "statuses": "read"})
    octo.__post_init__()
    assert shown(octo, f"{main}/status")["sha"] == main
    octo.token = octo.served.token("octo", "fine-grained")
    octo.__post_init__()
    refused = octo.gh("api", f"repos/acme/web/commits/{main}/check-runs", ok=False)
    assert "Resource not accessible by personal access token" in refused
