"""`try` in a cluster that is there, without an account: to live, a change, a rollback, restarts, two projects, `down`.

The command is the README's, with `--context` and what this cluster needs; kind's own part is in
tests/installer/test_kind_cluster.py.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.documented import README, commands

from .actors import Developer, Service, eventually
from .built_image import registry_image
from .plugin import FAILED, SECONDS
from .stage import PASSED_ON

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
REGISTRY = "gitops-flask-registry"


@dataclass
class Laptop:
    """Somebody with Docker, a cluster and no account."""

    developer: Developer
    context: str
    image: str
    record: Callable[[str, float], None] = lambda *_: None
    broken: str = ""
    revisions: list[str] = field(default_factory=list)

    def try_(self, *answers: str) -> str:
        """Run the README's command; return what it says."""
        (typed,) = [line for line in commands(README) if " try " in line]
        words = typed.removeprefix("uv run --no-dev ").split()
        words[words.index("..")] = "."
        here = ("--context", self.context, "--confirm-context", self.context, "--registry-image", self.image, "--yes")
        program = str(Path(sys.executable).with_name(words[0]))
        return self.developer.run(program, *words[1:], *here, *answers, cwd=self.developer.home).stdout

    def enter(self, slug: str) -> None:
        self.developer.project = self.developer.home / slug

    def type(self, *words: str, check: bool = True) -> str:
        """Run a command in the project's folder, and return what it says."""
        program = str(Path(sys.executable).with_name("gitops-flask"))
        done = self.developer.run(program, *words, check=check)
        return done.stdout + done.stderr

    @property
    def slug(self) -> str:
        return self.developer.project.name

    def live(self) -> set[str]:
        return Service(self.developer, self.slug, f"{self.slug}-dev").revisions()

    def kubectl(self, *words: str) -> str:
        return self.developer.run("kubectl", *words).stdout.strip()

    def restart(self, name: str, namespace: str) -> None:
        self.kubectl("rollout", "restart", f"deployment/{name}", "--namespace", namespace)
        self.kubectl("rollout", "status", f"deployment/{name}", "--namespace", namespace, "--timeout=180s")

    def timed(self, what: str, words: Callable[[], str]) -> str:
        began = time.monotonic()
        said = words()
        self.record(what, time.monotonic() - began)
        return said

    def recorded(self) -> dict[str, Any]:
        tree: dict[str, Any] = yaml.safe_load(self.developer.git("show", "origin/env/dev:image.yaml"))
        return tree


