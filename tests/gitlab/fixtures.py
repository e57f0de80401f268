"""Pytest's way to the stand-in: `pytest_plugins = ["tests.gitlab.fixtures"]`."""

from collections.abc import Iterator

import pytest

from tests.github.fixtures import blame

from . import GitLab

__all__ = ["blame"]


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    """gitlab.com, for one test; fails the test that asked for anything not modelled."""
    with GitLab.serve("gitlab.com") as gitlab:
        yield gitlab
    blame(gitlab)
