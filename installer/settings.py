"""`gitops.yaml`: what the installer needs to know about a project, read once and checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import trust
from .errors import InstallerError

FILE = "gitops.yaml"
MAIN = "main"  # the branch that pull requests are merged into
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
HOST = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:\d+)?")
OWNER = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9_])*")
ACCOUNT = re.compile(r"[a-z0-9]+([._/-]+[a-z0-9]+)*")
LABEL = re.compile(r"[A-Za-z0-9._-]*")
ADDRESS = re.compile(r"https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:\d+)?(/[-\w.~]+)*/?|")
IMAGE = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?")
CLOUD = "github.com"
OF_CLOUD = ".ghe.com"  # GitHub's own hosts for companies


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
    argocd_noticing: str = "auto"
    argocd_url: str = ""
    reporter: str = "none"
    reporter_image: str = "docker.io/library/python:3.13-slim-trixie"  # has Python and openssl
    environment: str = "dev"
    runner: str = ""
    api_version: str = "2022-11-28"  # of GitHub's REST API: the newest that every supported Enterprise Server knows
    ca: str = ""  # the company's that signed GitHub's certificate, in PEM; so `registry_ca`
    access: str = "ssh"
    image_visibility: str = "public"
    registry_ca: str = ""
    registry_ca_file: str = ""

    @property
    def in_cloud(self) -> bool:
        """Tell whether GitHub itself runs this GitHub."""
        return self.host == CLOUD or self.host.endswith(OF_CLOUD)

    @property
    def repository(self) -> str:
        """Return the repository's full name, `owner/name`."""
        return f"{self.owner}/{self.slug}"

    @property
    def url(self) -> str:
        """Return the repository's page, which is also its https address for git."""
        return f"https://{self.host}/{self.repository}"

    @property
    def private(self) -> bool:
        """Tell whether reading the repository needs a credential."""
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
        return f"ssh://{user}@{self.host}/{self.repository}.git"

    @property
    def image_private(self) -> bool:
        """Tell whether the cluster needs a login to pull the image."""
        return self.image_visibility == "private"

    @property
    def image_repository(self) -> str:
        """Return where images go, without tag: `docker.io/acme/web`."""
        return f"{self.registry}/{self.account}/{self.slug}"

    @property
    def branch(self) -> str:
        """Return the branch that Argo CD follows."""
        return f"env/{self.environment}"

    @property
    def application(self) -> str:
        """Return the name of the Application, its AppProject and their release."""
        return f"{self.slug}-{self.environment}"

    @property
    def webhook(self) -> str:
        """Return what GitHub calls at each push; empty where it cannot reach Argo CD."""
        return f"{self.argocd_url.rstrip('/')}/api/webhook" if self.argocd_url else ""

    @property
    def pull_secret(self) -> str:
        """Return the name of the Secret that the image is pulled with."""
        return f"{self.application}-pull"


