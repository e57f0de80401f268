"""What the installer needs to know about a project; settings_file.py reads it. Which code hosts and CIs there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from .environments import DEV, Environment

FILE = "gitops.yaml"
MAIN = "main"  # the branch that pull requests are merged into
TEMPLATE = "gitops-flask/template"  # the branch that keeps the template's renders
RENDERED = "Gitops-Flask-Tree"  # the trailer of a commit that this tool made: its files, as they were made
CLOUD = "github.com"
OF_CLOUD = ".ghe.com"  # GitHub's own hosts for companies
CodeHost = Literal["github", "gitlab"]
Scm = Literal["github", "gitlab", "local"]
LOCAL: Final = "local"  # the code host, and the CI, of a project that has its own git server in the cluster
GITHUB_ACTIONS = "github-actions"


@dataclass(frozen=True)
class Settings:
    """One project, and where its parts live."""

    name: str
    slug: str
    description: str
    host: str
    owner: str
    visibility: str
    registry: str
    account: str
    namespace: str
    argocd_namespace: str = "argocd"
    argocd_values: Mapping[str, Any] = field(default_factory=dict)
    database: str = "none"
    argocd_watcher: str = "auto"
    argocd_url: str = ""
    reporter: str = "none"
    reporter_image: str = "docker.io/library/python:3.13-slim-trixie"  # has Python and openssl
    environment: str = DEV
    source: str = ""  # the environment that is promoted to this one; empty where merges are deployed
    environments: tuple[Environment, ...] = ()  # all of them, where gitops.yaml names several
    reviews: int = 0
    deploy_from: str = "anywhere"  # main: only its workflows push to the environment's branch
    public_runner: str = "refused"
    runner: str = ""
    api_version: str = "2022-11-28"  # of GitHub's REST API: the newest that every supported Enterprise Server knows
    ca: str = ""  # the company's that signed GitHub's certificate, in PEM; so `registry_ca`
    access: str = "ssh"
    image_visibility: str = "public"
    image_reuse: str = "none"  # pushed: what the registry has of a private image is trusted
    registry_ca: str = ""
    registry_ca_file: str = ""
    registry_token_server: str = ""  # the host that the registry has its logins sent to, where its name does not say so
    extra_kinds: tuple[str, ...] = ()  # that Argo CD may deploy besides the chart's
    scm: Scm = "github"
    ci: str = GITHUB_ACTIONS
    formerly: tuple[str, ...] = ()  # the addresses that this repository had before
    context: str = ""  # the kubeconfig context of a local project: its git server is in there
    kind_cluster: str = ""  # the kind cluster that `try` made for it, and `down` removes
    registry_image: str = "docker.io/library/registry:3.0.0"  # what runs as the registry in the cluster

    @property
    def local(self) -> bool:
        """Return whether git server and CI are this machine and its cluster, not a code host."""
        return self.scm == LOCAL

    @property
    def lane(self) -> Literal["github", "gitlab", "cluster"]:
        """Return where the repository is."""
        return "cluster" if self.scm == "local" else self.scm

    @property
    def registry_in_cluster(self) -> bool:
        """Return whether images go to a registry in the cluster, which asks for no login."""
        return self.local and self.registry.startswith("localhost:")

    @property
    def git_server(self) -> str:
        """Return the name of a local project's git server, a Service beside Argo CD."""
        return f"{self.slug}-git"

    @property
    def in_cloud(self) -> bool:
        """Return whether GitHub itself runs this GitHub."""
        return self.host == CLOUD or self.host.endswith(OF_CLOUD)

    @property
    def repository(self) -> str:
        """Return the repository's full name, `owner/name`."""
        return f"{self.owner}/{self.slug}"

    @property
    def url(self) -> str:
        """Return the repository's page, which is also its https address for git; a git server has no page."""
        return f"{'git' if self.local else 'https'}://{self.host}/{self.repository}"

    @property
    def clone_url(self) -> str:
        """Return the address for git: GitLab leads the page's address to this one, and git says so each time."""
        return self.url if self.scm == "github" else f"{self.url}.git"

    @property
    def private(self) -> bool:
        """Return whether reading the repository needs a credential."""
        return self.visibility != "public"

    @property
    def reads_by(self) -> str:
        """Return what Argo CD reads the repository with: `key`, `login`, or nothing where anyone may read it."""
        return {"ssh": "key", "https": "login"}[self.access] if self.private else ""

    @property
    def source_url(self) -> str:
        """Return the address by which Argo CD reads the repository: ssh with a deploy key, or https."""
        if self.reads_by != "key":
            return f"{self.url}.git"
        user = self.host.removesuffix(OF_CLOUD) if self.host.endswith(OF_CLOUD) else "git"
        host = self.host.partition(":")[0]  # a port there is that of https
        return f"ssh://{user}@{host}/{self.repository}.git"

    @property
    def image_private(self) -> bool:
        """Return whether the cluster needs a login to pull the image."""
        return self.image_visibility == "private"

    @property
    def own_registry(self) -> bool:
        """Return whether images go to the GitLab's own registry, where each job has a login of its own."""
        names = (self.host, f"registry.{self.host}")
        return self.scm == "gitlab" and self.registry.partition(":")[0] in names

    @property
    def image_name(self) -> str:
        """Return what the registry calls the image: `acme/web`."""
        return f"{self.account}/{self.slug}"

    @property
    def image_repository(self) -> str:
        """Return where images go, without tag: `docker.io/acme/web`."""
        return f"{self.registry}/{self.image_name}"

    @property
    def branch(self) -> str:
        """Return the branch that Argo CD follows."""
        return f"env/{self.environment}"

    @property
    def branches(self) -> list[str]:
        """Return the branches of all environments."""
        return [each.branch for each in self.of_each()]

    def of_each(self) -> "list[Settings]":
        """Return these settings for each environment, the one first that merges are deployed to."""
        return [self.of(each.name) for each in self.environments] or [self]

    def of(self, environment: str) -> "Settings":
        """Return these settings for an environment; raise KeyError where there is none of that name."""
        if environment == self.environment:
            return self
        its = {each.name: each for each in self.environments}[environment]
        return replace(self, environment=its.name, namespace=its.namespace, source=its.source)

    def keyed(self, key: str) -> str:
        """Return the key of a resource that each environment has, as it is in this one."""
        return f"{key}-{self.environment}" if self.source else key

    @property
    def application(self) -> str:
        """Return the name of the Application, its AppProject and their release."""
        return f"{self.slug}-{self.environment}"

    @property
    def webhook(self) -> str:
        """Return what the code host calls at each push; empty where it cannot reach Argo CD."""
        return f"{self.argocd_url.rstrip('/')}/api/webhook" if self.argocd_url else ""

    @property
    def pull_secret(self) -> str:
        """Return the name of the Secret that the image is pulled with."""
        return f"{self.application}-pull"


