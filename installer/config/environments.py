"""The environments of a project: where each runs, and which of them is promoted to which."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .forms import FORMS, LABEL

DEV = "dev"
"""The environment that each merge is deployed to."""
_NAME = re.compile(LABEL)
_RESERVED = ("app", "preview", "repo", "webhook")
"""Names that deploy/, a release or a resource (`reporter-app`) of the project has already."""
_PARTS = ("-database", "-former", "-namespace", "-policy", "-pull", "-repo", "-reporter", "-reporter-app", "-watcher")
"""Ends of the names of releases that an environment has beside its Application's."""
_LONGEST = 53
"""Characters of a helm release's name."""
EXAMPLE = "environments: {dev: {namespace: web-dev}, test: {namespace: web-test, from: dev}}"
ADDED = (
    "add deploy/NAME.yaml, name the environment in gitops.yaml, merge both, then run `up`. "
    f"In gitops.yaml, instead of cluster.namespace: {EXAMPLE}"
)
"""How one is added, for whoever asks for one that is not there."""


@dataclass(frozen=True)
class Environment:
    """One environment; `source` is the one whose deployments are promoted to it, empty where merges are deployed."""

    name: str
    namespace: str
    source: str = ""


def parse(tree: Any, slug: str) -> tuple[list[Environment], list[str]]:
    """Read the section `environments`, each after the one that is promoted to it; and say what is wrong with it."""
    if not isinstance(tree, dict) or not tree:
        return [], [f"environments: must be a mapping, like {EXAMPLE}"]
    found = {str(name): its if isinstance(its, dict) else {} for name, its in tree.items()}
    wrong = [f"environments.{name}: {why}" for name, its in tree.items() for why in _unfit(name, its, found, slug)]
    if DEV not in found:
        wrong.append(f"environments: there must be one called {DEV}, which merges are deployed to")
    owners: dict[str, list[str]] = {}
    for name, its in found.items():
        owners.setdefault(str(its.get("namespace")), []).append(name)
    for namespace, names in owners.items():
        if len(names) > 1:
            wrong.append(f"environments: {' and '.join(names)} have the same namespace {namespace}; each has its own")
    if wrong:
        return [], wrong
    chain = _chain({name: str(its.get("from", "")) for name, its in found.items()})
    if left := [name for name in found if name not in chain]:
        return [], [f"environments: {' and '.join(left)} are promoted from each other: one must be from {DEV}"]
    return [Environment(name, found[name]["namespace"], found[name].get("from", "")) for name in chain], []


def _unfit(name: object, its: object, every: Mapping[str, Any], slug: str) -> list[str]:
    """Say what is wrong with one of them."""
    form = FORMS["namespace"]
    if not isinstance(its, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        return [f"must be a name in a-z, 0-9 and hyphens with a namespace and, but for {DEV}, from: {EXAMPLE}"]
    wrong = [f"{each} is no setting; there are namespace and from" for each in its if each not in ("namespace", "from")]
    if name in _RESERVED or name.endswith(_PARTS):
        wrong.append("the name means something else already")
    if len(name) > (most := _LONGEST - len(f"{slug}--namespace")):
        wrong.append(f"the name has {len(name)} characters, at most {most} are possible with the slug {slug}")
    if not form.fits(namespace := its.get("namespace")) or len(str(namespace)) > form.longest:
        wrong.append(f"namespace must be {form.words}, is {namespace!r}")
    source = its.get("from")
    if name == DEV and source is not None:
        wrong.append("has no from: merges are deployed to it")
    elif name != DEV and source is None:
        wrong.append(f"from must name the environment that is promoted to it, like {DEV}")
    elif name != DEV and (not isinstance(source, str) or source not in every or source == name):
        wrong.append(f"from must name another environment, is {source!r}")
    return wrong


def _chain(sources: Mapping[str, str]) -> list[str]:
    """Return the names that lead back to the first one, in the order of their promotions."""
    chain: list[str] = []
    while more := [name for name, source in sources.items() if name not in chain and source in ("", *chain)]:
        chain += more
    return chain
