import shutil

import pytest

from tests.chart.rendered import Helm
from tests.conftest import BakedProject


@pytest.fixture(params=["helm", "helm3"])
def with_database(request: pytest.FixtureRequest, project_with_database: BakedProject) -> Helm:
    if not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    return Helm(request.param, project_with_database.path)


def test_a_pod_without_a_database_has_nothing_to_do_first(helm: Helm) -> None:
    assert "initContainers" not in helm.objects().pod


def test_a_pod_migrates_before_it_starts_with_the_image_and_the_secret_that_it_runs_with(with_database: Helm) -> None:
    objects = with_database.objects()
    (migrate,) = objects.pod["initContainers"]
    service = objects.container

    assert migrate["command"] == ["flask", "db", "upgrade"]
    for same in ("image", "imagePullPolicy", "resources", "securityContext", "volumeMounts"):
        assert migrate[same] == service[same]
    own = {"PORT", "METRICS_PORT", "DRAIN_SECONDS", "SHUTDOWN_SECONDS", "TRUSTED_PROXIES"}
    assert migrate["env"] == [variable for variable in service["env"] if variable["name"] not in own]
    assert {"name": "DATABASE_URL_FILE", "value": "/etc/secrets/DATABASE_URL"} in migrate["env"]
    (volume,) = (volume["projected"] for volume in objects.pod["volumes"] if volume["name"] == "secrets")
    (source,) = volume["sources"]
    assert source["secret"]["name"] == "hello-api-dev-database"


def test_a_migration_without_variables_has_none(helm: Helm) -> None:
    (migrate,) = helm.objects(env=None, migrate=["true"]).pod["initContainers"]

    assert "env" not in migrate


def test_the_way_to_the_database_is_open_and_the_secret_is_not_in_git(with_database: Helm) -> None:
    objects = with_database.objects()

    assert {"ports": [{"port": 5432, "protocol": "TCP"}]} in objects["NetworkPolicy"]["spec"]["egress"]
    assert "Secret" not in objects.kinds


def test_what_is_rendered_with_a_database_is_linted_clean(with_database: Helm) -> None:
    linted = with_database.lint()

    assert linted.returncode == 0, linted.stdout
