"""Every request of GitLab's half against every fault: success after a bounded retry, or one message with its fix."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from installer.support.errors import InstallerError
from tests.github.faults import Fault
from tests.gitlab import GitLab as StandIn
from tests.gitlab.ci_local import Place
from tests.gitlab.fixtures import blame

from .fault_table import ALWAYS, Asked, Case
from .gitlab_bench import CALLING, Bench
from .meeting import meet, no_rests

pytestmark = pytest.mark.slow

P = r"^/api/v4/projects/acme%2Fweb"
ASKED = [
    Asked("GET", rf"{P}$", "repository", "nothing"),
    Asked("GET", r"/namespaces/acme$", "repository", "nothing"),
    Asked("POST", r"/api/v4/projects$", "repository", "nothing"),
    Asked("PUT", rf"{P}$", "repository", "changed"),
    Asked("GET", rf"{P}/protected_branches\?", "rules", "empty"),
    Asked("POST", rf"{P}/protected_branches$", "rules", "empty"),
    Asked("DELETE", rf"{P}/protected_branches/main$", "rules", "changed"),
    Asked("GET", rf"{P}/variables\?", "variables", "empty"),
    Asked("POST", rf"{P}/variables$", "variables", "empty"),
    Asked("PUT", rf"{P}/variables/REGISTRY_USERNAME$", "variables", "changed"),
    Asked("GET", rf"{P}/variables\?", "registry-token", "empty"),
    Asked("POST", rf"{P}/variables$", "registry-token", "empty"),
    Asked("GET", r"/api/v4/version$", "push-access", "empty"),
    Asked("GET", rf"{P}/access_tokens\?", "push-access", "empty"),
    Asked("PUT", rf"{P}$", "push-access", "empty"),
    Asked("GET", rf"{P}/repository/branches/main$", "initial-push", "empty"),
    Asked("GET", r"^/acme/web\.git/info/refs\?", "initial-push", "empty"),
    Asked("POST", r"^/acme/web\.git/git-receive-pack$", "initial-push", "empty"),
    Asked("GET", rf"{P}/repository/branches/env%2Fdev$", "deployment", "filled"),
    Asked("GET", rf"{P}/pipelines\?", "deployment", "filled"),
    Asked("POST", rf"{P}/pipeline$", "deployment", "filled"),
    Asked("GET", rf"{P}/deploy_keys\?", "credential", "filled"),
    Asked("POST", rf"{P}/deploy_keys$", "credential", "filled"),
    Asked("GET", rf"{P}/hooks\?", "webhook", "filled"),
    Asked("POST", rf"{P}/hooks$", "webhook", "filled"),
    Asked("GET", rf"{P}/hooks/\d+/events\?", "webhook", "changed"),
    Asked("DELETE", rf"{P}/hooks/\d+$", "webhook", "changed"),
]
LIMIT = Fault("429", status=429, message="Retry later", headers={"Retry-After": "2"})
LONG = Fault("429 long", status=429, message="Retry later", headers={"RateLimit-Reset": "{in_an_hour}"})
CASES = [
    Case(Fault("401", status=401, message="401 Unauthorized"), ALWAYS, ("wrong or has expired", "GITLAB_TOKEN")),
    Case(Fault("403", status=403, message="403 Forbidden"), ALWAYS, ("403", "role Maintainer")),
    Case(Fault("404", status=404, message="404 Not Found"), ALWAYS, ("404", "may not see it")),
    Case(Fault("409", status=409, message="Conflict"), ALWAYS, ("409", "run this again")),
    Case(Fault("400", status=400, message="is not valid"), ALWAYS, ("400", "does not accept these values")),
    Case(LIMIT, 1, ("rate limit",)),
    Case(LIMIT, ALWAYS, ("rate limit", "run this again then")),
    Case(LONG, ALWAYS, ("rate limit", "run this again then")),
    Case(Fault("500", status=500, message="500 Internal Server Error"), 1, ("500",)),
    Case(Fault("502", status=502, message="Bad Gateway", html=True), ALWAYS, ("502", "status.gitlab.com")),
    Case(Fault("login page", status=200, message="Please log in", html=True), ALWAYS, ("proxy or a login page",)),
    Case(Fault("time-out", "hangs"), 1, ("Check the network",)),
    Case(Fault("cut", "cut"), ALWAYS, ("Check the network", "un this again")),
    Case(Fault("lost answer", "lost"), 1, ("Check the network", "un this again")),
]
TABLE = [(asked, case) for asked in ASKED for case in CASES]
SAMPLE = 4 * (len(CASES) + 1)  # another fault for every fourth request


def looked_at_once() -> Callable[..., list[dict[str, Any]]]:
    """Remember what gitlab-ci-local says of a file: it takes longer than these tests wait for an answer."""
    look, told = Place.look, dict[str, list[dict[str, Any]]]()

    def remembered(place: Place, more: Mapping[str, str]) -> list[dict[str, Any]]:
        text = (place.folder / "ci.yml").read_text()
        return told.get(text) or told.setdefault(text, look(place, more))

    return remembered


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with (
        StandIn.serve("gitlab.com", runners=()) as gitlab,  # jobs wait: no test here needs one
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(Place, "look", looked_at_once())
        bench = Bench.of(gitlab, tmp_path_factory.mktemp("web"), CALLING, patience=1)
        with bench.argo_cd(tmp_path_factory.mktemp("argocd")):
            bench.use(patch)
            bench.set_up("filled")
            bench.apply("deployment")  # the one time that it is looked at
            yield bench
        blame(gitlab)


@pytest.fixture
def bench(opened: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    opened.use(monkeypatch)
    return opened


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    return no_rests(monkeypatch)


def meets(bench: Bench, asked: Asked, case: Case, waits: list[float]) -> None:
    def told(text: str) -> None:
        check_reported(asked, case, text)

    old_way, no = r"^/acme/web\.git/(HEAD|objects|info/refs$)", is_a_no(asked, case)
    meet(bench, bench.gitlab.faults, asked, case, waits, old_way=old_way, told=told, no=no)
    check_reconciled(bench, asked)


def is_a_no(asked: Asked, case: Case) -> bool:
    """Tell whether the fault is an answer that has a meaning here: not there, or done all the same."""
    done = case.fault.name == "cut" and asked.method == "POST" and asked.path.endswith(("projects$", "pack$"))
    return done or (case.fault.status == 404 and asked.method in ("GET", "DELETE"))


def check_reported(asked: Asked, case: Case, told: str) -> None:
    by_git = asked.path.startswith("^/acme")
    assert case.times > 1 or asked.method == "POST" or by_git, f"one fault should have passed: {told}"
    if not (case.fault.status == 404 and asked.method in ("GET", "DELETE")):  # then what came next was told
        words = case.words if not by_git else ("run this again",) if case.fault.status in (200, 502) else ()
        for word in words:
            assert word.lower() in told.lower(), told
        cause, fix = told.split("→")
        assert cause.strip()
        assert fix.strip()


def check_reconciled(bench: Bench, asked: Asked) -> None:
    resource = bench.resources()[asked.key]
    change = resource.diff(resource.observe())
    if asked.key == "deployment":  # ends with a pipeline under way; the branch is that pipeline's work
        assert bench.project.pipelines
    else:
        assert change is None
    assert len(bench.gitlab.projects) == 1
    assert len(bench.project.keys) <= 1


@pytest.mark.all
@pytest.mark.parametrize(("asked", "case"), TABLE, ids=lambda each: str(each).replace("\\", ""))
def test_any_fault_is_survived_or_reported_and_the_next_run_reconciles(
    bench: Bench, waits: list[float], asked: Asked, case: Case
) -> None:
    meets(bench, asked, case, waits)


@pytest.mark.parametrize(("asked", "case"), TABLE[::SAMPLE], ids=lambda each: str(each).replace("\\", ""))
def test_a_sample_of_the_faults_is_survived_or_reported(
    bench: Bench, waits: list[float], asked: Asked, case: Case
) -> None:
    meets(bench, asked, case, waits)


def test_a_token_is_not_taken_along_to_another_host(bench: Bench, tmp_path: Path) -> None:
    bench.set_up("empty")
    away = Fault("away", status=302, headers={"Location": "https://login.example.com/"})
    bench.gitlab.faults.order(away, "GET", rf"{P}/variables")
    with pytest.raises(InstallerError, match=r"it leads to https://login\.example\.com/"):
        bench.apply("variables")
    assert not [asked for asked in bench.gitlab.requests if asked.host != "gitlab.com"]
