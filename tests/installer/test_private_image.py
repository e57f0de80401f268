"""Private means private: the image of a private repository is, unless told, and what is not so is said."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from installer.commands import after_generation, up
from installer.config.settings import Settings
from installer.config.settings_file import parse
from installer.engine.resource import Finding
from installer.preflight import tokens as registry_login
from installer.preflight.checks import CHECKS
from installer.status.rollout import RunningService
from installer.status.service import DeploymentRecord
from installer.support.errors import InstallerError
from tests.conftest import Bake

from .cluster import SETTINGS
from .gitops_yaml import tree

PUBLIC = replace(SETTINGS, image_visibility="public")
PRIVATE = replace(SETTINGS, image_visibility="private")
RECORD = DeploymentRecord("c" * 40, "r" * 40, image=SETTINGS.image_repository, digest="sha256:" + "1" * 64)
Ask = Callable[[Any], Iterable[Finding]]


def found(ask: Ask, settings: Settings, head: str | None = None) -> list[Finding]:
    """Ask a check where `env/dev` is at this commit."""
    return list(ask(SimpleNamespace(settings=settings, forge=SimpleNamespace(head=lambda _: head))))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that sets what was deployed, and whether anyone can pull it."""

    def deployed(record: DeploymentRecord | None, *, anyone: bool = False) -> None:
        monkeypatch.setattr(registry_login.deployment_record, "read", lambda _: record)
        monkeypatch.setattr(
            registry_login.registry, "anyone_can_pull", lambda _, digest: anyone and digest == RECORD.digest
        )

    return deployed


@pytest.mark.parametrize(
    ("repository", "said", "private"),
    [("private", {}, True), ("public", {}, False), ("private", {"registry__visibility": "public"}, False)],
)
def test_an_image_is_as_private_as_its_repository_unless_reported(repository: str, said: Any, private: bool) -> None:
    assert parse(tree(github__visibility=repository, **said)).image_private is private


@pytest.mark.parametrize(
    ("answers", "visibility"),
    [
        ({}, "private"),
        ({"registry": "ghcr.io"}, "private"),
        ({"scm": "gitlab"}, "private"),
        ({"visibility": "public"}, "public"),
        ({"visibility": "public", "registry": "ghcr.io"}, "private"),  # GHCR's images are private at first
    ],
)
def test_the_image_of_a_generated_private_repository_is_private(
    bake: Bake, answers: dict[str, str], visibility: str
) -> None:
    assert bake(**answers).yaml("gitops.yaml")["registry"]["visibility"] == visibility


def test_a_public_image_of_a_private_repository_is_a_note_of_the_plan() -> None:
    (finding,) = found(registry_login.public_source, PUBLIC)
    assert "acme/web is private, but gitops.yaml calls its image public" in finding.what
    assert (finding.problem, finding.stops) == (False, False), "whoever means it may have it"
    (check,) = (check for check in CHECKS if check.ask is registry_login.public_source)
    assert (check.before, check.where) == ("advice", None), "plan and up say it, with nothing at hand"


@pytest.mark.parametrize("settings", [PRIVATE, replace(PUBLIC, visibility="public")])
def test_who_agrees_with_the_repository_is_reported_nothing(settings: Settings) -> None:
    assert found(registry_login.public_source, settings) == []


