"""What a token needs for which step, and what stands in an account's way: for the checks, and permissions_page.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..config.settings import Settings


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


@dataclass(frozen=True)
class Limit:
    """What an account, a plan or a policy may lack."""

    who: str
    said: str
    then: str
    check: str = ""
    """Where the installer finds it: a module of `checks` and its function; empty where it has nothing to find."""


STEPS = (
    Step("look at the repository, its rules and its plan", "Metadata", "read", "repo"),
    Step("create the repository; its settings, rules and deploy key", "Administration", "write", "repo", "keys"),
    Step("push `main` the first time; read `env/dev`", "Contents", "write", "repo", "branches"),
    Step("push `.github/workflows`", "Workflows", "write", "workflow"),
    Step("keep the registry's token as a secret: of the repository", "Secrets", "write", "repo", "actions/secrets"),
    Step("or, where the plan has environments, of one that lets in `main` alone", "Environments", "write", "repo"),
    Step("set variables, among them the label and the lock", "Variables", "write", "repo", "actions/variables"),
    Step("follow a deployment, start a rollback", "Actions", "write", "repo", "actions/runs"),
    Step("show the outcome of deployments at commits; optional", "Deployments", "write", "repo"),
    Step("report each push to Argo CD, where `argocd.url` is set", "Webhooks", "write", "repo", "hooks", "webhook"),
)
LIMITS = (
    Limit(
        "A free plan and a private repository",
        "403 “Upgrade to GitHub Pro or make this repository public …” for rules; 422 for an environment with rules",
        "Goes on without; `plan`, `up`, `status` and `doctor` say that `main` stays unprotected, and that workflows of "
        "every branch can read `REGISTRY_TOKEN`, a secret of the repository then. Every run asks again: after an "
        "upgrade the next `up` makes the rules, and moves the secret into an environment.",
        "owner.plan",
    ),
    Limit(
        "A classic token without `workflow`",
        "the push of `.github/workflows` is refused",
        "Refused before the first write, with the command that adds the scope.",
        "token.scopes",
    ),
    Limit(
        "A fine-grained token, or one of an App",
        "no scopes are shown",
        "Each part of the repository is asked for; what cannot be read is named. That it may be written shows only "
        "when it is.",
        "token.scopes",
    ),
    Limit(
        "No administrator of the repository",
        "403 or 404 for keys, secrets and rules",
        "Refused before the first write, with who can change that.",
        "repository.administered",
    ),
    Limit(
        "No owner of an organisation that lets its members create nothing",
        "403 when the repository is created",
        "Refused before the first write: an owner creates it, empty, and makes you its administrator.",
        "owner.may_create",
    ),
    Limit(
        "An organisation with SAML single sign-on",
        "403 “Resource protected by organization SAML enforcement …”",
        "Refused before the first write, with the page that authorises the token.",
        "owner.exists",
    ),
    Limit(
        "A repository of your own, no organisation's",
        "nothing",
        "The same; there are no policies to find.",
        "owner.exists",
    ),
    Limit(
        "A repository of another user",
        "nobody but they can create it",
        "Refused before the first write.",
        "owner.exists",
    ),
    Limit(
        "An organisation that keeps the workflows' token read-only",
        "409 “prevented by the owning organization” to who changes that",
        "Nothing to do, nothing is changed: that is only where tokens begin. Each job asks for what it needs; "
        "`contents: write` is asked for by `deploy` and `rollback` alone.",
    ),
    Limit(
        "An organisation that switches Actions off",
        "no workflow ever starts",
        "Refused before the first write, with the page to change it; where the token may ask (`admin:org`) also before "
        "there is a repository.",
        "github_actions.allowed",
    ),
    Limit(
        "A policy that allows some actions only",
        "workflows fail where they begin",
        "Refused before the first write if the workflows name others; ours name `actions/checkout` alone.",
        "github_actions.allowed",
    ),
    Limit(
        "An Enterprise Server, and no label of its runners",
        "runs wait for ever: it has no `ubuntu-latest`",
        "Refused before the first push, until `github.runner` or the variable `RUNNER` names one.",
        "repository.runner",
    ),
    Limit(
        "A public repository, and `github.runner` or the variable `RUNNER`",
        "nothing: anybody's pull request would run on your machines",
        "Refused before the first write, until `github.public_runner: allowed` says that this is wanted.",
        "repository.self_hosted_runner",
    ),
    Limit(
        "An organisation that forbids deploy keys",
        "422 when the key is added",
        "Refused before the first write: allow them, or let Argo CD read over https (`argocd.access`) and leave "
        "`github.deploy_from` at `anywhere`.",
        "owner.deploy_keys",
    ),
    Limit(
        "A free plan and a private repository, and `github.deploy_from: main`",
        "403 “Upgrade to GitHub Pro …” for the rule",
        "Blocked in `plan` before the first push: upgrade, or leave it at `anywhere`.",
    ),
    Limit(
        "No owner of the organisation, and no manager of its Apps (`github.reporter: app`)",
        "404 on the page that registers a GitHub App",
        "Nothing is made: an owner registers one, installs it for the repository, and gives you its number and key, or "
        "`github.reporter: none`.",
    ),
    Limit(
        "Rules of the organisation for all branches",
        "a deployment's push to `env/dev` is declined",
        "Refused before the first write, with the ruleset that has to except `env/*`.",
        "repository.no_rule_in_the_way",
    ),
)
SCOPES = {name: ", ".join(s.does for s in STEPS if s.scope == name) for name in dict.fromkeys(s.scope for s in STEPS)}


def needed(settings: Settings) -> tuple[Step, ...]:
    """Return the steps that are taken with these settings."""
    return tuple(step for step in STEPS if not step.only_with or getattr(settings, step.only_with))


def summary(steps: Sequence[Step]) -> str:
    """Return in one line what a fine-grained token needs for them."""
    levels = {level: [step.permission for step in steps if step.level == level] for level in ("write", "read")}
    return "; ".join(f"{level}: {', '.join(permissions)}" for level, permissions in levels.items())
