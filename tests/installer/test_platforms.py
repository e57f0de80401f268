"""For which machines the CI builds: what the nodes are decides, and who chose otherwise is left alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from installer.ci.external import Named, Shown
from installer.config.settings import Settings
from installer.resources import platforms as architectures
from installer.resources.platforms import Platforms
from installer.support.errors import InstallerError
from installer.support.secret import Secret
from tests.documents import valid
from tests.github.model import Stored

from .cluster import SETTINGS, Cluster, change_of, reconcile
from .ground import Ground
from .typed import Run
from .whole import Helm

ARM = {"PLATFORMS": "linux/arm64"}
NATIVE = {"RUNNER": "ubuntu-24.04-arm", **ARM}
GITLAB = replace(SETTINGS, scm="gitlab", ci="gitlab-ci", host="gitlab.com")


def node(arch: str, *, tainted: bool = False, system: str = "linux") -> dict[str, Any]:
    taints = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}] if tainted else []
    labels = {"kubernetes.io/arch": arch, "kubernetes.io/os": system}
    return {"metadata": {"name": arch, "labels": labels}, "spec": {"taints": taints}}


def nodes(*each: str | dict[str, Any]) -> Cluster:
    made = [node(one) if isinstance(one, str) else one for one in each]
    return Cluster({("nodes", str(number)): one for number, one in enumerate(made)})


@dataclass
class Variables:
    """A CI's variables, and what was done to them, in order."""

    there: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def variables(self) -> dict[str, str]:
        return dict(self.there)

    def set_variable(self, name: str, value: str, known: Mapping[str, str]) -> None:
        self.log.append(f"{name}={value}")
        self.there[name] = value

    def delete_variable(self, name: str) -> bool:
        self.log.append(f"{name} deleted")
        return self.there.pop(name, None) is not None


def change(cluster: Cluster, settings: Settings = SETTINGS, **there: str) -> Any:
    resource = Platforms(settings, Variables(there), cluster)
    return change_of(resource)


def test_on_arm_nodes_githubs_own_arm_machines_build_without_emulation() -> None:
    store = Variables({"SBOM": "x"})
    resource = Platforms(SETTINGS, store, nodes("arm64", "arm64"))
    planned = change_of(resource)
    assert planned.note == "the nodes are arm64: built by GitHub's own ubuntu-24.04-arm, without emulation"
    reconcile(resource)
    assert store.log == ["RUNNER=ubuntu-24.04-arm", "PLATFORMS=linux/arm64"], "a kill in between is seen next time"
    assert change_of(resource) is None
    assert resource.remove() == "deleted PLATFORMS, RUNNER"
    assert store.there == {"SBOM": "x"}


FITS: dict[str, tuple[Cluster, dict[str, str]]] = {
    "the usual": (nodes("amd64"), {}),
    "mixed nodes": (nodes("amd64", "arm64"), {}),
    "arm, native": (nodes("arm64"), NATIVE),
    "arm by a choice of their own": (nodes("arm64"), {"PLATFORMS": "linux/amd64,linux/arm64"}),
    "machines of their own": (nodes("amd64"), {"RUNNER": "company-linux"}),
    "nobody may look": (nodes(), {}),
    "the control plane takes no pods": (nodes("amd64", node("arm64", tainted=True)), {"PLATFORMS": "linux/amd64"}),
    "a Windows node": (nodes("amd64", node("arm64", system="windows")), {}),
}


@pytest.mark.parametrize(("cluster", "there"), FITS.values(), ids=FITS)
def test_what_runs_on_some_node_is_left_as_it_is(cluster: Cluster, there: dict[str, str]) -> None:
    assert change(cluster, **there) is None


def test_a_node_that_is_all_there_is_counts_whatever_its_taints() -> None:
    planned = change(nodes(node("arm64", tainted=True)))
    assert planned.note.startswith("the nodes are arm64:")


def test_the_kubelets_own_word_counts_where_the_label_is_missing() -> None:
    bare = {"metadata": {"name": "x"}, "status": {"nodeInfo": {"architecture": "arm64"}}}
    assert architectures.of_nodes(nodes(bare)) == ("arm64",)  # type: ignore[arg-type]


def test_who_may_not_list_nodes_is_not_stopped() -> None:
    class Forbidden(Cluster):
        def list(self, kind: str, namespace: str | None = None, selector: str = "") -> Any:
            raise InstallerError("nodes is forbidden", "Ask.")

    assert change(Forbidden()) is None


def test_once_the_nodes_are_others_the_machines_are_too() -> None:
    planned = change(nodes("amd64"), **NATIVE)
    assert {each.name: each.new for each in planned.fields} == {"RUNNER": None, "PLATFORMS": "linux/amd64"}


