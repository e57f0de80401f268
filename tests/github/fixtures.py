"""Pytest's way to the stand-in: `pytest_plugins = ["tests.github.fixtures"]`."""

from collections.abc import Generator, Iterator

import pytest

from . import GitHub
from .code_host import CodeHost


@pytest.fixture
def github() -> Iterator[GitHub]:
    """github.com, for one test; fails the test that asked for anything not modelled."""
    yield from served("github.com")


@pytest.fixture
def ghes() -> Iterator[GitHub]:
    """A GitHub Enterprise Server, likewise."""
    yield from served("ghe.example.com")


def served(host: str) -> Iterator[GitHub]:
    with GitHub.serve(host) as github:
        yield github
    blame(github)


def blame(host: CodeHost) -> None:
    """Fail where the stand-in was asked for what it does not model; for fixtures of one's own."""
    if host.failures:
        pytest.fail("the stand-in was asked for what it does not model:\n" + "\n".join(host.failures))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what all runs said below a test that failed."""
    report = yield
    if report.when == "call" and report.failed and isinstance(item, pytest.Function):
        held = {each for value in item.funcargs.values() for each in _stand_ins(value)}
        report.sections += [(f"runs at {each.site.host}", each.story()) for each in held if each.story()]
    return report


def _stand_ins(value: object) -> list[CodeHost]:
    """Find the stand-in that a fixture is, or keeps among its attributes."""
    return [each for each in (value, *getattr(value, "__dict__", {}).values()) if isinstance(each, CodeHost)]
