from typing import Any

import pytest

from installer.status.service import read


def application(**status: Any) -> dict[str, Any]:
    sync = {"revision": "abc", "status": "Synced"}
    return {"status": {"sync": sync, "health": {"status": "Healthy"}, **status}}


def test_a_commit_is_there_when_synced_and_healthy() -> None:
    assert read(application()).has("abc")
    assert read(application(operationState={"phase": "Succeeded"})).has("abc")
    assert not read(application()).has("def")


@pytest.mark.parametrize(
    "status",
    [
        {"sync": {"revision": "abc", "status": "OutOfSync"}},
        {"health": {"status": "Progressing"}},
        {"operationState": {"phase": "Running"}},
        {"sync": {}},
    ],
)
def test_anything_less_is_not(status: dict[str, Any]) -> None:
    assert not read(application(**status)).has("abc")


def test_an_application_that_nobody_looked_at_yet_is_unknown() -> None:
    assert str(read({})) == "Argo CD is at no commit, Unknown, Unknown"


def test_conditions_and_a_failed_sync_are_reported() -> None:
    failed = {"phase": "Failed", "message": "one or more objects failed to apply"}
    condition = {"type": "ComparisonError", "message": "authentication required"}
    assert read(application(conditions=[condition], operationState=failed)).conditions == (
        "ComparisonError: authentication required",
        "last sync failed: one or more objects failed to apply",
    )


REFUSED = "resource rbac.authorization.k8s.io:Role is not permitted in project web-dev"


@pytest.mark.parametrize("phase", ["Running", "Failed", "Error"])
def test_what_could_not_be_written_is_named_though_argo_cd_tries_again_for_ever(phase: str) -> None:
    results = [
        {"kind": "Service", "name": "web", "status": "Synced", "message": "unchanged"},
        {"kind": "Role", "name": "planted", "status": "SyncFailed", "message": REFUSED},
    ]
    operation = {"phase": phase, "retryCount": 2, "message": "not valid", "syncResult": {"resources": results}}
    assert read(application(operationState=operation)).conditions == (f"Role planted: {REFUSED}",)


def test_a_sync_that_is_tried_again_without_a_result_is_reported_in_its_own_words() -> None:
    operation = {"phase": "Running", "retryCount": 2, "message": "one or more tasks are not valid. Retrying"}
    told = read(application(operationState=operation)).conditions
    assert told == ("last sync failed: one or more tasks are not valid. Retrying",)
    assert read(application(operationState={"phase": "Running"})).conditions == ()
    assert read(application(operationState={"phase": "Succeeded", "retryCount": 1})).conditions == ()


def test_what_differs_is_named_where_argo_cd_says_out_of_sync() -> None:
    resources = [
        {"kind": "Deployment", "name": "web", "status": "Synced"},
        {"kind": "Service", "name": "web", "status": "OutOfSync"},
        {"kind": "Ingress", "name": "old", "status": "OutOfSync", "requiresPruning": True},
    ]
    sync = {"revision": "abc", "status": "OutOfSync"}
    assert read(application(sync=sync, resources=resources)).conditions == (
        "Service web is OutOfSync",
        "Ingress old is not recorded any more",
    )


def test_what_differs_because_it_could_not_be_written_is_reported_once_with_the_reason() -> None:
    said = 'error when patching: "strict decoding error: unknown field \\"spec.prots\\""'
    results = [{"kind": "Service", "name": "web", "status": "SyncFailed", "message": said}]
    operation = {"phase": "Running", "retryCount": 1, "syncResult": {"revision": "abc", "resources": results}}
    resources = [{"kind": "Service", "name": "web", "status": "OutOfSync"}]
    told = read(application(operationState=operation, resources=resources)).conditions
    assert told == (f"Service web: {said}",)


def test_a_field_that_no_schema_has_is_reported_where_argo_cd_cannot_even_compare() -> None:
    said = "error calculating structured merge diff: .spec.prots: field not declared in schema"
    condition = {"type": "ComparisonError", "message": said}
    seen = read(application(sync={"revision": "abc", "status": "Unknown"}, conditions=[condition]))
    assert seen.conditions == (f"ComparisonError: {said}",)
    assert not seen.unrendered, "it may be compared once the cluster knows the field"


