"""A generated project with a database, in the cluster: its address, its migration, its readiness, and a note."""

import json
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from installer.cluster.helm import Helm
from installer.cluster.kubectl import Cluster
from installer.config.settings_file import load
from installer.engine.resource import Change
from installer.forges.credentials import find
from installer.resources.service_secrets import DatabaseAddress
from installer.support.secret import Secret
from tests.canaries import Canaries, Wrappers
from tests.conftest import Bake

from .actors import eventually
from .audit import Audit
from .built_image import Built, built_alone, pushed
from .test_installation import install, kubectl, namespace

__all__ = ["namespace"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = f"canary-{uuid4().hex}"
ADDRESS = f"postgresql://web:{PASSWORD}@postgresql/postgres"
SERVER = r"""
FROM docker.io/library/python:3.13-slim-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql && \
    rm -rf /var/lib/apt/lists /usr/share/doc /usr/share/locale && useradd --uid 10001 web
USER 10001:10001
CMD ["bash", "-ec", "PATH+=:$(echo /usr/lib/postgresql/*/bin); \
 initdb --username=web --encoding=UTF8 --auth=scram-sha-256 --pwfile=<(echo $PASSWORD) --no-sync /data/db; \
 echo 'host all all all scram-sha-256' >>/data/db/pg_hba.conf; \
 exec postgres -D /data/db -c listen_addresses=* -c unix_socket_directories=/data -c fsync=off"]
"""


@pytest.fixture(scope="module")
def built(bake: Bake) -> Built:
    slug = f"kept-{uuid4().hex[:8]}"
    project = bake(
        project_slug=slug,
        namespace=slug,
        database="postgresql",
        registry_account=os.environ["E2E_REGISTRY_USERNAME"],
    )
    return Built(project, *pushed(project.path, slug))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an image of PostgreSQL."""
    return built_alone(tmp_path_factory.mktemp("postgresql"), "postgresql", SERVER)


@pytest.fixture(scope="module")
def database(server: str, namespace: str) -> str:
    """Start it, in the same namespace, for as long as that is there; return its Deployment's name."""
    name = {"name": "postgresql", "labels": {"app": "postgresql"}}
    container = {
        "name": "postgresql",
        "image": server,
        "env": [{"name": "PASSWORD", "value": PASSWORD}],
        "ports": [{"containerPort": 5432}],
        "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}],
        "securityContext": {"fsGroup": 10001},
        "terminationGracePeriodSeconds": 1,
    }
    template = {"metadata": {"labels": name["labels"]}, "spec": pod}
    spec = {"selector": {"matchLabels": name["labels"]}, "template": template}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": name,
            "spec": {"selector": name["labels"], "ports": [{"port": 5432}]},
        },
    ]
    kubectl(
        "apply",
        "--namespace",
        namespace,
        "-f",
        "-",
        stdin=json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}),
    )
    kubectl("rollout", "status", "deployment/postgresql", "--namespace", namespace, "--timeout=120s")
    return "deployment/postgresql"


@pytest.fixture(scope="module")
def wrappers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrappers]:
    """Note the arguments of every program that is run from here on."""
    with pytest.MonkeyPatch.context() as patch:
        wrappers = Wrappers.make(tmp_path_factory.mktemp("wrapped") / "bin", os.environ["PATH"])
        patch.setenv("PATH", str(wrappers.folder), prepend=os.pathsep)
        yield wrappers


class Address:
    """The resource as each run makes it, with an address at hand or without."""

    def __init__(self, project: Path) -> None:
        self._settings = load(project)

    def resource(self, given: str = "") -> DatabaseAddress:
        cluster = Cluster()
        credentials = replace(find(self._settings), database_addresses={"dev": Secret(given)})
        return DatabaseAddress(self._settings, credentials, cluster, Helm(cluster, self._settings))

    def planned(self, given: str = "") -> Change | None:
        resource = self.resource(given)
        return resource.diff(resource.observe())

    def apply(self, given: str) -> None:
        resource = self.resource(given)
        seen = resource.observe()
        change = resource.diff(seen)
        assert change
        resource.apply(seen, change)


@pytest.fixture(scope="module")
def address(built: Built, namespace: str, wrappers: Wrappers) -> Address:
    address = Address(built.project.path)
    address.apply(ADDRESS)
    return address


@pytest.fixture(scope="module")
def said(built: Built, namespace: str, database: str, address: Address) -> str:
    return install(built, namespace)


