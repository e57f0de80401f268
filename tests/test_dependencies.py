"""What is imported is declared: what comes along with another package may be gone with its next version."""

import ast
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import ROOT

pytestmark = pytest.mark.lint

OURS = {"installer", "hooks", "tests", "benchmarks"}
IN_A_PROJECT = ROOT / "tests/service"  # runs in a generated project's environment, with what that declares


def imported(folder: str) -> set[str]:
    """Return the packages of others that a folder's modules import, by the names of their modules."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        if file.is_relative_to(IN_A_PROJECT):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    return found - OURS - sys.stdlib_module_names


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


@pytest.mark.parametrize("folder", ["installer", "hooks", "tests", "benchmarks"])
def test_every_package_that_is_imported_is_declared(folder: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = names(project["project"]["dependencies"])
    if folder in {"tests", "benchmarks"}:
        declared |= names(project["dependency-groups"]["dev"])
    carried_by = packages_distributions()
    modules = imported(folder)
    assert modules, "it reads the right folder"
    assert {
        module: carried_by.get(module)
        for module in modules
        if not declared & {canonicalize_name(each) for each in carried_by.get(module, [])}
    } == {}


def test_what_is_declared_for_users_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    modules = imported("installer") | imported("hooks")
    used = {canonicalize_name(each) for module in modules for each in packages_distributions().get(module, [])}
    assert names(project["project"]["dependencies"]) <= used
