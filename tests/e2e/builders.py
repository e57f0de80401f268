"""A CI that is not the code host's own: CircleCI or Travis CI, as a story needs it."""

import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from tests.circleci.api import CircleCI
from tests.github import GitHub
from tests.github.authority import Authority
from tests.github.front import Front
from tests.gitlab import GitLab
from tests.travis.api import TravisCI

CI = CircleCI | TravisCI
KINDS: dict[str, tuple[type[CircleCI] | type[TravisCI], str]] = {
    "circleci": (CircleCI, "CIRCLE_TOKEN"),
    "travis-ci": (TravisCI, "TRAVIS_TOKEN"),
}
CHECKS: dict[str, tuple[str, ...]] = {
    "circleci": ("ci/circleci: test", "ci/circleci: image", "ci/circleci: chart"),
    "travis-ci": ("Travis CI - Pull Request",),
}
ITS_TOKEN = "ci_token_" + "4" * 20


@contextmanager
def at_a_ci(
    kind: str, host: GitHub | GitLab, repository: str, machine: Mapping[str, str], folder: Path
) -> Iterator[tuple[CI | None, dict[str, str]]]:
    """Serve a CI by a proxy, whose jobs run with `machine`; give what a developer's shell knows of it."""
    if not kind:
        yield None, {}
        return
    assert isinstance(host, GitHub)
    made, variable = KINDS[kind]
    ci = made()
    ci.env, ci.tokens[ITS_TOKEN] = dict(machine), "octocat"
    ci.at(host)
    folder.mkdir()
    authority = Authority(folder)
    context = authority.context(*ci.hosts)
    front = Front(("127.0.0.1", 0), context, ci.answer, proxy_for=ci.hosts, refused=host.fail)
    bundle = folder / "bundle.pem"
    here = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    bundle.write_text(f"{here.read_text()}\n{authority.certificate.read_text()}")
    proxy, others = f"http://127.0.0.1:{front.server_address[1]}", ",".join(elsewhere())
    may = {"metadata": "read", "contents": "write", "deployments": "write"}
    deploys = host.token("octocat", "fine-grained", permissions=may, repositories=[repository])
    shell = {
        variable: ITS_TOKEN,
        "DEPLOY_TOKEN": deploys,
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), others),
        "REQUESTS_CA_BUNDLE": str(bundle),
    }
    try:
        yield ci, shell
    finally:
        ci.wait()
        front.close()


def press(ci: CI, repository: str, action: str, inputs: Mapping[str, str]) -> None:
    """Do what the button on the CI's page does, with the parameters that a person types there; wait for its end."""
    if isinstance(ci, CircleCI):
        ci.trigger(repository, {"branch": "main", "parameters": {"action": action, **inputs}})
    else:
        given = {"ACTION": action, **{name.upper(): value for name, value in inputs.items()}}
        env = {"global": [f"{name}={shlex.quote(value)}" for name, value in given.items()]}
        asked = {"branch": "main", "merge_mode": "deep_merge", "config": {"env": env}}
        ci.request(repository, {"request": asked})
    ci.wait()


def elsewhere() -> list[str]:
    """Return the hosts that are not asked through the proxy: all but the CI's."""
    settings = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    clusters = [urlsplit(each["cluster"]["server"]).hostname or "" for each in settings["clusters"]]
    return ["localhost", "127.0.0.1", "github.com", "docker.io", "docker.com", "ghcr.io", *clusters]
