"""Travis CI's file, for one event; what is not modelled fails."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.ci_runner.machine import Unmodelled, export, known

from .conditions import holds

MACHINE = ("os", "dist", "language", "python", "services", "addons", "install")
"""What only says which machine it is; `install` must be skipped."""


@dataclass(frozen=True)
class Task:
    """One job."""

    name: str
    stage: str
    script: str


@dataclass(frozen=True)
class Build:
    """What runs: the stages in their order, and `env`, lines that a shell exports."""

    env: tuple[str, ...]
    stages: tuple[str, ...]
    tasks: tuple[Task, ...]


def build(text: str, event: str, branch: str, more: Mapping[str, Any], settings: Mapping[str, str]) -> Build | None:
    """Return what runs for an event; None where the file's own condition says that nothing does.

    `more` is a config that came with the request, merged deeply; `settings` are the repository's variables.
    """
    tree = _merged(yaml.safe_load(text), more)
    known(tree, ".travis.yml", *MACHINE, "if", "stages", "jobs", "env")
    if tree["install"] != "skip" or tree["os"] != "linux":
        raise Unmodelled("install, os: they are not as the runner thinks")
    env = _env(tree.get("env", {}))
    visible = dict(word.partition("=")[::2] for line in env for word in shlex.split(line))
    facts = {"type": event, "branch": branch}

    def wanted(part: Mapping[str, Any]) -> bool:
        return "if" not in part or holds(part["if"], facts, {**settings, **visible})

    if not wanted(tree):
        return None
    known(tree["jobs"], "jobs", "include")
    for stage in tree["stages"]:
        known(stage, "stages", "name", "if")
    for job in tree["jobs"]["include"]:
        known(job, "jobs.include", "stage", "name", "if", "script")
    stages = [stage["name"] for stage in tree["stages"] if wanted(stage)]
    tasks = [Task(j["name"], j["stage"], j["script"]) for j in tree["jobs"]["include"] if wanted(j)]
    if strangers := {task.stage for task in tasks} - {stage["name"] for stage in tree["stages"]}:
        raise Unmodelled(f"stages without a place in the order: {strangers}")
    tasks = [task for task in tasks if task.stage in stages]
    return Build(tuple(env), tuple(s for s in stages if any(t.stage == s for t in tasks)), tuple(tasks))


def _env(tree: Mapping[str, Any]) -> list[str]:
    known(tree, "env", "global")
    lines = list(tree.get("global", []))
    for line in lines:
        export(line)
    return lines


def _merged(tree: Any, more: Any) -> Any:
    """Merge as `deep_merge` does: maps are merged, everything else is replaced."""
    if not (isinstance(tree, dict) and isinstance(more, dict)):
        return more
    return {**tree, **{key: _merged(tree[key], value) if key in tree else value for key, value in more.items()}}
