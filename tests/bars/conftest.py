"""For which answers the bars hold: these projects are judged by every tool."""

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.chart.rendered import EVERYTHING, Helm, Objects
from tests.conftest import ROOT, Bake, BakedProject

EXTREME = {
    "project_name": 'O\'Neil "x" é \\\\ 🚀 {curly} $HOME #1: &yes' + " and more" * 6,
    "project_slug": "a" + "-b2" * 11 + "-c",
    "description": 'A "description" that costs $5, `runs` {nothing} \\\\ é 🚀: #' + " and goes on" * 24,
    "owner": "Octo_" + "o" * 34,
    "host": "github." + "x" * 50 + ".example.com",
    "visibility": "public",
    "registry": "registry.example-company.example:5443",
    "registry_account": "team/sub-team_x/" + "y" * 90,
    "python_version": "3.12",
    "namespace": "n" * 63,
}
ANSWERS = {
    "default": {},
    "extreme": EXTREME,
    "public": {"visibility": "public", "registry": "ghcr.io"},
    "enterprise": {"host": "ghe.example.com", "owner": "octo", "registry": "containers.ghe.example.com"},
    "python": {"python_version": "3.14"},
    "database": {"database": "postgresql"},
}
LONG_ONES = {"public", "enterprise", "python"}
VALUES = {"with default values": {}, "with every switch on": EVERYTHING}


def known() -> list[str]:
    """Return the names of the sets of answers that this template knows."""
    questions = BakedProject(ROOT, {}).json("cookiecutter.json").keys()
    return [name for name, answers in ANSWERS.items() if answers.keys() <= questions]


@dataclass(frozen=True)
class Judged:
    """A baked project, and all that its chart renders."""

    name: str
    project: BakedProject
    folder: Path
    _objects: dict[str, Objects] = field(default_factory=dict)

    def helm(self, program: str = "helm") -> Helm:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
        return Helm(program, self.project.path, self.project.slug, str(self.project.answers["namespace"]))

    def objects(self, values: str) -> Objects:
        if values not in self._objects:
            self._objects[values] = self.helm().objects(**VALUES[values])
        return self._objects[values]

    def rendered(self, values: str) -> Path:
        """Return a file with all that is rendered with these values."""
        file = self.folder / f"{values}.yaml"
        if not file.exists():
            file.write_text(self.helm().text(**VALUES[values]))
        return file


Judge = Callable[[str], Judged]


@pytest.fixture(scope="session")
def judge(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Return a function that bakes a project, once."""

    @functools.cache
    def judge(name: str) -> Judged:
        return Judged(name, bake(**ANSWERS[name]), tmp_path_factory.mktemp(name))

    return judge


# those that differ little are only in the long run
SETS = [pytest.param(name, marks=[pytest.mark.all] if name in LONG_ONES else []) for name in known()]


@pytest.fixture(params=SETS)
def judged(request: pytest.FixtureRequest, judge: Judge) -> Judged:
    return judge(request.param)


@pytest.fixture(params=VALUES)
def values(request: pytest.FixtureRequest) -> str:
    return str(request.param)
