"""An answer that leads elsewhere takes no credential along: the reporter's clients, and GitHub's with each status."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from installer.forges.github.api import GitHubRest
from installer.forges.github.app_client import AppGitHub
from installer.forges.gitlab.api import GitLabRest
from installer.resources.reporter import Reporter, Running
from installer.status.reporter_main import ApiServer
from installer.status.service import DeploymentRecord, Place, Service, assess
from installer.support.errors import InstallerError
from installer.support.http_client import Client
from installer.support.secret import Secret
from tests.elsewhere import REVISION, Elsewhere, leading
from tests.github.authority import Authority

from . import inside
from .argo_cd import HOST
from .cluster import SETTINGS
from .shells import export

TOKEN = "ghs_the-token-of-the-operator"
STATUSES = (301, 302, 303, 307, 308)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("where", ["another host", "another port"])
def test_a_redirect_is_an_answer_and_nothing_is_sent_to_where_it_leads(
    there: Elsewhere, status: int, where: str
) -> None:
    leads = there.url if where == "another host" else f"http://127.0.0.1:{there.port}"
    with leading(leads, status) as host:
        request = urllib.request.Request(f"http://{host}/x", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = Client(direct=True).send(request, 5)
    assert (answer.status, answer.redirects, answer.ok) == (status, True, False)
    assert f"leads to {leads}/x and is not followed" in str(answer)
    assert there.heard == []


class TheApp:
    """An App that need not sign well."""

    number = "7"

    def sign(self, text: bytes) -> bytes:
        return b"signed"


Ask = Callable[[str, str], Any]


def app(host: str, ca: str) -> Any:
    return AppGitHub(f"https://{host}", host, "acme/web", TheApp(), ca).about()


def github(host: str, ca: str) -> Any:
    return GitHubRest(host, Secret(TOKEN), ca=ca).call("GET", "/user")


def github_writes(host: str, ca: str) -> Any:
    return GitHubRest(host, Secret(TOKEN), ca=ca).call("POST", "/user/repos", {"name": "web"})


def gitlab(host: str, ca: str) -> Any:
    return GitLabRest(host, Secret(TOKEN), ca=ca).call("GET", "/user")


@pytest.mark.parametrize("status", [301, 302, 307])
@pytest.mark.parametrize("ask", [app, github, github_writes, gitlab])
def test_a_code_host_that_leads_elsewhere_is_reported_and_gets_no_token_there(
    there: Elsewhere, authority: Authority, ask: Ask, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.forges.http.pause", lambda _: None)
    with leading(there.url, status, authority.context("127.0.0.1")) as host:
        ca = authority.certificate.read_text()
        with pytest.raises(InstallerError) as caught:
            ask(host, ca)
    assert TOKEN not in str(caught.value)
    assert there.heard == []


def test_pods_that_lead_the_reporter_elsewhere_are_no_success_and_get_no_token_there(
    there: Elsewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Reporter(SETTINGS, *([Any] * 2)).manifests(Running(template=HOST))  # type: ignore[arg-type]
    with inside.serve(tmp_path, inside.rules(made)) as cluster:
        export(monkeypatch, cluster.variables)
        server = ApiServer(cluster.folder / "account")
        service = Service(server, server.answers, Place.of(lambda name: getattr(SETTINGS, name)))
        record = DeploymentRecord("c" * 40, REVISION, digest="sha256:0")
        cluster.roll(record.commit, record.revision, record.digest)
        outcome = assess(service, record)
        assert outcome
        assert outcome.state == "success"
        cluster.leads = there.url
        assert {answer.revision for answer in service.answers()} == {""}
        assert f"with 302 Found, which leads to {there.url}/version and is not followed" in service.answers()[0].error
        assert assess(service, record) is None
    assert there.heard == []
