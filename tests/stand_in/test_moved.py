"""Repositories that are renamed, transferred, archived or made public, and branches that are renamed, by real tools."""

import json
from pathlib import Path

import pytest
import requests

from tests.github import GitHub
from tests.github.model import Stored
from tests.github.ssh import obstacle

from .conftest import Person

pytestmark = pytest.mark.all


def _ask(octo: Person, method: str, path: str, sent: object = None) -> requests.Response:
    return requests.request(
        method,
        f"{octo.served.site.api}{path}",
        json=sent,
        headers={"Authorization": f"token {octo.token}"},
        allow_redirects=False,
        timeout=30,
    )


def test_a_renamed_repository_is_redirected_over_rest_as_github_was_recorded_to_do(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    number = octo.served.repository("acme/shop").id
    seen = _ask(octo, "GET", "/repos/acme/web/branches?per_page=1")
    assert (seen.status_code, seen.json()["message"]) == (301, "Moved Permanently")
    assert seen.headers["Location"] == f"https://api.github.com/repositories/{number}/branches?per_page=1"
    written = _ask(octo, "PATCH", "/repos/acme/web", {"has_wiki": False})
    assert (written.status_code, written.json()["message"]) == (307, "Temporary Redirect")
    assert octo.served.repository("acme/shop").settings["has_wiki"] is True
    assert _ask(octo, "GET", f"/repositories/{number}").json()["full_name"] == "acme/shop"
    assert _ask(octo, "GET", f"/repositories/{number}/branches").json()[0]["name"] == "main"
    assert _ask(octo, "GET", "/repositories/7").status_code == 404


def test_every_client_follows_a_rename(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    github.repository("acme/web").variables["NAME"] = Stored("NAME", "one")
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    octo.git("remote", "set-url", "origin", "https://github.com/acme/web.git")  # as any other clone has it still
    assert octo.api().get_repo("acme/web").full_name == "acme/shop"
    assert json.loads(octo.gh("repo", "view", "acme/web", "--json", "name"))["name"] == "shop"
    octo.gh("variable", "set", "NAME", "--body", "two", "-R", "acme/web")
    assert github.repository("acme/shop").variables["NAME"].value == "two"
    octo.commit({"a": "2"})
    octo.push("main")
    assert github.file("acme/shop", "main", "a") == "2"


def test_a_public_repository_is_redirected_without_a_token_and_a_private_one_is_not_shown(octo: Person) -> None:
    octo.repository(files={"a": "1"})
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    assert "could not read Username" in octo.git("ls-remote", "https://github.com/acme/web", ok=False)
    octo.gh("repo", "edit", "acme/shop", "--visibility", "public", "--accept-visibility-change-consequences")
    assert "refs/heads/main" in octo.git("ls-remote", "https://github.com/acme/web")


def test_who_may_not_see_a_repository_does_not_learn_its_new_name(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    github.user("stranger")
    octo.token = github.token("stranger")
    assert _ask(octo, "GET", "/repos/acme/web").status_code == 404


def test_a_new_repository_of_the_old_name_ends_the_redirect(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    octo.gh("repo", "create", "acme/web", "--private")
    assert _ask(octo, "GET", "/repos/acme/web").json()["full_name"] == "acme/web"
    assert github.repository("acme/web").id != github.repository("acme/shop").id
    taken = _ask(octo, "PATCH", "/repos/acme/shop", {"name": "web"})
    assert (taken.status_code, taken.json()["message"]) == (422, "Validation Failed")


def test_a_transferred_repository_keeps_what_was_stored_for_it_and_is_redirected(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.protect()
    kept = github.repository("acme/web")
    kept.secrets["TOKEN"] = Stored("TOKEN", "x")
    github.organization("other", members={"octo": "admin"})
    answer = _ask(octo, "POST", "/repos/acme/web/transfer", {"new_owner": "other", "new_name": "shop"})
    assert (answer.status_code, answer.json()["full_name"]) == (202, "acme/web")  # "the original owner"
    assert github.repository("other/shop") is kept
    assert (kept.secrets.keys(), len(kept.rulesets)) == ({"TOKEN"}, 1)
    assert octo.api().get_repo("acme/web").owner.login == "other"
    octo.commit({"a": "2"})
    octo.push("main:env/dev")
    assert github.file("other/shop", "env/dev", "a") == "2"


def test_a_token_for_one_repository_stays_good_for_it_under_its_new_name(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.token = github.token("octo", "fine-grained", repositories=["acme/web"])
    octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
    assert _ask(octo, "GET", "/repos/acme/shop/actions/variables").status_code == 200


@pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))
def test_a_deploy_key_opens_its_repository_under_its_old_address(octo: Person, github: GitHub, tmp_path: Path) -> None:
    octo.repository(files={"a": "1"})
    octo.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    with github.ssh() as ssh:
        (tmp_path / "known").write_text(f"[127.0.0.1]:{ssh.port} {ssh.host_key}\n")
        octo.gh("repo", "deploy-key", "add", str(tmp_path / "key.pub"), "-R", "acme/web", "--allow-write")
        octo.gh("repo", "rename", "shop", "--yes", "-R", "acme/web")
        octo.environment["GIT_SSH_COMMAND"] = f"ssh -i {tmp_path}/key -o UserKnownHostsFile={tmp_path}/known"
        address = f"ssh://git@127.0.0.1:{ssh.port}/acme/web.git"
        assert "refs/heads/main" in octo.git("ls-remote", address)
        _ask(octo, "PATCH", "/repos/acme/shop", {"archived": True})
        assert "refs/heads/main" in octo.git("ls-remote", address)
        assert "was archived so it is read-only" in octo.git("push", address, "main:new", ok=False)


def test_an_archived_repository_is_read_and_takes_nothing(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.commit({"a": "2"})
    octo.push("main:change")
    _ask(octo, "PATCH", "/repos/acme/web", {"archived": True})
    assert json.loads(octo.gh("repo", "view", "acme/web", "--json", "isArchived")) == {"isArchived": True}
    octo.git("-c", "credential.helper=!gh auth git-credential", "fetch", "--quiet", "origin")
    assert "This repository was archived so it is read-only" in octo.push("main:other", ok=False)
    refused = _ask(octo, "POST", "/repos/acme/web/actions/variables", {"name": "A", "value": "1"})
    assert (refused.status_code, refused.json()["message"]) == (403, "Repository was archived so is read-only.")
    proposed = ("pr", "create", "--title", "t", "--body", "", "--base", "main", "--head", "change")
    assert "archived" in octo.gh(*proposed, ok=False)
    assert _ask(octo, "PATCH", "/repos/acme/web", {"has_wiki": False}).status_code == 403
    assert _ask(octo, "PATCH", "/repos/acme/web", {"archived": False}).json()["archived"] is False
    octo.push("main:other")
    assert github.branches(github.repository("acme/web")).keys() == {"main", "change", "other"}


def test_a_renamed_default_branch_is_what_a_clone_starts_with_and_its_old_name_is_redirected_over_rest(
    octo: Person, github: GitHub
) -> None:
    octo.repository(files={"a": "1"})
    rename = "/repos/acme/web/branches/main/rename"
    assert _ask(octo, "POST", rename, {"new_name": "master"}).json()["name"] == "master"
    assert github.repository("acme/web").default_branch == "master"
    moved = _ask(octo, "GET", "/repos/acme/web/branches/main")
    assert moved.headers["Location"] == "https://api.github.com/repos/acme/web/branches/master"
    assert moved.status_code == 301
    listed = octo.git("-c", "credential.helper=!gh auth git-credential", "ls-remote", "--symref", "origin")
    assert "ref: refs/heads/master\tHEAD" in listed
    assert "refs/heads/main" not in listed  # git itself is led nowhere
    octo.push("main")
    assert _ask(octo, "GET", "/repos/acme/web/branches/main").status_code == 200
    assert github.repository("acme/web").default_branch == "master"


def test_who_may_only_write_renames_no_default_and_no_protected_branch(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    octo.protect()
    octo.push("main:other")
    github.accounts["acme"].members["writer"] = "member"
    github.repository("acme/web").collaborators["writer"] = "write"
    github.user("writer")
    octo.token = github.token("writer")
    assert _ask(octo, "POST", "/repos/acme/web/branches/main/rename", {"new_name": "master"}).status_code == 403
    assert _ask(octo, "POST", "/repos/acme/web/branches/other/rename", {"new_name": "another"}).status_code == 201
    assert github.branches(github.repository("acme/web")).keys() == {"main", "another"}


def test_a_pull_request_follows_its_base_and_is_closed_with_its_head(octo: Person, github: GitHub) -> None:
    octo.repository(files={"a": "1"})
    for branch in ("one", "two"):
        octo.git("checkout", "--quiet", "-b", branch, "main")
        octo.commit({branch: "1"})
        octo.push(branch)
        octo.gh("pr", "create", "--title", branch, "--body", "", "--head", branch, "--base", "main")
    _ask(octo, "POST", "/repos/acme/web/branches/main/rename", {"new_name": "master"})
    _ask(octo, "POST", "/repos/acme/web/branches/two/rename", {"new_name": "three"})
    pulls = github.repository("acme/web").pulls.values()
    assert [(each.base, each.state) for each in pulls] == [("master", "OPEN"), ("master", "CLOSED")]
