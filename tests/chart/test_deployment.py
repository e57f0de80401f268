"""The pods of the generated chart."""

from tests.chart.rendered import COMMIT, DIGEST, Helm


def test_pods_carry_only_labels_that_never_change(helm: Helm) -> None:
    deployment = helm.objects()["Deployment"]

    labels = {"app.kubernetes.io/name": "hello-api", "app.kubernetes.io/instance": "hello-api"}
    assert deployment["spec"]["template"]["metadata"] == {"labels": labels}
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert helm.objects()["Service"]["spec"]["selector"] == labels


def test_the_image_is_named_by_tag_and_digest(helm: Helm) -> None:
    assert helm.objects().container["image"] == f"docker.io/acme/hello-api:{COMMIT}@{DIGEST}"
    assert helm.objects().container["name"] == "hello-api"


def test_a_chart_without_a_deployed_image_does_not_render(helm: Helm) -> None:
    ended = helm.run("template", "hello-api", "chart", "--values", "deploy/dev.yaml")

    assert ended.returncode != 0
    assert "image.digest is not set" in ended.stderr
    assert "image.yaml" in ended.stderr


def test_pods_have_no_rights_they_do_not_need(helm: Helm) -> None:
    objects = helm.objects()

    assert objects.pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert objects.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "capabilities": {"drop": ["ALL"]},
    }
    assert objects.pod["automountServiceAccountToken"] is False
    assert objects["ServiceAccount"]["automountServiceAccountToken"] is False
    assert objects.pod["enableServiceLinks"] is False
    (volume,) = objects.pod["volumes"]
    assert volume["emptyDir"]["sizeLimit"]
    assert objects.container["volumeMounts"] == [{"name": volume["name"], "mountPath": "/tmp"}]


def test_probes_ask_different_questions(helm: Helm) -> None:
    only = helm.objects().container

    assert only["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}
    assert only["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "metrics"}
    assert only["startupProbe"]["httpGet"] == {"path": "/livez", "port": "metrics"}


def test_requests_and_limits_are_complete_and_canonical(helm: Helm) -> None:
    resources = helm.objects().container["resources"]

    for part in ("requests", "limits"):
        assert set(resources[part]) == {"cpu", "memory", "ephemeral-storage"}
        assert all(isinstance(quantity, str) for quantity in resources[part].values())
    for what in ("memory", "ephemeral-storage"):
        assert resources["requests"][what] == resources["limits"][what], "what was promised is there"


def test_a_rollout_leaves_no_gap(helm: Helm) -> None:
    objects = helm.objects(shutdown={"drainSeconds": 7, "requestSeconds": 30})

    update = objects["Deployment"]["spec"]["strategy"]["rollingUpdate"]
    assert update == {"maxUnavailable": 0, "maxSurge": "100%"}
    assert objects.container["lifecycle"]["preStop"] == {"sleep": {"seconds": 7}}
    assert {"name": "SHUTDOWN_SECONDS", "value": "30"} in objects.container["env"]
    assert objects.pod["terminationGracePeriodSeconds"] > 7 + 30


def test_variables_and_pull_secrets_arrive_as_they_are(helm: Helm) -> None:
    objects = helm.objects(
        env={"GREETING": 'a "b": {c}', "NUMBER": "08"},
        imagePullSecrets=[{"name": "login"}],
    )

    variables = {variable["name"]: variable["value"] for variable in objects.container["env"]}
    assert (variables["GREETING"], variables["NUMBER"]) == ('a "b": {c}', "08")
    assert objects.pod["imagePullSecrets"] == objects["ServiceAccount"]["imagePullSecrets"] == [{"name": "login"}]
    assert "imagePullSecrets" not in helm.objects()["ServiceAccount"]


def test_a_secret_is_a_file_for_the_pods_group_and_its_variable_names_it(helm: Helm) -> None:
    objects = helm.objects(secrets={"API_KEY": "partner", "DATABASE_URL": "database"})

    variables = {variable["name"]: variable["value"] for variable in objects.container["env"]}
    files = {"API_KEY": "/etc/secrets/API_KEY", "DATABASE_URL": "/etc/secrets/DATABASE_URL"}
    assert {f"{name}_FILE": file for name, file in files.items()}.items() <= variables.items()
    assert not files.keys() & variables.keys()
    assert {"name": "secrets", "mountPath": "/etc/secrets", "readOnly": True} in objects.container["volumeMounts"]
    (volume,) = (volume["projected"] for volume in objects.pod["volumes"] if volume["name"] == "secrets")
    assert volume["defaultMode"] == 0o440
    assert [(each["secret"]["name"], each["secret"]["items"]) for each in volume["sources"]] == [
        ("partner", [{"key": "API_KEY", "path": "API_KEY"}]),
        ("database", [{"key": "DATABASE_URL", "path": "DATABASE_URL"}]),
    ]


def test_pods_are_spread_over_nodes_and_zones_where_there_are_more(helm: Helm) -> None:
    objects = helm.objects()

    labels = {"matchLabels": objects["Deployment"]["spec"]["selector"]["matchLabels"]}
    assert objects.pod["topologySpreadConstraints"] == [
        {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": labels}
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
    ((rule, term),) = objects.pod["affinity"].items()
    assert rule == "podAntiAffinity"
    assert term["preferredDuringSchedulingIgnoredDuringExecution"] == [
        {"weight": 100, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}}
    ]


def test_a_priority_is_set_only_where_one_is_named(helm: Helm) -> None:
    assert "priorityClassName" not in helm.objects().pod
    assert helm.objects(priorityClassName="high").pod["priorityClassName"] == "high"


def test_the_registry_is_asked_at_each_start_unless_set_otherwise(helm: Helm) -> None:
    assert helm.objects().container["imagePullPolicy"] == "Always"
    assert helm.objects(image={"pullPolicy": "IfNotPresent"}).container["imagePullPolicy"] == "IfNotPresent"
