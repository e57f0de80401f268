"""What a `.gitlab-ci.yml` says: which words of it are modelled, and how gitlab-ci-local is to read it."""

import json
from dataclasses import dataclass
from typing import Any

import yaml

from tests.github import git
from tests.github.wire import UnmodelledError

NAME = ".gitlab-ci.yml"
GLOBAL = {"default", "stages", "variables", "workflow"}
STAGES = (".pre", "build", "test", "deploy", ".post")
OF_JOBS = {
    "stage", "needs", "image", "services", "variables", "before_script", "script", "rules", "artifacts", "timeout",
    "interruptible", "allow_failure", "when", "extends",
}  # fmt: skip
OF_RULES = {"if", "exists", "when", "variables", "allow_failure", "auto_cancel"}
OF_WORKFLOW = {"name", "rules", "auto_cancel"}
IGNORED_BY_A_SHELL_RUNNER = ("image", "services")
PROBE = "stand-in workflow rule "


@dataclass(frozen=True)
class File:
    """One pipeline's definition; what is not modelled is refused before anything runs."""

    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Any, sha: str) -> "File | None":
        """Read it from a commit."""
        text = git.show(folder, sha, NAME)
        return None if text is None else cls(yaml.safe_load(text))

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return {name: each for name, each in self.content.items() if name not in GLOBAL and not name.startswith(".")}

    @property
    def stages(self) -> list[str]:
        return [".pre", *self.content["stages"], ".post"] if "stages" in self.content else list(STAGES)

    @property
    def _rules(self) -> list[dict[str, Any]]:
        return list(self.content.get("workflow", {}).get("rules", []))

    def check(self) -> None:
        """Refuse what would be run otherwise than GitLab runs it."""
        for name, job in self.content.items():
            if name in GLOBAL:
                continue
            if unknown := job.keys() - OF_JOBS:
                raise UnmodelledError(f"{NAME}: job {name} has {sorted(unknown)}")
            if unknown := set(job.get("artifacts", {})) - {"reports", "expire_in"}:
                raise UnmodelledError(f"{NAME}: artifacts of {name} have {sorted(unknown)}")
            if unknown := set(job.get("artifacts", {}).get("reports", {})) - {"dotenv"}:
                raise UnmodelledError(f"{NAME}: reports of {name} have {sorted(unknown)}")
            self._check_rules(name, job.get("rules", []))
        if unknown := set(self.content.get("workflow", {})) - OF_WORKFLOW:
            raise UnmodelledError(f"{NAME}: workflow has {sorted(unknown)}")
        if unknown := set(self.content.get("default", {})) - OF_JOBS:
            raise UnmodelledError(f"{NAME}: default has {sorted(unknown)}")
        self._check_rules("workflow", self._rules)

    def _check_rules(self, whose: str, rules: list[dict[str, Any]]) -> None:
        for rule in rules:
            if unknown := rule.keys() - OF_RULES:
                raise UnmodelledError(f"{NAME}: a rule of {whose} has {sorted(unknown)}")

    def to_look_at(self) -> str:
        """Write it with one more job for each rule of `workflow`, to see which of them holds."""
        probes = {f"{PROBE}{n}": {"script": "true", "rules": [_bare(rule)]} for n, rule in enumerate(self._rules)}
        return json.dumps({**self._for_a_shell_runner(), **probes})

    def to_run(self) -> str:
        """Write it so that a job's own failure is told, whatever it means for the pipeline."""
        content = self._for_a_shell_runner()
        for name in self.jobs:
            job = {key: value for key, value in content[name].items() if key != "allow_failure"}
            if "rules" in job:
                job["rules"] = [{k: v for k, v in rule.items() if k != "allow_failure"} for rule in job["rules"]]
            content[name] = job
        return json.dumps(content)

    def _for_a_shell_runner(self) -> dict[str, Any]:
        def bare(node: Any) -> Any:
            if not isinstance(node, dict):
                return node
            return {key: value for key, value in node.items() if key not in IGNORED_BY_A_SHELL_RUNNER}

        return {name: bare(node) if name not in GLOBAL - {"default"} else node for name, node in self.content.items()}

    def interruptible(self, rule: int) -> bool:
        """Tell whether a newer commit's pipeline ends this one: all jobs may be interrupted, and no rule says no."""
        workflow = self.content.get("workflow", {})
        chosen = self._rules[rule] if self._rules else {}
        wanted = {**workflow.get("auto_cancel", {}), **chosen.get("auto_cancel", {})}.get("on_new_commit")
        usual = self.content.get("default", {}).get("interruptible", False)
        return wanted != "none" and all(job.get("interruptible", usual) for job in self.jobs.values())


def _bare(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key in {"if", "when"}}
