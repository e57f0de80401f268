"""Deployments, pods, GitHub's bad minutes and kills in any order: what GitHub is told was so when it was told.

Time is the test's: it passes while GitHub is asked and while anybody rests, and things happen meanwhile. So whatever
lies between the last look at the pods and the writing would be found out.
"""

import json
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest

import installer.forges.http
from installer.cluster.workloads import PodAnswer
from installer.forges import credentials
from installer.forges.github.repository import GitHub
from installer.status import github_deployments
from installer.status import service as running_service
from installer.status.github_deployments import close
from installer.status.service import DeploymentRecord, SyncState
from tests.github import Fault
from tests.github.faults import Faults
from tests.github.wire import Request
from tests.installer.bench import SETTINGS

from .shop import Shop

pytestmark = pytest.mark.slow

BROKEN = Fault("500", message="Server Error")
LIMITED = Fault("429", status=429, message="Slow down", headers={"Retry-After": "20"})
LOST = Fault("lost", "lost")
_STATUS = re.compile(r"/deployments/(\d+)/statuses$")


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Story:
    """What happens by itself as time passes, and what the pods answer at each moment."""

    shop: Shop
    chance: random.Random
    now: float = 0.0
    deployed: list[DeploymentRecord] = field(default_factory=list)
    noticed: DeploymentRecord | None = None
    pods: list[str] = field(default_factory=list)
    crashing: bool = False
    outages: list[tuple[float, float, Fault]] = field(default_factory=list)
    still: bool = False
    lies: list[str] = field(default_factory=list)

    def passes(self, seconds: float) -> None:
        """Let time pass, and perhaps something happen."""
        self.now += seconds
        if not self.still and self.chance.random() < min(seconds / 8, 0.6):
            self.chance.choice([self.deploy, self.notice, self.roll, self.roll, self.settle, self.crash])()

    def deploy(self) -> None:
        """Open a Deployment and, half a minute later by everybody's clock, commit the deployment that names it."""
        minute = f"2026-01-01T00:{len(self.deployed):02d}"
        os.environ["GIT_COMMITTER_DATE"] = f"{minute}:30Z"
        self.deployed.append(replace(self.shop.deploy(), digest=f"sha256:{len(self.deployed)}"))
        list(self.shop.repository.deployments.values())[-1].created_at = f"{minute}:00Z"

    def notice(self) -> None:
        self.noticed, self.crashing = self.deployed[-1], False

    def roll(self) -> None:
        if self.noticed and not self.crashing:
            self.pods = [self.noticed.revision, *self.pods[:1]]

    def settle(self) -> None:
        if self.noticed and not self.crashing:
            self.pods = [self.noticed.revision] * 2

    def crash(self) -> None:
        self.crashing = bool(self.noticed) and self.pods != [self.noticed.revision] * 2

    # --- the service, as it is looked at -------------------------------------------------------

    def sync_state(self) -> SyncState | None:
        well = self.noticed is not None and set(self.pods) == {self.noticed.revision}
        commit = self.noticed.commit if self.noticed else ""
        return SyncState(commit, "Synced", "Healthy" if well else "Progressing", "Succeeded")

    def operation(self) -> dict[str, Any]:
        return {}

    def answers(self) -> list[PodAnswer]:
        return [PodAnswer(str(number), revision=each) for number, each in enumerate(self.pods)]

    def pods_of_kubernetes(self) -> list[dict[str, Any]]:
        ended = {"terminated": {"exitCode": 1, "reason": "Error"}}
        status = {"name": "web", "state": {"waiting": {}}, "lastState": ended, "restartCount": 3}
        image = f"docker.io/acme/web@{self.noticed.digest if self.noticed else ''}"
        crashed = {
            "metadata": {"name": "new", "labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"containers": [{"name": "web", "image": image}]},
            "status": {"containerStatuses": [status]},
        }
        return [crashed] if self.crashing else []

    # --- GitHub --------------------------------------------------------------------------------

    def told(self, request: Request) -> None:
        """Judge what GitHub is told, by how things are at this moment."""
        number = _STATUS.search(request.path)
        assert number
        sha, state = self.shop.repository.deployments[int(number[1])].sha, json.loads(request.body)["state"]
        ours = self.noticed is not None and sha == self.noticed.revision
        true = {
            "success": ours and set(self.pods) == {sha},
            "failure": ours and self.crashing,
            "inactive": sha != self.deployed[-1].revision,
        }[state]
        if not true:
            self.lies.append(f"{state} of {sha[:7]} at {self.now:.0f}: pods {self.pods}, noticed {self.noticed}")


class Weather(Faults):
    """GitHub as it is in a story: asking takes time, and it is out of order at times."""

    def __init__(self, story: Story) -> None:
        super().__init__()
        self._summary = story

    def strike(self, request: Request) -> Fault | None:
        story = self._summary
        if request.method == "POST":
            story.told(request)  # the question is on its way at once: what passes before it is what is looked for
        else:
            story.passes(story.chance.choice([0.1, 0.5, 3.0]))
        if ordered := super().strike(request):
            return ordered
        found = next((fault for begins, ends, fault in story.outages if begins <= story.now < ends), None)
        if found is None and not story.still and story.chance.random() < 0.05:
            found = story.chance.choice([BROKEN, LIMITED])
        if found:
            self.struck.append(f"{story.now:.0f} {request.method} {request.path}")
        return found


class Teller:
    """A process that tells, killed now and then; the next one knows nothing of it."""

    def __init__(self, story: Story) -> None:
        self._summary = story
        found = credentials.find(SETTINGS)
        self._github = GitHub("github.com", found.token, "acme/web")
        self.kills = 0

    def run(self, *, mortal: bool = True) -> bool:
        """Tell of what is recorded now; return whether all was said."""
        story = self._summary
        service: Any = Mortal(story, self._may_die if mortal else lambda: None)
        try:
            return close(self._github, service, story.deployed[-1]).done
        except Killed:
            self.kills += 1
            return False

    def _may_die(self) -> None:
        if self._summary.chance.random() < 0.03:
            raise Killed


@dataclass
class Mortal:
    """The service, seen by a process that may end at any look."""

    story: Story
    die: Callable[[], None]
    place: Any = SETTINGS

    def __getattr__(self, name: str) -> Callable[[], Any]:
        self.die()
        others: dict[str, Callable[[], Any]] = {
            "pods": self.story.pods_of_kubernetes, "events": list, "rolled_out": lambda: True, "address": str,
            "deployments": list,
        }  # fmt: skip
        return others.get(name) or getattr(self.story, name)  # type: ignore[no-any-return]


def begin(shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch) -> Story:
    """Begin a story with one deployment that is live and told of."""
    story = Story(shop, random.Random(seed))
    monkeypatch.setenv("GIT_COMMITTER_DATE", "")  # so that it is put back
    for each in (github_deployments, running_service):
        monkeypatch.setattr(each, "pause", story.passes)
    monkeypatch.setattr("installer.forges.http.pause", story.passes)
    monkeypatch.setattr(github_deployments, "assess", running_service.assess)
    story.deploy()
    story.notice()
    story.settle()
    shop.github.faults = Weather(story)
    return story


def settle(story: Story, teller: Teller) -> None:
    """Let the last deployment become live with GitHub in order, and tell of it once."""
    story.still, story.outages = True, []
    story.notice()
    story.settle()
    assert teller.run(mortal=False)


@pytest.mark.parametrize("seed", range(1, 9))
def test_nothing_is_reported_that_is_not_so(shop: Shop, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin(shop, seed, monkeypatch)
    minute = story.chance.uniform(5, 60)
    story.outages = [(minute, minute + 60, story.chance.choice([BROKEN, LIMITED, LOST]))]
    teller = Teller(story)
    while story.now < 180:
        teller.run()
        story.passes(3)
    settle(story, teller)
    assert story.lies == []
    last = story.deployed[-1].revision
    shown = {each.sha: [status.state for status in each.statuses] for each in shop.repository.deployments.values()}
    assert shown.pop(last)[-1] == "success"
    assert {states[-1] for states in shown.values()} <= {"inactive", "failure"}, "none but the last one is a success"
    said = [states for states in shown.values() if any(a == b for a, b in pairwise(states))]
    assert said == [], "nothing is said twice"
    assert len(shop.github.faults.struck) > 3


@pytest.mark.parametrize("comes", ["deployment", "other pods"])
@pytest.mark.parametrize("nth", range(1, 7))
def test_what_comes_while_github_is_asked_is_not_missed(
    shop: Shop, nth: int, comes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin(shop, 0, monkeypatch)
    story.deploy()
    story.notice()
    story.settle()
    asked = 0

    def passes(seconds: float) -> None:
        nonlocal asked
        asked += 1
        if asked == nth and comes == "deployment":
            story.deploy()
            story.notice()
            story.settle()
        elif asked == nth:
            story.pods = ["f" * 40] * 2

    monkeypatch.setattr(story, "passes", passes)
    story.still = True
    Teller(story).run(mortal=False)
    assert asked >= nth
    assert story.lies == []


def test_what_github_puts_off_is_looked_at_again_before_it_is_sent_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin(shop, 0, monkeypatch)
    story.still = True
    shop.github.faults.order(LIMITED, "POST", "/statuses", times=1)
    rests = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        story.deploy()
        story.notice()
        story.settle()

    for each in (github_deployments, installer.forges.http):
        monkeypatch.setattr(each, "pause", rest)
    assert not Teller(story).run(mortal=False), "another one has come"
    assert rests == [20.0]
    assert story.lies == []
    assert shop.states == ["in_progress", "in_progress"]


def test_a_minute_of_500_that_begins_anywhere_is_got_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    story = begin(shop, 0, monkeypatch)
    story.still = True
    story.outages = [(0.05, 60, BROKEN)]
    assert Teller(story).run(mortal=False), "one process gets over it"
    assert shop.states == ["success"]
    assert 60 <= story.now < 180
    assert story.lies == []
