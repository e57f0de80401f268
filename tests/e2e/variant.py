"""Where a story plays: which GitHub, who may read repository and image, and who trusts whom."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.github.authority import Authority


@dataclass(frozen=True)
class Variant:
    """One way to play; what is not said is as on github.com, where everybody may read everything."""

    name: str
    host: str = "github.com"
    scm: str = "github"
    ci: str = ""
    """Empty: the code host's own."""
    version: str = ""
    """A GitLab's."""
    visibility: str = "public"
    access: str = "ssh"
    account: str = "acme"
    """The registry's, and the beginning of the image's name."""
    image_visibility: str = "public"
    runner: str = ""
    pulls_with: str = ""
    """The variable from which the cluster's login to the registry comes."""
    own_ca: bool = False
    """Whether GitHub's certificate is signed by a CA that nobody knows but the project."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """What the developer's shell knows of the registry."""

    @property
    def url(self) -> str:
        return f"https://{self.host}"

    @property
    def private(self) -> bool:
        return self.visibility == "private"

    @property
    def answers(self) -> list[str]:
        """Return what is answered to cookiecutter."""
        return [
            f"scm={self.scm}",
            *([f"ci={self.ci}"] if self.ci else []),
            "owner=acme",
            f"host={self.host}",
            f"visibility={self.visibility}",
            f"registry_account={self.account}",
        ]

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.runner or "ubuntu-latest",)

    def certificate(self, folder: Path) -> tuple[Path, Path, Path]:
        """Return GitHub's certificate, its key and the CA."""
        if not self.own_ca:
            cert, key, ca = (Path(os.environ[f"E2E_{name}"]) for name in ("TLS_CERT", "TLS_KEY", "CA"))
            return cert, key, ca
        folder.mkdir()
        authority = Authority(folder)
        authority.context(self.host)
        return folder / "leaf.pem", folder / "leaf.key", authority.certificate

    def settle(self, text: str, values: Mapping[str, Any]) -> str:
        """Return gitops.yaml of the template as a company would have it in its fork."""
        flow = yaml.safe_dump(dict(values), default_flow_style=True, width=10**6).strip()
        lines = {
            "  runner: .*": f'  runner: "{self.runner}"',
            '  ca: "".*GitHub.*': '  ca: "ca.pem"',
            r"  visibility: \{\{ 'public.*": f"  visibility: {self.image_visibility}",
            "  access: .*": f"  access: {self.access}",
            r"  values: \{\}": f"  values: {flow}",
        }
        for there, wanted in lines.items():
            text, count = re.subn(f"^{there}", lambda _, wanted=wanted: wanted, text, flags=re.MULTILINE)
            assert count == 1, there
        return text


def account(kind: str) -> dict[str, str]:
    """Return an account of the registry: the one whose images everybody may pull, or the `PRIVATE` one."""
    names = [f"E2E_{kind}_{what}" for what in ("USERNAME", "TOKEN")]
    if missing := [name for name in names if name not in os.environ]:
        pytest.skip(f"not set: {', '.join(missing)}, see docs/testing.md")
    return dict(zip(("USERNAME", "TOKEN"), (os.environ[name] for name in names), strict=True))


def prefixed(prefix: str, given: Mapping[str, str]) -> dict[str, str]:
    return {f"{prefix}_{name}": value for name, value in given.items()}


def usual() -> Variant:
    """A private repository whose image anyone may pull, which plan and up note."""
    return Variant("cloud", visibility="private", registry=prefixed("REGISTRY", account("REGISTRY")))


def public() -> Variant:
    return Variant("cloud, public", registry=prefixed("REGISTRY", account("REGISTRY")))


def circleci() -> Variant:
    return replace(public(), name="CircleCI", ci="circleci")


def travis_ci() -> Variant:
    return replace(public(), name="Travis CI", ci="travis-ci")


def private_with_key() -> Variant:
    """A private repository, read with a deploy key; a private image, pulled with an account that only pulls."""
    owner = account("PRIVATE")
    return Variant(
        "cloud, private",
        visibility="private",
        account=owner["USERNAME"],
        image_visibility="private",
        pulls_with="REGISTRY_PULL_TOKEN",
        registry=prefixed("REGISTRY", owner) | prefixed("REGISTRY_PULL", account("REGISTRY")),
    )


def enterprise_server() -> Variant:
    """A company's own: its CA, its runners, no ssh for Argo CD, one token for the registry."""
    if "E2E_ENTERPRISE_HOST" not in os.environ:
        pytest.skip("not set: E2E_ENTERPRISE_HOST, see docs/testing.md")
    owner = account("PRIVATE")
    return Variant(
        "Enterprise Server, private",
        host=os.environ["E2E_ENTERPRISE_HOST"],
        visibility="private",
        access="https",
        account=owner["USERNAME"],
        image_visibility="private",
        runner="company-linux",
        pulls_with="REGISTRY_TOKEN",
        own_ca=True,
        registry=prefixed("REGISTRY", owner),
    )


def gitlab() -> Variant:
    """A company's own GitLab: its CA, a private project that Argo CD reads with a deploy key."""
    if "E2E_GITLAB_HOST" not in os.environ:
        pytest.skip("not set: E2E_GITLAB_HOST, see docs/testing.md")
    return Variant(
        "GitLab, private",
        host=os.environ["E2E_GITLAB_HOST"],
        scm="gitlab",
        version="19.4.0",
        visibility="private",
        own_ca=True,
        registry=prefixed("REGISTRY", account("REGISTRY")),
    )


def older_gitlab() -> Variant:
    """One whose jobs may not push with their own token, read over https; a private image."""
    owner = account("PRIVATE")
    return replace(
        gitlab(),
        name="GitLab 17.2, private",
        version="17.2.0",
        access="https",
        account=owner["USERNAME"],
        image_visibility="private",
        pulls_with="REGISTRY_PULL_TOKEN",
        registry=prefixed("REGISTRY", owner) | prefixed("REGISTRY_PULL", account("REGISTRY")),
    )
