"""Real git against the stand-in: who may fetch and push what."""

from pathlib import Path

import pytest

from tests.github import GitHub
from tests.github.ssh import obstacle

from .conftest import Person

pytestmark = pytest.mark.slow

WORKFLOW = "on: workflow_dispatch\njobs: {one: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"


def test_both_addresses_of_a_repository_lead_to_it(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    for address in ("https://github.com/acme/web", "https://github.com/acme/web.git"):
        with_token = address.replace("//", f"//x-access-token:{octo.token}@")
        assert "refs/heads/main" in octo.git("ls-remote", with_token)
        assert "could not read Username" in octo.git("ls-remote", address, ok=False)
    assert github.file("acme/web", "main", "a") == "1"


def test_a_public_repository_is_fetched_without_a_token_but_not_pushed_to(octo: Person) -> None:
    octo.repository("acme/open", "--public", files={"a": "1"})
    octo.git("fetch", "--quiet", "https://github.com/acme/open")
    assert "could not read Username" in octo.git("push", "https://github.com/acme/open", "main", ok=False)


def test_a_large_push_arrives_whole(octo: Person, github: GitHub) -> None:
    octo.repository()
    noise = "".join(f"{number * 7919 % 104729:x}" for number in range(700_000))  # over git's buffer: sent in chunks
    octo.git("config", "core.compression", "0")
    octo.commit({"noise": noise})
    octo.push("main")
    assert github.file("acme/web", "main", "noise") == noise


def test_workflow_files_need_the_workflow_scope(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.environment["GH_TOKEN"] = github.token("octo", scopes=["repo"])
    octo.commit({".github/workflows/ci.yml": WORKFLOW})
    refusal = (
        "refusing to allow a Personal Access Token to create or update workflow "
        "`.github/workflows/ci.yml` without `workflow` scope"
    )
    assert refusal in octo.push("main", ok=False)
    octo.environment["GH_TOKEN"] = octo.token
    octo.push("main")
    octo.environment["GH_TOKEN"] = github.token("octo", scopes=["repo"])
    octo.commit({"a": "2"})
    octo.push("main:other")  # the same file is on a branch already
    assert github.branches(github.repository("acme/web")).keys() == {"main", "other"}


def test_a_protected_branch_takes_no_push_no_force_and_no_deletion(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.protect()
    before = github.branches(github.repository("acme/web"))
    octo.commit({"a": "2"})
    said = octo.push("main", ok=False)
    assert "GH013: Repository rule violations found for refs/heads/main." in said
    assert "- Changes must be made through a pull request." in said
    assert '- Required status check "test" is expected.' in said
    octo.git("commit", "--quiet", "--amend", "--message", "other")
    octo.git("reset", "--quiet", "--hard", "HEAD~1")
    octo.git("commit", "--quiet", "--amend", "--message", "other past")
    assert "Cannot force-push to this branch" in octo.push("--force", "main", ok=False)
    assert "Cannot delete this branch" in octo.push("--delete", "main", ok=False)
    assert github.branches(github.repository("acme/web")) == before
    octo.push("main:env/dev")  # no rule of main's


def test_who_may_only_read_pushes_nothing(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    github.accounts["acme"].members["reader"] = "member"
    github.user("reader")
    octo.environment["GH_TOKEN"] = github.token("reader")
    octo.git("-c", "credential.helper=!gh auth git-credential", "fetch", "--quiet", "origin")
    assert "403" in octo.push("main:other", ok=False)


@pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))
def test_a_deploy_key_opens_its_repository_over_ssh_and_only_as_it_says(
    octo: Person, github: GitHub, tmp_path: Path
) -> None:
    octo.repository(files={"a": "1"})
    octo.gh("repo", "create", "acme/other", "--private")
    with github.ssh() as ssh:
        (tmp_path / "known").write_text(f"[127.0.0.1]:{ssh.port} {ssh.host_key}\n")
        address = f"ssh://git@127.0.0.1:{ssh.port}/acme"
        for name, flags in (("reads", ()), ("writes", ("--allow-write",))):
            octo.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
            octo.gh("repo", "deploy-key", "add", str(tmp_path / f"{name}.pub"), "-R", "acme/web", "-t", name, *flags)

        def use(key: str) -> None:
            options = f"-o IdentitiesOnly=yes -o UserKnownHostsFile={tmp_path}/known"
            octo.environment["GIT_SSH_COMMAND"] = f"ssh -i {tmp_path}/{key} {options}"

        use("reads")
        assert "refs/heads/main" in octo.git("ls-remote", f"{address}/web.git")
        assert "marked as read only" in octo.git("push", f"{address}/web.git", "main:new", ok=False)
        assert "Repository not found" in octo.git("ls-remote", f"{address}/other.git", ok=False)
        use("writes")
        octo.git("push", f"{address}/web.git", "main:new")
        for key in octo.api().get_repo("acme/web").get_keys():
            key.delete()
        assert "Permission denied" in octo.git("ls-remote", f"{address}/web.git", ok=False)
    assert [each.who for each in github.changes if "push" in each.what] == ["octo (classic)", "deploy key writes"]
