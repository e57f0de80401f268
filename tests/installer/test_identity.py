"""Whose a thing is: the repository's that it was made for, whatever that is called today."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.cluster.helm import Helm, objects
from installer.cluster.kubectl import Cluster
from installer.cluster.objects import digest, is_ours, metadata, not_ours, readdressed, whose
from installer.config.settings_file import parse
from installer.resources.webhook import Webhook
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.github import GitHub as StandIn

from . import cluster as fakes
from .cluster import SETTINGS, change_of
from .gitops_yaml import tree
from .programs import Programs, release, with_helm
from .shells import export

OCTOCAT = replace(SETTINGS, owner="octocat")
BOTH = f"belongs to {OCTOCAT.url}, and this is {SETTINGS.url}"


@pytest.mark.parametrize(
    "same", ["https://github.com/Acme/WEB", "https://github.com/acme/web/", "https://github.com/acme/web.git"]
)
def test_capitals_and_a_suffix_make_no_other_repository(same: str) -> None:
    assert digest(same) == digest(SETTINGS.url)


@pytest.mark.parametrize("change", [{"owner": "octocat"}, {"host": "ghe.example.com"}, {"slug": "web-2"}])
def test_another_owner_host_or_name_is_another_repository(change: dict[str, str]) -> None:
    theirs = {"metadata": metadata(replace(SETTINGS, **change), "x")}
    assert not is_ours(theirs, SETTINGS)


def test_a_digest_is_what_a_label_may_hold() -> None:
    longest = replace(SETTINGS, host="h" * 250, owner="o" * 255)
    value = metadata(longest, "x")["labels"]["gitops-flask/repository"]
    assert len(value) <= 63
    assert value.isalnum()


def test_an_address_that_the_repository_had_is_ours_and_is_shown_to_change() -> None:
    made = {"kind": "Secret", "metadata": metadata(OCTOCAT, "web-repo", "argocd")}
    transferred = replace(SETTINGS, formerly=(OCTOCAT.url,))
    assert is_ours(made, transferred)
    (field,) = readdressed(made, transferred)
    assert (field.old, field.new) == (OCTOCAT.url, SETTINGS.url)
    assert readdressed({"metadata": metadata(transferred, "web-repo")}, transferred) == ()


def test_what_no_installer_made_has_no_address() -> None:
    head = {"name": "web-dev", "namespace": "argocd", "annotations": {"gitops-flask/address": "copied manually"}}
    manual_step = {"kind": "Secret", "metadata": head}
    assert whose(manual_step) == ""
    change = not_ours(manual_step, SETTINGS)
    assert (change.note, change.fix) == ("Secret web-dev in argocd is not ours", "Rename or remove it.")


class NoHooks:
    """A code host without webhooks."""

    def list(self) -> list[Any]:
        return []


def test_a_webhooks_secret_that_another_repository_made_is_blocked_and_stays() -> None:
    """As with all that test_contract has, which keeps no hooks."""
    secret = {"kind": "Secret", "metadata": metadata(OCTOCAT, "web-webhook", "x"), "data": {}}
    edges: Any = (fakes.Cluster({("secret", "web-webhook"): secret}), helm := fakes.Helm(), NoHooks())
    resource = Webhook(replace(SETTINGS, argocd_url="https://argocd.example.com"), *edges)
    change = change_of(resource)
    assert change
    assert (change.blocked, BOTH in change.note, "gitops.yaml" in change.fix) == (True, True, True)
    assert BOTH in resource.removal(resource.observe()), "`down` lists it before it asks"
    assert BOTH in resource.remove()
    assert (helm.installed, edges[0].objects) == ([], {("secret", "web-webhook"): secret})


# --- releases, through the real client's arguments ------------------------------------------------


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """A cluster with octocat's release `web-dev` in it."""
    programs = with_helm(tmp_path, monkeypatch)
    programs.releases(release("web-dev", repository=digest(OCTOCAT.url)))
    programs.answer("helm", "get values", out=objects({"kind": "Secret", "metadata": metadata(OCTOCAT, "x")}))
    programs.answer("helm", "history", out=[{"revision": 1, "status": "deployed", "description": OCTOCAT.url}])
    return programs


@pytest.mark.parametrize("values", [True, False], ids=["told by its objects", "told by its description"])
def test_a_release_of_another_repository_is_never_upgraded_nor_uninstalled(programs: Programs, *, values: bool) -> None:
    if not values:
        programs.answer("helm", "get values", out={})
    helm = Helm(Cluster(), SETTINGS)
    change = helm.obstacle("web-dev", "argocd")
    assert change
    assert f"release web-dev in argocd {BOTH}" in change.note
    with pytest.raises(InstallerError, match=BOTH):
        helm.install("web-dev", "argocd", objects())
    assert helm.uninstall("web-dev", "argocd") is False
    asked = {call["arguments"][0] for call in programs.calls("helm")}
    assert asked == {"get"} | (set() if values else {"history"})


def test_a_release_that_lost_its_labels_while_it_was_uninstalled_is_still_ours(programs: Programs) -> None:
    programs.releases(release("web-dev", "uninstalling"))
    programs.answer("helm", "get values", out=objects({"kind": "Secret", "metadata": metadata(SETTINGS, "x")}))
    assert Helm(Cluster(), SETTINGS).obstacle("web-dev", "argocd") is None


def test_a_release_that_somebody_made_by_hand_is_not_overwritten(programs: Programs) -> None:
    programs.releases(release("web-dev"))
    programs.answer("helm", "get values", out={"replicas": 3})
    programs.answer("helm", "history", out=[{"revision": 1, "status": "deployed", "description": "Install complete"}])
    with pytest.raises(InstallerError, match="Release web-dev in argocd is not ours"):
        Helm(Cluster(), SETTINGS).install("web-dev", "argocd", objects())


# --- the code host's half ---------------------------------------------------------------------------


def test_former_addresses_are_reported_in_the_settings() -> None:
    assert parse(tree(project__formerly=[OCTOCAT.url])).formerly == (OCTOCAT.url,)
    for wrong in ("web", ["octocat/web"], [""]):
        with pytest.raises(InstallerError, match=r"project\.formerly: must be a list of addresses"):
            parse(tree(project__formerly=wrong))


def test_github_leads_a_former_address_here_until_another_repository_takes_it(
    github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from installer.forges.github.repository import GitHub

    github.user("octocat")
    github.organization("acme", members={"octocat": "admin"})
    export(monkeypatch, github.env)
    token = github.token("octocat")
    github.hosting.create(github.tokens[token], "octocat", "web", private=True, description=None)
    here = GitHub("github.com", Secret(token), "acme/web")
    assert not here.redirects_here(OCTOCAT.url), "it is a repository of its own"
    github.hosting.move(github.repository("octocat/web"), github.accounts["acme"], "web")
    assert here.redirects_here(OCTOCAT.url)
    assert not here.redirects_here("https://ghe.example.com/octocat/web")
    github.hosting.create(github.tokens[token], "octocat", "web", private=True, description=None)
    assert not here.redirects_here(OCTOCAT.url), "another one took its place"
