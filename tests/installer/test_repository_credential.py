import base64
from dataclasses import replace
from typing import Any

import pytest

from installer.cluster import objects as cluster_labels
from installer.cluster.helm import Release
from installer.config.settings import Settings
from installer.forges.base import DeployKey, Pair, fingerprint
from installer.forges.credentials import Reader
from installer.resources.repository_credential import RepositoryCredential
from installer.support.errors import InstallerError
from installer.support.secret import Secret

from .cluster import SETTINGS, Cluster, Helm, Keys, apply, change_of, reconcile, release

PAIR = Pair.make()
TITLE = f"gitops-flask: {SETTINGS.url}"
PUBLIC = replace(SETTINGS, visibility="public")


def credential(
    cluster: Cluster, keys: Keys, helm: Helm | None = None, settings: Settings = SETTINGS
) -> RepositoryCredential:
    edges: Any = (cluster, helm or Helm([release("web-repo")]), keys)
    return RepositoryCredential(settings, *edges)


def holding(pair: Pair | None = PAIR, *, settings: Settings = SETTINGS, noted: str = "", **changed: str) -> Cluster:
    data = {"type": "git", "url": settings.source_url, "depth": "1", "project": "web-dev", **changed}
    annotations = {cluster_labels.ADDRESS: settings.url}
    if pair:
        data["sshPrivateKey"] = pair.private.reveal()
        annotations["gitops-flask/fingerprint"] = noted or fingerprint(pair.public)
    labels = {**cluster_labels.labels(SETTINGS), "argocd.argoproj.io/secret-type": "repository"}
    secret = {
        "kind": "Secret",
        "metadata": {"name": "web-repo", "labels": labels, "annotations": annotations},
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
    return Cluster({("secret", "web-repo"): secret})


def key(pair: Pair = PAIR, *, read_only: bool = True, title: str = TITLE) -> DeployKey:
    return DeployKey(1, title, pair.public, read_only)


def decoded(helm: Helm) -> dict[str, str]:
    data = helm.installed[-1][1]["objects"][0]["data"]
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def test_a_key_that_github_knows_is_kept() -> None:
    assert change_of(credential(holding(), Keys([key(), key(Pair.make(), title="someone's")]))) is None


@pytest.mark.parametrize("there", [[release("web-repo", "pending-upgrade")], []])
def test_a_release_left_half_made_is_written_anew_with_a_key_of_its_own(there: list[Release]) -> None:
    helm, keys = Helm(there), Keys([key()])
    resource = credential(holding(), keys, helm)
    change = apply(resource)
    assert [field.name for field in change.fields] == ["release"]
    assert [name for name, _ in helm.installed] == ["web-repo"]
    assert keys.log == ["add", "remove"], "the old key goes last"


@pytest.mark.parametrize(
    ("cluster", "keys"),
    [
        (holding(), []),
        (holding(), [key(Pair.make())]),
        (holding(), [key(read_only=False)]),
        (holding(), [key(title="renamed")]),
        (holding(noted="SHA256:of-another"), [key()]),
        (holding(None), [key()]),
        (holding(depth="5"), [key()]),
        (holding(url="ssh://git@github.com/acme/old.git"), [key()]),
        (holding(proxy="http://evil"), [key()]),
    ],
)
def test_anything_else_means_a_new_pair(cluster: Cluster, keys: list[DeployKey]) -> None:
    helm, registered = Helm(), Keys(keys)
    resource = credential(cluster, registered, helm)
    change = apply(resource)
    assert change.action == "change"
    assert registered.log[0] == "add"
    ours = [each for each in registered.registered if each.title == TITLE]
    assert len(ours) == 1
    assert ours[0].key != PAIR.public
    secret = helm.installed[0][1]["objects"][0]
    assert secret["metadata"]["annotations"]["gitops-flask/fingerprint"] == fingerprint(ours[0].key)


def test_the_public_half_is_registered_before_the_private_one_is_written() -> None:
    class Refusing(Keys):
        def add(self, title: str, public: str) -> None:
            raise InstallerError("deploy keys are disabled for this repository")

    helm = Helm()
    resource = credential(Cluster(), Refusing(), helm)
    with pytest.raises(InstallerError, match="disabled"):
        apply(resource)
    assert helm.installed == []


def test_old_keys_stay_until_the_secret_is_written() -> None:
    class Failing(Helm):
        def install(self, name: str, namespace: str, values: dict[str, Any], **options: Any) -> None:
            raise InstallerError("no cluster")

    keys = Keys([key()])
    resource = credential(holding(depth="5"), keys, Failing())
    with pytest.raises(InstallerError, match="no cluster"):
        apply(resource)
    assert keys.log == ["add"]


def test_a_second_key_of_ours_goes_and_the_used_one_stays() -> None:
    keys, helm = Keys([key(Pair.make()), key()]), Helm([release("web-repo")])
    resource = credential(holding(), keys, helm)
    apply(resource)
    assert keys.registered == [key()]
    assert helm.installed == []


def test_a_public_repository_gets_a_secret_without_a_key() -> None:
    keys, helm = Keys(), Helm()
    resource = credential(Cluster(), keys, helm, PUBLIC)
    apply(resource)
    assert decoded(helm) == {
        "type": "git",
        "url": "https://github.com/acme/web.git",
        "depth": "1",
        "project": "web-dev",
    }
    assert keys.log == []
    assert change_of(credential(holding(None, settings=PUBLIC), keys, helm, PUBLIC)) is None


def test_a_repository_made_public_loses_its_key() -> None:
    keys, helm = Keys([key()]), Helm()
    resource = credential(holding(), keys, helm, PUBLIC)
    apply(resource)
    assert "sshPrivateKey" not in decoded(helm)
    assert keys.registered == []


def test_no_change_ever_shows_the_key() -> None:
    resource = credential(holding(noted="SHA256:of-another"), Keys())
    seen = resource.observe()
    assert "PRIVATE" not in f"{seen}{resource.diff(seen)}"


def test_removing_drops_the_key_after_the_secret() -> None:
    keys, helm = Keys([key(), key(Pair.make(), title="someone's")]), Helm()
    assert credential(Cluster(), keys, helm).remove().endswith("removed")
    assert [each.title for each in keys.registered] == ["someone's"]
    assert helm.uninstalled == ["web-repo"]


# --- over https, with a login

HTTPS = replace(SETTINGS, access="https")
TOKEN = "github_pat_reads_only"
READER = Reader({"username": "x-access-token"}, "password", Secret(TOKEN))
APP = Reader(
    {"githubAppID": "12", "githubAppInstallationID": "34"}, "githubAppPrivateKey", Secret("-----BEGIN RSA PRIVATE KEY")
)


def by_login(
    cluster: Cluster, reader: Reader | None = READER, helm: Helm | None = None, keys: Keys | None = None
) -> Any:
    edges: Any = (cluster, helm or Helm([release("web-repo")]), keys or Keys())
    return RepositoryCredential(HTTPS, *edges, reader)


def logged_in(**changed: str) -> Cluster:
    return holding(None, settings=HTTPS, **{"username": "x-access-token", "password": TOKEN, **changed})


@pytest.mark.parametrize("reader", [READER, APP])
def test_a_login_is_written_without_a_key(reader: Reader) -> None:
    helm, keys = Helm(), Keys()
    resource = by_login(Cluster(), reader, helm, keys)
    apply(resource)
    made = decoded(helm)
    assert made.pop("url") == "https://github.com/acme/web.git"
    expected = {"type": "git", "depth": "1", "project": "web-dev", **reader.fields}
    assert made == {**expected, reader.name: reader.secret.reveal()}
    assert keys.log == []


@pytest.mark.parametrize("reader", [READER, None])
def test_the_login_that_is_there_is_kept_also_where_none_is_at_hand(reader: Reader | None) -> None:
    assert change_of(by_login(logged_in(), reader)) is None


def test_without_a_login_there_or_at_hand_one_is_asked_for() -> None:
    for there in (Cluster(), holding(None, settings=HTTPS)):
        resource = by_login(there, None)
        change = change_of(resource)
        assert change.action == "blocked"
        assert "Set ARGOCD_REPOSITORY_TOKEN" in change.fix
        with pytest.raises(InstallerError, match="no token at hand"):
            reconcile(resource)


def test_a_rotated_login_is_noticed_and_never_shown() -> None:
    helm = Helm()
    resource = by_login(logged_in(password="the-last-one"), READER, helm)
    seen = resource.observe()
    change = resource.diff(seen)
    assert [field.name for field in change.fields if field.name != "release"] == ["password"]
    assert TOKEN not in f"{seen}{change}"
    assert "the-last-one" not in f"{seen}{change}"
    resource.apply(seen, change)
    assert decoded(helm)["password"] == TOKEN


def test_an_app_takes_the_place_of_a_token_and_leaves_nothing_of_it() -> None:
    helm = Helm()
    resource = by_login(logged_in(), APP, helm)
    apply(resource)
    assert not {"username", "password"} & set(decoded(helm))


def test_drift_is_repaired_with_the_login_that_is_there() -> None:
    helm = Helm()
    resource = by_login(logged_in(depth="5", proxy="http://evil"), None, helm)
    apply(resource)
    made = decoded(helm)
    assert (made["depth"], made["password"], made["username"]) == ("1", TOKEN, "x-access-token")
    assert "proxy" not in made


def test_from_ssh_to_https_the_deploy_key_goes_after_the_login_is_written() -> None:
    helm, keys = Helm(), Keys([key()])
    resource = by_login(holding(), READER, helm, keys)
    change = apply(resource)
    assert {"url", "password", "deploy key"} <= {field.name for field in change.fields}
    assert "sshPrivateKey" not in decoded(helm)
    assert keys.registered == []


def test_from_https_to_ssh_the_login_goes() -> None:
    helm, keys = Helm(), Keys()
    resource = credential(logged_in(), keys, helm)
    apply(resource)
    assert not {"username", "password"} & set(decoded(helm))
    assert keys.log == ["add"]


def test_a_key_is_renewed_on_demand_and_the_old_one_goes_last() -> None:
    helm, keys = Helm([release("web-repo")]), Keys([key()])
    edges: Any = (holding(), helm, keys)
    resource = RepositoryCredential(SETTINGS, *edges, renew=True)
    change = apply(resource)
    assert [(field.name, field.new) for field in change.fields] == [("deploy key", "a new one")]
    assert keys.log == ["add", "remove"]
    assert keys.registered[0].key != PAIR.public