# --- the code hosts and CIs that there are, one line each: docs/how-to/forking.md says which files go with a line.
# A name leads to modules, with `_` for `-`: `forges/NAME/api.py`, `resources/NAME_repository.py` and
# `preflight/NAME.py` of a code host, `ci/NAME.py` of a CI.


@dataclass(frozen=True)
class SupportedCI:
    """What is known of a CI where it is not set up yet."""

    scm: CodeHost
    """The code host that it builds for."""
    arm64: str
    """How it is asked for machines that are not amd64."""
    token: str = ""
    """The variable with a token for its API; the code host's own CI needs none."""


FORGES: tuple[CodeHost, ...] = (
    "github",
    "gitlab",
)
CIS = {  # a code host's own CI before others
    "github-actions": SupportedCI("github", "the variable RUNNER"),
    "gitlab-ci": SupportedCI("gitlab", "`tags` of `build` in .gitlab-ci.yml ([saas-linux-small-arm64] at gitlab.com)"),
    "circleci": SupportedCI("github", "resource_class: arm.medium in .circleci/config.yml", "CIRCLE_TOKEN"),
    "travis-ci": SupportedCI("github", "arch: arm64 in .travis.yml", "TRAVIS_TOKEN"),
}
CI_TOKENS = {name: ci.token for name, ci in CIS.items() if ci.token}


def cis_of(scm: Scm) -> list[str]:
    """Return the names of the CIs that build for a code host, the first of them the usual one."""
    return [name for name, ci in CIS.items() if ci.scm == scm]


def module(name: str) -> str:
    """Return the name of the module that a code host or a CI has."""
    return name.replace("-", "_")
