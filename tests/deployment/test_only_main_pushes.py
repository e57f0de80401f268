"""`github.deploy_from: main`, whole: what `up` makes, the generated workflows by act, and people who try to push."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from installer.ci.variables import EnvironmentToken, Variables
from installer.config.environments import Environment
from installer.config.settings import Settings
from installer.config.settings_file import load
from installer.engine.reconcile import Apply
from installer.forges.credentials import find
from installer.forges.github.repository import GitHub as Client
from installer.resources.push_key import PushKey
from tests.ci_runner.programs import TOKEN, install
from tests.conftest import Bake
from tests.deployment.workspace import write_program
from tests.github import GitHub
from tests.github import git as on_server
from tests.github.fixtures import blame
from tests.github.git import ZERO
from tests.github.model import DeployKey, Repository
from tests.github.pushes import Push
from tests.github.runs import Run
from tests.github.ssh import obstacle
from tests.installer.bench import Quiet

pytestmark = [pytest.mark.slow, pytest.mark.skipif(obstacle() is not None, reason=str(obstacle()))]
SLUG = "acme/hello-api"
REFUSED = "GH013: Repository rule violations found for refs/heads/env/dev"


@dataclass
class Acme:
    """A private repository of an organisation's, its administrator `octo`, and `mallory`, who may write."""

    served: GitHub
    project: Path
    settings: Settings

    @property
    def repository(self) -> Repository:
        return self.served.repository(SLUG)

    def up(self, **settings: Any) -> None:
        wanted = replace(self.settings, **settings)
        credentials = find(wanted)
        client = Client(wanted.host, credentials.token, wanted.repository)
        keeps = (wanted, client, credentials)
        made = [Variables(*keeps), EnvironmentToken(*keeps), PushKey(wanted, client)]
        Apply(made, Quiet()).run()

    def merge(self, text: str) -> str:
        """Bring a commit to main, and return it."""
        (self.project / "CHANGES").write_text(text)
        for command in ("add CHANGES", f"-c user.name=octo -c user.email=octo@example.com commit -q -m {text}"):
            subprocess.run(["git", *command.split()], cwd=self.project, check=True)
        before = self.served.branches(self.repository).get("main", ZERO)
        fetch = ["git", "fetch", "--quiet", str(self.project), "+HEAD:refs/heads/main"]
        subprocess.run(fetch, cwd=self.repository.git, check=True)
        head = self.served.branches(self.repository)["main"]
        octo = self.served.tokens[os.environ["GH_TOKEN"]]
        self.served.hosting.pushed(Push(self.repository, octo), [(before, head, "refs/heads/main")])
        return head

    def run_of(self, workflow: str, sha: str) -> Run:
        return self.served.wait_for_run(SLUG, workflow=workflow, sha=sha, timeout=240)

    def attack(self, token: str, branch: str = "env/dev") -> subprocess.CompletedProcess[str]:
        """Push a chart to a branch, on top of what is there, as who has this token."""
        tip = self.served.branches(self.repository).get(branch)
        tree = on_server.git(self.repository.git, "mktree", stdin="") if tip is None else f"{tip}^{{tree}}"
        tree = on_server.git(self.repository.git, "rev-parse", tree)
        made = on_server.commit_tree(self.repository.git, tree, [tip] if tip else [], "Mine\n", ("m", "m@example.com"))
        subprocess.run(["git", "fetch", "--quiet", str(self.repository.git), made], cwd=self.project, check=True)
        command = ["git", "push", f"https://x-access-token:{token}@github.com/{SLUG}", f"{made}:refs/heads/{branch}"]
        return subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)

    def records(self) -> str:
        return self.served.file(SLUG, "env/dev", "image.yaml") or ""


