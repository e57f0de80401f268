"""What GitHub refuses of a push: rules of the branch, and workflow files from tokens that may not write them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import git
from .rules import Update, violations

if TYPE_CHECKING:
    from .pushes import Push
    from .stand_in import GitHub

WORKFLOWS = ".github/workflows/"


def refusal(github: "GitHub", push: "Push", updates: list[tuple[str, str, str]], env: Mapping[str, str]) -> str:
    """Say, as GitHub does, why a push is refused; an empty text lets it in."""
    repository, folder = push.repository, push.repository.git
    for old, new, ref in updates:
        deletes, creates = new == git.ZERO, old == git.ZERO
        if not ref.startswith("refs/heads/"):
            continue
        changes = not deletes and (creates or not git.is_ancestor(folder, new, old, env))
        if changes and (file := _new_workflow(push, old, new, env)):
            return f"{file}\n"
        update = Update(
            ref.removeprefix("refs/heads/"),
            deletes=deletes,
            creates=creates,
            forced=not (deletes or creates) and not git.is_ancestor(folder, old, new, env),
            merges=changes and bool(git.git(folder, "rev-list", "--merges", *_range(old, new), env=env)),
            passed_checks=github.passed_checks(repository, new),
        )
        broken = violations(repository, push.actor, update)
        if broken:
            lines = "".join(f"\n- {each}\n" for each in broken)
            return f"error: GH013: Repository rule violations found for {ref}.\n{lines}\n"
    return ""


def _new_workflow(push: "Push", old: str, new: str, env: Mapping[str, str]) -> str:
    """Refuse workflow files that are on no branch yet, from tokens that may not write workflows."""
    token = push.token
    if token is None:
        return ""
    who = {"classic": "a Personal Access Token", "fine-grained": "a Personal Access Token", "run": "a GitHub App"}
    allowed = {"classic": "workflow" in token.scopes, "fine-grained": token.permissions.get("workflows") == "write"}
    if allowed.get(token.kind, False):
        return ""
    known = {entry for tip in git.refs(push.repository.git).values() for entry in _workflows(push, tip, env)}
    what = "`workflow` scope" if token.kind == "classic" else "`workflows` permission"
    for name, _ in sorted(_workflows(push, new, env) - known):
        return f"refusing to allow {who[token.kind]} to create or update workflow `{name}` without {what}"
    return ""


def _workflows(push: "Push", revision: str, env: Mapping[str, str]) -> set[tuple[str, str]]:
    lines = git.git(push.repository.git, "ls-tree", "-r", revision, WORKFLOWS, env=env).splitlines()
    return {(name, head.split()[2]) for head, _, name in (line.partition("\t") for line in lines)}


def _range(old: str, new: str) -> list[str]:
    return [new] if old == git.ZERO else [f"{old}..{new}"]
