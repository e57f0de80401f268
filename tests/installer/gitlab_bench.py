"""A workbench for GitLab's half: a stand-in, a folder with a pipeline, and a project in whatever state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from installer.ci.gitlab_ci import GitLabCI
from installer.config.settings import Settings
from installer.engine.reconcile import Apply, plan
from installer.engine.resource import Resource
from installer.forges.credentials import find
from installer.forges.git import Clone
from installer.project.project import FORGE_KINDS
from installer.resources.initial_push import FirstDeployment, InitialPush
from installer.resources.repository_credential import RepositoryCredential
from installer.resources.webhook import Webhook
from tests.called import Called, as_argo_cd, called
from tests.github.git import git as on_server
from tests.gitlab import GitLab as StandIn
from tests.gitlab.model import Project, Token

from . import cluster as fakes
from .bench import ARGOCD, REGISTRY_TOKEN, Helm, kept
from .clones import start
from .cluster import Quiet
from .shells import export

SETTINGS = replace(
    Settings("Web", "web", "A service", "gitlab.com", "acme", "private", "docker.io", "acme", "web-dev"),
    scm="gitlab",
    ci="gitlab-ci",
)
CALLING = replace(SETTINGS, argocd_url=f"https://{ARGOCD}")
"""Where GitLab reaches Argo CD."""
PIPELINE = """
workflow: {rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]}
variables: {ACTION: deploy}
deploy: {script: ["echo deploys nothing"]}
"""


def a_project(folder: Path, pipeline: str = PIPELINE) -> Path:
    """Make a project with one commit and a pipeline."""
    folder.mkdir(parents=True)
    (folder / ".gitlab-ci.yml").write_text(pipeline)
    (folder / "gitops.yaml").write_text("version: 1\nproject: {slug: web}\n")
    return start(folder)


@dataclass
class Bench:
    """One project at one GitLab; `token` is the developer's."""

    gitlab: StandIn
    folder: Path
    token: str
    settings: Settings = SETTINGS
    cluster: fakes.Cluster = field(default_factory=fakes.Cluster)
    patience: float = 20
    """Seconds for a pipeline to show up: gitlab-ci-local looks at the file before it does."""
    server: Called = field(init=False)

    def __post_init__(self) -> None:
        self.helm = Helm(self.cluster)

    @classmethod
    def of(cls, gitlab: StandIn, folder: Path, settings: Settings = SETTINGS, patience: float = 20) -> "Bench":
        """Make octo's, who owns the group acme."""
        gitlab.user("octo")
        gitlab.group("acme", members={"octo": 50})
        return cls(gitlab, a_project(folder / "web"), gitlab.token("octo"), settings, patience=patience)

    @contextmanager
    def argo_cd(self, folder: Path) -> Iterator[None]:
        """Serve what Argo CD does for GitLab, with the secret that the cluster keeps."""
        with called(folder, ARGOCD) as self.server:
            self.server.answer = lambda came: as_argo_cd(kept(self.cluster, "web-webhook", "secret"))(came)
            self.gitlab.webhooks.leads(ARGOCD, self.server.address)
            self.gitlab.webhooks.trusts(self.server.ca)
            yield

    @property
    def project(self) -> Project:
        return self.gitlab.project("acme/web")

    def use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead every client in this process and below it here."""
        environment = {
            **self.gitlab.env,
            "GITLAB_TOKEN": self.token,
            "REGISTRY_TOKEN": REGISTRY_TOKEN,
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        export(monkeypatch, environment)

    def resources(self) -> dict[str, Resource[Any]]:
        """Make the resources that ask GitLab anew, as each run does."""
        settings, kind = self.settings, FORGE_KINDS["gitlab"]
        credentials = find(settings)
        host: Any = kind.connect(settings, credentials)
        edges: Any = (self.cluster, self.helm)
        ci = GitLabCI(settings, host, credentials)
        made: list[Resource[Any]] = [
            kind.repository(settings, host, credentials),
            *ci.resources(),
            kind.rules(settings, host, (), ""),
            InitialPush(
                *(settings, host, credentials.login, Clone(self.folder)),
                allows_initial_push=partial(kind.allows_initial_push, host),
            ),
            fakes.at_once(FirstDeployment(settings, host, ci), self.patience),
            RepositoryCredential(settings, *edges, kind.keys(host)),
            Webhook(settings, *edges, kind.webhooks(host, settings)),
        ]
        return {resource.key: resource for resource in made}

    def apply(self, *keys: str) -> list[str]:
        resources = self.resources()
        chosen = [resources[key] for key in keys or resources]
        run = Apply(chosen, Quiet())
        run.run()
        return run.done

    def differences(self) -> dict[str, tuple[str, ...]]:
        """Return what a plan would change, by resource; a deployment is another's work."""
        planned = plan([each for key, each in self.resources().items() if key != "deployment"])
        return {p.resource.key: tuple(f.name for f in p.change.fields) for p in planned if p.change}

    # --- what is there before ------------------------------------------------------------------

    def set_up(self, given: str) -> None:
        """Begin anew: `nothing`, an `empty` project, a `filled` one, or one where all was `changed`."""
        self.gitlab.faults.clear()
        self.gitlab.runner.forget()
        self.gitlab.changes.clear()
        self.gitlab.projects.clear()
        self.cluster.objects.clear()
        self.helm.there = []
        if given == "nothing":
            return
        token: Token = self.gitlab.tokens[self.token]
        about = {"path": "web", "name": "web", "namespace_id": self.gitlab.groups["acme"].id, "visibility": "private"}
        self.gitlab.hosting.create(token, about)
        if given == "empty":
            return
        on_server(self.project.git, "fetch", "--quiet", str(self.folder), "main:main")
        self.apply("repository")  # a deployment comes after its settings: a pipeline takes no variables without them
        if given == "changed":
            self.apply("rules", "variables", "registry-token", "push-access", "credential", "webhook")
            self.change()

    def change(self) -> None:
        """Change everything behind the installer's back."""
        project = self.project
        project.visibility, project.description = "public", "Mine"
        project.settings["only_allow_merge_if_pipeline_succeeds"] = False
        project.variables["REGISTRY_USERNAME"].value = "mallory"
        del project.variables["REGISTRY_TOKEN"]
        project.protections["main"].push = 40
        project.protections["env/dev"].allow_force_push = True
        project.settings["ci_push_repository_for_job_token_allowed"] = False
        project.keys.clear()
        for hook in project.hooks.values():
            hook.push_events = False