@pytest.fixture(scope="module")
def laptop_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("try")
    image = registry_image(folder / "registry")
    home = folder / "home"
    home.mkdir()
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env |= {"HOME": str(home), "NO_COLOR": "1", "UV_CACHE_DIR": str(folder / "uv-cache")}
    env["UV_PYTHON_DOWNLOADS"] = "never"  # uv would ask github.com for one, and that is a stand-in's address here
    env |= {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Dev Eloper"}
    env |= {"GIT_CONFIG_KEY_1": "user.email", "GIT_CONFIG_VALUE_1": "dev@example.com"}
    developer = Developer(home, env, home)
    context = developer.run("kubectl", "config", "current-context").stdout.strip()
    laptop = Laptop(developer, context, image)
    yield laptop
    if laptop.broken:  # leave a cluster in which the next test can start
        # the first one made Argo CD, and removes it once no other uses it
        for project in sorted((path.parent for path in home.glob("*/gitops.yaml")), reverse=True):
            developer.project = project
            gone = ("--repository", "--confirm-repository", f"local/{project.name}")
            laptop.type("down", "--yes", *gone, "--argocd", "--confirm-argocd", "argocd", check=False)


@pytest.fixture
def laptop(
    laptop_: Laptop, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Laptop]:
    """Fail where an earlier chapter did; and note what is measured."""
    if laptop_.broken:
        pytest.fail(f"an earlier chapter failed: {laptop_.broken}")
    laptop_.record = lambda what, seconds: record_property(SECONDS, (f"{what} (try)", seconds))
    yield laptop_
    if request.node.stash.get(FAILED, True):
        laptop_.broken = request.node.name


def test_one_command_ends_with_a_service_that_is_live(laptop: Laptop) -> None:
    said = laptop.timed("try, from nothing to live", laptop.try_)
    laptop.enter("hello-api")
    head = laptop.developer.git("rev-parse", "HEAD")
    assert f"Live: every pod of hello-api answers revision {head}." in said
    assert laptop.live() == {head}
    laptop.revisions.append(head)
    for part in ("tests (ci/test)", "image (ci/image)", "record (ci/deploy)", "rollout, until every pod answers"):
        assert part in said
    assert "Make it real:" in said
    address = laptop.kubectl(
        "get", "application", "hello-api-dev", "-n", "argocd", "-o", "jsonpath={.spec.source.repoURL}"
    )
    assert address == "git://hello-api-git.argocd.svc:9418/local/hello-api.git"
    assert address == laptop.developer.git("remote", "get-url", "origin")
    assert laptop.recorded()["image"]["repository"] == "localhost:5001/local/hello-api"


def test_a_second_run_changes_nothing_and_status_is_healthy(laptop: Laptop) -> None:
    assert "Nothing to change." in laptop.try_()
    said = laptop.type("status")
    assert "✗" not in said
    assert "secrets" not in said


def test_the_daemon_takes_no_push_and_what_is_pushed_goes_through_the_kubeconfig(laptop: Laptop) -> None:
    url = "git://hello-api-git.argocd.svc:9418/local/hello-api.git"
    commit = "git -c user.name=x -c user.email=x commit --quiet --allow-empty --message x"
    script = f"cd /tmp && git init --quiet x && cd x && {commit} && git push {url} HEAD:refs/heads/x"
    pod = ("kubectl", "exec", "--namespace", "argocd", "deployment/hello-api-git", "--")
    done = laptop.developer.run(*pod, "bash", "-c", script, check=False)
    assert done.returncode != 0
    assert "access denied" in done.stderr


def change(laptop: Laptop, text: str) -> str:
    module = laptop.developer.project / "src/hello_api/example.py"
    module.write_text(f"{module.read_text()}\n\n# {text}\n")
    return laptop.developer.commit(text)


def test_a_change_is_live_by_a_second_command(laptop: Laptop) -> None:
    second = change(laptop, "Say it again")
    said = laptop.timed("deploy, a second deployment to live", lambda: laptop.type("deploy"))
    assert f"Live: every pod of hello-api answers revision {second}." in said
    assert laptop.live() == {second}
    laptop.revisions.append(second)


def test_a_rollback_holds_and_its_release_brings_the_head_back(laptop: Laptop) -> None:
    first, second = laptop.revisions
    laptop.type("rollback", "--yes", "--why", "orders fail")
    assert laptop.live() == {first}
    assert "is held by" in laptop.type("deploy", check=False)
    laptop.type("rollback", "--release-hold", "--yes")
    assert laptop.live() == {second}


@pytest.mark.all
def test_after_a_restart_of_the_git_server_up_gives_it_back_what_it_lost_a_hold_included(laptop: Laptop) -> None:
    first, second = laptop.revisions
    laptop.type("rollback", "--yes", "--why", "orders fail")
    laptop.restart("hello-api-git", "argocd")
    laptop.type("up", "--yes")
    assert laptop.live() == {first}
    assert "orders fail" in laptop.type("status")
    laptop.type("rollback", "--release-hold", "--yes")
    assert laptop.live() == {second}


@pytest.mark.all
def test_after_a_restart_of_the_registry_up_builds_what_it_lost_again(laptop: Laptop) -> None:
    before = laptop.recorded()
    laptop.restart(REGISTRY, REGISTRY)
    said = laptop.type("up", "--yes")
    keeps = bool(laptop.kubectl("get", "pvc", "--namespace", REGISTRY, "--output", "name"))
    assert keeps is not ("it is built again" in said)
    assert laptop.recorded()["revision"] == before["revision"]
    assert laptop.live() == {before["revision"]}
    assert "✗" not in laptop.type("status")


@pytest.mark.all
def test_a_second_project_is_in_the_same_cluster_with_a_git_server_of_its_own(laptop: Laptop) -> None:
    laptop.try_("project_name=Orders")
    laptop.enter("orders")
    assert laptop.live() == {laptop.developer.git("rev-parse", "HEAD")}
    servers = laptop.kubectl("get", "services", "--namespace", "argocd", "--output", "name").split()
    assert {"service/hello-api-git", "service/orders-git"} <= {*servers}
    laptop.enter("hello-api")
    assert laptop.live() == {laptop.revisions[-1]}


@pytest.mark.all
def test_down_keeps_the_repository_and_leaves_the_other_project(laptop: Laptop) -> None:
    laptop.type("down", "--yes")
    laptop.type("up", "--yes")
    assert laptop.live() == {laptop.revisions[-1]}, "what `down` keeps is enough"
    laptop.enter("orders")
    laptop.type("down", "--yes", "--repository", "--confirm-repository", "local/orders")
    assert REGISTRY in laptop.kubectl("get", "namespaces", "--output", "name")
    laptop.enter("hello-api")
    assert laptop.live() == {laptop.revisions[-1]}


def test_with_the_last_repository_nothing_is_left(laptop: Laptop) -> None:
    gone = ("--repository", "--confirm-repository", "local/hello-api", "--argocd", "--confirm-argocd", "argocd")
    laptop.type("down", "--yes", *gone)
    assert laptop.kubectl("get", "secrets", "--namespace", "argocd", "--selector", "owner=helm", "-o", "name") == ""
    eventually("the namespace's end", lambda: REGISTRY not in laptop.kubectl("get", "namespaces", "-o", "name"), 60)
    left = laptop.kubectl("get", "deployments,services,pvc", "--namespace", "argocd", "--output", "name")
    assert "-git" not in left