@pytest.mark.parametrize(("visibility", "told"), [("public", True), ("private", False)])
def test_a_public_image_of_a_private_repository_is_reported_when_the_project_is_generated(
    visibility: str, told: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gitops.yaml").write_text(yaml.safe_dump(tree(registry__visibility=visibility)))
    assert not after_generation.prompt_to_deploy(tmp_path, "no")
    assert ("anyone can read the source in it" in capsys.readouterr().out) is told


def test_that_docker_hub_makes_public_images_is_reported_before_the_first_push() -> None:
    (finding,) = found(registry_login.first_push, PRIVATE)
    assert "Docker Hub creates acme/web at its first push: public" in finding.what
    assert not finding.stops
    assert found(registry_login.first_push, replace(PRIVATE, registry="ghcr.io")) == []
    assert found(registry_login.first_push, PUBLIC) == []
    assert found(registry_login.first_push, PRIVATE, head=RECORD.commit) == []


def test_a_private_image_that_anyone_can_pull_is_reported(deployed: Callable[..., None]) -> None:
    deployed(RECORD, anyone=True)
    (finding,) = found(registry_login.exposed, PRIVATE)
    assert finding.what.startswith("Anyone can pull docker.io/acme/web, without a login")
    assert "https://hub.docker.com/repository/docker/acme/web/settings" in finding.fix
    assert found(registry_login.exposed, PUBLIC) == []


@pytest.mark.parametrize(
    ("record", "anyone"), [(None, True), (RECORD, False), (replace(RECORD, image="docker.io/acme/other"), True)]
)
def test_nothing_is_reported_of_an_image_that_is_private_or_not_there(
    deployed: Callable[..., None], record: DeploymentRecord | None, anyone: bool
) -> None:
    deployed(record, anyone=anyone)
    assert found(registry_login.exposed, PRIVATE) == []


def test_up_reports_it_right_after_the_push_before_it_waits_for_the_pods(
    deployed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(RECORD, anyone=True)
    ci = SimpleNamespace(deployment="deploy.yml")
    project: Any = SimpleNamespace(settings=PRIVATE, ci=ci, cluster=None, resources=list, forge=None)
    monkeypatch.setattr(up.deployment_record, "wait", lambda *_: RECORD)
    monkeypatch.setattr(up, "_report", lambda *_: None)

    def never_live(*_: object, **__: object) -> None:
        raise InstallerError("No pod is Ready.")

    monkeypatch.setattr(RunningService, "wait_for_rollout", never_live)
    with pytest.raises(InstallerError, match="No pod is Ready"):
        up.until_live(project)
    assert "Anyone can pull docker.io/acme/web" in capsys.readouterr().err


def test_a_registry_that_cannot_be_asked_is_reported_and_up_goes_on(
    deployed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(RECORD)

    def refuses(*_: object) -> bool:
        raise InstallerError("The registry docker.io answered 429.")

    monkeypatch.setattr(registry_login.registry, "anyone_can_pull", refuses)
    project: Any = SimpleNamespace(settings=PRIVATE)
    up._report_exposed(project, RECORD)
    said = capsys.readouterr().err
    assert "Whether anyone can pull the image could not be checked: The registry docker.io answered 429." in said


def test_up_reads_the_record_once_where_the_service_is_live_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time costs three questions to the code host, which counts them."""
    reads: list[Any] = []
    later = replace(RECORD, revision="s" * 40)
    told: list[DeploymentRecord] = []
    project: Any = SimpleNamespace(
        settings=PRIVATE, ci=SimpleNamespace(deployment="deploy.yml"), cluster=None, resources=list
    )
    monkeypatch.setattr(up.deployment_record, "wait", lambda *_: RECORD)
    monkeypatch.setattr(up.deployment_record, "read", lambda _: reads.append(1) or later)
    monkeypatch.setattr(registry_login.registry, "anyone_can_pull", lambda *_: False)
    monkeypatch.setattr(up, "_report", lambda _, record: told.append(record))
    monkeypatch.setattr(up, "hint", lambda _: "")
    monkeypatch.setattr(RunningService, "wait_for_rollout", lambda _, expected, *__: expected())
    up.until_live(project)
    assert (reads, told) == ([], [RECORD]), "what was waited for is what is told"
    monkeypatch.setattr(RunningService, "wait_for_rollout", lambda _, expected, *__: (expected(), expected()))
    up.until_live(project)
    assert told[1:] == [later], "another deployment came meanwhile"
