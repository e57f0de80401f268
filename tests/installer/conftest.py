"""One stand-in for all tests of GitHub's half that begin with a state of their own making."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.github import GitHub as StandIn
from tests.github.fixtures import blame

from .bench import Bench, a_project
from .ground import ground
from .laptop import deployed_thrice, laptop
from .office import office
from .shop import shop
from .typed import programs, project, run
from .whole import helm, working_registry

__all__ = [
    "deployed_thrice",
    "ground",
    "helm",
    "laptop",
    "office",
    "opened",
    "programs",
    "project",
    "run",
    "shared",
    "shop",
    "working_registry",
]


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a workbench whose stand-in and project last as long as the tests."""
    with StandIn.serve("github.com") as github:
        github.user("octo")
        github.organization("acme", plan="team", members={"octo": "admin"})
        bench = Bench(github, a_project(tmp_path_factory.mktemp("web") / "web"), github.token("octo"))
        with bench.argo_cd(tmp_path_factory.mktemp("argocd")):
            yield bench
        blame(github)


@pytest.fixture
def shared(opened: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Return the workbench, led to by this test's environment; begin with `set_up`."""
    opened.use(monkeypatch, tmp_path)
    return opened
