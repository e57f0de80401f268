"""Which rules a branch is under, and what they say of a push."""

from dataclasses import dataclass
from typing import Any

from .model import Repository, Ruleset
from .patterns import fits

MODELLED = {
    "creation", "update", "deletion", "non_fast_forward", "pull_request", "required_status_checks",
    "required_linear_history",
}  # fmt: skip
ADMIN_ROLE, MAINTAIN_ROLE, WRITE_ROLE = 5, 2, 4  # GitHub's numbers for its own repository roles
Rules = list[tuple[Ruleset, dict[str, Any]]]


def _matches(repository: Repository, branch: str, patterns: list[str]) -> bool:
    special = {"~ALL": True, "~DEFAULT_BRANCH": branch == repository.default_branch}
    return any(special[each] if each in special else fits(each, f"refs/heads/{branch}") for each in patterns)


def rules_of(repository: Repository, branch: str) -> Rules:
    """List the active rules that a branch is under, the organisation's too, with the rulesets they come from."""
    found = []
    for ruleset in [*repository.rulesets.values(), *repository.owner.rulesets]:
        names = ruleset.conditions.get("ref_name", {"include": [], "exclude": []})
        if (
            ruleset.enforcement == "active"
            and _matches(repository, branch, names["include"])
            and not _matches(repository, branch, names["exclude"])
        ):
            found += [(ruleset, rule) for rule in ruleset.rules]
    return found


@dataclass(frozen=True)
class Actor:
    """Who pushes, as far as bypass lists care."""

    role: str
    organization_admin: bool = False
    deploy_key: bool = False

    def bypasses(self, ruleset: Ruleset) -> bool:
        roles = {"admin": {ADMIN_ROLE, MAINTAIN_ROLE, WRITE_ROLE}, "write": {WRITE_ROLE}}.get(self.role, set())
        return any(
            each["bypass_mode"] == "always"
            and {
                "DeployKey": self.deploy_key,
                "OrganizationAdmin": self.organization_admin,
                "RepositoryRole": each["actor_id"] in roles,
            }[each["actor_type"]]
            for each in ruleset.bypass_actors
        )


@dataclass(frozen=True)
class Update:
    """What a push does to one branch."""

    branch: str
    deletes: bool
    creates: bool
    forced: bool
    merges: bool
    passed_checks: frozenset[tuple[str, int | None]]
    """By name and by the App that says so; None where everyone who says anything says so."""


def required_checks(repository: Repository, branch: str) -> list[str]:
    return [
        check["context"]
        for _, rule in rules_of(repository, branch)
        if rule["type"] == "required_status_checks"
        for check in rule["parameters"]["required_status_checks"]
    ]


def violations(repository: Repository, actor: Actor, update: Update, *, pull_request: bool = False) -> list[str]:
    """Say, in GitHub's words, which rules an update breaks."""
    broken = []
    for ruleset, rule in rules_of(repository, update.branch):
        if actor.bypasses(ruleset):
            continue
        match rule["type"]:
            case "creation" if update.creates:
                broken.append("Cannot create ref due to creations being restricted.")
            case "update" if not (update.creates or update.deletes):
                broken.append("Cannot update this protected ref.")
            case "deletion" if update.deletes:
                broken.append("Cannot delete this branch")
            case "non_fast_forward" if update.forced:
                broken.append("Cannot force-push to this branch")
            case "required_linear_history" if update.merges:
                broken.append("This branch must not contain merge commits.")
            case "pull_request" if not pull_request and not update.deletes:
                broken.append("Changes must be made through a pull request.")
            case "required_status_checks" if not update.deletes:
                parameters = rule["parameters"]
                if not (update.creates and parameters.get("do_not_enforce_on_create")):
                    broken += [
                        f'Required status check "{each["context"]}" is expected.'
                        for each in parameters["required_status_checks"]
                        if (each["context"], each.get("integration_id")) not in update.passed_checks
                    ]
    return broken
