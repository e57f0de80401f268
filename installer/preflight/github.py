"""GitHub and its Actions: the token, whose the repository is, and what stands in the way of a deployment."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ..config.settings import FILE, GITHUB_ACTIONS, MAIN, Settings
from ..engine.resource import Finding
from ..forges.credentials import READER
from ..forges.github.api import GitHubApiError
from ..project.project import Project
from ..resources.push_key import ruleset_of
from ..support.errors import UNREADABLE
from . import Check, repository, tools


@dataclass(frozen=True)
class Step:
    """One thing that `up` or `down` does at GitHub, and the least that it takes."""

    does: str
    permission: str
    """Of a fine-grained token, for the repository."""
    level: str
    scope: str
    """Of a classic token."""
    probe: str = ""
    """Below the repository: asked for, it shows whether the permission is there to read at least."""
    only_with: str = ""
    """What the settings must say for it to be done at all."""
    ci: str = ""
    """The CI that it is done with; empty: with any."""


STEPS = (
    Step("look at the repository, its rules and its plan", "Metadata", "read", "repo"),
    Step("create the repository; its settings, rules and deploy key", "Administration", "write", "repo", "keys"),
    Step("push `main` the first time; read `env/dev`", "Contents", "write", "repo", "branches"),
    Step("push `.github/workflows`", "Workflows", "write", "workflow"),
    Step("keep the registry's token as a secret: of the repository", "Secrets", "write", "repo", "actions/secrets"),
    Step("or, where the plan has environments, of one that lets in `main` alone", "Environments", "write", "repo"),
    Step("set variables, among them the label and the lock", "Variables", "write", "repo", "actions/variables"),
    Step("follow a deployment, start the first one", "Actions", "write", "repo", "actions/runs"),
    Step("with CircleCI: follow a deployment", "Commit statuses", "read", "repo", ci="circleci"),
    Step("show the outcome of deployments at commits; optional", "Deployments", "write", "repo"),
    Step("report each push to Argo CD, where `argocd.url` is set", "Webhooks", "write", "repo", "hooks", "webhook"),
)
SCOPES = {
    scope: ", ".join(step.does for step in STEPS if step.scope == scope and not step.ci)
    for scope in dict.fromkeys(step.scope for step in STEPS)
}
_BLOCKING = ("creation", "update", "pull_request", "required_status_checks", "required_signatures", "merge_queue")
"""Rules by which the deployment's own token could not push to a branch."""


def works(project: Project) -> Iterable[Finding]:
    """Check that there is a token, and that GitHub takes it."""
    login = f"gh auth login --hostname {project.settings.host} --scopes workflow"
    makes = "creates the repository and stores what its workflows"
    return repository.token_works(project, makes, login, lambda: f" is {project.github.who()}'s, {_kind(project)}")


def _kind(project: Project) -> str:
    value = project.credentials.token.reveal()
    kinds = {"github_pat_": "fine-grained", "ghp_": "classic", "gho_": "made by gh", "ghs_": "of an App"}
    return next((kind for prefix, kind in kinds.items() if value.startswith(prefix)), "of a kind unknown here")


def scopes(project: Project) -> Iterable[Finding]:
    """Check what the token may do: a classic one by its scopes, any other by asking for the repository's parts."""
    given = project.github.scopes()
    if given is None:
        yield from _permissions(project)
        return
    has = ", ".join(sorted(given)) or "none"
    for scope, purpose in SCOPES.items():
        if scope not in given:
            yield Finding(
                "github",
                f"The token lacks the scope `{scope}`, which it takes to {purpose} (it has {has}).",
                f"gh auth refresh --hostname {project.settings.host} --scopes repo,workflow",
            )
    if not set(SCOPES) - given:
        yield Finding("github", f"the token has the scopes {' and '.join(SCOPES)}")


def _permissions(project: Project) -> Iterable[Finding]:
    """Ask for each part that can be read; what may be written shows only when it is written."""
    github, steps = project.github, needed(project.settings)
    needs = f"it needs {summary(steps)}"
    if not project.settings.slug or github.find() is None:
        yield Finding("github", f"the token shows no scopes; {needs}")
        return
    lacking = [step.permission for step in steps if step.probe and _refused(project, step.probe)]
    if lacking:
        what = f"The token may not read {', '.join(lacking)} of {github.repository}; {needs}."
        yield Finding("github", what, f"Edit it at https://{project.settings.host}/settings/personal-access-tokens")
    else:
        yield Finding("github", f"the token reads all parts of {github.repository}; {needs}")


def _refused(project: Project, path: str) -> bool:
    try:
        project.github.get(project.github.path(path), per_page=1)
    except GitHubApiError as error:
        return error.status == 403
    return False


def needed(settings: Settings) -> tuple[Step, ...]:
    """Return the steps that are taken with these settings."""
    done = [step for step in STEPS if step.ci in ("", settings.ci)]
    return tuple(step for step in done if not step.only_with or getattr(settings, step.only_with))


