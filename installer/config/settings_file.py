"""`gitops.yaml`, read once and checked: every wrong field is named. And YAML of others, read within bounds."""

import difflib
import math
import re
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from yaml.error import MarkedYAMLError

from .. import __version__
from ..support import resume_command, tls
from ..support.errors import UNREADABLE, InstallerError
from . import environments
from .forms import FORMS, HOST, PORT, SYSTEM_NAMESPACE, Form, choice, missing_port, of
from .settings import FILE, FORGES, GITHUB_ACTIONS, LOCAL, MAIN, Scm, Settings, cis_of

VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_ADDRESS = rf"https://[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?{PORT}(/[-\w.~]+)*/?"
_IMAGE = r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"

# where in the file each setting stands, and its form, or the question that it answers; `scm` is the code host's section
_FIELDS: dict[str, tuple[str, Form | str]] = {
    "name": ("project.name", "project_name"),
    "slug": ("project.slug", "project_slug"),
    "description": ("project.description", "description"),
    "host": ("scm.host", FORMS["host"]._replace(pattern=HOST + PORT, longest=259)),
    "owner": ("scm.owner", "owner"),
    "visibility": ("scm.visibility", "visibility"),
    "registry": ("registry.host", "registry"),
    "account": ("registry.account", "registry_account"),
    "namespace": ("cluster.namespace", "namespace"),
    "argocd_namespace": ("argocd.namespace", FORMS["namespace"]),
    "argocd_watcher": ("argocd.watcher", choice("auto", "none")),
    "argocd_url": (
        "argocd.url",
        Form(f"({_ADDRESS})?", "where webhooks reach Argo CD, like https://argocd.example.com, or nothing"),
    ),
    "reporter": ("github.reporter", choice("none", "app")),
    "reporter_image": (
        "github.reporter_image",
        Form(_IMAGE, "an image's whole name, like docker.io/library/python:3.13-slim"),
    ),
    "access": ("argocd.access", choice("ssh", "https")),
    "reviews": ("github.reviews", Form("", "a number from 0 to 10")),
    "deploy_from": ("github.deploy_from", choice("anywhere", "main")),
    "runner": ("scm.runner", Form("[A-Za-z0-9._-]*", "the label of a runner, or nothing")),
    "public_runner": ("github.public_runner", choice("refused", "allowed")),
    "api_version": ("scm.api_version", Form(r"\d{4}-\d\d-\d\d", "a date in quotes, like '2022-11-28'")),
    "image_visibility": ("registry.visibility", "visibility"),
    "image_reuse": ("registry.reuse", choice("none", "pushed")),
    "registry_token_server": (
        "registry.token_server",
        Form(f"({HOST}{PORT})?", "the host of the registry's token server, like auth.example.com, or nothing"),
    ),
    "ci": ("project.ci", Form(".*", "the name of a CI")),
    "database": ("project.database", "database"),
}
_LOCAL: dict[str, tuple[str, Form]] = {
    "context": ("local.context", Form(r"[^\s=%]+", "a context of your kubeconfig, without blanks, = and %")),
    "kind_cluster": ("local.cluster", Form(r"([a-z0-9][a-z0-9.-]*)?", "the name of the kind cluster, or nothing", 50)),
    "registry_image": ("local.registry_image", Form(_IMAGE, "an image's whole name: docker.io/library/registry:3")),
}
"""The settings of a project with its own git server in the cluster, whatever code host its other sections name."""
_ONLY_AT_GITHUB = {
    "reporter": "GitLab has neither Apps nor Deployments like GitHub's; `status` reports the outcome of a deployment",
    "reporter_image": "there is no reporter at GitLab",
    "reviews": "approvals that a merge waits for are a setting of GitLab's paid tiers, on the project's page",
    "deploy_from": "only maintainers push to the environment's branch",
    "runner": "which runners a job takes, its tags in .gitlab-ci.yml say",
    "public_runner": "a fork's merge request runs on the fork's own runners",
    "api_version": "GitLab's API has the version of GitLab",
}
"""And what there is at GitLab instead."""
_WITH_PORT = ("host", "registry", "argocd_url", "registry_token_server")
_COUNTS = {"reviews": range(11)}
"""The settings that are numbers."""
_MUST_BE_SAID = {"name", "slug", "host", "owner", "visibility", "registry", "account", "namespace", "context"}
_KIND = re.compile(r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Z][A-Za-z0-9]*")
_RIGHTS = ("rbac.authorization.k8s.io/", "authorization.openshift.io/")
"""The groups of Roles and RoleBindings: Kubernetes' own, and OpenShift's other door to the same objects."""
_FILES = {"ca": "scm.ca", "registry_ca": "registry.ca"}
_FORMERLY = "project.formerly"
_NO_SETTING = ": is no setting"
_NEAR = 0.75
"""How alike two names must be, from 0 to 1, for one to be a slip of the other."""
_REQUIRES = "requires"
LONGEST = 1 << 18
BRACKETS = 500
"""More than any file has; that many, one in the other, take PyYAML a third of a second, a few thousand seconds."""
_ENVIRONMENTS, _NAMESPACE = "environments", "cluster.namespace"
_OTHERS = ("version", "generated_by", _REQUIRES, "argocd.values", "cluster.extra_kinds", _FORMERLY, _ENVIRONMENTS)
_WHOLE = ("argocd.values.", f"{_ENVIRONMENTS}.")
"""What is one setting, whatever it holds."""


