"""A write to the cluster, killed at seeded instants inside helm: the next one brings the release where it should be."""

import json
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.killed.one_release import OBJECTS, SLOW
from tests.killed.process import Process, Whom, python

from .plugin import SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(180)]

NAME = "killed-release"
SEED = int(os.environ.get("KILL_SEED", "5"))
MOMENTS = 8
STATES = ("pending-install", "pending-upgrade")


@dataclass
class Found:
    """What the kills of this module left, to know that they hit helm in the middle."""

    seconds: float = 0
    statuses: list[str] = field(default_factory=list)


def ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write(content: str, folder: Path) -> Process:
    return Process(python("tests.killed.one_release", NAME, NAME, content), os.environ, folder / f"{content}.log")


def written(content: str, folder: Path) -> float:
    began = time.monotonic()
    process = write(content, folder)
    assert process.end(90) == 0, process.printed
    return time.monotonic() - began


def status() -> str:
    listed = json.loads(ask("helm", "list", "--namespace", NAME, "--output", "json"))
    return str(listed[0]["status"]) if listed else "none"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    folder = tmp_path_factory.mktemp("undisturbed")
    try:
        yield Found(written("first", folder))
    finally:
        ask("kubectl", "delete", "namespace", NAME, "--ignore-not-found")


@pytest.mark.parametrize(
    ("moment", "whom"),
    [(moment, ("alone", "group")[moment % 2]) for moment in range(MOMENTS)],
)
def test_killed_inside_helm_the_next_write_is_right_and_quick(
    found: Found, tmp_path: Path, record_property: Callable[[str, object], None], moment: int, whom: Whom
) -> None:
    if moment % 4 < 2:  # half of them are installed, half are changed
        ask("helm", "uninstall", NAME, "--namespace", NAME, "--ignore-not-found", "--wait")
    else:
        written("first", tmp_path)
    chance = random.Random(f"{SEED}-{moment}")
    first = write(SLOW, tmp_path)
    if moment < MOMENTS // 2:
        while status() not in STATES and not first.ended:
            pass  # until helm is in the middle
        instant = chance.uniform(0, 2)
    else:
        instant = chance.uniform(0.3, 1) * (found.seconds + 3)
    print(f"KILL_SEED={SEED}: killed {whom} after {instant:.3f} s")
    time.sleep(instant)  # the instant is what is tried
    first.kill(whom)
    found.statuses.append(status())
    seconds = written("third", tmp_path)
    record_property(SECONDS, (f"a release after a kill of its writer ({whom}), found {found.statuses[-1]}", seconds))
    assert status() == "deployed"
    there = json.loads(ask("kubectl", "get", "configmaps", "--namespace", NAME, "--output", "json"))["items"]
    content = {item["metadata"]["name"]: item["data"].get("content") for item in there}
    content.pop("kube-root-ca.crt", None)
    assert content == {**{f"kept-{n}": "third" for n in range(OBJECTS)}, "only-third": "third"}


def test_the_kills_above_hit_helm_in_the_middle(found: Found) -> None:
    assert found.statuses, "this looks back at those above"
    assert set(found.statuses) & set(STATES), found.statuses
