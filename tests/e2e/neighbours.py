"""Projects of several owners in one cluster, with all verbs as they are typed; what they deploy takes no build."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from installer.resources.argocd import CRDS, RELEASE
from tests.github import GitHub

from .actors import Developer, Service, eventually
from .ground import DEPLOYMENT, SERVER
from .stage import PASSED_ON, a_shell, at_a_host, trusting
from .variant import public

IMAGE = "docker.io/library/python"
TAG = "3.13-slim-trixie"
WAITS = """on:
  push: {branches: [main]}
  workflow_dispatch: {inputs: {init: {type: boolean}}}
jobs:
  deploy: {runs-on: nowhere, steps: [{run: "true"}]}
"""
Tree = dict[str, Any]


def digest() -> str:
    """Return the digest of the image that every project here deploys."""
    url = f"https://registry-1.docker.io/v2/library/python/manifests/{TAG}"
    accept = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    accept += "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    return str(requests.head(url, headers={"Accept": accept}, timeout=10).headers["Docker-Content-Digest"])


@dataclass
class Project:
    """One project: its folder, its repository, and whoever works on it."""

    developer: Developer
    owner: str
    slug: str
    settings: Tree
    revision: str
    more: Tree = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"https://github.com/{self.owner}/{self.slug}"

    @property
    def namespace(self) -> str:
        return str(self.settings["cluster"]["namespace"])

    @property
    def argocd(self) -> str:
        return str(self.settings["argocd"].get("namespace", "argocd"))

    @property
    def service(self) -> Service:
        return Service(self.developer, self.slug, self.namespace)

    def set(self, section: str, **values: Any) -> None:
        """Change settings in gitops.yaml."""
        self.settings[section] |= values
        self.write()

    def write(self) -> None:
        (self.developer.project / "gitops.yaml").write_text(yaml.safe_dump(self.settings))

    def verb(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """Run a verb; return all that it printed."""
        done = self.developer.installer(*arguments, check=False, stdin=stdin)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def document(self, verb: str, code: int = 0) -> Tree:
        done = self.developer.installer(verb, "--json", check=False)
        assert done.returncode == code, done.stdout + done.stderr
        tree: Tree = json.loads(done.stdout)
        return tree

    def planned(self) -> Tree:
        """Return what a plan says of each resource that is not as it should be."""
        return {each["key"]: each for each in self.document("plan")["resources"] if each["action"] != "keep"}

    def answers(self) -> bool:
        return self.service.revisions() == {self.revision}

    def deploy(self) -> None:
        """Push main and the record of a deployment."""
        folder = self.developer.project
        tree = folder.with_name(f"{folder.name}.deployed")
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "chart/templates").mkdir(parents=True)
        (tree / "deploy").mkdir()
        files: dict[str, Any] = {
            "chart/Chart.yaml": {"apiVersion": "v2", "name": "web", "version": "0.1.0"},
            "deploy/dev.yaml": {"server": SERVER},
            "image.yaml": {
                "image": {"repository": IMAGE, "tag": TAG, "digest": digest()},
                "revision": self.revision,
                "baked": self.revision,
            },
        }
        for name, content in files.items():
            (tree / name).write_text(json.dumps(content))
        image = "{{ .Values.image.repository }}@{{ .Values.image.digest }}"
        template = DEPLOYMENT.replace("{{ .Values.image }}", image).replace("replicas: 2", "replicas: 1")
        (tree / "chart/templates/deployment.yaml").write_text(template)
        git = lambda *arguments: self.developer.run("git", *arguments, cwd=tree)  # noqa: E731
        git("init", "--quiet", "--initial-branch=env/dev")
        git("add", "--all")
        git("commit", "--quiet", "--message", "Deploy")
        git("push", "--quiet", self.url, "env/dev")


@dataclass
class Street:
    """A GitHub, a cluster, and who lives there."""

    github: GitHub
    home: Path
    env: dict[str, str]
    trusts: dict[str, str]
    known_hosts: str

    def project(self, owner: str, slug: str, letter: str, *, pushed: bool = True, **sections: Tree) -> Project:
        """Make a project whose service answers forty times that letter."""
        folder = self.home / f"{owner}-{slug}"
        (folder / ".github/workflows").mkdir(parents=True)
        (folder / ".github/workflows/deploy.yml").write_text(WAITS)
        shutil.copy(os.environ["E2E_CA"], folder / "ca.pem")
        settings: Tree = {
            "version": 1,
            "project": {"name": "Neighbour", "slug": slug},
            "github": {"host": "github.com", "owner": owner, "visibility": "private", "ca": "ca.pem"},
            "registry": {"host": "docker.io", "account": "acme", "visibility": "public"},
            "cluster": {"namespace": f"{slug}-dev"},
            "argocd": {"values": {"configs": {"ssh": {"extraHosts": self.known_hosts}}}},
        }
        for section, values in sections.items():
            settings[section] |= values
        developer = Developer(self.home, self.env, folder, self.trusts)
        made = Project(developer, owner, slug, settings, letter * 40)
        made.write()
        developer.git("init", "--quiet", "--initial-branch=main")
        developer.commit("Start")
        if pushed:
            developer.run("gh", "repo", "create", f"{owner}/{slug}", "--private")
            developer.git("push", "--quiet", made.url, "main")
            made.deploy()
        return made

    def helm(self, *arguments: str) -> str:
        return subprocess.run(["helm", *arguments], check=True, capture_output=True, text=True).stdout

    def releases(self, namespace: str = "") -> set[tuple[str, str]]:
        """Return the releases in the cluster, or in a namespace, by namespace and name."""
        where = f"--namespace={namespace}" if namespace else "--all-namespaces"
        return {(each["namespace"], each["name"]) for each in json.loads(self.helm("list", where, "-o", "json"))}

    def found(self, *arguments: str) -> list[str]:
        """Return what kubectl names."""
        return self.kubectl("get", *arguments, "--output=name", "--ignore-not-found").split()

    def kubectl(self, *arguments: str) -> str:
        return subprocess.run(["kubectl", *arguments], check=True, capture_output=True, text=True).stdout

    def sweep(self, slugs: tuple[str, ...], *namespaces: str) -> None:
        """Take away what is left of projects with these slugs, an Argo CD that one of them made included."""
        whose = f"--selector=gitops-flask/project in ({','.join(slugs)})"
        if self.found("crd", CRDS[0]):
            for kind in ("applications.argoproj.io", "appprojects.argoproj.io"):  # a project that goes ends none
                self.kubectl("delete", kind, "--all-namespaces", whose, "--timeout=60s")
        for each in json.loads(self.helm("list", "--all-namespaces", whose, "--output=json")):
            self.helm("uninstall", each["name"], f"--namespace={each['namespace']}")
        self.kubectl("delete", "namespace", *namespaces, "--ignore-not-found")
        if not any(name == RELEASE for _, name in self.releases()):
            self.kubectl("delete", "namespace", "argocd", "--ignore-not-found")
            self.kubectl("delete", "crd", *CRDS, "--ignore-not-found")


@contextmanager
def street(folder: Path) -> Iterator[Street]:
    """Open a GitHub with the owners acme and octocat, and octocat's shell."""
    variant = public()
    certificate, key, ca = variant.certificate(folder)
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    listen = os.environ["E2E_GITHUB_LISTEN"]
    with (
        at_a_host(variant, listen=listen, certificate=(certificate, key), runner_env=environment) as (github, token),
        github.ssh(os.environ["E2E_SSH_LISTEN"]) as ssh,
    ):
        assert isinstance(github, GitHub)
        home = folder / "home"
        home.mkdir()
        env = {**environment, **variant.registry, **a_shell(home, token, variant)}
        yield Street(github, home, env, trusting(ca, folder / "company.pem"), ssh.known_hosts)


def live(project: Project) -> None:
    """Wait until the service answers what was deployed."""
    eventually(f"{project.url} live", project.answers, 120)
