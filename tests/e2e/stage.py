"""What the story plays on: a fork of the template, GitHub's stand-in, a developer, a cluster."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.conftest import GENERATED, ROOT, TEMPLATE
from tests.conftest import PROJECT as PROJECT_FOLDER
from tests.github import Fault, GitHub
from tests.gitlab import GitLab

from .actors import Developer, Service, eventually
from .builders import CHECKS, CI, at_a_ci, press
from .forge import AtGitHub, AtGitLab, Forge
from .variant import Variant, usual

PROJECT, SLUG = "Story API", "story-api"
PASSED_ON = (
    *("PATH", "LANG", "KUBECONFIG", "DOCKER_HOST", "BUILDX_CONFIG", "BUILDX_BUILDER"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "PIP_CERT"),
)


@dataclass
class Stage:
    """The people and things of the story, and what has happened so far."""

    host: GitHub | GitLab
    developer: Developer
    fork: Path
    secrets: list[str]
    variant: Variant
    ci: CI | None = None
    """A CI that is not the code host's own."""
    revisions: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    record: Callable[[str, float], None] = lambda *_: None
    """Takes a row of the table: what, and how many seconds it took."""
    broken: str = ""

    def __post_init__(self) -> None:
        who = lambda: self.developer  # noqa: E731
        checks = {} if self.ci is None else {"checks_are": CHECKS[self.variant.ci]}
        if isinstance(self.host, GitHub):
            self.forge: Forge = AtGitHub(self.host, who, f"acme/{SLUG}", **checks)
        else:
            self.forge = AtGitLab(self.host, who, f"acme/{SLUG}")

    def generate(self, *answers: str, install: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the fork's cookiecutter; with `install` its hook goes on to the first deployment."""
        developer = self.developer
        developer.env["GITOPS_FLASK_INSTALL"] = "yes" if install else "no"
        words = (str(self.fork), "--no-input", f"--output-dir={developer.home}")
        given = (f"project_name={PROJECT}", *(answers or ("owner=acme",)))
        made = developer.run("python", "-m", "cookiecutter", *words, *given, cwd=developer.home)
        developer.project = developer.home / SLUG
        return made

    @property
    def github(self) -> GitHub:
        """The code host, where a story is about GitHub alone."""
        assert isinstance(self.host, GitHub)
        return self.host

    @property
    def repository(self) -> Any:
        return self.github.repository(f"acme/{SLUG}")

    def projects(self) -> set[str]:
        """Name what the code host keeps."""
        return set(self.host.repositories if isinstance(self.host, GitHub) else self.host.projects)

    @property
    def service(self) -> Service:
        return Service(self.developer, SLUG, f"{SLUG}-dev")

    def kubectl(self, *arguments: str, names: bool = False) -> Any:
        """Return kubectl's JSON, or the names in it."""
        found = json.loads(self.developer.run("kubectl", *arguments, "-o", "json").stdout)
        return {item["metadata"]["name"] for item in found["items"]} if names else found

    def releases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.developer.run("helm", "list", "-A", "-o", "json").stdout)
        return found

    def shows(self, *expected: tuple[str, str]) -> None:
        """Assert what the code host shows of the last deployments, where it shows any: commit and state."""
        shown = self.forge.deployments()
        assert shown is None or shown[-len(expected) :] == list(expected)

    def logins(self) -> dict[str, str]:
        """Return what Argo CD reads the repository with, as the cluster keeps it."""
        found: dict[str, str] = self.kubectl("get", "secret", f"{SLUG}-repo", "-n", "argocd")["data"]
        return found

    # --- deployments ----------------------------------------------------------------------------

    @contextmanager
    def without_the_ci(self) -> Iterator[None]:
        """Switch the CI's API off for the length of a block, in which nobody may ask it for anything."""
        of_ci = r"/actions/" if isinstance(self.host, GitHub) else r"/(pipelines?|jobs)([/?]|$)"
        down = Fault("the CI is down", status=503, message="Service Unavailable")
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            self.host.faults.order(down, method, of_ci)
        before = len(self.ci.requests) if self.ci else 0
        if self.ci:
            self.ci.down = True
        try:
            yield
            asked = self.ci.requests[before:] if self.ci else []
            struck = [*self.host.faults.struck, *asked]
            assert not struck, f"somebody asked the CI: {struck}"
        finally:
            self.host.faults.clear()
            if self.ci:
                self.ci.down = False

    def press(self, action: str, **inputs: str) -> None:
        """Do what the CI's own button does: `rollback`, with `to` and `why`, `release`, or `promote`."""
        if self.ci:
            press(self.ci, f"acme/{SLUG}", action, inputs)
        else:
            self.forge.press(action, **inputs)

    def hold(self) -> dict[str, Any]:
        """Return what holds the environment."""
        tree: dict[str, Any] = yaml.safe_load(self.developer.git("show", f"{self.env_head()}:hold.yaml"))
        return tree

    def follow(self, title: str, revision: str) -> None:
        """Time the way of a deployment to live, whoever started it."""
        began = time.monotonic()
        eventually(f"{title}: env/dev commit", lambda: self.deployed()["revision"] == revision, 240)
        eventually(f"{title}: live", lambda: self.service.revisions() == {revision}, 240)
        self.record(f"{title}, to live", time.monotonic() - began)

    def finished(self, branch: str) -> dict[str, str] | None:
        """Return the checks of a pull request's head once none is pending."""
        checks = self.forge.checks(branch)
        there = len(checks) == len(self.forge.checks_are)
        return checks if there and "pending" not in checks.values() else None

    def passed(self, branch: str) -> bool:
        checks = self.finished(branch)
        assert not checks or set(checks.values()) == {"pass"}, checks
        return bool(checks)

    def env_head(self) -> str:
        self.developer.git("fetch", "--quiet", "origin", "env/dev")
        return self.developer.git("rev-parse", "FETCH_HEAD")

    def deployed(self) -> dict[str, Any]:
        """Return image.yaml as it stands on env/dev."""
        tree: dict[str, Any] = yaml.safe_load(self.developer.git("show", f"{self.env_head()}:image.yaml"))
        return tree

    def note(self) -> None:
        """Remember what is deployed now."""
        record = self.deployed()
        self.revisions.append(record["revision"])
        self.digests[record["revision"]] = record["image"]["digest"]

    def merge_and_follow(self, branch: str, title: str) -> str:
        """Merge, and time the way to the image, to env/dev and to live; each is looked at where it happens."""
        began = time.monotonic()
        revision = self.forge.merge(branch)
        for what, there in {
            "image pushed": lambda: self.in_registry(revision),
            "env/dev commit": lambda: self.deployed()["revision"] == revision,
            "live": lambda: self.service.revisions() == {revision},
        }.items():
            eventually(f"{title}: {what}", there, 240)
            self.record(f"{title} → {what}", time.monotonic() - began)
        self.note()
        return revision

    def in_registry(self, tag: str) -> bool:
        env = self.developer.env
        return self.registry_says(tag, (env["REGISTRY_USERNAME"], env["REGISTRY_TOKEN"])) == 200

    def registry_says(self, tag: str, login: tuple[str, str] | None) -> int:
        """Return the status with which the registry answers who asks for an image."""
        url = f"https://registry-1.docker.io/v2/{self.variant.account}/{SLUG}/manifests/{tag}"
        accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"
        return requests.head(url, auth=login, headers={"Accept": accept}, timeout=10).status_code

    def rewrite_image(self, digest: str) -> str:
        """Commit another digest to env/dev manually, as nobody should; return the one that was there."""
        clone = self.developer.home / "by-hand"
        shutil.rmtree(clone, ignore_errors=True)
        self.developer.git("clone", "--quiet", "--branch", "env/dev", f"{self.variant.url}/acme/{SLUG}", str(clone))
        image = clone / "image.yaml"
        before: str = yaml.safe_load(image.read_text())["image"]["digest"]
        image.write_text(image.read_text().replace(before, digest))
        self.developer.run("git", "commit", "--quiet", "--all", "--message", "By hand", cwd=clone)
        self.developer.run("git", "push", "--quiet", cwd=clone)
        return before

    def add_greeting(self, *, right: bool) -> None:
        """Change the service: a new path, and a test that it does or does not pass."""
        module = self.developer.project / "src" / SLUG.replace("-", "_") / "example.py"
        text = module.read_text()
        if "greeting" not in text:
            text += '\n\n@bp.get("/greeting")\ndef greet() -> dict[str, str]:\n'
            text += '    """Say hello."""\n    return {"greeting": "hello"}\n'
            module.write_text(text)
        word = "hello" if right else "goodbye"
        (self.developer.project / "tests" / "test_greeting.py").write_text(
            '"""The greeting."""\n\nfrom flask.testing import FlaskClient\n\n\n'
            "def test_greets(client: FlaskClient) -> None:\n"
            f'    assert client.get("/api/greeting").get_json() == {{"greeting": "{word}"}}\n'
        )


