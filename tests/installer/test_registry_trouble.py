"""A registry in trouble is asked again, and told as what it is: only a no is the login's fault."""

from collections.abc import Iterator

import pytest

from installer.ci.registry import Login, check_login, has
from installer.support.errors import InstallerError

from .registry import GOOD, Registry, Trouble, Troubled, a_registry


@pytest.fixture(params=["basic", "bearer"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    monkeypatch.setenv("NO_PROXY", "localhost")
    with a_registry() as server:
        server.bearer = request.param == "bearer"
        yield server


def log_in(registry: Registry) -> None:
    check_login(Login(registry.host, "acme", GOOD), "acme/web")


PASSES = [Trouble(500, 2), Trouble(503, 1), Trouble(0, 2), Trouble(429, 1, {"Retry-After": "2"})]
STAYS = [
    (Trouble(500), "answered 500 Internal Server Error"),
    (Trouble(502), "answered 502 Bad Gateway"),
    (Trouble(0), "does not answer at http://localhost:"),
    (Trouble(429, headers={"Retry-After": "2"}), "answered 429 Too Many Requests"),
    (Trouble(429, headers={"Retry-After": "3600"}), "Run this again in 3600 s"),
    (Trouble(429), "Run this again in some minutes"),
    (Trouble(200, headers={"Content-Type": "text/html"}), "Is there a proxy or a login page in between?"),
    (Trouble(403), "refuses acme: 403 Forbidden"),
]


@pytest.mark.parametrize("trouble", PASSES, ids=str)
def test_trouble_that_passes_is_waited_for(registry: Troubled, pauses: list[float], trouble: Trouble) -> None:
    registry.trouble = trouble
    log_in(registry)
    assert len(pauses) == trouble.times
    assert sum(pauses) <= 60


@pytest.mark.parametrize(("trouble", "told"), STAYS, ids=str)
def test_trouble_that_stays_is_reported_once_with_its_fix(
    registry: Troubled, pauses: list[float], trouble: Trouble, told: str
) -> None:
    registry.trouble = trouble
    with pytest.raises(InstallerError) as caught:
        log_in(registry)
    assert told in str(caught.value)
    assert str(caught.value).count("→") == 1
    assert "good-token" not in str(caught.value)
    assert ("REGISTRY_TOKEN" in caught.value.fix) == (trouble.status == 403), "only a no is the login's fault"
    assert len(pauses) <= 2


@pytest.mark.parametrize("trouble", [Trouble(500), Trouble(0), Trouble(429)], ids=str)
def test_an_image_that_cannot_be_asked_for_is_not_called_missing(
    registry: Troubled, pauses: list[float], trouble: Trouble
) -> None:
    registry.trouble = trouble
    with pytest.raises(InstallerError):
        has(Login(registry.host, "acme", GOOD), "acme/web", "sha256:1")
    assert len(pauses) == (0 if trouble.status == 429 else 2)
