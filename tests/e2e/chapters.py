"""What every story has: chapters in order, and the first of them."""

import time
from collections.abc import Callable, Iterator

import pytest

from .actors import ArgvWatch
from .plugin import FAILED, SECONDS
from .stage import SLUG, Stage


@pytest.fixture(autouse=True)
def in_order(
    stage: Stage, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[None]:
    """Fail where an earlier chapter did; and let the stage write down what it measures."""
    if stage.broken:
        pytest.fail(f"an earlier chapter failed: {stage.broken}")
    name = stage.variant.name
    stage.record = lambda what, seconds: record_property(SECONDS, (f"{what} ({name})", seconds))
    yield
    if request.node.stash.get(FAILED, True):
        stage.broken = request.node.name


def the_first_deployment_is_live(stage: Stage) -> None:
    """Play cookiecutter with its hook: it ends with the first commit live, and no secret is seen on the way."""
    began = time.monotonic()
    with ArgvWatch(stage.secrets) as watch:
        done = stage.generate(*stage.variant.answers)
    stage.record("up, from nothing to live", time.monotonic() - began)
    first = stage.developer.git("rev-parse", "HEAD")
    assert f"Live: every pod of {SLUG} answers revision {first}." in done.stdout, done.stdout + done.stderr
    assert stage.service.revisions() == {first}
    stage.shows((first, "success"))
    stage.note()
    assert watch.looked > 100
    assert not watch.found
    assert not [secret for secret in stage.secrets if secret in done.stdout + done.stderr]
