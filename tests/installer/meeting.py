"""How `up` meets a fault, at whichever code host: it gets over it, or tells it once with its fix, and goes on later."""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from installer.forges.http import _Adapter
from installer.support.errors import InstallerError
from tests.github.faults import Fault, Faults

from .bench import REGISTRY_TOKEN
from .fault_table import Asked, Case


def no_rests(monkeypatch: pytest.MonkeyPatch, *modules: str) -> list[float]:
    """Let no time pass in a pause, and take down how long it would have been."""
    waits: list[float] = []
    for module in ("forges.http", "forges.git", *modules):
        monkeypatch.setattr(f"installer.{module}.pause", waits.append)
    return waits


@contextmanager
def impatient(fault: Fault, asked: Asked, *timeouts: str) -> Iterator[None]:
    """Have short time-outs for the answer that never comes; elsewhere a slow machine would meet them by itself."""
    send = _Adapter.send

    def soon(adapter: _Adapter, request: requests.PreparedRequest, **named: Any) -> requests.Response:
        if request.method == asked.method and re.search(asked.path, request.path_url):
            named["timeout"] = 0.5
        return send(adapter, request, **named)

    with pytest.MonkeyPatch.context() as patch:
        if fault.kind == "hangs":
            patch.setattr(_Adapter, "send", soon)
            for name in (*timeouts, "forges.git.SILENCE"):
                patch.setattr(f"installer.{name}", 2)
        yield


def meet(
    bench: Any,
    faults: Faults,
    asked: Asked,
    case: Case,
    waits: list[float],
    *,
    timeouts: tuple[str, ...] = (),
    old_way: str,
    told: Callable[[str], None],
    no: bool,
    made: Callable[[], str] = str,
) -> None:
    """Let one request meet one fault, and then none.

    `timeouts` name how long a program is waited for, `old_way` is what git asks where it takes an answer for a server
    that speaks its old protocol, `told` judges an error's text, `no` says that the fault is an answer that has a
    meaning here, `made` tells a secret that was made.
    """
    bench.set_up(asked.given)
    faults.order(case.fault, asked.method, asked.path, times=case.times)
    if case.fault.html:
        faults.order(case.fault, "GET", old_way)
    try:
        with impatient(case.fault, asked, *timeouts):
            bench.apply(asked.key)
    except InstallerError as error:
        told(whole(error, bench.token, made() or "none"))
    else:
        assert case.times == 1 or no, "it cannot have worked"
    assert faults.struck, "the fault met nothing"
    assert sum(waits) <= 90
    faults.clear()
    bench.apply(asked.key)


def whole(error: InstallerError, *secrets: str) -> str:
    """Return an error's text, which has one fix, one account of what was done, and nowhere a secret."""
    text = str(error)
    assert text.count("→") == 1, text
    assert text.count("Done:") == text.count("Remains:") == 1, text
    assert "Traceback" not in text
    everything = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__dict__)
    assert not [secret for secret in (REGISTRY_TOKEN, *secrets) if secret in everything]
    return text
