"""The pictures of the documentation show what the commands print: the plan's, which needs no cluster."""

import pytest

from tests.conftest import ROOT, Bake
from tests.e2e.pictures import ANSWERS, text_of
from tests.github import GitHub as StandIn

from .typed import Run

PICTURE = ROOT / "docs/images/plan.svg"


def test_the_picture_of_a_plan_shows_what_plan_prints(
    run: Run, bake: Bake, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "dckr_pat_of_acme")
    monkeypatch.setattr("installer.preflight.tokens.registry.check_login", lambda *_, **__: None)
    printed = run("plan", cwd=bake(**ANSWERS).path).stdout
    (_, plan), (_, shown) = (
        text.split("6443)", 1) for text in (" ".join(printed.split()), text_of(PICTURE.read_text(encoding="utf-8")))
    )
    assert shown == plan
