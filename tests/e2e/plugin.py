"""How end-to-end tests are run: first, one by one, skipped without a cluster, never skipped where one is promised."""

import os
import re
from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadScopeScheduling

NEEDED = (
    *("KUBECONFIG", "E2E_AUDIT_LOG", "E2E_GITHUB_LISTEN", "E2E_SSH_LISTEN", "E2E_TLS_CERT", "E2E_TLS_KEY"),
    *("E2E_REGISTRY_USERNAME", "E2E_REGISTRY_TOKEN"),
)
SECONDS = "seconds"
FAILED = pytest.StashKey[bool]()
TOGETHER = ("tests/test_generated_project.py", "tests/test_package.py", "tests/update/test_merge.py")
"""Files whose tests share what takes long to make: one worker makes it, and runs them all."""


def in_the_cluster(nodeid: str) -> bool:
    return nodeid.startswith("tests/e2e/")


class OneCluster(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Give each worker one test at a time, but all that share the cluster, or a fixture, to one.

    (`--dist=loadgroup` says so too, but does not do it with pytest 9.2 and pytest-xdist 3.8.)
    """

    def _split_scope(self, nodeid: str) -> str:
        if in_the_cluster(nodeid):
            return "cluster"
        file, _, test = nodeid.partition("::")
        first_parameter = re.split(r"[-\]]", test.partition("[")[2])[0]
        return f"{file} {first_parameter}" if file in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneCluster:
    return OneCluster(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a cluster where there is none, and what takes long; begin with the longest ways.

    What takes long runs with `-m ""`, where its marker is named, and (`slow`) where there is a cluster.
    """
    missing = [name for name in NEEDED if name not in os.environ]
    skip = pytest.mark.skip(reason=f"needs a cluster, see docs/testing.md; not set: {', '.join(missing)}")
    later = pytest.mark.skip(reason="takes long: runs where there is a cluster, or with `-m slow`")
    chosen = config.getoption("markexpr")
    if chosen and "all" not in chosen:
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("all")])
        items[:] = [item for item in items if not item.get_closest_marker("all")]
    for item in items:
        if missing and item.get_closest_marker("e2e"):
            item.add_marker(skip)
        elif missing and chosen and "slow" not in chosen and item.get_closest_marker("slow"):
            item.add_marker(later)
    items.sort(key=lambda item: (not in_the_cluster(item.nodeid), item.nodeid.partition("::")[0] not in TOGETHER))


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
