import pytest

from installer.cluster.argocd import asleep, namespaces, number, unready, version

from .argo_cd import WORKING, component


def test_a_working_argo_cd_lacks_nothing() -> None:
    assert unready(WORKING, "argocd") == ""


def test_what_does_not_work_yet_is_named() -> None:
    starting = component("redis", status={"observedGeneration": 2, "updatedReplicas": 1})
    old = component("repo-server", status={**WORKING[0]["status"], "observedGeneration": 1})
    assert unready([WORKING[0], starting, old], "argocd") == "redis, repo-server"
    assert unready(WORKING, "elsewhere") == "application-controller, redis, repo-server"


def test_one_without_a_pod_does_not_work_although_it_has_all_that_it_wants() -> None:
    off = component("application-controller", status={"observedGeneration": 2, "readyReplicas": 0})
    off["spec"]["replicas"] = 0
    assert unready([off, *WORKING[1:]], "argocd") == "application-controller"
    assert asleep([off, *WORKING[1:]], "argocd") == ["application-controller"]
    assert asleep(WORKING, "argocd") == []


def test_an_argo_cd_is_where_its_repo_server_is() -> None:
    assert namespaces([*WORKING, component("server", "half")]) == ["argocd"]


@pytest.mark.parametrize(
    ("labels", "image", "expected"),
    [
        ({"app.kubernetes.io/version": "v3.4.4"}, "mirror/argocd:latest", "v3.4.4"),
        ({}, "quay.io:443/argoproj/argocd:v2.14.1@sha256:ab", "v2.14.1"),
        ({}, "mirror.example.com:5000/argocd@sha256:ab", ""),
    ],
)
def test_the_version_is_the_label_or_the_images_tag(labels: dict[str, str], image: str, expected: str) -> None:
    assert version([component("repo-server", image=image, labels=labels)], "argocd") == expected


def test_versions_compare_as_numbers() -> None:
    assert number("10.1.1") > number("9.12.0")
    assert number("v3.2.0-rc1") == (3, 2, 0)
    assert number("latest") == ()