def summary(steps: Sequence[Step]) -> str:
    """Return in one line what a fine-grained token needs for them."""
    levels = {level: [step.permission for step in steps if step.level == level] for level in ("write", "read")}
    return "; ".join(f"{level}: {', '.join(permissions)}" for level, permissions in levels.items())


def clock(project: Project) -> Iterable[Finding]:
    """Compare this machine's clock with GitHub's."""
    return tools.clock("github", "GitHub", project.github.headers("/user"))


def owner(project: Project) -> Iterable[Finding]:
    """Check that the owner exists, and is an organisation or the token's own user."""
    name = project.settings.owner
    found = project.github.get(f"/users/{name}")
    if found is None:
        yield Finding("github", f"There is no user or organisation {name}.", f"Fix github.owner in {FILE}.")
    elif found["type"] == "User" and project.github.call("GET", "/user")["login"].casefold() != name.casefold():
        what = f"{name} is another user: only they can create this."
        yield Finding("github", what, f"Fix github.owner in {FILE}.")
    else:
        yield Finding("github", f"{name} is {'an organisation' if found['type'] == 'Organization' else 'you'}")


def may_create(project: Project) -> Iterable[Finding]:
    """Check that the organisation lets its members create such a repository, where it is not there yet."""
    organization = _organization(project)
    if organization is None or project.github.find() is not None or _role(project) == "admin":
        return
    visibility = project.settings.visibility
    policies = ("members_can_create_repositories", f"members_can_create_{visibility}_repositories")
    if any(organization.get(policy) is False for policy in policies):
        yield Finding(
            "github",
            f"{project.settings.owner} does not let its members create {visibility} repositories.",
            f"Let an owner create {project.settings.repository}, empty, and make you its administrator; "
            f"or see {_page(project)}/member_privileges",
        )


def deploy_keys(project: Project) -> Iterable[Finding]:
    """Check that deploy keys may be added, where Argo CD or the workflows of main need one."""
    settings, organization = project.settings, _organization(project)
    if not organization or organization.get("deploy_keys_enabled_for_repositories") is not False:
        return
    uses = []
    if settings.reads_by == "key":
        other = f"set argocd.access to https in {FILE}, and {READER} to a token that may read the repository"
        uses.append(("Argo CD reads a private repository by one", other))
    if settings.deploy_from == MAIN:
        other = f"set github.deploy_from to anywhere in {FILE}"
        uses.append((f"only by one can {settings.branch} be kept for workflows of {MAIN}", other))
    for use, other in uses:
        what = f"{settings.owner} forbids deploy keys; {use}."
        yield Finding("github", what, f"Let an owner allow them, or {other}: {_page(project)}/deploy_keys")


def plan(project: Project) -> Iterable[Finding]:
    """Say what this account's plan lacks: nothing is stopped by it, but main stays unprotected."""
    if project.settings.private and not project.github.plan_protects():
        yield Finding(
            "github",
            f"{project.settings.owner}'s plan has no rules and no environments for private repositories: main stays "
            "unprotected, and workflows of every branch can read the repository's secrets.",
            f"Upgrade the plan, or set github.visibility to public in {FILE}.",
            stops=False,
        )


def administered(project: Project) -> Iterable[Finding]:
    """Check that the token's user may set what only administrators may: keys, secrets, rules."""
    found = project.github.find()
    if found and not (found.get("permissions") or {"admin": True})["admin"]:
        yield Finding(
            "github",
            f"You are not an administrator of {project.settings.repository}: they set its keys, secrets and rules.",
            f"Let one make you one: {project.settings.url}/settings/access",
        )


def no_branch_in_the_way(project: Project) -> Iterable[Finding]:
    """Check for a branch `env`: git cannot hold `env` and `env/dev`."""
    env = repository.parent(project)
    rename = f"gh api -X POST {project.github.path('branches', env, 'rename')} -f new_name={env}-old"
    return repository.branch_in_the_way(project, f"Rename it: {rename}")


def no_rule_in_the_way(project: Project) -> Iterable[Finding]:
    """Check that no rule, of the organisation say, keeps deployments from pushing to the environments' branches."""
    github, branches = project.github, project.settings.branches
    try:
        rules = [(name, rule) for name in branches for rule in github.pages(github.path("rules/branches", name))]
    except GitHubApiError as error:
        if error.status == 403:  # a plan without rules has none in the way
            return
        raise
    ours = ruleset_of(project.settings)  # it excepts the key that deployments push with
    excepted = {r["id"] for r in github.pages(github.path("rulesets")) if r["name"] == ours}
    for branch, rule in rules:
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


def _organization(project: Project) -> dict[str, Any] | None:
    """Return the organisation, with its policies where the token may see them; None where it is a user."""
    found: dict[str, Any] | None = project.github.get(f"/orgs/{project.settings.owner}")
    return found


def _role(project: Project) -> str:
    """Return the user's role in the organisation; empty where the token may not ask."""
    try:
        found = project.github.get(f"/user/memberships/orgs/{project.settings.owner}")
    except GitHubApiError:
        return ""
    return str(found["role"]) if found else ""