@contextmanager
def open_stage(folder: Path, make: Callable[[], Variant] = usual) -> Iterator[Stage]:
    """Set the stage; everything on it is in this folder, the cluster and the registry."""
    variant = make()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    certificate, key, ca = variant.certificate(folder / "company")
    # what a company's own machines trust; a laptop is its owner's business: `up` gets along without
    knowing = {**environment, **trusting(ca, folder / "company.pem")}
    # uv would ask github.com for the image's Python, and that is the stand-in: the runner has what is installed
    machine = {**knowing, "UV_CACHE_DIR": str(folder / "uv-cache"), "UV_PYTHON_DOWNLOADS": "never"}
    with (
        at_a_host(
            variant,
            listen=os.environ["E2E_GITHUB_LISTEN"],
            certificate=(certificate, key),
            runner_env=machine,
        ) as (host, token),
        host.ssh(os.environ["E2E_SSH_LISTEN"]) as ssh,
        at_a_ci(variant.ci, host, f"acme/{SLUG}", machine, folder / "ci") as (ci, of_ci),
    ):
        home = folder / "home"
        home.mkdir()
        given = {**variant.registry, **reader(host, variant), **of_ci}
        shell = {**environment, **given, **a_shell(home, token, variant)}
        developer = Developer(home, shell, home, trusting(ca, folder / "company.pem"))
        tokens = [token, *(value for name, value in given.items() if name.endswith("TOKEN"))]
        template = fork(folder / "fork", variant, ssh.known_hosts, ca)
        stage = Stage(host, developer, template, tokens, variant, ci)
        try:
            yield stage
        except BaseException:
            stage.broken = "yes"
            raise
        finally:
            if stage.broken:  # leave a cluster in which the next test can start
                developer.installer("down", "--yes", "--argocd", stdin="argocd\n", check=False)


