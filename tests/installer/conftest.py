"""One stand-in for all tests of GitHub's half that begin with a state of their own making."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.elsewhere import Elsewhere, elsewhere
from tests.github import GitHub as StandIn
from tests.github.authority import Authority
from tests.github.fixtures import blame
from tests.gitlab import GitLab

from .bench import Bench
from .ground import ground
from .laptop import deployed_thrice, laptop, one_deployed_thrice
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
    "one_deployed_thrice",
    "opened",
    "programs",
    "project",
    "run",
    "shared",
    "shop",
    "working_registry",
]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let no time pass before a request is sent again, and take down how long it would have been."""
    pauses: list[float] = []
    monkeypatch.setattr("installer.forges.http.pause", pauses.append)
    return pauses


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return a company's authority, which no machine knows."""
    (tmp_path / "company").mkdir()
    return Authority(tmp_path / "company")


@pytest.fixture
def there() -> Iterator[Elsewhere]:
    """Serve a place where nothing of ours may arrive."""
    with elsewhere() as place:
        yield place


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a workbench whose stand-in and project last as long as the tests."""
    with StandIn.serve("github.com") as github:
        bench = Bench.of(github, tmp_path_factory.mktemp("web"))
        with bench.argo_cd(tmp_path_factory.mktemp("argocd")):
            yield bench
        blame(github)


@pytest.fixture
def shared(opened: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Return the workbench, led to by this test's environment; begin with `set_up`."""
    opened.use(monkeypatch, tmp_path)
    return opened


@pytest.fixture
def fresh(github: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Return a workbench of this test's own, and nothing at GitHub."""
    made = Bench.of(github, tmp_path)
    made.use(monkeypatch, tmp_path)
    return made


@pytest.fixture
def at_gitlab(gitlab: GitLab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return a workbench of this test's own, and nothing at GitLab."""
    from . import gitlab_bench  # a fork that keeps GitHub alone cannot import it

    made = gitlab_bench.Bench.of(gitlab, tmp_path)
    made.use(monkeypatch)
    return made
