"""Who may push is found out at a real registry, which keeps nothing of that."""

import os
from uuid import uuid4

import pytest

from installer.ci.registry import Login, _ask, check_login
from installer.support.errors import InstallerError
from installer.support.secret import Secret

pytestmark = pytest.mark.e2e


def test_a_real_registry_is_asked_whether_it_takes_a_push_and_keeps_nothing() -> None:
    account = os.environ["E2E_REGISTRY_USERNAME"]
    login, image = Login("docker.io", account, Secret(os.environ["E2E_REGISTRY_TOKEN"])), f"{account}/{uuid4().hex}"
    check_login(login, image)
    assert _ask("GET", login, f"{image}/tags/list", f"repository:{image}:pull").status_code == 404
    with pytest.raises(InstallerError, match=r"does not let|refuses"):
        check_login(Login("docker.io", account, Secret("not-its-token")), image)
