"""GitLab's half of `up`, killed at each of its changes: the next run ends as if nothing had been."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer.secret import Secret
from tests.gitlab import GitLab
from tests.gitlab.fixtures import blame
from tests.installer.gitlab_bench import PIPELINE

from .process import LostError, Process, Watched, Whom, python
from .snapshot import Tree
from .test_github_lane import SETTINGS, TOKEN, Undisturbed, kill_at

pytestmark = pytest.mark.slow

AT_GITLAB = SETTINGS.replace("github: {host: github.com", "gitlab: {host: gitlab.com")
CHANGES = 17  # what an undisturbed run asks an older GitLab to change: the first test asserts it


@dataclass
class Bench:
    """A GitLab with nothing in it but a group, and a project that wants to be there.

    It is an older one, whose deliveries need a token of the project: that takes the most changes.
    """

    gitlab: GitLab
    watched: Watched
    folder: Path
    env: dict[str, str]

    @property
    def project(self) -> Path:
        return self.folder / "web"

    @property
    def bare(self) -> Path:
        return self.gitlab.project("acme/web").git

    def up(self, name: str) -> Process:
        return Process(python("tests.killed.host_lane", str(self.project)), self.env, self.folder / f"{name}.log")

    def snapshot(self) -> Tree:
        project = self.gitlab.project("acme/web")
        variables = {name: (each.value, each.masked, each.protected) for name, each in project.variables.items()}
        live = [token for token in project.tokens.values() if not token.revoked]
        printed = variables.pop("REGISTRY_TOKEN_FINGERPRINT", ("", False, False))[0]
        stored = variables.pop("PUSH_TOKEN", ("", False, False))[0]
        number = variables.pop("PUSH_TOKEN_NUMBER", ("", False, False))[0]
        return {
            "settings": {"visibility": project.visibility, "description": project.description, **project.settings},
            "variables": variables,
            "fingerprint fits": bool(printed) and Secret(TOKEN).matches(printed),
            "tokens": [
                (t.name, sorted(t.scopes), t.access_level, t.secret == stored, str(t.id) == number) for t in live
            ],
            "protected": {name: (r.push, r.merge, r.allow_force_push) for name, r in project.protections.items()},
            "branches": self.gitlab.branches(project),
            "pipelines": [(each.source, each.sha) for each in project.pipelines],
            "the clone's settings": (self.project / ".git/config").read_text(),
        }


@contextmanager
def a_bench(folder: Path) -> Iterator[Bench]:
    with GitLab.serve("gitlab.com", version="17.2.0", runners=()) as gitlab:
        gitlab.user("octo")
        gitlab.group("acme", members={"octo": 50})
        env = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "GITLAB_TOKEN": gitlab.token("octo"),
            "REGISTRY_TOKEN": TOKEN,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "dev@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
            **gitlab.env,
        }
        project = folder / "web"
        project.mkdir()
        (project / ".gitlab-ci.yml").write_text(PIPELINE)
        (project / "gitops.yaml").write_text(AT_GITLAB)
        for command in ("init -q -b main", "add .", "commit -q -m Start"):
            subprocess.run(["git", *command.split()], cwd=project, check=True, env=env)
        watched = Watched(gitlab)
        yield Bench(gitlab, watched, folder, env)
        watched.close()
        gitlab.failures[:] = [line for line in gitlab.failures if LostError.__name__ not in line]
    blame(gitlab)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with a_bench(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    with a_bench(tmp_path_factory.mktemp("undisturbed")) as bench:
        began = time.monotonic()
        process = bench.up("undisturbed")
        assert process.end(60) == 0, process.printed
        return Undisturbed(bench.snapshot(), bench.watched.seen, time.monotonic() - began)


def test_the_kills_below_are_at_every_change(undisturbed: Undisturbed) -> None:
    assert len(undisturbed.changes) == CHANGES, undisturbed.changes


def cases() -> Iterator[object]:
    for number in range(1, CHANGES + 1):
        for heard in ("unheard", "unanswered"):
            whom: Whom = "alone" if (number + (heard == "unheard")) % 2 else "group"
            yield pytest.param(number, heard, whom, marks=[] if (number, heard) in OFTEN else pytest.mark.all)


# the project without its answer, the project's token that nobody has stored yet
OFTEN = ((1, "unanswered"), (12, "unanswered"))


@pytest.mark.parametrize(("number", "heard", "whom"), [*cases()])
def test_killed_at_a_change_the_next_run_ends_as_if_nothing_had_been(
    bench: Bench, undisturbed: Undisturbed, number: int, heard: str, whom: Whom
) -> None:
    kill_at(bench, undisturbed, number, heard, whom)
