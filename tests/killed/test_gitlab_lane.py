"""GitLab's half of `up`, killed at each of its changes: the next run ends as if nothing had been."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from installer.support.secret import Secret
from tests.gitlab import GitLab
from tests.gitlab.fixtures import blame
from tests.installer.gitlab_bench import PIPELINE

from . import lane
from .lane import SETTINGS, TOKEN, Undisturbed, each_change, fixtures, kill_at
from .process import Whom
from .snapshot import Tree

pytestmark = pytest.mark.slow

AT_GITLAB = SETTINGS.replace("github: {host: github.com", "gitlab: {host: gitlab.com")
CHANGES = 17  # what an undisturbed run asks an older GitLab to change: the first test asserts it


@dataclass
class Bench(lane.Bench):
    """A GitLab with nothing in it but a group; an older one, whose deployments need a token: the most changes."""

    @property
    def bare(self) -> Path:
        return self.host.project("acme/web").git  # type: ignore[no-any-return]

    def snapshot(self) -> Tree:
        project = self.host.project("acme/web")
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
            "branches": self.host.branches(project),
            "pipelines": [(each.source, each.sha) for each in project.pipelines],
            "the clone's settings": (self.project / ".git/config").read_text(),
        }


@contextmanager
def a_bench(folder: Path) -> Iterator[lane.Bench]:
    with GitLab.serve("gitlab.com", version="17.2.0", runners=()) as gitlab:
        gitlab.user("octo")
        gitlab.group("acme", members={"octo": 50})
        files = {".gitlab-ci.yml": PIPELINE, "gitops.yaml": AT_GITLAB}
        with Bench.at(gitlab, folder, {"GITLAB_TOKEN": gitlab.token("octo")}, files) as bench:
            yield bench
    blame(gitlab)


bench, undisturbed = fixtures(a_bench)


def test_the_kills_below_are_at_every_change(undisturbed: Undisturbed) -> None:
    assert len(undisturbed.changes) == CHANGES, undisturbed.changes


# the project's token that nobody has stored yet
OFTEN = ((10, "unanswered"),)


@pytest.mark.parametrize(
    ("number", "heard", "whom"),
    [pytest.param(*case, marks=[] if case[:2] in OFTEN else pytest.mark.all) for case in each_change(CHANGES)],
)
def test_killed_at_a_change_the_next_run_ends_as_if_nothing_had_been(
    bench: lane.Bench, undisturbed: Undisturbed, number: int, heard: str, whom: Whom
) -> None:
    kill_at(bench, undisturbed, number, heard, whom)
