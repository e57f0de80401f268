"""A workspace of its own for each test, copied from one that is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deployment.workspace import Checkout, Remote, Workspace, make_workspace


@pytest.fixture(scope="session")
def _model(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("deployment"))


@pytest.fixture
def workspace(_model: Workspace, tmp_path: Path) -> Workspace:
    """Return a remote with one commit on main and no env/dev."""
    return _model.copied(tmp_path)


@pytest.fixture
def remote(workspace: Workspace) -> Remote:
    return workspace.remote


@pytest.fixture
def laptop(workspace: Workspace) -> Checkout:
    """Return a full clone."""
    return workspace.checkout("laptop")


@pytest.fixture(scope="session")
def _model_deployed(_model: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = _model.copied(tmp_path_factory.mktemp("deployed"))
    answer = workspace.checkout("laptop").run("deploy", "--init")
    assert answer.line.startswith("deploy: done"), answer.text
    return workspace


@pytest.fixture
def deployed(laptop: Checkout, workspace: Workspace, _model_deployed: Workspace) -> Checkout:
    """Return a full clone whose head is deployed."""
    _model_deployed.copied(workspace.path, "laptop")
    return laptop
