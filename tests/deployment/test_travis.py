"""Travis CI's file: which jobs run when, and that the runner that says so is strict."""

import pytest

from tests.ci_runner import Unmodelled
from tests.conftest import Bake, BakedProject
from tests.travis.conditions import holds
from tests.travis.config import build


@pytest.fixture(scope="module")
def text(bake: Bake) -> str:
    project: BakedProject = bake(ci="travis-ci")
    return project.text(".travis.yml")


def asked(action: str) -> dict[str, object]:
    return {"env": {"global": [f"ACTION={action}", "WHY='it fails'"]}}


@pytest.mark.parametrize(
    ("event", "branch", "config", "expected"),
    [
        ("pull_request", "main", {}, [("check", "test"), ("check", "image"), ("check", "chart")]),
        ("push", "main", {}, [("check", "test"), ("check", "push"), ("deploy", "deploy")]),
        ("api", "main", {}, [("check", "test"), ("check", "push"), ("deploy", "deploy")]),
        ("api", "main", asked("init"), [("check", "test"), ("check", "push"), ("deploy", "deploy")]),
        ("api", "main", asked("rollback"), [("rollback", "rollback")]),
        ("api", "main", asked("promote"), [("promote", "promote")]),
        (
            "api",
            "main",
            asked("release"),
            [("rollback", "rollback"), ("check", "test"), ("check", "push"), ("deploy", "deploy")],
        ),
        ("push", "feature", {}, None),
        ("push", "env/dev", {}, None),
        ("pull_request", "release", {}, None),
    ],
)
def test_these_jobs_run(
    text: str, event: str, branch: str, config: dict[str, object], expected: list[tuple[str, str]] | None
) -> None:
    found = build(text, event, branch, config, {})
    assert (found and [(task.stage, task.name) for task in found.tasks]) == expected
    assert not found or found.stages == tuple(dict.fromkeys(stage for stage, _ in expected or []))


def test_the_runner_refuses_what_it_does_not_model(text: str) -> None:
    for there, instead in (
        ("install: skip\n", "install: skip\ncache: pip\n"),
        ("install: skip\n", "install: pip install x\n"),
        ("      name: test\n", "      name: test\n      env: A=1\n"),
        ("if: branch = main", "if: tag IS present"),
        ("if: type = pull_request", "if: sender = octo"),
    ):
        assert there in text
        with pytest.raises(Unmodelled):
            build(text.replace(there, instead, 1), "push", "main", {}, {})
    with pytest.raises(Unmodelled):
        build(text, "api", "main", {"env": {"global": ["WHY=it fails"]}}, {})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("type = push", True),
        ("NOT type = push OR branch = main", True),
        ("NOT (type = push OR branch = main)", False),
        ("type = api AND branch = x OR branch = main", True),
        ("env(A) IN (b, c)", True),
        ("env(NONE) = a", False),
        ("env(NONE) != a", True),
    ],
)
def test_conditions_are_read_as_travis_ci_reads_them(condition: str, expected: bool) -> None:
    assert holds(condition, {"type": "push", "branch": "main"}, {"A": "c"}) is expected