def _page(project: Project) -> str:
    return f"https://{project.settings.host}/organizations/{project.settings.owner}/settings"


# --- GitHub Actions: whether they are on, what they may use, and where they run -------------------

_OF_GITHUB = ("actions", "github")
_BY_COMMIT = re.compile(r"@[0-9a-f]{40}$")
_RUNNER_OF_GITHUB = re.compile(r"(ubuntu|windows|macos)-[\w.-]+")
"""What GitHub calls its own machines at github.com, which are thrown away after each job."""
Policy = dict[str, Any]


def allowed(project: Project) -> Iterable[Finding]:
    """Check the repository's policy, or before there is one the organisation's, where the token may ask."""
    settings = project.settings
    there = project.github.find() is not None
    path = project.github.path("actions/permissions") if there else f"/orgs/{settings.owner}/actions/permissions"
    of_owner = f"{_page(project)}/actions"
    page = f"{settings.url}/settings/actions, or, where it is greyed out, an owner's {of_owner}" if there else of_owner
    policy = _ask(project, path)
    if policy is None:
        return
    if policy.get("enabled") is False or policy.get("enabled_repositories") == "none":
        yield Finding("github", f"GitHub Actions are switched off for {settings.repository}.", f"See {page}")
    elif policy.get("enabled_repositories") == "selected":
        yield Finding(
            "github",
            f"{settings.owner} lets only chosen repositories use GitHub Actions; {settings.repository} would be none.",
            f"Let an owner create it, empty, and choose it: {page}",
        )
    elif forbidden := [action for action in used(project) if not _may_use(project, path, policy, action)]:
        which = f"`{policy['allowed_actions']}` actions"
        if policy.get("sha_pinning_required"):
            which += ", pinned to a commit,"
        yield Finding(
            "github",
            f"Only {which} are allowed in {settings.repository}; the workflows use {', '.join(forbidden)}.",
            f"Allow {', '.join(sorted({action.partition('@')[0] + '@*' for action in forbidden}))}: {page}",
        )


def blocking_reason(project: Project) -> str:
    """Say what keeps runs from starting, where that is known."""
    return "\n".join(map(str, allowed(project))) if project.settings.ci == GITHUB_ACTIONS else ""


def used(project: Project) -> list[str]:
    """Return the actions of others that the project's workflows name, each once."""
    files = sorted(project.folder.glob(".github/workflows/*.y*ml"))
    named = dict.fromkeys(action for path in files for action in _uses(_workflow(path)))
    return [action for action in named if not action.startswith(("./", "docker://"))]


def _workflow(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, *UNREADABLE):  # GitHub names the line, in a run that fails
        return None


def _uses(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("uses"), str):
            yield tree["uses"]
        tree = list(tree.values())
    for each in tree if isinstance(tree, list) else []:
        yield from _uses(each)


def _ask(project: Project, path: str) -> Policy | None:
    try:
        found: Policy | None = project.github.get(path)
    except GitHubApiError:  # an organisation's policy is for its owners to read
        return None
    return found


def _may_use(project: Project, path: str, policy: Policy, action: str) -> bool:
    if policy.get("sha_pinning_required") and not _BY_COMMIT.search(action):
        return False
    kind = policy.get("allowed_actions", "all")
    if kind == "all" or action.partition("/")[0].casefold() == project.settings.owner.casefold():
        return True
    chosen = _ask(project, f"{path}/selected-actions") if kind == "selected" else {}
    if chosen is None:  # it is unknown
        return True
    patterns = chosen.get("patterns_allowed") or []
    if any(fnmatchcase(action, pattern[1:]) for pattern in patterns if pattern.startswith("!")):
        return False
    group = "github_owned_allowed" if action.partition("/")[0] in _OF_GITHUB else "verified_allowed"  # perhaps it is
    return bool(chosen.get(group)) or any(fnmatchcase(action, pattern) for pattern in patterns)


def self_hosted_runner(project: Project) -> Iterable[Finding]:
    """Refuse machines of one's own for a public repository: its workflows run what anybody proposes."""
    settings = project.settings
    label = settings.runner or project.github.variables().get("RUNNER", "")
    if settings.private or settings.public_runner == "allowed" or not label or _RUNNER_OF_GITHUB.fullmatch(label):
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


CHECKS = (
    Check(None, works, "looking", anywhere=True, only="github"),
    Check("host", scopes, "writing", anywhere=True, only="github"),
    Check("host", clock, anywhere=True, only="github"),
    Check("host", owner, "repository", only="github"),
    Check("host", may_create, "repository", only="github"),
    Check("host", deploy_keys, "credential", only="github"),
    Check("host", plan, only="github"),
    Check("host", repository.same_project, "writing", only="github"),
    Check("host", administered, "writing", only="github"),
    Check("host", no_branch_in_the_way, "writing", only="github"),
    Check("host", no_rule_in_the_way, "writing", only="github"),
    Check("host", allowed, "writing", only="github-actions"),
    Check("host", runner, "initial-push", only="github-actions"),
    Check("host", self_hosted_runner, "writing", only="github-actions"),
)
