"""What 1.0 stored at its users' is read by every version after it; until its release, it is what today's stores."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from installer.cluster import objects as labels
from installer.config.settings_file import load
from installer.forges.base import Commit
from installer.project.project import Project
from installer.status.deployment_record import at, commits
from tests.conftest import Bake

from . import FINGERPRINT, FIRST, PLACE, PROJECTS, RELEASED, document, labels_of, meant

REFRESH = "Nothing is released yet, so it may change: uv run python -m tests.kept"
REVISION = "3f2a91c0b7d64e58a1c2d3e4f5061728394a5b6c"
every_project = pytest.mark.parametrize("kept", PROJECTS, ids=[folder.name for folder in PROJECTS])
until_released = pytest.mark.skipif(RELEASED, reason="1.0 is released: what it stored stays as it was")


@every_project
def test_a_kept_project_means_all_that_it_meant(kept: Path) -> None:
    now = meant(load(kept))
    then: dict[str, Any] = document(kept / "settings.json")
    assert {name: now.get(name) for name in then} == then


@every_project
def test_what_was_marked_as_a_projects_is_known_again(kept: Path) -> None:
    settings, stored = load(kept), document(kept / "cluster.json")
    thing = stored["object"]
    assert labels.is_ours(thing, settings)
    assert labels.whose(thing) == settings.url
    assert labels.readdressed(thing, settings) == ()
    annotations = thing["metadata"]["annotations"]
    assert (annotations[labels.FINGERPRINT], annotations[labels.MOVES_FROM]) == (FINGERPRINT, PLACE)
    assert labels.is_ours({"metadata": stored["release"]}, settings)
    release = stored["release"]["labels"]
    assert (release[labels.ARGOCD], release[labels.NAMESPACE]) == (settings.argocd_namespace, settings.namespace)


def test_a_kept_deployment_and_its_hold_are_read() -> None:
    message = (FIRST / "env-dev/message.txt").read_text(encoding="utf-8")
    forge = SimpleNamespace(
        file=lambda name, commit: (FIRST / "env-dev" / name).read_text(encoding="utf-8"),
        commits=lambda branch: iter([Commit("c0", message, "2026-11-29T10:00:00Z")]),
    )
    project = cast("Project", SimpleNamespace(settings=load(PROJECTS[0]), forge=forge))
    record = at(project, "c0")
    assert record.unreadable == ""
    assert record.revision == REVISION
    assert (record.image, record.digest[:14]) == ("docker.io/acme/hello-api", "sha256:9b2cf53")
    assert record.architectures == ("amd64", "arm64")
    assert record.hold == 'Ada "the first" Lovelace, since 2026-11-29T10:00:00Z: orders fail'
    (past,) = commits(project)
    assert (past.revision, past.subject) == (REVISION, "Say hello")


@until_released
@every_project
def test_until_1_0_is_released_what_is_kept_is_todays(kept: Path, bake: Bake) -> None:
    today = bake(**document(kept / "answers.json"))
    assert yaml.safe_load((kept / "gitops.yaml").read_text(encoding="utf-8")) == today.yaml("gitops.yaml"), REFRESH
    settings = load(today.path)
    assert document(kept / "settings.json") == meant(settings), REFRESH
    assert document(kept / "cluster.json") == labels_of(settings), REFRESH
