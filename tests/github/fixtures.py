"""Pytest's way to the stand-in: `pytest_plugins = ["tests.github.fixtures"]`."""

from collections.abc import Iterator

import pytest

from . import GitHub


@pytest.fixture
def github() -> Iterator[GitHub]:
    """github.com, for one test; fails the test that asked for anything not modelled."""
    yield from _served("github.com")


@pytest.fixture
def ghes() -> Iterator[GitHub]:
    """A GitHub Enterprise Server, likewise."""
    yield from _served("ghe.example.com")


def _served(host: str) -> Iterator[GitHub]:
    with GitHub.serve(host) as served:
        yield served
    if served.failures:
        pytest.fail("the GitHub stand-in was asked for what it does not model:\n" + "\n".join(served.failures))
