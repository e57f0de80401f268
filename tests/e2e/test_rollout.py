"""Ten rollouts of a generated service under load: no request is lost, and pods are ready soon after their image is."""

import json
import subprocess
from collections.abc import Callable, Iterator
from statistics import median

import pytest

from .built_image import Built, built
from .plugin import SECONDS
from .rollouts import RATE, Watch, kubectl, load
from .test_installation import install

__all__ = ["built"]
pytestmark = [pytest.mark.e2e, pytest.mark.all, pytest.mark.timeout(600)]
ROLLOUTS = 10


@pytest.fixture
def namespace(built: Built) -> Iterator[str]:
    name = f"{built.project.slug}-rollout"
    kubectl("create", "namespace", name)
    try:
        install(built, name)
        yield name
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


def roll(built: Built, namespace: str, number: int) -> None:
    """Change every pod, and wait for the new ones."""
    values = built.project.path.parent / f"{built.project.slug}.json"
    options = ("--namespace", namespace, "--values", "deploy/dev.yaml", "--values", str(values))
    change = f"env.ROLLOUT=number-{number}"
    command = ["helm", "upgrade", built.project.slug, "chart", *options, "--set", change]
    ended = subprocess.run(command, cwd=built.project.path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    kubectl("rollout", "status", f"deployment/{built.project.slug}", "-n", namespace, "--timeout=120s")


def test_no_request_is_lost_in_ten_rollouts(
    built: Built, namespace: str, record_property: Callable[[str, object], None]
) -> None:
    first = set(kubectl("get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}").split())
    image = f"{built.repository}@{built.digest}"
    with load(namespace, built.project.slug, image, seconds=400) as seen, Watch(namespace) as watch:
        for number in range(ROLLOUTS):
            roll(built, namespace, number)
    taken = watch.seconds({*first, "client"})
    record_property(SECONDS, (f"rollout: image there to pod ready, median of {len(taken)}", median(taken)))
    record_property(SECONDS, (f"rollout: slowest of {seen.requests} requests", seen.slowest))
    assert seen.errors == []
    assert len(taken) == 2 * ROLLOUTS, json.dumps(taken)
    assert seen.requests > 10 * RATE, "the client asked all the time"
