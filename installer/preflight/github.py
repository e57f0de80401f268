"""GitHub, and GitHub Actions: what is checked there."""

from . import github_actions, owner, repository, token
from .check import Check

CHECKS = (
    Check(None, token.works, "looking", anywhere=True, only="github"),
    Check("host", token.scopes, "writing", anywhere=True, only="github"),
    Check("host", token.clock, anywhere=True, only="github"),
    Check("host", owner.exists, "repository", only="github"),
    Check("host", owner.may_create, "repository", only="github"),
    Check("host", owner.deploy_keys, "credential", only="github"),
    Check("host", owner.plan, only="github"),
    Check("host", repository.same_project, "writing", only="github"),
    Check("host", repository.administered, "writing", only="github"),
    Check("host", repository.no_branch_in_the_way, "writing", only="github"),
    Check("host", repository.no_rule_in_the_way, "writing", only="github"),
    Check("host", github_actions.allowed, "writing", only="github-actions"),
    Check("host", repository.runner, "initial-push", only="github-actions"),
    Check("host", repository.self_hosted_runner, "writing", only="github-actions"),
)
