"""One person, `octo`, with an organisation `acme`, and the real programs in that person's hands."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from github import Auth, Github

from tests.github import GitHub

RULES = {
    "name": "main",
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {
            "type": "pull_request",
            "parameters": {
                "required_approving_review_count": 0,
                "dismiss_stale_reviews_on_push": False,
                "require_code_owner_review": False,
                "require_last_push_approval": False,
                "required_review_thread_resolution": False,
            },
        },
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": False,
                "required_status_checks": [{"context": "test"}],
            },
        },
    ],
}


@dataclass
class Person:
    """Somebody at a terminal, with gh, git and PyGithub."""

    served: GitHub
    token: str
    home: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        cloud = self.served.site.is_cloud
        credentials = {"GH_TOKEN": self.token} if cloud else {"GH_ENTERPRISE_TOKEN": self.token}
        octo = {"NAME": "octo", "EMAIL": "octo@example.com"}
        identity = {f"GIT_{who}_{what}": octo[what] for who in ("AUTHOR", "COMMITTER") for what in octo}
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "GIT_TERMINAL_PROMPT": "0",
            "GH_HOST": self.served.site.host,
            **self.served.env,
            **credentials,
            **identity,
        }

    @property
    def tree(self) -> Path:
        return self.home / "tree"

    def run(self, *command: str, ok: bool = True, stdin: str | None = None) -> str:
        cwd = self.tree if self.tree.exists() else self.home
        done = subprocess.run(
            command, cwd=cwd, env=self.environment, input=stdin or "", capture_output=True, text=True, timeout=60
        )
        assert (done.returncode == 0) is ok, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def gh(self, *arguments: str, ok: bool = True, stdin: str | None = None) -> str:
        return self.run("gh", *arguments, ok=ok, stdin=stdin)

    def git(self, *arguments: str, ok: bool = True) -> str:
        return self.run("git", *arguments, ok=ok)

    def push(self, *arguments: str, ok: bool = True) -> str:
        helper = ["-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential"]
        return self.git(*helper, "push", "origin", *arguments, ok=ok)

    def api(self) -> Github:
        return Github(
            auth=Auth.Token(self.token),
            base_url=self.served.site.api,
            seconds_between_requests=None,
            seconds_between_writes=None,
            retry=None,
        )

    def repository(self, name: str = "acme/web", *flags: str, files: Mapping[str, str] | None = None) -> None:
        """Make a repository and its clone, and push one commit with these files to main."""
        self.gh("repo", "create", name, *(flags or ("--private",)))
        self.tree.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", f"{self.served.site.web}/{name}.git")
        if files is not None:
            self.commit(files)
            self.push("main")

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        for name, content in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def protect(self, name: str = "acme/web") -> int:
        _, made = self.api().requester.requestJsonAndCheck("POST", f"/repos/{name}/rulesets", input=RULES)
        return int(made["id"])


def person_at(served: GitHub, home: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    served.user("octo")
    served.organization("acme", members={"octo": "admin"})
    for name, value in served.env.items():  # PyGithub runs in this process
        monkeypatch.setenv(name, value)
    return Person(served, served.token("octo"), home)


@pytest.fixture
def octo(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    return person_at(github, tmp_path, monkeypatch)


@pytest.fixture
def enterprise(ghes: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    return person_at(ghes, tmp_path, monkeypatch)
