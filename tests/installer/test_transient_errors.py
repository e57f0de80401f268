"""An API server that goes away: one that has answered before is given time, one that never did is told at once."""

import pytest

from installer.cluster.kubectl import Cluster, refusal, with_retries
from installer.support.errors import InstallerError
from installer.support.process import Result

REFUSED = "The connection to the server 10.0.0.1:6443 was refused - did you specify the right host or port?"
AWAY = [
    REFUSED,
    "Unable to connect to the server: EOF",
    "error: read tcp 10.0.0.2:5->10.0.0.1:6443: read: connection reset by peer",
    "Unable to connect to the server: net/http: TLS handshake timeout",
    "Error from server (ServiceUnavailable): the server is currently unable to handle the request",
]


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr("installer.cluster.kubectl.pause", pauses.append)
    return pauses


@pytest.mark.parametrize("said", AWAY)
def test_a_server_that_is_restarted_is_asked_again_until_it_answers(pauses: list[float], said: str) -> None:
    answers = iter([Result(1, "", said), Result(1, "", said), Result(0, "here", "")])
    assert with_retries(lambda: next(answers), refusal).out == "here"
    assert pauses == [1.0, 2.0]


def test_one_that_stays_away_is_given_up_after_fifteen_seconds(pauses: list[float]) -> None:
    assert with_retries(lambda: Result(1, "", REFUSED), refusal).err == REFUSED
    assert sum(pauses) == 15


def test_a_refusal_is_no_absence(pauses: list[float]) -> None:
    said = 'Error from server (Forbidden): pods is forbidden: User "x" cannot list resource "pods"'
    assert with_retries(lambda: Result(1, "", said), refusal).err == said
    assert pauses == []


@pytest.mark.parametrize("said", AWAY)
def test_a_server_that_never_answered_is_reported_at_once_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float], said: str
) -> None:
    monkeypatch.setattr("installer.cluster.kubectl.attempt", lambda *_, **__: Result(1, "", said))
    with pytest.raises(InstallerError, match="cannot be reached") as caught:
        Cluster().list("pods")
    assert "run this again" in caught.value.fix
    assert pauses == []
