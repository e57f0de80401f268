"""Pytest's way to the stand-in: `pytest_plugins = ["tests.gitlab.fixtures"]`."""

from collections.abc import Generator, Iterator

import pytest

from . import GitLab


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    """gitlab.com, for one test; fails the test that asked for anything not modelled."""
    with GitLab.serve("gitlab.com") as gitlab:
        yield gitlab
    blame(gitlab)


def blame(gitlab: GitLab) -> None:
    """Fail where the stand-in was asked for what it does not model; for fixtures of one's own."""
    if gitlab.failures:
        pytest.fail("the GitLab stand-in was asked for what it does not model:\n" + "\n".join(gitlab.failures))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what all pipelines said below a test that failed."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        held = {each for value in item.funcargs.values() for each in _stand_ins(value)}
        report.sections += [(f"pipelines at {each.site.host}", each.story()) for each in held if each.story()]
    return report


def _stand_ins(value: object) -> list[GitLab]:
    """Find the stand-in that a fixture is, or keeps among its attributes."""
    return [each for each in (value, *getattr(value, "__dict__", {}).values()) if isinstance(each, GitLab)]
