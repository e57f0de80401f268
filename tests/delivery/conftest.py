"""A world of its own for each test, copied from one that is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.delivery.world import Checkout, Remote, World, make_world


@pytest.fixture(scope="session")
def _model(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("delivery"))


@pytest.fixture
def world(_model: World, tmp_path: Path) -> World:
    """Return a remote with one commit on main and no env/dev."""
    return _model.copied(tmp_path)


@pytest.fixture
def remote(world: World) -> Remote:
    return world.remote


@pytest.fixture
def laptop(world: World) -> Checkout:
    """Return a full clone."""
    return world.checkout("laptop")


@pytest.fixture(scope="session")
def _model_delivered(_model: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = _model.copied(tmp_path_factory.mktemp("delivered"))
    answer = world.checkout("laptop").run("deploy", "--init")
    assert answer.line.startswith("deploy: done"), answer.text
    return world


@pytest.fixture
def delivered(laptop: Checkout, world: World, _model_delivered: World) -> Checkout:
    """Return a full clone whose head is delivered."""
    _model_delivered.copied(world.path, "laptop")
    return laptop
