"""`try` in a cluster that is there, without an account: to live, a change, a rollback, restarts, two projects, `down`.

The command is the README's, with `--context` and what this cluster needs; kind's own part is in
tests/installer/test_kind_cluster.py.
"""

from collections.abc import Callable, Iterator

import pytest

from .actors import eventually
from .built_image import registry_image
from .laptop import Laptop, a_laptop
from .plugin import FAILED, SECONDS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
REGISTRY = "gitops-flask-registry"


@pytest.fixture(scope="module")
def laptop_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    folder = tmp_path_factory.mktemp("try")
    laptop = a_laptop(folder, registry_image(folder / "registry"))
    yield laptop
    if laptop.broken:  # leave a cluster in which the next test can start
        # the first one made Argo CD, and removes it once no other uses it
        for project in sorted((path.parent for path in laptop.developer.home.glob("*/gitops.yaml")), reverse=True):
            laptop.enter(project.name)
            laptop.type("down", "--yes", *laptop.all_of_it, check=False)


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
    laptop.type("down", "--yes", *laptop.all_of_it)
    assert laptop.kubectl("get", "secrets", "--namespace", "argocd", "--selector", "owner=helm", "-o", "name") == ""
    eventually("the namespace's end", lambda: REGISTRY not in laptop.kubectl("get", "namespaces", "-o", "name"), 60)
    left = laptop.kubectl("get", "deployments,services,pvc", "--namespace", "argocd", "--output", "name")
    assert "-git" not in left
