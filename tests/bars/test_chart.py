"""The chart before kube-score, both helms and the schemas of the oldest and the newest Kubernetes."""

import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest

from tests.bars.conftest import VALUES, Judged

pytestmark = [pytest.mark.slow, pytest.mark.bars]

OLDEST, NEWEST = "1.30", "1.37"  # lifecycle.preStop.sleep is on from 1.30; 1.37 is the newest that was published
# Left out: the tests that ask for CPU requests as high as the limits. A service that waits most of the time would
# keep ten times what it uses from its neighbours.
OPTIONAL = (
    *("container-ports-check", "container-seccomp-profile"),
    *("container-memory-requests-equal-limits", "container-ephemeral-storage-request-equals-limit"),
)
# What is there to be judged, so that a tool that looks at nothing does not pass: kube-score's good marks, and objects.
LEAST = {"with default values": (33, 5), "with every switch on": (40, 7)}
NOT_KUBERNETES_OWN = {"gateway.networking.k8s.io/v1"}


@pytest.mark.parametrize("program", ["helm", "helm3"])
def test_helm_lints_it_strictly_without_a_word(judged: Judged, values: str, program: str) -> None:
    ended = judged.helm(program).lint(**VALUES[values])

    assert ended.returncode == 0, ended.stdout
    assert "WARNING" not in ended.stdout + ended.stderr


def test_both_helms_render_the_same(judged: Judged, values: str) -> None:
    one, other = (judged.helm(program).objects(**VALUES[values]).everything for program in ("helm", "helm3"))

    assert sorted(one, key=str) == sorted(other, key=str)


def test_kube_score_finds_nothing_to_criticise(judged: Judged, values: str) -> None:
    if not shutil.which("kube-score"):
        pytest.skip("kube-score is not installed")
    optional = [f"--enable-optional-test={name}" for name in OPTIONAL]
    command = ["kube-score", "score", "--output-format=ci", *optional, judged.rendered(values)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    verdicts = [line for line in ended.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]
    assert verdicts == []
    assert ended.stdout.count("[OK]") >= LEAST[values][0], "it has looked"
    assert ended.returncode == 0


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_is_one_that_kubernetes_knows(judged: Judged, values: str, version: str) -> None:
    objects: list[dict[str, Any]] = judged.objects(values).everything
    own = [object_ for object_ in objects if object_["apiVersion"] not in NOT_KUBERNETES_OWN]

    assert len(own) >= LEAST[values][1]
    for object_ in own:
        kubernetes_validate.validate(object_, version, strict=True)
