"""Two owners, one slug, one cluster: the second is told whose everything is, and the first never notices."""

import threading
from collections.abc import Iterator

import pytest

from installer.cluster.objects import digest
from installer.resources.argocd import DEFAULT_PROJECT, RELEASE

from .neighbours import Project, Street, live, street
from .test_cluster_half import kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
SLUG = "clu-two"
KINDS = (
    "namespaces,secrets,applications.argoproj.io,appprojects.argoproj.io,deployments,serviceaccounts,roles,rolebindings"
)
MINE, THEIRS = f"https://github.com/octocat/{SLUG}", f"https://github.com/acme/{SLUG}"
MARKED = f"--selector=gitops-flask/repository in ({digest(MINE)},{digest(THEIRS)})"


class Asked:
    """Asks the first one's service all the time, and remembers whatever it did not answer."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self.asked, self.wrong = 0, set[str]()
        self._thread.start()

    def _ask(self) -> None:
        while not self._stop.wait(0.5):
            self.asked += 1
            self.wrong |= self._project.service.revisions() ^ {self._project.revision}

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("street")) as opened:
        try:
            yield opened
        finally:
            opened.sweep((SLUG, f"{SLUG}-other"), f"{SLUG}-dev", f"{SLUG}-other-dev")


@pytest.fixture(scope="module")
def first(here: Street) -> Project:
    """The project of acme's, live."""
    project = here.project("acme", SLUG, "a")
    project.verb("up", "--yes")
    live(project)
    return project


@pytest.fixture(scope="module")
def second(here: Street, first: Project) -> Project:
    """The project of octocat's with the same slug, which has only been pushed."""
    return here.project("octocat", SLUG, "b")


@pytest.fixture(scope="module")
def asked(first: Project) -> Iterator[Asked]:
    asks = Asked(first)
    yield asks
    asks.end()


def state(here: Street) -> str:
    """Return all that was made for either, as the cluster keeps it."""
    found = kubectl("get", KINDS, "--all-namespaces", MARKED, "--output=json")
    return "\n".join(line for line in found.splitlines() if "uid" in line)


def test_everything_of_the_first_says_whose_it_is(here: Street, first: Project) -> None:
    marked = here.found(KINDS, "--all-namespaces", MARKED)
    for name in (f"namespace/{SLUG}-dev", f"secret/{SLUG}-repo", f"deployment.apps/{SLUG}-dev-watcher"):
        assert name in marked
    labelled = {name.rpartition("/")[2] for name in marked if "sh.helm.release.v1" in name}
    assert len(labelled) == len(here.releases("argocd")), "each release is marked too, Argo CD's own among them"
    said = kubectl("get", "application", f"{SLUG}-dev", "--namespace=argocd", "--output=yaml")
    assert f"gitops-flask/address: {THEIRS}" in said
    variables = here.github.repository(f"acme/{SLUG}").variables
    assert variables["GITOPS_FLASK"].value == THEIRS
    assert [key.title for key in here.github.repository(f"acme/{SLUG}").keys.values()] == [f"gitops-flask: {THEIRS}"]


def test_plan_blocks_what_another_repository_made_with_both_addresses(second: Project, asked: Asked) -> None:
    planned = second.planned()
    for key in ("namespace", "credential", "application", "watcher"):
        assert planned[key]["action"] == "blocked"
        assert f"belongs to {THEIRS}, and this is {MINE}" in planned[key]["note"]
        assert "another project.slug (or cluster.namespace)" in planned[key]["fix"]
    assert planned.get("argocd") is None, "an Argo CD is for all"
    second.verb("plan", "--exit-code", code=1)


def test_up_changes_nothing(here: Street, second: Project, asked: Asked) -> None:
    before, changes = state(here), len(here.github.changes)
    told = second.verb("up", "--yes", code=1)
    assert "Nothing was changed." in told
    assert f"belongs to {THEIRS}, and this is {MINE}" in told
    assert state(here) == before
    assert len(here.github.changes) == changes


def test_status_and_doctor_say_so_too(second: Project, asked: Asked) -> None:
    parts = {part["key"]: part for part in second.document("status", code=1)["parts"]}
    assert not parts["application"]["healthy"]
    assert f"belongs to {THEIRS}, and this is {MINE}" in parts["application"]["state"]
    problems = [each for each in second.document("doctor", code=1)["findings"] if each["level"] == "problem"]
    assert any(f"belongs to {THEIRS}, and this is {MINE}" in each["what"] for each in problems)


def test_down_of_the_second_leaves_everything_of_the_first(here: Street, second: Project, asked: Asked) -> None:
    before = state(here)
    told = second.verb("down", "--yes")
    assert f"AppProject {SLUG}-dev in argocd belongs to {THEIRS}, and this is {MINE}" in told
    assert f"namespace {SLUG}-dev: Namespace {SLUG}-dev belongs to {THEIRS}" in told.partition("Stays on purpose:")[2]
    second.verb("down", "--argocd", "--yes")
    assert state(here) == before


def test_a_release_alone_is_not_taken_over_either(here: Street, first: Project, second: Project, asked: Asked) -> None:
    kubectl("delete", "secret", f"{SLUG}-repo", "--namespace=argocd")
    change = second.planned()["credential"]
    assert (change["action"], f"belongs to {THEIRS}" in change["note"]) == ("blocked", True)
    assert "release" in change["note"]
    first.verb("up", "--yes")


def test_under_another_slug_and_namespace_both_run_and_the_first_one_goes_alone(
    here: Street, first: Project, asked: Asked
) -> None:
    third = here.project("octocat", f"{SLUG}-other", "c")
    third.verb("up", "--yes")
    live(third)
    assert asked.asked > 20
    assert asked.wrong == set(), "the first one answered all along"
    asked.end()
    first.verb("down", "--yes")
    assert third.answers()
    assert here.found("namespace", f"{SLUG}-dev") == []
    third.verb("down", "--yes")
    assert here.found("applications.argoproj.io", "--namespace=argocd") == []
    stays = {("argocd", RELEASE), ("argocd", DEFAULT_PROJECT)}
    assert here.releases("argocd") == stays, "the Argo CD that the first one made"
    first.verb("down", "--argocd", stdin="argocd\n")
    assert here.releases("argocd") == set()