def test_what_is_degraded_has_its_reason() -> None:
    health = {"status": "Degraded", "message": "failed to get cpu utilization"}
    resources = [
        {"kind": "HorizontalPodAutoscaler", "name": "web", "status": "Synced", "health": health},
        {"kind": "Deployment", "name": "web", "status": "Synced", "health": {"status": "Healthy"}},
    ]
    told = read(application(health={"status": "Degraded"}, resources=resources)).conditions
    assert told == ("HorizontalPodAutoscaler web is Degraded: failed to get cpu utilization",)


def test_a_chart_that_does_not_render_is_no_repository_out_of_reach() -> None:
    begins = (
        "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc ="
    )
    chart = {"type": "ComparisonError", "message": f"{begins} failed to execute helm template command: exit status 1"}
    away = {"type": "ComparisonError", "message": f"{begins} failed to list refs: authentication required"}
    assert read(application(sync={}, conditions=[chart])).unrendered.endswith("exit status 1")
    assert not read(application(sync={}, conditions=[away])).unrendered


def test_where_argo_cd_could_make_no_objects_it_names_the_branch_and_that_is_no_commit() -> None:
    """As Argo CD 3.5.3 left it in a cluster."""
    seen = read({
        **application(sync={"revision": "env/dev", "status": "Unknown"}),
        "spec": {"source": {"targetRevision": "env/dev"}},
    })  # fmt: skip
    assert (seen.revision, seen.sync) == ("", "Unknown")
    assert str(seen).startswith("Argo CD is at no commit")


def healed(count: int = 3, *, looked: str = "2026-11-28T21:00:01Z", **more: Any) -> dict[str, Any]:
    """An Application of which one Service differs again, right after Argo CD applied it, as Argo CD 3 writes it."""
    service = {"kind": "Service", "name": "more", "version": "v1"}
    operation: dict[str, Any] = {
        "phase": "Succeeded",
        "message": "successfully synced (all tasks run)",
        "finishedAt": "2026-11-28T21:00:01Z",
        "operation": {"sync": {"revision": "abc", "autoHealAttemptsCount": count, "resources": [service]}},
        "syncResult": {"revision": "abc", "resources": [{**service, "status": "Synced"}]},
        **more,
    }
    sync = {"revision": "abc", "status": "OutOfSync"}
    resources = [{"kind": "Deployment", "name": "web", "status": "Synced"}, {**service, "status": "OutOfSync"}]
    return application(sync=sync, resources=resources, operationState=operation, reconciledAt=looked)


AGAIN = "Service more is OutOfSync again after each sync: "


def test_what_argo_cd_applies_again_and_again_and_still_differs_is_certain() -> None:
    """An unknown field of a Service: each sync is a success, and the next look finds the Service to differ."""
    told = f"{AGAIN}Kubernetes drops a field that it does not know, or something else changes it"
    seen = read(healed())
    assert seen.conditions == (told,), "once, with the reason"
    assert [(each.text, each.certain) for each in seen.unhealed] == [(told, True)]
    assert seen == read(healed(4)), "it is the same picture after the next attempt"


@pytest.mark.parametrize(
    "given",
    [
        healed(2),
        healed(phase="Running"),
        healed(syncResult={"revision": "before", "resources": []}),
        healed(operation={"sync": {"autoHealAttemptsCount": 3, "resources": [{"kind": "Secret", "name": "x"}]}}),
        healed(looked="2026-11-28T21:00:00Z"),
        healed(looked="2026-11-28T22:00:00Z"),
        healed(looked=""),
    ],
    ids=["tried twice", "under way", "another commit", "another one", "not looked yet", "changed later", "no time"],
)
def test_what_may_be_healed_yet_is_only_named(given: dict[str, Any]) -> None:
    seen = read(given)
    assert seen.conditions == ("Service more is OutOfSync",)
    assert seen.unhealed == ()


def test_what_is_kept_though_it_is_recorded_no_more_has_that_reason() -> None:
    given = healed()
    given["status"]["resources"][1]["requiresPruning"] = True
    (trouble,) = read(given).unhealed
    assert trouble.text == f"{AGAIN}it is not recorded any more, and is kept"
