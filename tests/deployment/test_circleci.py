"""CircleCI's file: which jobs run when, and that the runner that says so is strict."""

import pytest

from tests.ci_runner import Failed, Unmodelled
from tests.circleci.config import workflows
from tests.conftest import Bake, BakedProject


@pytest.fixture(scope="module")
def project(bake: Bake) -> BakedProject:
    return bake(ci="circleci")


@pytest.mark.parametrize(
    ("branch", "parameters", "expected"),
    [
        ("feature", {}, {"pull-request": ["test", "image", "chart"]}),
        ("main", {}, {"deploy": ["test", "push", "deploy"]}),
        ("main", {"action": "init"}, {"deploy": ["test", "push", "deploy"]}),
        ("main", {"action": "rollback"}, {"rollback": ["rollback"]}),
        ("main", {"action": "release"}, {"release": ["take-hold-away", "test", "push", "deploy"]}),
        ("main", {"action": "promote", "environment": "prod", "first": "--init"}, {"promote": ["promote"]}),
        ("feature", {"action": "rollback"}, {}),
        ("feature", {"action": "promote"}, {}),
        ("feature", {"action": "init"}, {}),
        ("env/dev", {}, {}),
    ],
)
def test_these_jobs_run(
    project: BakedProject, branch: str, parameters: dict[str, str], expected: dict[str, list[str]]
) -> None:
    found = workflows(project.text(".circleci/config.yml"), branch, parameters)
    assert {w.name: [task.name for task in w.tasks] for w in found} == expected


def test_nothing_is_deployed_before_tests_and_image_are_there(project: BakedProject) -> None:
    for parameters in ({}, {"action": "release"}):
        (found,) = workflows(project.text(".circleci/config.yml"), "main", parameters)
        needs = {task.name: set(task.requires) for task in found.tasks}
        assert needs["deploy"] == {"test", "push"}
        assert needs["test"] == needs["push"] == ({"take-hold-away"} if parameters else set())


def test_a_parameter_that_is_not_declared_or_has_no_such_value_is_refused(project: BakedProject) -> None:
    for parameters in ({"reason": "x"}, {"action": "destroy"}, {"first": "--force"}):
        with pytest.raises(Failed):
            workflows(project.text(".circleci/config.yml"), "main", parameters)


def test_the_runner_refuses_what_it_does_not_model(project: BakedProject) -> None:
    text = project.text(".circleci/config.yml")
    for there, instead in (
        ("    executor: linux\n", "    executor: linux\n    parallelism: 2\n"),
        ("      - checkout\n", "      - checkout\n      - save_cache: {key: x, paths: [y]}\n"),
        ("<< pipeline.parameters.why >>", "<< pipeline.number >>"),
        ("  rollback:\n    when:", "  rollback:\n    unless:"),
    ):
        assert there in text
        with pytest.raises(Unmodelled):
            workflows(text.replace(there, instead, 1), "main", {})
