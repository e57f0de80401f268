"""What a workflow file says: when it runs, with which permissions, and how act is to read it."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import yaml

from . import git
from .model import Repository
from .patterns import fits
from .wire import RefusedError, UnmodelledError

FOLDER = ".github/workflows"
CHECKOUT = "actions/checkout"
CHECKOUT_INPUTS = {"token", "ref", "fetch-depth", "persist-credentials"}
TOKENS = re.compile(r"\bgithub\.token\b|\bsecrets\.GITHUB_TOKEN\b")
SECRET = re.compile(r"\bsecrets\.(?!STAND_IN_)(\w+)")
# act runs jobs as if these were not there
IGNORED_BY_ACT = {"services", "container", "strategy", "uses", "concurrency"}
DEFAULT_TYPES = ["opened", "synchronize", "reopened"]
ALL = ("actions", "contents", "pull_requests", "checks", "deployments")


@dataclass(frozen=True)
class Workflow:
    path: str
    content: dict[str, Any]

    @property
    def file(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def name(self) -> str:
        return str(self.content.get("name", self.path))

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return dict(self.content["jobs"])

    @property
    def events(self) -> dict[str, dict[str, Any]]:
        on = self.content["on"]
        if isinstance(on, str | list):
            return {each: {} for each in ([on] if isinstance(on, str) else on)}
        return {event: filters or {} for event, filters in on.items()}

    def wants(self, event: str, branch: str, changed: list[str], action: str | None = None) -> bool:
        """Apply the filters below `on:`, which act does not."""
        filters = self.events.get(event)
        if filters is None:
            return False
        if unknown := filters.keys() - {"branches", "branches-ignore", "paths", "paths-ignore", "types"}:
            raise UnmodelledError(f"{self.path}: filters {sorted(unknown)} of {event}")
        if action is not None and action not in filters.get("types", DEFAULT_TYPES):
            return False
        return (
            ("branches" not in filters or _selects(filters["branches"], branch))
            and not ("branches-ignore" in filters and _selects(filters["branches-ignore"], branch))
            and ("paths" not in filters or any(_selects(filters["paths"], each) for each in changed))
            and not ("paths-ignore" in filters and all(_selects(filters["paths-ignore"], each) for each in changed))
        )

    def inputs(self, given: dict[str, Any]) -> dict[str, str]:
        """Complete and check the inputs of a dispatch; all are texts, as in GitHub's payload."""
        declared = self.events["workflow_dispatch"].get("inputs") or {}
        if unknown := sorted(given.keys() - declared.keys()):
            raise RefusedError(422, f"Unexpected inputs provided: {json.dumps(unknown)}")
        complete = {}
        for name, described in declared.items():
            value = given.get(name, (described or {}).get("default"))
            if value is None and (described or {}).get("required"):
                raise RefusedError(422, f"Required input '{name}' not provided")
            text = str(value).lower() if isinstance(value, bool) else str("" if value is None else value)
            if described.get("type") == "boolean" and text not in {"true", "false", ""}:
                raise RefusedError(422, f"Provided value '{text}' for input '{name}' is not a boolean")
            if described.get("type") == "choice" and text not in described["options"]:
                raise RefusedError(422, f"Provided value '{text}' for input '{name}' not in the list of allowed values")
            complete[name] = text
        return complete

    def permissions(self, job: str, default: str) -> dict[str, str]:
        """Say what GITHUB_TOKEN may do in one job."""
        declared = self.jobs[job].get("permissions", self.content.get("permissions"))
        if declared is None:
            return dict.fromkeys(ALL, "write") if default == "write" else {"contents": "read"}
        if isinstance(declared, str):
            return dict.fromkeys(ALL, {"read-all": "read", "write-all": "write"}[declared])
        return {name.replace("-", "_"): level for name, level in declared.items()}

    def checkouts(self) -> set[str]:
        steps = [step for job in self.jobs.values() for step in job.get("steps", [])]
        return {step["uses"].partition("@")[2] for step in steps if step.get("uses", "").startswith(f"{CHECKOUT}@")}

    def for_act(self, starts: Collection[str], *, again: bool = False) -> str:
        """Write it the way act needs it: each job asks for a token and secrets of its own, since act knows one for all.

        Only these jobs are started; what needs others is not, but in an attempt after the first, where those succeeded.
        """
        jobs = {}
        for key, job in self.jobs.items():
            if key not in starts:
                continue
            if unmodelled := IGNORED_BY_ACT & job.keys():
                raise UnmodelledError(f"{self.path}: job {key} has {sorted(unmodelled)}, which act ignores")
            steps = [self._step(key, step) for step in job["steps"]]
            jobs[key] = _replaced({**job, "steps": steps}, key)
            needs = job.get("needs", [])
            if kept := [each for each in ([needs] if isinstance(needs, str) else needs) if each in starts or not again]:
                jobs[key]["needs"] = kept
            else:
                jobs[key].pop("needs", None)
            jobs[key].pop("environment", None)  # act passes over it; runner.py does not
        return json.dumps({**self.content, "jobs": jobs})  # JSON is YAML

    def _step(self, job: str, step: dict[str, Any]) -> dict[str, Any]:
        if not step.get("uses", "").startswith(f"{CHECKOUT}@"):
            return step
        given = step.get("with") or {}
        if unknown := given.keys() - CHECKOUT_INPUTS:
            raise UnmodelledError(f"{self.path}: {CHECKOUT} with {sorted(unknown)}")
        return {**step, "with": {"token": f"${{{{ secrets.{token_name(job)} }}}}", **given}}