def test_the_address_is_written_once_rotated_and_removed_and_is_no_programs_argument(
    address: Address, namespace: str, wrappers: Wrappers
) -> None:
    audit = Audit()
    assert (address.planned(), address.planned(ADDRESS)) == (None, None)
    assert audit.changes() == []

    other = ADDRESS.replace("/postgres", "/other")
    change = address.planned(other)
    assert change
    assert [(field.name, field.new) for field in change.fields] == [("DATABASE_URL", "rotated")]
    address.apply(other)
    assert (address.planned(other), address.planned()) == (None, None)

    assert address.resource().remove().startswith("removed")
    assert "database" not in kubectl("get", "secrets", "--namespace", namespace, "--output", "name")
    assert address.resource().remove() == "was not there"
    change = address.planned()
    assert change
    assert change.action == "blocked"

    address.apply(ADDRESS)
    assert address.planned() is None
    calls = wrappers.calls()
    assert "helm\nupgrade" in calls
    assert Canaries(address=ADDRESS, password=PASSWORD).in_text(calls) == set()


def test_restricted_pods_migrate_and_become_ready_without_a_warning(built: Built, namespace: str, said: str) -> None:
    assert "warning" not in said.lower()
    told = []
    for pod in pods(built, namespace):
        (migrate,) = pod["status"]["initContainerStatuses"]
        assert (migrate["name"], migrate["state"]["terminated"]["exitCode"], migrate["restartCount"]) == (
            "migrate",
            0,
            0,
        )
        assert all(container["restartCount"] == 0 for container in pod["status"]["containerStatuses"])
        told.append(kubectl("logs", pod["metadata"]["name"], "--namespace", namespace, "--container=migrate"))
    assert len(told) == 2
    assert all("the database is at 0001" in log for log in told)
    assert Canaries(password=PASSWORD).in_text("".join(told)) == set()


LOOK = """
import os
file = "/etc/secrets/DATABASE_URL"
assert os.environ["DATABASE_URL_FILE"] == file
assert not [name for name, value in os.environ.items() if "postgresql://" in value]
assert os.stat(file).st_mode & 0o7777 == 0o440, oct(os.stat(file).st_mode)
try:
    open(file, "a")
except OSError:
    print("only to be read")
"""


def test_the_address_is_a_file_that_nobody_may_change_and_no_variable(built: Built, namespace: str, said: str) -> None:
    where = f"deployment/{built.project.slug}"
    container = f"--container={built.project.slug}"
    looked = kubectl("exec", where, "--namespace", namespace, container, "--", "python", "-c", LOOK)
    assert looked == "only to be read\n"


def test_a_note_that_one_pod_wrote_is_read_from_the_other(built: Built, namespace: str, said: str) -> None:
    first, second = (pod["metadata"]["name"] for pod in pods(built, namespace))
    cluster, text = Cluster(), f"Grüße {uuid4().hex}"
    with cluster.forwarded(f"pod/{first}", namespace, 8000) as url:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{url}/api/notes", json.dumps({"text": text}).encode(), headers)
        with urllib.request.build_opener().open(request, timeout=10) as response:
            note = json.load(response)
    assert note["text"] == text
    path = f"/api/v1/namespaces/{namespace}/pods/{second}:8000/proxy/api/notes/{note['id']}"
    assert json.loads(kubectl("get", "--raw", path)) == note


def test_without_its_database_the_service_is_not_ready_and_goes_on(
    built: Built, namespace: str, said: str, database: str
) -> None:
    def ready() -> set[str]:
        found = pods(built, namespace)
        return {c["status"] for pod in found for c in pod["status"]["conditions"] if c["type"] == "Ready"}

    kubectl("scale", database, "--namespace", namespace, "--replicas=0")
    eventually("no pod ready", lambda: ready() == {"False"}, 40)
    kubectl("scale", database, "--namespace", namespace, "--replicas=1")
    eventually("every pod ready", lambda: ready() == {"True"}, 60)
    assert {c["restartCount"] for pod in pods(built, namespace) for c in pod["status"]["containerStatuses"]} == {0}


def pods(built: Built, namespace: str) -> list[dict[str, Any]]:
    selector = f"--selector=app.kubernetes.io/name={built.project.slug}"
    found: list[dict[str, Any]] = json.loads(kubectl("get", "pods", "--namespace", namespace, selector, "-o", "json"))[
        "items"
    ]
    return found
