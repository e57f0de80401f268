"""What tests/kept says of env/dev is what the project's scripts write there."""

import re

import pytest
import yaml

from tests.deployment.workspace import Checkout, Remote
from tests.kept import FIRST, RELEASED

pytestmark = pytest.mark.skipif(RELEASED, reason="1.0 is released: what it stored stays as it was")


def form(tree: object) -> object:
    """Return a document's names, and the kinds of its values."""
    return {name: form(value) for name, value in tree.items()} if isinstance(tree, dict) else type(tree)


def kept(name: str) -> str:
    return (FIRST / "env-dev" / name).read_text(encoding="utf-8")


def trailers(message: str) -> set[str]:
    return set(re.findall(r"^([A-Za-z]+(?:-[a-z]+)+): ", message, re.MULTILINE)) - {"GitHub-deployment"}


def test_a_deployment_and_a_rollback_have_the_form_that_is_kept(deployed: Checkout, remote: Remote) -> None:
    assert form(yaml.safe_load(remote.read("image.yaml"))) == form(yaml.safe_load(kept("image.yaml")))
    ours = trailers(remote.git("log", "-1", "--format=%B", "env/dev"))
    assert ours | {"Argocd-reference-commit-repourl"} == trailers(kept("message.txt"))
    deployed.merge()
    assert deployed.run("deploy").code == 0
    assert deployed.run("rollback", "--why", "orders fail").code == 0
    assert form(yaml.safe_load(remote.read("hold.yaml"))) == form(yaml.safe_load(kept("hold.yaml")))
