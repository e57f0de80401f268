"""The Secret with the database's address: made from the address at hand, or used as others made it."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from installer.cluster.objects import metadata
from installer.engine.resource import Change
from installer.forges.credentials import Credentials
from installer.resources.service_secrets import DatabaseAddress, unfit
from installer.support.secret import Secret, redact

from .cluster import SETTINGS, Cluster, Helm, apply, change_of, reconcile, release

NAME = "web-dev-database"
ADDRESS = "postgresql://web:canary-of-the-database@db.example.com/web"
OTHER = ADDRESS.replace("canary", "another")
DEPLOYED = [release(NAME)]


def resource(cluster: Cluster, helm: Helm | None = None, given: str = "") -> DatabaseAddress:
    edges: Any = (cluster, helm or Helm(DEPLOYED))
    credentials = Credentials("github.com", Secret(""), "acme", Secret(""), {"dev": Secret(given)})
    return DatabaseAddress(replace(SETTINGS, database="postgresql"), credentials, *edges)


def holding(address: str | None = ADDRESS, slug: str | None = "web") -> Cluster:
    data = {} if address is None else {"DATABASE_URL": base64.b64encode(address.encode()).decode()}
    head = metadata(replace(SETTINGS, slug=slug), NAME) if slug else {"name": NAME}
    return Cluster({("secret", NAME): {"kind": "Secret", "metadata": head, "data": data}})


def fields(change: Change) -> list[tuple[str, Any, Any]]:
    return [(field.name, field.old, field.new) for field in change.fields]


def written(helm: Helm) -> str:
    ((name, values),) = helm.installed
    (secret,) = values["objects"]
    assert name == NAME
    assert secret["metadata"] == metadata(SETTINGS, NAME, "web-dev")
    assert secret["data"].keys() == {"DATABASE_URL"}
    return base64.b64decode(secret["data"]["DATABASE_URL"]).decode()


def test_an_address_at_hand_is_written_with_our_labels() -> None:
    helm = Helm()
    missing = resource(Cluster(), helm, ADDRESS)
    change = change_of(missing)
    assert (change.action, fields(change)) == ("create", [("DATABASE_URL", None, "set")])
    apply(missing)
    assert written(helm) == ADDRESS


def test_without_one_the_plan_says_what_to_do_and_no_command_asks_for_it_as_an_argument() -> None:
    change = change_of(resource(Cluster()))
    assert change.action == "blocked"
    assert "read -rs CLUSTER_DATABASE_URL && export CLUSTER_DATABASE_URL" in change.fix
    command = "kubectl create secret generic web-dev-database --namespace web-dev --from-file=DATABASE_URL=/dev/stdin"
    assert command in change.fix


@pytest.mark.parametrize("given", ["", ADDRESS])
def test_what_is_there_and_the_same_is_kept(given: str) -> None:
    assert change_of(resource(holding(), given=given)) is None


def test_another_address_is_noticed_and_replaces_the_old_one() -> None:
    helm = Helm(DEPLOYED)
    rotated = resource(holding(), helm, OTHER)
    change = change_of(rotated)
    assert (change.action, fields(change)) == ("change", [("DATABASE_URL", None, "rotated")])
    assert "kubectl rollout restart deployment/web --namespace web-dev" in change.note
    apply(rotated)
    assert written(helm) == OTHER


def test_an_address_that_was_taken_out_of_our_secret_is_missing_or_set_again() -> None:
    assert change_of(resource(holding(None))).action == "blocked"
    assert fields(change_of(resource(holding(None), given=ADDRESS))) == [("DATABASE_URL", None, "set")]


@pytest.mark.parametrize("address", [ADDRESS, f"{ADDRESS}\n"])
def test_a_secret_of_others_is_used_as_it_is(address: str) -> None:
    for given in ("", ADDRESS):
        used = resource(holding(address, slug=None), given=given)
        assert change_of(used) is None
        assert "unmanaged" in used.title


def test_a_secret_of_others_is_never_changed_nor_removed() -> None:
    helm = Helm()
    theirs = resource(holding(slug=None), helm, OTHER)
    change = change_of(theirs)
    assert (change.action, change.effective) == ("skipped", False)
    assert "it is kept" in change.note
    reconcile(theirs)
    assert "stays" in theirs.remove()
    assert helm.installed == helm.uninstalled == []


def test_a_secret_of_others_without_the_key_stops_it() -> None:
    change = change_of(resource(holding(None, slug=None), given=ADDRESS))
    assert change.action == "blocked"
    assert "it has no key DATABASE_URL" in change.note


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (ADDRESS, ""),
        ("postgres://web@db/web?sslmode=verify-full", ""),
        ("postgresql+psycopg://web@10.0.0.7:5433/web", ""),
        ("postgresql://web@/web?host=db.example.com", ""),
        ("mysql://web:hush@db/web", "must look like postgresql://"),
        ("hush", "must look like postgresql://"),
        ("postgresql://web:hu[sh@db/web", "must look like postgresql://"),
        ("postgresql://web:hush@localhost/web?sslmode=require", "leads to this machine"),
        ("postgresql://web:hush@127.0.0.1:5432/web", "leads to this machine"),
        ("postgresql://web:hush@[::1]/web", "leads to this machine"),
        ("postgresql:///web", "leads to this machine"),
    ],
)
def test_an_address_that_pods_cannot_use_is_reported_and_not_shown(address: str, why: str) -> None:
    assert unfit(Secret(address)).startswith(why)
    assert bool(unfit(Secret(address))) == bool(why)
    assert "hush" not in unfit(Secret(address))
    if why:
        assert change_of(resource(holding(), given=address)).note.startswith("CLUSTER_DATABASE_URL ")


def test_removing_takes_the_secret_and_says_what_stays() -> None:
    helm = Helm(DEPLOYED)
    assert resource(Cluster(), helm).remove() == "removed; the database itself stays as it is"
    assert helm.uninstalled == [NAME]


def test_no_text_shows_the_address() -> None:
    helm = Helm(DEPLOYED)
    rotated = resource(holding(), helm, OTHER)
    assert "canary" not in f"{rotated.observe()}{change_of(rotated)}"
    apply(rotated)
    encoded = helm.installed[0][1]["objects"][0]["data"]["DATABASE_URL"]
    for secret in (ADDRESS, OTHER, encoded):
        assert redact(f"helm: {secret}") == "helm: ***"
