"""CircleCI's config file, for one branch and one set of parameters; what is not modelled fails."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tests.ci_runner.machine import Failed, Unmodelled, known

PARAMETER = re.compile(r"<<\s*pipeline\.parameters\.([\w-]+)\s*>>")


@dataclass(frozen=True)
class Step:
    """`kind` is CircleCI's name, `given` its fields."""

    kind: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One job of a workflow."""

    name: str
    requires: tuple[str, ...]
    environment: Mapping[str, str]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Workflow:
    name: str
    tasks: tuple[Task, ...]


def workflows(text: str, branch: str, given: Mapping[str, Any]) -> list[Workflow]:
    """Return those that run; a workflow without a job for this branch does not."""
    tree = yaml.safe_load(text)
    known(tree, "config", "version", "parameters", "executors", "jobs", "workflows")
    if tree["version"] != 2.1:
        raise Unmodelled(f"version: {tree['version']}")
    tree = _filled(tree, _parameters(tree["parameters"], given))
    found = []
    for name, workflow in tree["workflows"].items():
        known(workflow, f"workflows.{name}", "when", "jobs")
        if "when" not in workflow or _true(workflow["when"]):
            tasks = [task for entry in workflow["jobs"] if (task := _task(tree, entry, branch))]
            if tasks:
                found.append(Workflow(name, tuple(tasks)))
    return found


def _parameters(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if strangers := sorted(given.keys() - declared.keys()):
        raise Failed(f"Unexpected argument(s): {', '.join(strangers)}")
    values = {}
    for name, form in declared.items():
        known(form, f"parameters.{name}", "type", "enum", "default")
        value = given.get(name, form["default"])
        if form["type"] not in ("string", "enum"):
            raise Unmodelled(f"parameters.{name}: {form['type']}")
        if not isinstance(value, str) or len(value) > 512 or value not in form.get("enum", [value]):
            raise Failed(f"Type error for argument {name}: {value!r}")
        values[name] = value
    return values


def _filled(tree: Any, values: Mapping[str, Any]) -> Any:
    """Put parameters in their places, in the structure and not in the text: a quote in one breaks nothing."""
    if isinstance(tree, dict):
        return {key: _filled(value, values) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(each, values) for each in tree]
    if isinstance(tree, str):
        filled = PARAMETER.sub(lambda match: values[match[1]], tree)
        if "<<" in PARAMETER.sub("", tree):
            raise Unmodelled(f"expression: {tree}")
        return filled
    return tree


def _true(condition: Mapping[str, Any]) -> bool:
    known(condition, "when", "equal", "or")
    if len(condition) != 1:
        raise Unmodelled(f"when: {condition}")
    if "or" in condition:
        return any(_true(each) for each in condition["or"])
    return len(set(condition["equal"])) == 1


def _task(tree: Any, entry: Any, branch: str) -> Task | None:
    name, given = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
    known(given, f"job {name}", "filters", "requires")
    job = tree["jobs"][name]
    known(job, f"jobs.{name}", "executor", "environment", "steps")
    known(tree["executors"][job["executor"]], f"executors.{job['executor']}", "machine")
    if not _listens(given.get("filters", {}), branch):
        return None
    environment = job.get("environment", {})
    if not all(isinstance(value, str) for value in environment.values()):
        raise Failed(f"[#/jobs/{name}/environment] expected type: String")
    return Task(name, tuple(given.get("requires", ())), environment, tuple(map(_step, job["steps"])))


def _listens(filters: Mapping[str, Any], branch: str) -> bool:
    known(filters, "filters", "branches")
    branches = filters.get("branches", {})
    known(branches, "filters.branches", "only", "ignore")
    only, ignore = (_patterns(branches.get(key, [])) for key in ("only", "ignore"))
    return (not only or any(p.fullmatch(branch) for p in only)) and not any(p.fullmatch(branch) for p in ignore)


def _patterns(names: str | list[str]) -> list[re.Pattern[str]]:
    """A name between slashes is a regular expression that must match the whole branch."""
    listed = [names] if isinstance(names, str) else names
    return [re.compile(n[1:-1] if n.startswith("/") and n.endswith("/") else re.escape(n)) for n in listed]


_STEPS = {
    "checkout": (),
    "run": ("name", "command"),
    "persist_to_workspace": ("root", "paths"),
    "attach_workspace": ("at",),
}


def _step(step: Any) -> Step:
    kind, given = next(iter(step.items())) if isinstance(step, dict) else (step, {})
    if kind not in _STEPS:
        raise Unmodelled(f"step {kind}")
    known(given, f"step {kind}", *_STEPS[kind])
    if missing := set(_STEPS[kind]) - given.keys():
        raise Unmodelled(f"step {kind} without {', '.join(sorted(missing))}")
    return Step(kind, given)