def load(project: Path) -> Settings:
    """Read a project's `gitops.yaml`; raise one error that names every wrong field."""
    path = project / FILE
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Strict)  # noqa: S506  # a SafeLoader
    except FileNotFoundError:
        raise InstallerError(
            f"There is no {FILE} in {project.resolve()}.",
            "Run this inside a generated project, or say where it is with --project DIR.",
        ) from None
    except IsADirectoryError:
        raise InstallerError(f"{path} is a folder.", f"{FILE} must be a file.") from None
    except OSError as error:
        raise InstallerError(f"{path} cannot be read: {error.strerror}.", "Fix that, then run this again.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InstallerError(f"{path} is no UTF-8, in line {line}.", "Save it in that encoding.") from None
    except (yaml.YAMLError, *UNREADABLE) as error:
        raise InstallerError(f"{path} is no YAML: {error}", "Fix the line that it names.") from None
    if not isinstance(tree, dict):
        raise InstallerError(f"{path} holds no settings.", "Take it back from the project's first commit.")
    try:
        return parse(tree, path)
    except RecursionError:
        what = f"{path} cannot be used: an alias (*) stands inside of what it is an alias of, or too deep in it."
        raise InstallerError(what, "Write what is meant there instead.") from None


def parse(tree: Any, path: Path = Path(FILE)) -> Settings:
    """Turn the file's content into settings; `path` is for messages."""
    _refuse_what_is_for_a_newer_one(tree, path)
    scm, local = _forge(tree), _at(tree, LOCAL) is not None
    values: dict[str, Any] = {"scm": scm}
    fields = {
        name: (_of(scm, where), of(form, scm) if isinstance(form, str) else form)
        for name, (where, form) in _FIELDS.items()
        if scm != "gitlab" or name not in _ONLY_AT_GITHUB
    } | (_LOCAL if local else {})
    files = {name: _of(scm, where) for name, where in _FILES.items()}
    known = {where for where, *_ in fields.values()} | {*_OTHERS, *files.values()}
    strays = sorted(set(_paths(tree)) - known)
    wrong = [_stray(scm, stray, known, taken=set(_paths(tree))) for stray in strays]
    if any(line.endswith(_NO_SETTING) for line in wrong):
        wrong.append(f"the settings are {', '.join(sorted(known))}")
    several: list[environments.Environment] = []
    if isinstance(tree, dict) and _ENVIRONMENTS in tree:
        several, unfit = environments.parse(tree[_ENVIRONMENTS], str(_at(tree, _FIELDS["slug"][0])))
        wrong += unfit
        if _at(tree, _NAMESPACE) is not None:
            wrong.append(f"{_NAMESPACE}: {_ENVIRONMENTS} says it for each environment; take one of the two out")
        if local and len(several) > 1:
            wrong.append(f"{_ENVIRONMENTS}: a project on one machine ({LOCAL}) has one environment; name dev alone")
        fields.pop("namespace")
        values["namespace"] = several[0].namespace if several else ""
    for name, (where, form) in fields.items():
        value = _at(tree, where)
        if value is None and name not in _MUST_BE_SAID:
            image = "public" if values.get("visibility") == "public" else "private"
            values[name] = {"ci": cis_of(scm)[0], "image_visibility": image}.get(name, getattr(Settings, name, ""))
            continue
        number = name in _COUNTS and type(value) is int and value in _COUNTS[name]
        if not number and (name in _COUNTS or not form.fits(value)):
            wrong.append(f"{where}: must be {form.words}, is {value!r}")
        elif isinstance(value, str) and len(value) > form.longest:
            wrong.append(f"{where}: has {len(value)} characters, at most {form.longest} are possible")
        elif name in _WITH_PORT and (port := missing_port(value)):
            wrong.append(f"{where}: there is no port {port}; they go from 1 to 65535")
        values[name] = value
    namespaces = {f"{_ENVIRONMENTS}.{each.name}.namespace": each.namespace for each in several}
    for where, namespace in (namespaces or {_NAMESPACE: values["namespace"]}).items():
        if namespace == values["argocd_namespace"]:
            wrong.append(f"{where}: Argo CD's own namespace gives whoever deploys there the whole cluster")
        elif SYSTEM_NAMESPACE.fullmatch(str(namespace)):
            wrong.append(f"{where}: {namespace} belongs to the cluster; use one of the project's own")
    if str(values["argocd_namespace"]).startswith("kube-"):
        wrong.append(
            f"argocd.namespace: {values['argocd_namespace']} belongs to Kubernetes; Argo CD has one of its own"
        )
    extra_kinds = _at(tree, "cluster.extra_kinds") or []
    if not isinstance(extra_kinds, list):
        wrong.append("cluster.extra_kinds: must be a list of kinds, like [external-secrets.io/ExternalSecret]")
        extra_kinds = []
    wrong += [f"cluster.extra_kinds: {why}" for why in map(unfit_kind, extra_kinds) if why]
    values["extra_kinds"] = tuple(map(str, extra_kinds))
    extra = _at(tree, "argocd.values") or {}
    if not isinstance(extra, dict):
        wrong.append("argocd.values: must be a mapping of values for Argo CD's chart")
        extra = {}
    wrong += [f"{where}: {why}" for where, why in _unfit_values(extra)]
    formerly = _at(tree, _FORMERLY) or []
    if not isinstance(formerly, list) or not all(isinstance(e, str) and re.fullmatch(_ADDRESS, e) for e in formerly):
        wrong.append(f"{_FORMERLY}: must be a list of addresses, like [https://github.com/acme/web], is {formerly!r}")
    if values["ci"] not in cis_of(scm):
        wrong.append(f"project.ci: with {scm} it may be {', '.join(cis_of(scm))}, is {values['ci']!r}")
    elif values.get("runner") and values["ci"] != GITHUB_ACTIONS:
        wrong.append(f"github.runner: is for GitHub Actions; {values['ci']} has its machines in its own file")
    elif values.get("deploy_from") == MAIN and values["ci"] != GITHUB_ACTIONS:
        wrong.append(f"github.deploy_from: main is for GitHub Actions; {values['ci']} keeps no secret for main alone")
    for name, where in files.items():
        try:
            values[name] = tls.named(path.parent, _at(tree, where))
        except ValueError as error:
            wrong.append(f"{where}: {error}")
    if _at(tree, "version") != 1:
        wrong.append("version: must be 1")
    for name in ("generated_by", _REQUIRES):
        if (value := _at(tree, name)) is not None and not _version(value):
            wrong.append(f"{name}: must be a version in quotes, like '1.2.0', is {value!r}")
    if wrong:
        raise InstallerError(f"{path} cannot be used:\n  " + "\n  ".join(wrong), f"Fix these fields in {path}.")
    values |= {"registry_ca_file": _at(tree, files["registry_ca"]) or "", "formerly": tuple(formerly)}
    settings = Settings(**values, argocd_values=extra, environments=tuple(several) if len(several) > 1 else ())
    return _local(settings) if local else settings


def _local(settings: Settings) -> Settings:
    """Put the git server in the cluster, which anyone there may read, in the place of the code host."""
    there = replace(
        settings,
        scm=LOCAL,
        ci=LOCAL,
        host=f"{settings.git_server}.{settings.argocd_namespace}.svc:9418",
        visibility="public",
        argocd_url="",
        reporter="none",
        deploy_from="anywhere",
        ca="",
        formerly=(),
    )
    return replace(there, image_visibility="public") if there.registry_in_cluster else there


def _forge(tree: Any) -> Scm:
    """Return the code host whose section names a host, else the first that has a section at all."""
    named = [scm for scm in FORGES if _at(tree, f"{scm}.host") is not None]
    there = [scm for scm in FORGES if _at(tree, scm)]
    return [*named, *there, *FORGES][0]


def _refuse_what_is_for_a_newer_one(tree: Any, path: Path) -> None:
    """Raise an error where a newer gitops-flask is asked for: this one may take what it does not know for a mistake."""
    needed = _version(_at(tree, _REQUIRES))
    if needed and needed > (_version(__version__) or ()):
        wanted = ".".join(map(str, needed))
        what = f"This project needs gitops-flask {wanted} or newer ({path}, {_REQUIRES}); this is {__version__}."
        raise InstallerError(what, resume_command.release(wanted))


def _version(value: Any) -> tuple[int, ...] | None:
    found = VERSION.fullmatch(value) if isinstance(value, str) else None
    return tuple(map(int, found.groups())) if found else None


def unfit_kind(kind: object) -> str:
    """Say why a kind cannot be added; empty where it can."""
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return f"{kind!r} is no kind: write group/Kind, like external-secrets.io/ExternalSecret, or ConfigMap"
    if kind.startswith(_RIGHTS):
        return (
            f"{kind} is refused: whoever pushes to an environment's branch could give pods every right in the "
            "namespace, the one to lift its Pod Security level included; an administrator creates it with kubectl"
        )
    return ""


def _unfit_values(extra: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    """Name what Argo CD's chart could not be given, or has in another form."""
    for section in ("configs", *(f"configs.{each}" for each in ("cm", "secret", "ssh", "tls", "tls.certificates"))):
        if not isinstance(found := _at(extra, section), dict | None):
            yield f"argocd.values.{section}", f"must be a mapping, is {found!r}"
    if not isinstance(hosts := _at(extra, "configs.ssh.extraHosts"), str | None):
        yield "argocd.values.configs.ssh.extraHosts", f"must be text, is {hosts!r}"
    yield from _no_json(extra, "argocd.values")


def _no_json(tree: Any, where: str) -> Iterator[tuple[str, str]]:
    """Name what YAML has and JSON has not, which is how helm is given it."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if isinstance(key, str):
                yield from _no_json(value, f"{where}.{key}")
            else:
                yield where, f"{key!r} must be text: put it into quotes"
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _no_json(value, f"{where}[{number}]")
    elif not isinstance(tree, str | int | float | None):
        yield where, f"must be text or a number, is a {type(tree).__name__}: put it into quotes"
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield where, "must be a number that ends"


def _stray(scm: Scm, stray: str, known: set[str], taken: set[str]) -> str:
    """Say what is wrong with something that is no setting, or none here; the nearest one that is not there yet."""
    section, _, name = stray.partition(".")
    if scm == "gitlab" and section in FORGES and name in _ONLY_AT_GITHUB:
        return f"{stray}: only GitHub has this, take it out: {_ONLY_AT_GITHUB[name]}"
    if section in FORGES and section != scm:
        return f"{stray}: this project is at {scm}, whose section is there too: take {section}'s out"
    if any(where.startswith(f"{stray}.") for where in known):
        return f"{stray}: must be a section, with its settings below it"
    nearest = _nearest(stray, known - taken) or _nearest(stray, known)
    return f"{stray}{_NO_SETTING}; did you mean {nearest}?" if nearest else f"{stray}{_NO_SETTING}"


def _nearest(stray: str, known: set[str]) -> str:
    """Return the setting that somebody may have meant: alike, or with such a name in another section."""
    names = {where.rpartition(".")[2]: where for where in sorted(known)}
    sections = {where.partition(".")[0] for where in known}
    near = difflib.get_close_matches(stray, sorted(known | sections), 1, _NEAR)
    alike = difflib.get_close_matches(stray.rpartition(".")[2], sorted(names), 1, _NEAR)
    return next(iter([*near, *(names[name] for name in alike)]), "")


def _of(scm: Scm, where: str) -> str:
    """Return a setting's place in a project of this kind of code host."""
    return f"{scm}.{where.removeprefix('scm.')}" if where.startswith("scm.") else where


def _at(tree: Any, where: str) -> Any:
    for key in where.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _paths(tree: Any, prefix: str = "") -> list[str]:
    """List the dotted paths of all leaves."""
    if not isinstance(tree, dict) or prefix in _WHOLE:
        return [prefix.rstrip(".")] if prefix else []
    return [path for key, value in tree.items() for path in _paths(value, f"{prefix}{key}.")]


# --- YAML: what people write, and what others wrote -----------------------------------------------


class Strict(yaml.SafeLoader):
    """Read what people write: a key that stands there twice is an error, where YAML's readers take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        """Build a mapping; raise MarkedYAMLError where a key is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> Any:
    """Read a text that others wrote; raise YAMLError where it is none, or is out of bounds."""
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it is longer than {LONGEST} characters")
    if max(map(text.count, "[{")) > BRACKETS:
        raise yaml.YAMLError(f"it has more than {BRACKETS} brackets")
    return yaml.safe_load(text)
