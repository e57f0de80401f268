"""Environments: secrets for jobs that name one, the branches that may, and the Deployments that GitHub makes of jobs.

What is modelled is what GitHub documents: "Deployments and environments", "Deploying with GitHub Actions" (`deployment:
false`, which no Enterprise Server up to 3.20 knows), and how its own parser reads `jobs.<job_id>.environment`
(WorkflowTemplateConverter.cs of actions/runner: an empty name is no environment).
"""

import fnmatch
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import nacl.public

from .clock import now, number
from .wire import UnmodelledError

FROM_JSON = re.compile(r"\$\{\{ fromJSON\((.*)\) \}\}")


@dataclass
class BranchPolicy:
    """A name that a branch must have to be let in."""

    name: str
    type: str = "branch"
    id: int = field(default_factory=number)


@dataclass(eq=False)
class Environment:
    name: str
    policy: dict[str, bool] | None = None  # None: every branch is let in
    branches: dict[int, BranchPolicy] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict)
    secrets_key: nacl.public.PrivateKey = field(default_factory=nacl.public.PrivateKey.generate, repr=False)
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)

    @property
    def secrets_key_id(self) -> str:
        return str(self.id)

    def lets_in(self, ref: str) -> bool:
        """Say whether a job of this ref may name the environment; a pull request's ref is no branch's."""
        if self.policy is None:
            return True
        kind, _, name = ref.removeprefix("refs/").partition("/")
        wanted = {"heads": "branch", "tags": "tag"}.get(kind)
        return any(
            each.type == wanted and name.count("/") == each.name.count("/") and fnmatch.fnmatchcase(name, each.name)
            for each in self.branches.values()
        )


@dataclass(frozen=True)
class Named:
    """What a job says of its environment."""

    name: str
    deployment: bool


def named(job: dict[str, Any], evaluated: Callable[[str], str], *, cloud: bool) -> Named | None:
    """Read a job's `environment`; None where it has none, or an empty one."""
    said = job.get("environment", "")
    if isinstance(said, str):
        found = FROM_JSON.fullmatch(said)
        said = json.loads(evaluated(f"${{{{ {found[1]} }}}}")) if found else evaluated(said)
    given = {"name": said} if isinstance(said, str) else dict(said)
    known = {"name", "deployment"} if cloud else {"name"}
    if unexpected := given.keys() - known - {"url"}:
        raise ValueError(f"The workflow is not valid. Unexpected value '{sorted(unexpected)[0]}'")
    if "url" in given:
        raise UnmodelledError("an environment's url")
    name, deployment = evaluated(given["name"]), given.get("deployment", True)
    if not isinstance(deployment, bool):
        raise UnmodelledError("`deployment` as an expression")
    return Named(name, deployment) if name else None
