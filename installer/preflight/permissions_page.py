"""docs/reference/permissions.md, what accounts and tokens need: `python -m installer.preflight.permissions_page`."""

from ..forges.github.app import GIVEN
from ..resources.watcher_policy import KINDS as POLICIES
from .permissions import LIMITS, STEPS

_PAGE = """\
# What accounts and tokens need

This page is written by `python -m installer.preflight.permissions_page`, from what the checks before the first write
use. `gitops-flask doctor` makes these checks at any time, and says of each thing that is missing how to fix it.

## Your token

Smallest: a fine-grained token for this one repository (for all of its owner's while it is not there yet). A classic one
takes the scopes `repo` and `workflow`; `gh auth login --scopes workflow` makes one.

| to | fine-grained | classic |
| --- | --- | --- |
{steps}
| delete the repository (`down --repository` only) | Administration: write | `delete_repo` |
| know an organisation's policies beforehand; done without | | `read:org`, `admin:org` |

## Other tokens

| for | in the environment | needs | kept in |
| --- | --- | --- | --- |
| deployments, to push images | `REGISTRY_TOKEN` | the registry: read and write | an environment, or the repository |
| the cluster, to pull a private image | `REGISTRY_PULL_TOKEN` | the registry: read | a Secret in its namespace |
| Argo CD, over ssh | nothing: `up` makes it | a deploy key that reads | a Secret in Argo CD's namespace |
| Argo CD, over https | `ARGOCD_REPOSITORY_TOKEN` | fine-grained, Contents: read | a Secret in Argo CD's namespace |
| the same, as a GitHub App | {app} | Contents: read | a Secret in Argo CD's namespace |
| the reporter (`github.reporter: app`) | nothing: `up` opens the page on which you register it; or {reporter} | a \
GitHub App with Deployments: write, Contents: read | a Secret in Argo CD's namespace |
| workflows, to push `env/dev` (`github.deploy_from: main`) | nothing: `up` makes it | a deploy key that writes | \
the environment for `main` alone |
| workflows | GitHub's own, a job at a time | what the job's `permissions` say | nowhere |
| CircleCI or Travis CI, to push `env/dev` | `DEPLOY_TOKEN` | fine-grained, Contents: read and write; \
Deployments: read and write, or none are shown | that CI's variables |
| `gitops-flask`, to set such a CI up | `CIRCLE_TOKEN`, `TRAVIS_TOKEN` | a personal one; without it you \
get a list of what to set | nowhere |

## Your rights in the cluster

| to | you need |
| --- | --- |
| install Argo CD, where there is none | the cluster's administrator |
| wire a project to Argo CD | in its namespace: get and create Secrets, Applications and AppProjects |
| create the service's namespace | create namespaces; or let someone create it |
| find all that was made under former settings | in the whole cluster: list Secrets and Namespaces; done without |
| notice deployments at once | in Argo CD's namespace: create Deployments and Roles; done without |
| limit the watcher's token to what it needs | create and patch {policies}; done without |

## Accounts, plans and policies

| where | GitHub says | what happens |
| --- | --- | --- |
{limits}
"""


def page() -> str:
    """Return docs/reference/permissions.md."""
    return _PAGE.format(
        steps="\n".join(f"| {s.does} | {s.permission}: {s.level} | `{s.scope}` |" for s in STEPS),
        reporter=", ".join(f"`{name}`" for name in GIVEN),
        app=", ".join(f"`ARGOCD_APP_{name}`" for name in ("ID", "INSTALLATION_ID", "PRIVATE_KEY_FILE")),
        policies=" and ".join(f"`{kind}`" for kind in POLICIES),
        limits="\n".join(f"| {x.who} | {x.said} | {x.then} |" for x in LIMITS),
    )


if __name__ == "__main__":
    print(page(), end="")
