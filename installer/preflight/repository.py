"""The repository and the clone: whose they are, and whether something stands in the way of `env/dev`."""

import re
from collections.abc import Iterable, Mapping

import yaml

from ..ci.variables import OWNER_VARIABLE
from ..cluster.labels import digest, identities
from ..config.settings import FILE, MAIN
from ..engine.finding import Finding
from ..forges.api_errors import GitHubApiError
from ..forges.base import template_files
from ..forges.git import Clone
from ..project.project import Project
from ..resources.push_key import ruleset_of
from ..support import yaml_text
from ..support.errors import InstallerError
from ..support.parsing import UNREADABLE

# Rules by which the deployment's own token could not push to a branch.
_BLOCKING = ("creation", "update", "pull_request", "required_status_checks", "required_signatures", "merge_queue")

_OF_GITHUB = re.compile(r"(ubuntu|windows|macos)-[\w.-]+")
"""What GitHub calls its own machines at github.com, which are thrown away after each job."""


def same_project(project: Project) -> Iterable[Finding]:
    """Adopt a repository that is as good as empty, marked as ours or holds this very project; refuse any other."""
    settings, github = project.settings, project.github
    if github.find() is None or marked(project, github.variables()):
        return
    if holds := others(project):
        fix = "Choose another project_slug, or move that repository away."
        yield Finding("github", f"{settings.url} exists and {holds}.", fix)


def marked(project: Project, variables: Mapping[str, str]) -> bool:
    """Return whether the mark of the repository says that it is this project's, under today's address or an earlier."""
    return any(digest(address) in identities(project.known) for address in variables.get(OWNER_VARIABLE, "").split())


def others(project: Project) -> str:
    """Say what in the repository is of others; empty where there is nothing, or what a code host's form puts there."""
    forge = project.forge
    if forge.head(MAIN):
        return "" if not (holds := _other_content(project)) or template_files(forge) else holds
    branches = [*forge.branches()]
    if len(branches) == 1 and template_files(forge, *branches):  # the plan says how to rename it
        return ""
    return f"has no {MAIN}, but {', '.join(branches[:3])}" if branches else ""


def _other_content(project: Project) -> str:
    """Say what else than this project is on main; empty where it is this one."""
    text = project.forge.file(FILE, MAIN)
    try:
        tree = yaml_text.load(text or "")
    except (yaml.YAMLError, *UNREADABLE):
        tree = None
    section = tree.get("project") if isinstance(tree, dict) else None
    slug = section.get("slug") if isinstance(section, dict) else None
    if slug == project.settings.slug:
        return ""
    return f"holds something else: {f'the project {slug}' if slug else f'no {FILE} of a project'}"


def as_wanted(project: Project) -> Iterable[Finding]:
    """Report drift of the repository: its name, owner, visibility, default branch."""
    for resource in project.resources():
        if resource.key == "repository":
            seen = resource.observe()
            change = resource.diff(seen) if seen is not None else None
            if change and change.blocked:
                yield Finding(resource.lane, f"{resource.title}: {change.note}.", change.fix)
            elif change:
                fields = ", ".join(f"{field.name} is {field.old}" for field in change.fields)
                what = f"{resource.title}: {fields}{f' ({change.note})' if change.note else ''}."
                yield Finding(resource.lane, what, "gitops-flask up sets it right.", stops=False)


def administered(project: Project) -> Iterable[Finding]:
    """Check that the token's user may set what only administrators may: keys, secrets, rules."""
    found = project.github.find()
    if found and not (found.get("permissions") or {"admin": True})["admin"]:
        yield Finding(
            "github",
            f"You are not an administrator of {project.settings.repository}: they set its keys, secrets and rules.",
            f"Let one make you one: {project.settings.url}/settings/access",
        )


def clone(project: Project) -> Iterable[Finding]:
    """Check that the project is a git repository with something to push, and to nowhere else."""
    try:
        folder = Clone(project.folder)
        folder.head()
        folder.check_origin(project.settings.url)
        folder.check_address(project.settings.clone_url)
    except InstallerError as error:
        yield Finding(project.settings.scm, error.message, error.fix)


def no_branch_in_the_way(project: Project) -> Iterable[Finding]:
    """Check for a branch `env`: git cannot hold `env` and `env/dev`."""
    branch = project.settings.branch
    parent = branch.partition("/")[0]
    if project.github.head(parent):
        yield Finding(
            "github",
            f"A branch `{parent}` makes `{branch}` impossible: git cannot hold both.",
            f"Rename it: gh api -X POST {project.github.path('branches', parent, 'rename')} -f new_name={parent}-old",
        )


def no_rule_in_the_way(project: Project) -> Iterable[Finding]:
    """Check that no rule, of the organisation say, keeps deployments from pushing to the environment's branch."""
    branch = project.settings.branch
    try:
        rules = list(project.github.pages(project.github.path("rules/branches", branch)))
    except GitHubApiError as error:
        if error.status == 403:  # a plan without rules has none in the way
            return
        raise
    ours = ruleset_of(project.settings)  # it excepts the key that deployments push with
    excepted = {r["id"] for r in project.github.pages(project.github.path("rulesets")) if r["name"] == ours}
    for rule in rules:
        if rule["type"] in _BLOCKING and rule["ruleset_id"] not in excepted:
            yield Finding(
                "github",
                f"The rule `{rule['type']}` of {rule['ruleset_source']} keeps deployments from pushing to {branch}.",
                f"Exclude refs/heads/env/* from ruleset {rule['ruleset_id']}: {_rules_page(project, rule)}",
            )


def _rules_page(project: Project, rule: dict[str, str]) -> str:
    if rule["ruleset_source_type"] == "Organization":
        return f"https://{project.settings.host}/organizations/{rule['ruleset_source']}/settings/rules"
    return f"{project.settings.url}/settings/rules"


def self_hosted_runner(project: Project) -> Iterable[Finding]:
    """Refuse machines of one's own for a public repository: its workflows run what anybody proposes."""
    settings = project.settings
    label = settings.runner or project.github.variables().get("RUNNER", "")
    if settings.private or settings.public_runner == "allowed" or not label or _OF_GITHUB.fullmatch(label):
        return
    what = f"{settings.repository} is public: whatever anybody proposes in a pull request would run on `{label}`."
    fix = (
        f"Leave github.runner empty (and take the variable RUNNER away), make the repository private, or say "
        f"github.public_runner: allowed in {FILE} where these machines are thrown away after each job."
    )
    yield Finding("github", what, fix)


def runner(project: Project) -> Iterable[Finding]:
    """Check that an Enterprise Server's runners are named: without one that it has, runs wait for ever."""
    settings = project.settings
    if not (settings.in_cloud or settings.runner or project.github.variables().get("RUNNER")):
        what = f"{settings.host} has no runners of GitHub's own, and gitops.yaml names none of yours."
        yield Finding("github", what, f"Write the label of your runners into {FILE}, github.runner.")