@pytest.fixture
def acme(bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Acme]:
    project = shutil.copytree(bake().path, tmp_path / "clone")
    with GitHub.serve(runner_env=install(tmp_path / "bin")) as github, github.ssh() as ssh:
        led = f"-o HostKeyAlias=github.com -o Hostname=127.0.0.1 -o Port={ssh.port}"
        write_program(tmp_path / "bin/ssh", f'#!/bin/sh\nexec /usr/bin/ssh {led} "$@"\n')
        for login in ("octo", "mallory"):
            github.user(login)
        github.organization("acme", plan="team", members={"octo": "admin", "mallory": "member"})
        token = github.token("octo")
        own = {"GH_TOKEN": token, "REGISTRY_TOKEN": TOKEN, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
        for name, value in {**github.env, **own}.items():
            monkeypatch.setenv(name, value)
        made = github.hosting.create(github.tokens[token], "acme", "hello-api", private=True, description=None)
        made.collaborators["mallory"] = "write"
        settings = replace(load(project), owner="acme", visibility="private")
        assert settings.repository == SLUG
        yield Acme(github, project, settings)
        blame(github)


def test_workflows_of_main_push_to_env_dev_and_nobody_else_does(acme: Acme) -> None:
    acme.up(deploy_from="main")
    job_elsewhere = acme.served.token("octo", "run", permissions={"contents": "write"}, repositories=[SLUG])
    others = [acme.served.token("mallory"), os.environ["GH_TOKEN"], job_elsewhere]
    for token in others:
        assert REFUSED in acme.attack(token).stderr, "nor makes it"

    first = acme.merge("one")
    run = acme.run_of("deploy.yml", first)
    assert run.conclusion == "success", run.log
    assert first in acme.records()
    assert [each.who for each in acme.served.changes if "refs/heads/env/dev" in each.what] == [
        f"deploy key gitops-flask: https://github.com/{SLUG} pushes to env/dev"
    ]
    assert "PRIVATE KEY" not in run.log
    for token in others:
        refused = acme.attack(token).stderr
        assert REFUSED in refused
        assert "Cannot update this protected ref." in refused
    assert first in acme.records()

    second = acme.merge("two")
    assert acme.run_of("deploy.yml", second).conclusion == "success"
    assert second in acme.records()
    subprocess.run(["gh", "workflow", "run", "rollback.yml", "--repo", SLUG, "-f", "why=bad"], check=True)
    run = acme.served.wait_for_run(SLUG, workflow="rollback.yml", timeout=240)
    assert run.conclusion == "success", run.log
    assert first in acme.records()
    assert [each.workflow for each in acme.repository.runs if each.ref == "refs/heads/env/dev"] == [], "and no loop"


@pytest.mark.all
def test_a_promotion_is_pushed_with_the_same_key_and_by_nobody_else(acme: Acme) -> None:
    two = (Environment("dev", acme.settings.namespace), Environment("test", "hello-test", "dev"))
    acme.up(deploy_from="main", environments=two)
    text = re.sub(r"\n  namespace: \"?hello-api-dev.*", "", (acme.project / "gitops.yaml").read_text())
    its = f"environments: {{dev: {{namespace: {two[0].namespace}}}, test: {{namespace: hello-test, from: dev}}}}\n"
    (acme.project / "gitops.yaml").write_text(text + its)
    (acme.project / "deploy/test.yaml").write_text("replicaCount: 1\n")
    assert load(acme.project).environments == two
    subprocess.run(["git", "add", "--all"], cwd=acme.project, check=True)
    revision = acme.merge("one")
    run = acme.run_of("deploy.yml", revision)
    assert run.conclusion == "success", run.log
    mine = acme.attack(acme.served.token("mallory"), "env/test")
    assert "GH013: Repository rule violations found for refs/heads/env/test" in mine.stderr
    promote = ["gh", "workflow", "run", "promote.yml", "--repo", SLUG]
    for options, outcome in ((["-f", "init=true"], "promote: done"), ([], "promote: already there")):
        subprocess.run([*promote, *options], check=True)
        run = acme.served.wait_for_run(SLUG, workflow="promote.yml", timeout=240)
        assert run.conclusion == "success", run.log
        assert outcome in run.log
    assert revision in (acme.served.file(SLUG, "env/test", "image.yaml") or "")
    dev, test = acme.repository.deployments.values()
    assert [(each.environment, each.state) for each in (dev, test)] == [("dev", "in_progress"), ("test", "in_progress")]
    subprocess.run(["gh", "workflow", "run", "rollback.yml", "--repo", SLUG, "-f", "environment=test"], check=True)
    run = acme.served.wait_for_run(SLUG, workflow="rollback.yml", timeout=240)
    assert "nothing to roll back to: before" in run.log, "of env/test, not of env/dev"


@pytest.mark.all
def test_switched_off_the_jobs_own_token_pushes_again_and_a_lost_key_is_reported(acme: Acme) -> None:
    acme.up(deploy_from="main")
    (number,) = acme.repository.keys
    lost = acme.repository.keys.pop(number)
    acme.served.changed("octo", "the key was deleted")
    acme.repository.keys[number] = DeployKey(lost.title, "ssh-ed25519 AAAA", read_only=False, id=number)
    first = acme.merge("one")
    run = acme.run_of("deploy.yml", first)
    assert run.conclusion == "failure"
    assert "Permission denied (publickey)" in run.log
    assert "May this deploy key write to it?" in run.log

    acme.up(deploy_from="anywhere")
    assert "env/dev" not in acme.served.branches(acme.repository)
    assert not acme.attack(acme.served.token("mallory")).returncode, "so the refusals above are the rule's doing"
    acme.served.hosting.delete_branch(acme.repository, acme.served.tokens[os.environ["GH_TOKEN"]], "env/dev")
    assert not acme.repository.keys
    assert not acme.repository.rulesets
    second = acme.merge("two")
    subprocess.run(["gh", "workflow", "run", "deploy.yml", "--repo", SLUG, "-f", "init=true"], check=True)
    run = acme.served.wait_for_run(SLUG, workflow="deploy.yml", event="workflow_dispatch", timeout=240)
    assert run.conclusion == "success", run.log
    assert second in acme.records()
