"""The second environment of a story's project: how it comes about, and what is looked at there."""

import re
from typing import Any

import yaml

from .actors import Service, eventually
from .stage import SLUG, Stage

NAMESPACE = f"{SLUG}-test"


def add_environment(stage: Stage) -> str:
    """Name `test` in gitops.yaml, give it values, merge both, and return the revision that is live then."""
    developer = stage.developer
    developer.branch("second-environment")
    settings = developer.project / "gitops.yaml"
    text = settings.read_text()
    text, count = re.subn(r"^  namespace: \"?[\w-]+-dev\"?.*\n", "", text, flags=re.MULTILINE)
    assert count == 1, text
    both = f"  dev: {{namespace: {SLUG}-dev}}\n  test: {{namespace: {NAMESPACE}, from: dev}}\n"
    settings.write_text(f"{text.rstrip()}\nenvironments:\n{both}")
    (developer.project / "deploy/test.yaml").write_text("replicaCount: 1\nenv:\n  LOG_LEVEL: WARNING\n")
    developer.commit("A second environment")
    stage.forge.propose("second-environment", "A second environment")
    eventually("the checks", lambda: stage.passed("second-environment"), 240)
    return stage.merge_and_follow("second-environment", "merge of the second environment")


def change(stage: Stage, name: str) -> str:
    """Merge a change, and return its revision once dev is live."""
    developer = stage.developer
    developer.branch(name)
    module = developer.project / "src" / SLUG.replace("-", "_") / "example.py"
    module.write_text(f"{module.read_text()}\n\n# {name}\n")
    developer.commit(f"Change {name}")
    stage.forge.propose(name, f"Change {name}")
    eventually("the checks", lambda: stage.passed(name), 240)
    return stage.merge_and_follow(name, f"merge of {name}")


def in_test(stage: Stage) -> Service:
    """Return the service in `test`."""
    return Service(stage.developer, SLUG, NAMESPACE)


def recorded(stage: Stage, file: str = "image.yaml") -> Any:
    """Return what a file of env/test holds; None where there is no such file."""
    stage.developer.git("fetch", "--quiet", "origin", "env/test")
    found = stage.developer.run("git", "show", f"FETCH_HEAD:{file}", check=False)
    return yaml.safe_load(found.stdout) if found.returncode == 0 else None