def token_name(job: str) -> str:
    return f"STAND_IN_TOKEN_{job.replace('-', '_').upper()}"


def secret_name(job: str, name: str) -> str:
    return f"STAND_IN_SECRET_{job.replace('-', '_').upper()}_{name.upper()}"


def _replaced(node: Any, job: str) -> Any:
    if isinstance(node, dict):
        return {key: _replaced(value, job) for key, value in node.items()}
    if isinstance(node, list):
        return [_replaced(each, job) for each in node]
    if not isinstance(node, str):
        return node
    return re.sub(r"\$\{\{.*?\}\}", lambda found: _with_its_own(found[0], job), node, flags=re.DOTALL)


def _with_its_own(expression: str, job: str) -> str:
    """Let an expression read the token and the secrets of its job."""
    tokens = TOKENS.sub(f"secrets.{token_name(job)}", expression)
    own = SECRET.sub(lambda found: f"secrets.{secret_name(job, found[1])}", tokens)
    if re.search(r"\bsecrets\b(?!\.STAND_IN_)", own):
        raise UnmodelledError(f"secrets by anything but their name: {expression}")
    return own


def _selects(patterns: list[str], name: str) -> bool:
    """Match a name as GitHub does: the last pattern that fits decides, and `!` takes away."""
    selected = False
    for pattern in patterns:
        if fits(pattern.removeprefix("!"), name):
            selected = not pattern.startswith("!")
    return selected


def workflows(repository: Repository, revision: str) -> list[Workflow]:
    """Read the workflow files of one commit."""
    found = []
    for _, _, path in git.listing(repository.git, revision, FOLDER):
        if path.endswith((".yml", ".yaml")):
            content = yaml.safe_load(git.show(repository.git, revision, path) or b"")
            content["on"] = content.pop(True, content.get("on"))  # YAML 1.1 reads `on` as a truth value
            found.append(Workflow(path, content))
    return found


def evaluate(text: str, context: dict[str, Any]) -> str:
    """Evaluate the small expressions of concurrency groups and runner labels: paths, texts, and `||`."""

    def term(source: str) -> Any:
        if found := re.fullmatch(r"'((?:[^']|'')*)'", source):
            return found[1].replace("''", "'")
        if source in {"true", "false"}:
            return source == "true"
        if not re.fullmatch(r"(github|vars|inputs)(\.[\w-]+)+", source):
            raise UnmodelledError(f"expression {source}")
        value: Any = context
        for name in source.split("."):
            value = (value or {}).get(name)
        return value

    def expression(found: re.Match[str]) -> str:
        values = [term(each.strip()) for each in found[1].split("||")]
        value = next((each for each in values if each), values[-1])
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    return re.sub(r"\$\{\{(.*?)\}\}", expression, text)