@contextmanager
def at_a_host(variant: Variant, **where: Any) -> Iterator[tuple[GitHub | GitLab, str]]:
    """Serve the code host of a variant, with acme and octocat, and octocat's token."""
    if variant.scm == "gitlab":
        with GitLab.serve(variant.host, version=variant.version, **where) as gitlab:
            gitlab.user("octocat")
            gitlab.group("acme", members={"octocat": 50})
            yield gitlab, gitlab.token("octocat")
        return
    with GitHub.serve(variant.host, labels=variant.labels, **where) as github:
        github.user("octocat")
        github.organization("acme", plan="team", members={"octocat": "admin"})
        yield github, github.token("octocat")


def trusting(ca: Path, bundle: Path) -> dict[str, str]:
    """Return the settings of a machine that trusts a CA beside what this one trusts."""
    here = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
    bundle.write_text(f"{here.read_text()}\n{ca.read_text()}")
    return dict.fromkeys(("SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"), str(bundle))


def reader(host: GitHub | GitLab, variant: Variant) -> dict[str, str]:
    """Return the login by which Argo CD reads over https: it may read this repository and no more."""
    if not (variant.private and variant.access == "https"):
        return {}
    if isinstance(host, GitLab):
        return {"ARGOCD_REPOSITORY_TOKEN": host.token("octocat", scopes=("read_repository",))}
    reads = {"metadata": "read", "contents": "read"}
    token = host.token("octocat", "fine-grained", permissions=reads, repositories=[f"acme/{SLUG}"])
    return {"ARGOCD_REPOSITORY_TOKEN": token}


GITLABS_HELPER = """!f() { test "$1" != get || printf 'username=x\\npassword=%s\\n' "$GITLAB_TOKEN"; }; f"""


def a_shell(home: Path, token: str, variant: Variant) -> dict[str, str]:
    """Return the settings of a developer's shell: gh logged in and git that asks it; or a token that git takes."""
    host, at_gitlab = variant.host, variant.scm == "gitlab"
    for_gh = {"GH_TOKEN": token} if host == "github.com" else {"GH_ENTERPRISE_TOKEN": token, "GH_HOST": host}
    return {
        "HOME": str(home),
        **({"GITLAB_TOKEN": token, "GITLAB_HOST": host} if at_gitlab else for_gh),
        "GH_CONFIG_DIR": str(home / ".config/gh"),
        "GH_TELEMETRY": "false",
        "GIT_CONFIG_COUNT": "3",
        "GIT_CONFIG_KEY_0": f"credential.https://{host}.helper",
        "GIT_CONFIG_VALUE_0": GITLABS_HELPER if at_gitlab else "!gh auth git-credential",
        "GIT_CONFIG_KEY_1": "user.name",
        "GIT_CONFIG_VALUE_1": "Dev Eloper",
        "GIT_CONFIG_KEY_2": "user.email",
        "GIT_CONFIG_VALUE_2": "dev@example.com",
        "GITOPS_FLASK_INSTALL": "yes",
        "UV_CACHE_DIR": str(home.parent / "uv-cache"),
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }


def fork(folder: Path, variant: Variant, host_key: str, ca: Path) -> Path:
    """Fork the template as a company would whose GitHub has a host key and a CA of its own."""
    for name in TEMPLATE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=GENERATED)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / name)
    project = folder / "{{cookiecutter.project_slug}}"
    shutil.copy(ca, project / "ca.pem")
    settings = project / "gitops.yaml"
    values = {"configs": {"ssh": {"extraHosts": host_key}}} if variant.access == "ssh" else {}
    settings.write_text(variant.settle(settings.read_text(), values))
    return folder


def release(template: Path, version: str) -> None:
    """Release a version of a template that changes the Service of the chart, the example in src, and says why."""
    answers = template / "cookiecutter.json"
    answers.write_text(json.dumps(json.loads(answers.read_text()) | {"_generated_by": version}, indent=2))
    heading = "\n## ["
    for file, old, new in (
        (f"{PROJECT_FOLDER}/chart/templates/service.yaml", "protocol: TCP}", "protocol: TCP, appProtocol: http}"),
        (f"{PROJECT_FOLDER}/src/{{{{cookiecutter.__module}}}}/example.py", '"""Example: ', '"""An example: '),
        ("CHANGELOG.md", heading, f"{heading}{version}] - 2026-01-02\n\n- The Service names its protocol.\n{heading}"),
    ):
        text = (template / file).read_text()
        assert old in text, file
        (template / file).write_text(text.replace(old, new, 1))