HOW: dict[str, tuple[Settings, str, str]] = {
    "a runner of yours": (
        replace(SETTINGS, runner="company-linux"), "arm64", "company-linux must be such a machine, or have QEMU",
    ),
    "an Enterprise Server": (replace(SETTINGS, host="ghes.test", runner="big"), "arm64", "big must be such a machine"),
    "a runner of GitHub's that was named": (
        replace(SETTINGS, runner="ubuntu-24.04"), "arm64", "ubuntu-24.04 builds that by emulation (QEMU)",
    ),
    "no native machine": (SETTINGS, "s390x", "ubuntu-latest builds that by emulation (QEMU)"),
    "GitLab": (GITLAB, "arm64", "[saas-linux-small-arm64] at gitlab.com), or where the runner's machine has QEMU"),
    "CircleCI": (replace(SETTINGS, ci="circleci"), "arm64", "natively with resource_class: arm.medium in .circleci"),
    "Travis CI": (replace(SETTINGS, ci="travis-ci"), "arm64", "natively with arch: arm64 in .travis.yml"),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "arch", "words"), HOW.values(), ids=HOW)
def test_where_no_native_machine_can_be_taken_it_is_said_what_builds_it(
    settings: Settings, arch: str, words: str
) -> None:
    planned = change(nodes(arch), settings)
    assert words in planned.note
    assert {each.name: each.new for each in planned.fields} == {"PLATFORMS": f"linux/{arch}"}


@dataclass
class CircleCI:
    """Its variables, of which it shows the ends."""

    no_token: bool = False
    there: dict[str, Shown] | None = field(default_factory=dict)

    def variables(self) -> dict[str, Shown] | None:
        return self.there

    def set_variable(self, name: str, value: Secret, *, shown: bool) -> None:
        assert shown
        assert self.there is not None
        self.there[name] = Shown(value.reveal()[-4:])

    def delete_variable(self, name: str) -> bool:
        return False


def test_at_a_ci_that_shows_ends_alone_what_is_set_stays() -> None:
    ci = CircleCI()
    store: Any = ci
    resource = Platforms(replace(SETTINGS, ci="circleci"), Named(store), nodes("arm64"))
    reconcile(resource)
    assert ci.there == {"PLATFORMS": Shown("rm64")}
    assert change_of(resource) is None


def test_where_the_ci_cannot_be_asked_a_person_is_reported_what_to_set() -> None:
    store: Any = CircleCI(no_token=True)
    planned = change_of(Platforms(replace(SETTINGS, ci="circleci"), Named(store), nodes("arm64"), no_token=True))
    assert planned.action == "skipped"
    assert planned.note.endswith("; set PLATFORMS manually: linux/arm64")


# --- as people see it -------------------------------------------------------------------------------------------------


def deployed(ground: Ground, architecture: str) -> None:
    """Let env/dev record a deployment whose image is for such machines."""
    image = f'image:\n  repository: "x/y"\n  digest: "sha256:{"1" * 64}"\n  architectures: ["{architecture}"]\n'
    (ground.project / "image.yaml").write_text(f'{image}revision: "{"a" * 40}"\n')
    ground.git("switch", "-qc", "recorded")
    ground.git("add", "image.yaml")
    ground.git("commit", "-qm", "Deploy")
    ground.repository()
    ground.push("recorded", "env/dev")
    ground.git("switch", "-q", "main")


@pytest.mark.slow
@pytest.mark.parametrize(("arch", "told"), [("arm64", False), ("amd64", True)])
def test_an_image_that_no_node_runs_is_named_by_status_and_doctor(
    run: Run, ground: Ground, helm: Helm, arch: str, told: bool
) -> None:
    helm.cluster.objects["nodes", "one"] = node("arm64")
    deployed(ground, arch)
    for name, value in NATIVE.items():
        ground.github.repository("acme/web").variables[name] = Stored(name, value)
    wrong = "the image is for amd64, and the nodes are arm64"
    parts = {each["key"]: each for each in valid("status", run("status", "--json").stdout)["parts"]}
    assert ("architecture" in parts) == told
    assert not told or wrong in parts["architecture"]["state"]
    found = valid("doctor", run("doctor", "--json").stdout)["findings"]
    problems = [each["what"] for each in found if each["level"] == "problem"]
    assert (f"No node runs what was deployed: {wrong}." in problems) == told
    assert any(each["what"] == "the nodes are arm64; images are built for arm64" for each in found)


@pytest.mark.slow
def test_doctor_and_plan_name_it_before_the_first_deployment(run: Run, ground: Ground, helm: Helm) -> None:
    helm.cluster.objects["nodes", "one"] = node("arm64")
    found = valid("doctor", run("doctor", "--json").stdout)["findings"]
    assert any(each["what"] == "The nodes are arm64, and GitHub Actions builds for amd64." for each in found)
    resources = {each["key"]: each for each in valid("plan", run("plan", "--json").stdout)["resources"]}
    assert [(each["name"], each["new"]) for each in resources["platforms"]["fields"]] == [*NATIVE.items()]
