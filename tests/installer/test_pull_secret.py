"""The Secret that a private image is pulled with: made, kept, rotated, taken away, and never of more rights."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from installer.cluster import objects as labels
from installer.cluster.argocd import ArgoCD
from installer.cluster.kubectl import Cluster as KubernetesCluster
from installer.config.settings import Settings
from installer.forges.credentials import Credentials
from installer.resources.application import Application
from installer.resources.service_secrets import PullSecret
from installer.support.errors import InstallerError
from installer.support.secret import Secret, redact

from .cluster import SETTINGS, Cluster, Helm, apply, change_of, reconcile, release

PRIVATE = replace(SETTINGS, image_visibility="private")
NAME = "web-dev-pull"
PUSH, PULL = "token-that-pushes", "token-that-reads"
HUB = "https://index.docker.io/v1/"


def credentials(*, push: str = PUSH, pull: str = "", username: str = "acme", reader: str = "") -> Credentials:
    pulls: Any = {"pull_username": reader or username, "pull_token": Secret(pull)}
    return Credentials("github.com", Secret(""), username, Secret(push), **pulls)


def pull_secret(
    cluster: Cluster, helm: Helm | None = None, given: Credentials | None = None, settings: Settings = PRIVATE
) -> PullSecret:
    edges: Any = (cluster, helm or Helm([release(NAME)]), given or credentials(pull=PULL))
    return PullSecret(settings, *edges)


def holding(
    token: str = PULL,
    *,
    username: str = "acme",
    registry: str = HUB,
    source: str = "REGISTRY_PULL_TOKEN",
    content: str | None = None,
    ours: bool = True,
) -> Cluster:
    login = {"username": username, "password": token, "auth": "eA=="}
    text = json.dumps({"auths": {registry: login}}) if content is None else content
    made_from = {"gitops-flask/made-from": source}
    secret = {
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": labels.metadata(SETTINGS, NAME, annotations=made_from) if ours else {"name": NAME},
        "data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()},
    }
    return Cluster({("secret", NAME): secret})


def applied(resource: PullSecret, helm: Helm) -> dict[str, Any]:
    """Apply what differs and return the object that was written."""
    apply(resource)
    (name, values) = helm.installed[-1]
    assert name == NAME
    made: dict[str, Any] = values["objects"][0]
    return made


def logins(made: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(base64.b64decode(made["data"][".dockerconfigjson"]))["auths"]
    return tree


def test_it_is_made_beside_the_service_in_the_form_that_the_kubelet_takes() -> None:
    helm = Helm()
    made = applied(pull_secret(Cluster(), helm), helm)
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == (NAME, "web-dev")
    assert made["metadata"]["labels"] == labels.labels(SETTINGS)
    auth = base64.b64encode(f"acme:{PULL}".encode()).decode()
    assert logins(made) == {HUB: {"username": "acme", "password": PULL, "auth": auth}}
    for form in (auth, made["data"][".dockerconfigjson"]):
        assert redact(form) == "***", "no form of it is ever printed"


@pytest.mark.parametrize("host", ["ghcr.io", "registry.example.com:5000"])
def test_any_other_registry_goes_by_its_name(host: str) -> None:
    helm = Helm()
    made = applied(pull_secret(Cluster(), helm, settings=replace(PRIVATE, registry=host)), helm)
    assert list(logins(made)) == [host]


def test_a_reader_may_have_a_name_of_its_own() -> None:
    helm = Helm()
    made = applied(pull_secret(Cluster(), helm, credentials(pull=PULL, reader="robot$web")), helm)
    assert logins(made)[HUB]["username"] == "robot$web"


def test_the_token_that_pushes_is_taken_with_a_warning() -> None:
    helm = Helm()
    resource = pull_secret(Cluster(), helm, credentials())
    change = change_of(resource)
    assert change.note.startswith("with REGISTRY_TOKEN, which may push: better one that only reads, in REGISTRY_PULL_")
    assert "With that and registry.reuse: pushed, builds begin with what was pushed before" in change.note
    made = applied(resource, helm)
    assert logins(made)[HUB]["password"] == PUSH
    assert made["metadata"]["annotations"]["gitops-flask/made-from"] == "REGISTRY_TOKEN"


REUSING = replace(PRIVATE, image_reuse="pushed")


@pytest.mark.parametrize("there", [Cluster(), holding(PUSH, source="REGISTRY_TOKEN")], ids=["none yet", "one there"])
@pytest.mark.parametrize("given", [credentials(), credentials(push=""), credentials(pull=PUSH)], ids=str)
def test_no_token_that_pushes_is_in_the_cluster_where_builds_trust_what_was_pushed(
    there: Cluster, given: Credentials
) -> None:
    """A push to env/dev has a pod read it, and puts other layers in the place of the cache."""
    change = change_of(pull_secret(there, given=given, settings=REUSING))
    assert (change.action, "Set REGISTRY_PULL_TOKEN in the environment" in change.fix) == ("blocked", True)


@pytest.mark.parametrize("given", [credentials(), credentials(push=""), credentials(pull=PULL)], ids=str)
def test_builds_may_trust_what_was_pushed_where_the_cluster_only_reads(given: Credentials) -> None:
    resource = pull_secret(holding(), given=given, settings=REUSING)
    assert change_of(resource) is None
    helm = Helm([release(NAME)])
    resource = pull_secret(holding(PUSH, source="REGISTRY_TOKEN"), helm, credentials(pull=PULL), REUSING)
    assert logins(applied(resource, helm))[HUB]["password"] == PULL


def test_without_any_token_at_hand_the_one_that_is_there_is_kept_and_a_first_one_is_asked_for() -> None:
    nothing = credentials(push="")
    resource = pull_secret(holding(), given=nothing)
    assert change_of(resource) is None
    resource = pull_secret(Cluster(), given=nothing)
    change = change_of(resource)
    assert (change.action, "Set REGISTRY_PULL_TOKEN" in change.fix) == ("blocked", True)
    with pytest.raises(InstallerError, match="no token at hand"):
        reconcile(resource)


@pytest.mark.parametrize(
    ("there", "given", "kept"),
    [
        (holding("an-old-one"), credentials(pull=PULL), False),
        (holding(PULL), credentials(pull=PULL), True),
        # somebody else has only the token that pushes: it never takes the place of one that reads
        (holding(PULL), credentials(), True),
        (holding("an-old-one", source="REGISTRY_TOKEN"), credentials(), False),
        (holding(PUSH, source="REGISTRY_TOKEN"), credentials(), True),
        (holding(PUSH, source="REGISTRY_TOKEN"), credentials(pull=PULL), False),
        (holding(username="other"), credentials(pull=PULL), False),
    ],
)
def test_a_rotated_token_is_noticed(there: Cluster, given: Credentials, kept: bool) -> None:
    helm = Helm([release(NAME)])
    resource = pull_secret(there, helm, given)
    change = change_of(resource)
    assert (change is None) is kept
    if change:
        assert PULL not in str(change)
        token = (given.pull_token or given.registry_token).reveal()
        assert logins(applied(resource, helm))[HUB] == {
            "username": "acme",
            "password": token,
            "auth": base64.b64encode(f"acme:{token}".encode()).decode(),
        }


def test_a_registrys_login_is_never_shown_to_another() -> None:
    elsewhere = replace(PRIVATE, registry="registry.example.com")
    change = change_of(pull_secret(holding(), given=credentials(push=""), settings=elsewhere))
    assert (change.action, "Set REGISTRY_PULL_TOKEN" in change.fix) == ("blocked", True)

    helm = Helm([release(NAME)])
    (host, login), *more = logins(applied(pull_secret(holding(), helm, credentials(), elsewhere), helm)).items()
    assert (host, login["password"], more) == ("registry.example.com", PUSH, [])


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"auths": {}}', '{"auths": {"a": {}, "b": {}}}', '{"auths": 1}'])
def test_one_that_was_spoilt_is_written_anew(content: str) -> None:
    helm = Helm([release(NAME)])
    assert list(logins(applied(pull_secret(holding(content=content), helm), helm))) == [HUB]


@pytest.mark.parametrize(("settings", "named"), [(PRIVATE, [{"name": NAME}]), (SETTINGS, None)])
def test_the_application_names_it_where_it_is_needed(settings: Settings, named: Any) -> None:
    edges: Any = (Cluster(), Helm(), ArgoCD(KubernetesCluster(), "argocd"))
    _, application = Application(settings, *edges).manifests()
    helm = application["spec"]["source"]["helm"]
    assert helm.get("valuesObject", {}).get("imagePullSecrets") == named
