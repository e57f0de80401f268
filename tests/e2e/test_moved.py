"""Settings that change where things are: what the former ones made goes after the new is live."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from .actors import Service
from .neighbours import Project, Street, live, street

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(900)]
SLUG, MOVED = "clu-move", "clu-moved"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("street")) as opened:
        try:
            yield opened
        finally:
            opened.sweep((SLUG,), f"{SLUG}-dev", MOVED)


@pytest.fixture(scope="module")
def project(here: Street) -> Project:
    made = here.project("octocat", SLUG, "a")
    made.verb("up", "--yes")
    live(made)
    return made


@contextmanager
def answered_all_along(project: Project, *places: tuple[str, str]) -> Iterator[None]:
    """Fail where there was a moment in which none of these services, by slug and namespace, answered."""
    services = [Service(project.developer, slug, namespace) for slug, namespace in places]
    silent, stop = list[str](), threading.Event()

    def ask() -> None:
        while not stop.wait(0.3):
            told = [each.revisions() for each in services]
            if not any(project.revision in each for each in told):
                silent.append(str(told))

    asks = threading.Thread(target=ask, daemon=True)
    asks.start()
    try:
        yield
    finally:
        stop.set()
        asks.join()
    assert silent == []


def settled(project: Project) -> None:
    """Assert that nothing is left to do and nothing of former settings is there."""
    assert {key: each for key, each in project.planned().items() if each["action"] != "unavailable"} == {}
    live(project)


def test_another_namespace_is_moved_to_and_the_old_copy_goes_after_the_new_one_is_live(
    here: Street, project: Project
) -> None:
    project.set("cluster", namespace=MOVED)
    planned = project.planned()
    assert {field["name"] for field in planned["former"]["fields"]} == {
        f"service in namespace {SLUG}-dev",
        f"namespace {SLUG}-dev",
    }
    assert f"moves from namespace {SLUG}-dev" in planned["application"]["note"]
    parts = {part["key"]: part for part in project.document("status", code=1)["parts"]}
    assert not parts["former"]["healthy"]
    with answered_all_along(project, (SLUG, f"{SLUG}-dev"), (SLUG, MOVED)):
        project.verb("up", "--yes")
    assert here.found("namespace", f"{SLUG}-dev") == []
    settled(project)
