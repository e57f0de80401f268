"""The commands of the pages that somebody types one after the other: the README, and the tutorial."""

import re

from tests.conftest import ROOT

README, TUTORIAL = "README.md", "docs/tutorial.md"
BY_HAND = {
    "gh auth login --scopes workflow": "it opens a browser",
    "read -rs REGISTRY_TOKEN && export REGISTRY_TOKEN": "it waits at a terminal for a token of Docker Hub's",
}
"""What no test runs, and why."""
BY_OTHERS = {
    "uv run --no-dev gitops-flask try --output-dir ..": "tests/e2e/laptop.py",
    "uv run --no-dev gitops-flask new --output-dir ..": "tests/test_first_minutes.py",
    "uv run pytest": "tests/test_own_ci.py",
    "uv tool install git+https://github.com/org/gitops-flask": "tests/test_package.py",
}
"""What is run by a test that reads it from its page."""


def blocks(page: str) -> list[str]:
    """Return the commands of a page, a text for each block."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def without_comment(line: str) -> str:
    return re.sub(r" +#.*", "", line)


def commands(page: str) -> list[str]:
    """Return the lines of a page's commands."""
    return [without_comment(line) for block in blocks(page) for line in block.splitlines()]


def story() -> str:
    """Return what the tutorial has typed, but for what needs a person or is run elsewhere."""
    lines = "".join(blocks(TUTORIAL)).splitlines(keepends=True)
    return "".join(line for line in lines if without_comment(line).strip() not in BY_HAND | BY_OTHERS)
