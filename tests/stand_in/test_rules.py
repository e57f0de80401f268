"""Rules `creation` and `update`, and whom their ruleset excepts: docs.github.com, "Available rules for rulesets"."""

from pathlib import Path

import pytest

from tests.github import GitHub
from tests.github.ssh import obstacle

from .conftest import Person

pytestmark = pytest.mark.slow

RULESETS = "repos/acme/web/rulesets"
KEYS = {"actor_id": None, "actor_type": "DeployKey", "bypass_mode": "always"}


def protect(octo: Person, *rules: str, excepted: tuple[dict[str, object], ...] = ()) -> None:
    octo.api().get_repo("acme/web").requester.requestJsonAndCheck(
        "POST",
        f"/{RULESETS}",
        input={
            "name": "env",
            "target": "branch",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["refs/heads/env/dev"], "exclude": []}},
            "rules": [{"type": each} for each in rules],
            "bypass_actors": list(excepted),
        },
    )


def test_creation_keeps_a_branch_from_being_made_and_nothing_else(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    octo.push("main:env/dev")
    protect(octo, "creation")
    octo.commit({"a": "2"})
    octo.push("main:env/dev")
    octo.push(":env/dev")
    assert "Cannot create ref due to creations being restricted." in octo.push("main:env/dev", ok=False)
    octo.push("main:env/test")


def test_update_keeps_a_branch_where_it_is_and_lets_it_be_made_and_deleted(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    protect(octo, "update")
    octo.push("main:env/dev")
    octo.commit({"a": "2"})
    refused = octo.push("main:env/dev", ok=False)
    assert "GH013: Repository rule violations found for refs/heads/env/dev" in refused
    assert "Cannot update this protected ref." in refused
    octo.push(":env/dev")
    octo.push("main:main")


@pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))
def test_a_key_that_may_write_is_excepted_and_its_repositorys_administrator_is_not(
    octo: Person, github: GitHub, tmp_path: Path
) -> None:
    octo.repository(files={"a": "1"})
    protect(octo, "creation", "update", excepted=(KEYS,))
    with github.ssh() as ssh:
        (tmp_path / "known").write_text(f"[127.0.0.1]:{ssh.port} {ssh.host_key}\n")
        octo.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
        octo.gh("repo", "deploy-key", "add", str(tmp_path / "key.pub"), "-R", "acme/web", "-t", "k", "--allow-write")
        octo.environment["GIT_SSH_COMMAND"] = f"ssh -i {tmp_path}/key -o UserKnownHostsFile={tmp_path}/known"
        address = f"ssh://git@127.0.0.1:{ssh.port}/acme/web.git"
        assert "Cannot create ref" in octo.push("main:env/dev", ok=False)
        octo.git("push", address, "main:env/dev")
        octo.commit({"a": "2"})
        assert "Cannot update this protected ref." in octo.push("main:env/dev", ok=False)
        octo.git("push", address, "main:env/dev")
    assert github.file("acme/web", "env/dev", "a") == "2"
