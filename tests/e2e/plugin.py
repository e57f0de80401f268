"""How end-to-end tests are run: last, one by one, skipped without a cluster, never skipped where one is promised."""

import os
from collections.abc import Iterator

import pytest

NEEDED = (
    *("KUBECONFIG", "E2E_AUDIT_LOG", "E2E_GITHUB_LISTEN", "E2E_SSH_LISTEN", "E2E_TLS_CERT", "E2E_TLS_KEY"),
    *("E2E_REGISTRY_USERNAME", "E2E_REGISTRY_TOKEN"),
)
SECONDS = "seconds"
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """There is one cluster: its tests are one group for pytest-xdist, and wait until the fast ones are through."""
    missing = [name for name in NEEDED if name not in os.environ]
    skip = pytest.mark.skip(reason=f"needs a cluster, see docs/testing.md; not set: {', '.join(missing)}")
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.xdist_group("cluster"))
            if missing:
                item.add_marker(skip)
    items.sort(key=lambda item: bool(item.get_closest_marker("e2e")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skipped end-to-end test into a failed one where the cluster was promised (E2E_REQUIRED)."""
    report: pytest.TestReport = yield
    if report.skipped and "E2E_REQUIRED" in os.environ and item.get_closest_marker("e2e"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although E2E_REQUIRED is set: {report.longrepr}"
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests measured, a line each."""
    reports = [r for kind in ("passed", "failed") for r in terminalreporter.getreports(kind)]
    rows = [row for report in reports for name, row in report.user_properties if name == SECONDS]
    if rows:
        terminalreporter.section("measured")
        for what, seconds in rows:
            terminalreporter.write_line(f"{seconds:7.1f} s  {what}")
