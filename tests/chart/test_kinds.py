"""The chart, in every combination of its switches, against what Argo CD may deploy for the project."""

import itertools
import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from installer.resources.application import CHART_KINDS as CHART
from installer.resources.application import whitelist
from tests.chart.rendered import EVERYTHING, Helm, Object
from tests.conftest import BakedProject


def switches(values: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Find every `enabled` of the chart's values."""
    for key, value in values.items() if isinstance(values, dict) else ():
        if key == "enabled":
            yield path
        yield from switches(value, (*path, key))


def turned(path: tuple[str, ...], *, on: bool) -> dict[str, Any]:
    """Return the values that set one switch, with what it needs to be on."""
    section, *inner = path
    tree: Object = {"enabled": on} if inner else {**EVERYTHING.get(section, {}), "enabled": on}
    for key in reversed(inner):
        tree = {key: tree}
    return {section: tree}


@pytest.mark.parametrize(
    "least", [pytest.param(4, id="one off"), pytest.param(0, id="all combinations", marks=pytest.mark.slow)]
)
def test_argo_cd_may_deploy_exactly_what_the_chart_renders(project: BakedProject, least: int) -> None:
    if not shutil.which("helm"):
        pytest.skip("helm is not installed")
    helm = Helm("helm", project.path)
    found = [*switches(yaml.safe_load((project.path / "chart/values.yaml").read_text()))]
    assert len(found) == 5, "each doubles the combinations"
    rendered: set[str] = set()
    for states in itertools.product((True, False), repeat=len(found)):
        if sum(states) >= least:
            rendered |= kinds(helm, dict(zip(found, states, strict=True)))
    assert rendered == set(CHART)


def test_a_database_adds_no_kind(project_with_database: BakedProject) -> None:
    if not shutil.which("helm"):
        pytest.skip("helm is not installed")
    assert kinds(Helm("helm", project_with_database.path), {}) <= set(CHART)


def kinds(helm: Helm, states: dict[tuple[str, ...], bool]) -> set[str]:
    """Name what is rendered with these switches, as `group/Kind`, or `Kind` of the core."""
    values: dict[str, Any] = {}
    for path, on in states.items():
        values |= turned(path, on=on)
    objects = [(each["apiVersion"].rpartition("/")[0], each["kind"]) for each in helm.objects(**values).everything]
    return {f"{group}/{kind}" if group else kind for group, kind in objects}


def test_the_check_before_a_merge_allows_exactly_what_argo_cd_may_deploy(project: BakedProject) -> None:
    (own,) = re.findall(r"\$kinds := list (.+?) \}\}", project.text("ci/lib/objects.tpl"), re.DOTALL)
    kinds = [f"{group}/{kind}".removeprefix("/") for group, kind in (each.values() for each in whitelist(()))]
    assert sorted(own.replace('"', "").split()) == sorted(kinds)


def test_what_may_be_deployed_is_named_as_argo_cd_reads_it() -> None:
    listed = whitelist(["external-secrets.io/ExternalSecret", "ConfigMap", "Service"])
    assert {"group": "external-secrets.io", "kind": "ExternalSecret"} in listed
    assert {"group": "", "kind": "ConfigMap"} in listed
    assert listed.count({"group": "", "kind": "Service"}) == 1
    assert not [each for each in whitelist(()) if "*" in each.values() or "Role" in each["kind"]]