# where in the file each setting stands, and what it must look like
_FIELDS: dict[str, tuple[str, re.Pattern[str] | None, str]] = {
    "name": ("project.name", None, "a name"),
    "slug": ("project.slug", DNS_LABEL, "a DNS label of at most 36 characters that begins with a letter, like web-api"),
    "description": ("project.description", None, "a sentence"),
    "host": ("github.host", HOST, "a host name, like github.com"),
    "owner": ("github.owner", OWNER, "a GitHub user or organisation"),
    "visibility": ("github.visibility", re.compile("private|public"), "private or public"),
    "registry": ("registry.host", HOST, "a registry's host name, like docker.io"),
    "account": ("registry.account", ACCOUNT, "the registry's user or organisation, in lower case"),
    "namespace": ("cluster.namespace", DNS_LABEL, "a DNS label, like web-api-dev"),
    "argocd_namespace": ("argocd.namespace", DNS_LABEL, "a DNS label, like argocd"),
    "argocd_noticing": ("argocd.noticing", re.compile("auto|polling"), "auto or polling"),
    "argocd_url": ("argocd.url", ADDRESS, "where GitHub reaches Argo CD, like https://argocd.example.com, or nothing"),
    "reporter": ("github.reporter", re.compile("none|app"), "none or app"),
    "reporter_image": (
        "github.reporter_image",
        IMAGE,
        "an image's whole name, like docker.io/library/python:3.13-slim",
    ),
    "access": ("argocd.access", re.compile("ssh|https"), "ssh or https"),
    "runner": ("github.runner", LABEL, "the label of a runner, or nothing"),
    "api_version": ("github.api_version", re.compile(r"\d{4}-\d\d-\d\d"), "a date in quotes, like '2022-11-28'"),
    "image_visibility": ("registry.visibility", re.compile("private|public"), "private or public"),
    "database": ("project.database", re.compile("none|postgresql"), "none or postgresql"),
}
_MUST_BE_SAID = {"name", "slug", "host", "owner", "visibility", "registry", "account", "namespace"}
_FILES = {"ca": "github.ca", "registry_ca": "registry.ca"}


def load(project: Path) -> Settings:
    """Read a project's `gitops.yaml`; raise one error that names every wrong field."""
    path = project / FILE
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InstallerError(
            f"There is no {FILE} in {project.resolve()}.",
            "Run this inside a generated project, or say where it is with --project DIR.",
        ) from None
    except yaml.YAMLError as error:
        raise InstallerError(f"{path} is no YAML: {error}", "Mend the line that it names.") from None
    return parse(tree, path)


def parse(tree: Any, path: Path = Path(FILE)) -> Settings:
    """Turn the file's content into settings; `path` is for messages."""
    values: dict[str, Any] = {}
    known = {where for where, _, _ in _FIELDS.values()} | {"version", "argocd.values", *_FILES.values()}
    strays = sorted(set(_paths(tree)) - known)
    wrong = [f"{stray}: is no setting; known are {', '.join(sorted(known))}" for stray in strays]
    for name, (where, pattern, form) in _FIELDS.items():
        value = _at(tree, where)
        if value is None and name not in _MUST_BE_SAID:
            value = getattr(Settings, name, "")
        if not isinstance(value, str) or (pattern and not pattern.fullmatch(value)):
            wrong.append(f"{where}: must be {form}, is {value!r}")
        values[name] = value
    for name, longest in (("slug", 36), ("namespace", 63)):
        if isinstance(values[name], str) and len(values[name]) > longest:
            wrong.append(f"{_FIELDS[name][0]}: has {len(values[name])} characters, at most {longest} are possible")
    if values["namespace"] == values["argocd_namespace"]:
        wrong.append("cluster.namespace: Argo CD's own namespace gives whoever deploys there the whole cluster")
    extra = _at(tree, "argocd.values") or {}
    if not isinstance(extra, dict):
        wrong.append("argocd.values: must be a mapping of values for Argo CD's chart")
    for name, where in _FILES.items():
        try:
            values[name] = trust.named(path.parent, _at(tree, where))
        except ValueError as error:
            wrong.append(f"{where}: {error}")
    if _at(tree, "version") != 1:
        wrong.append("version: must be 1")
    if wrong:
        raise InstallerError(f"{path} cannot be used:\n  " + "\n  ".join(wrong), f"Mend these fields in {path}.")
    return Settings(**values, argocd_values=extra, registry_ca_file=_at(tree, _FILES["registry_ca"]) or "")


def _at(tree: Any, where: str) -> Any:
    for key in where.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _paths(tree: Any, prefix: str = "") -> list[str]:
    """List the dotted paths of all leaves; `argocd.values` is one leaf, whatever it holds."""
    if not isinstance(tree, dict) or prefix == "argocd.values.":
        return [prefix.rstrip(".")] if prefix else []
    return [path for key, value in tree.items() for path in _paths(value, f"{prefix}{key}.")]
