"""Values as a team writes them into deploy/dev.yaml, and what they become in the cluster."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import kubernetes_validate
import pytest
import yaml

from installer.resources.application import CHART_KINDS as CHART
from tests.bars.test_chart import NEWEST, NOT_KUBERNETES_OWN, OLDEST
from tests.chart.rendered import IMAGE, Helm, Object, Objects
from tests.conftest import ROOT, Bake, BakedProject

pytestmark = pytest.mark.combinations

LABELS = {"app.kubernetes.io/name": "hello-api", "app.kubernetes.io/instance": "hello-api"}
SECURITY = "allowPrivilegeEscalation"


def variables(objects: Objects) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in web(objects)["env"]}


def web(objects: Objects) -> Object:
    return dict(next(each for each in objects.pod["containers"] if each["name"] == "hello-api"))


def secret_files(objects: Objects) -> list[Any]:
    (projected,) = (each["projected"] for each in objects.pod["volumes"] if each["name"] == "secrets")
    return [
        (s["secret"]["name"], s["secret"]["items"][0]["key"], s["secret"]["items"][0]["path"])
        for s in projected["sources"]
    ]


def paths(objects: Objects) -> dict[str, list[tuple[str, str]]]:
    rules = objects["Ingress"]["spec"]["rules"]
    return {rule["host"]: [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] for rule in rules}


def pod_labels(objects: Objects) -> Object:
    return dict(objects["Deployment"]["spec"]["template"]["metadata"]["labels"])


Reading = Callable[[Objects], Any]
# What it is, as it is written, where it is to be found, and as what.
CASES: dict[str, tuple[str, Reading, Any]] = {
    "a node selector": ("nodeSelector: {disk: ssd}", lambda o: o.pod["nodeSelector"], {"disk": "ssd"}),
    "a toleration": (
        "tolerations: [{key: spot, operator: Exists}]",
        lambda o: o.pod["tolerations"],
        [{"key": "spot", "operator": "Exists"}],
    ),
    "an affinity beside the chart's own": (
        "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}}",
        lambda o: ("podAffinity" in o.pod["affinity"], "podAntiAffinity" in o.pod["affinity"]),
        (True, True),
    ),
    "an affinity instead of the chart's own": (
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone}]}}",
        lambda o: o.pod["affinity"]["podAntiAffinity"],
        {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "zone"}]},
    ),
    "a spread constraint, which knows the pods": (
        "topologySpreadConstraints: [{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]",
        lambda o: o.pod["topologySpreadConstraints"],
        [
            {
                "maxSkew": 2,
                "topologyKey": "zone",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
    ),
    "no spread constraint": (
        "topologySpreadConstraints: []",
        lambda o: o.pod.get("topologySpreadConstraints"),
        None,
    ),
    "a role of the cloud": (
        "serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/hello'}}",
        lambda o: o["ServiceAccount"]["metadata"]["annotations"],
        {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/hello"},
    ),
    "an annotation of the pods, as a boolean": (
        "podAnnotations: {example.com/inject: true}",
        lambda o: o["Deployment"]["spec"]["template"]["metadata"]["annotations"],
        {"example.com/inject": "true"},
    ),
    "a label of the pods, as a number": ("podLabels: {shard: 7}", pod_labels, {**LABELS, "shard": "7"}),
    "a label of everything": (
        "commonLabels: {team: on, cost-center: 4711}",
        lambda o: {tuple(pick(each["metadata"]["labels"], "team", "cost-center")) for each in o.everything},
        {("true", "4711")},
    ),
    "a label of everything, on the pods": (
        "commonLabels: {team: blue}\npodLabels: {team: red}",
        pod_labels,
        {**LABELS, "team": "red"},
    ),
    "labels that select nothing": (
        "commonLabels: {team: blue}\npodLabels: {shard: a}",
        lambda o: [o["Deployment"]["spec"]["selector"]["matchLabels"], o["Service"]["spec"]["selector"]],
        [LABELS, LABELS],
    ),
    "variables without quotes": (
        "env: {DEBUG: true, CORS: off, SIZE: 50, MAX_BYTES: 10485760, ID: 123456789012, RATIO: 0.25, TEXT: '08'}",
        lambda o: pick(variables(o), "DEBUG", "CORS", "SIZE", "MAX_BYTES", "ID", "RATIO", "TEXT"),
        ["true", "false", "50", "10485760", "123456789012", "0.25", "08"],
    ),
    "a variable whose name YAML reads as a boolean": ("env: {'on': 1}", lambda o: variables(o)["on"], "1"),
    "a variable from elsewhere": (
        "env: {NODE: {valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}}",
        lambda o: variables(o)["NODE"],
        {"fieldRef": {"fieldPath": "spec.nodeName"}},
    ),
    "a secret as a variable": (
        "env: {API_KEY: {valueFrom: {secretKeyRef: {name: partner, key: api.key}}}}",
        lambda o: variables(o)["API_KEY"],
        {"secretKeyRef": {"name": "partner", "key": "api.key"}},
    ),
    "all variables of a secret": (
        "envFrom: [{secretRef: {name: partner}}]",
        lambda o: web(o)["envFrom"],
        [{"secretRef": {"name": "partner"}}],
    ),
    "a secret as a file, under any key": (
        "secrets: {API_KEY: {name: partner, key: api-key.pem}, PASSWORD: {name: login}, TOKEN: login}",
        secret_files,
        [("partner", "api-key.pem", "API_KEY"), ("login", "PASSWORD", "PASSWORD"), ("login", "TOKEN", "TOKEN")],
    ),
    "a volume": (
        "volumes: [{name: cache, emptyDir: {}}]\nvolumeMounts: [{name: cache, mountPath: /cache}]",
        lambda o: (o.pod["volumes"][-1], web(o)["volumeMounts"][-1]),
        ({"name": "cache", "emptyDir": {}}, {"name": "cache", "mountPath": "/cache"}),
    ),
    "a container before the migration, which is as confined as the service": (
        "initContainers: [{name: wait, image: busybox}]\nmigrate: ['true']",
        lambda o: [(each["name"], each["securityContext"][SECURITY]) for each in o.pod["initContainers"]],
        [("wait", False), ("migrate", False)],
    ),
    "a container beside the service, with its own confinement": (
        "extraContainers: [{name: proxy, image: proxy, securityContext: {readOnlyRootFilesystem: false}}]",
        lambda o: o.pod["containers"][1],
        {"name": "proxy", "image": "proxy", "securityContext": {"readOnlyRootFilesystem": False}},
    ),
    "quantities of every form": (
        "resources: {requests: {cpu: 0.5, memory: 1.5Gi}, limits: {cpu: 2, memory: 2000M, nvidia.com/gpu: 1}}",
        lambda o: web(o)["resources"],
        {
            "requests": {"cpu": 0.5, "memory": "1.5Gi", "ephemeral-storage": "128Mi"},
            "limits": {"cpu": 2, "memory": "2000M", "ephemeral-storage": "128Mi", "nvidia.com/gpu": 1},
        },
    ),
    "no CPU limit": (
        "resources: {limits: {cpu: null}}",
        lambda o: sorted(web(o)["resources"]["limits"]),
        ["ephemeral-storage", "memory"],
    ),
    "several hosts and paths": (
        """
        ingress:
          enabled: true
          annotations: {nginx.ingress.kubernetes.io/ssl-redirect: true}
          hosts:
            - host: a.example.com
            - host: b.example.com
              paths: [{path: /v1}, {path: /v2, pathType: Exact}]
        """,
        paths,
        {"a.example.com": [("/", "Prefix")], "b.example.com": [("/v1", "Prefix"), ("/v2", "Exact")]},
    ),
    "an annotation of the ingress, as a boolean": (
        "ingress: {enabled: true, hosts: [{host: a.example.com}], annotations: {a/b: true}}",
        lambda o: o["Ingress"]["metadata"]["annotations"],
        {"a/b": "true"},
    ),
    "a route of the Gateway API for some paths": (
        """
        httpRoute:
          enabled: true
          parentRefs: [{name: gateway}]
          rules:
            - matches: [{path: {type: PathPrefix, value: /v1}}]
            - backendRefs: [{name: other, port: 80}]
        """,
        lambda o: [rule["backendRefs"][0]["name"] for rule in o["HTTPRoute"]["spec"]["rules"]],
        ["hello-api", "other"],
    ),
    "a load balancer": (
        "service: {type: LoadBalancer, annotations: {service.beta.kubernetes.io/aws-load-balancer-internal: true}}",
        lambda o: (o["Service"]["spec"]["type"], o["Service"]["metadata"]["annotations"]),
        ("LoadBalancer", {"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}),
    ),
    "autoscaling by memory too": (
        "autoscaling: {enabled: true, targetMemoryUtilizationPercentage: 70}",
        lambda o: [
            (metric["resource"]["name"], metric["resource"]["target"]["averageUtilization"])
            for metric in o["HorizontalPodAutoscaler"]["spec"]["metrics"]
        ],
        [("cpu", 80), ("memory", 70)],
    ),
    "autoscaling by memory alone": (
        "autoscaling: {enabled: true, targetCPUUtilizationPercentage: null, targetMemoryUtilizationPercentage: 70}",
        lambda o: [metric["resource"]["name"] for metric in o["HorizontalPodAutoscaler"]["spec"]["metrics"]],
        ["memory"],
    ),
    "a disruption budget in percent": (
        "podDisruptionBudget: {maxUnavailable: 25%}",
        lambda o: o["PodDisruptionBudget"]["spec"]["maxUnavailable"],
        "25%",
    ),
    "a slow start": (
        """
        startupProbe: {failureThreshold: 300}
        readinessProbe: {initialDelaySeconds: 3}
        livenessProbe: {timeoutSeconds: 9}
        """,
        lambda o: [
            web(o)["startupProbe"]["failureThreshold"],
            web(o)["readinessProbe"]["initialDelaySeconds"],
            web(o)["livenessProbe"]["timeoutSeconds"],
            web(o)["livenessProbe"]["periodSeconds"],
        ],
        [300, 3, 9, 10],
    ),
    "another command": (
        "command: [gunicorn]\nargs: [hello_api:app]",
        lambda o: (web(o)["command"], web(o)["args"]),
        (["gunicorn"], ["hello_api:app"]),
    ),
    "everything may be reached": (
        "networkPolicy: {egress: [{}]}",
        lambda o: o["NetworkPolicy"]["spec"]["egress"][-1],
        {},
    ),
    "sections that are there and empty": (
        "env:\nsecrets:\nvolumes:\npodLabels:\naffinity:\nextraObjects:\n",
        lambda o: len(o.everything),
        5,
    ),
    "another object, as YAML": (
        """
        extraObjects:
          - apiVersion: v1
            kind: ConfigMap
            metadata: {name: '{{ .Release.Name }}-more'}
            data: {image: '{{ include "image" . }}', text: 'on'}
        """,
        lambda o: o["ConfigMap/-more"]["data"],
        {"image": f"{IMAGE['repository']}:{IMAGE['tag']}@{IMAGE['digest']}", "text": "on"},
    ),
}


def pick(tree: Object, *names: str) -> list[Any]:
    return [tree[name] for name in names]


@pytest.mark.parametrize("helm", ["helm", pytest.param("helm3", marks=pytest.mark.slow)], indirect=True)
@pytest.mark.parametrize("case", CASES)
def test_what_a_team_writes_arrives_and_is_valid(helm: Helm, case: str, tmp_path: Path) -> None:
    text, where, expected = CASES[case]
    objects = helm.written(dedent(text), tmp_path)

    assert where(objects) == expected
    valid(objects)


def valid(objects: Objects) -> None:
    """Assert that Kubernetes knows each field of each object of its own, in the oldest and the newest version."""
    for object_ in objects.everything:
        if object_["apiVersion"] not in NOT_KUBERNETES_OWN and "." not in object_["apiVersion"].partition("/")[0]:
            for version in (OLDEST, NEWEST):
                kubernetes_validate.validate(object_, version, strict=True)


@pytest.mark.parametrize("slug", ["on", "null"])
def test_a_name_that_yaml_reads_as_something_else_is_a_name(bake: Bake, helm: Helm, slug: str, tmp_path: Path) -> None:
    """No new project has such a name; one whose chart was renamed since may."""
    project = shutil.copytree(bake().path, tmp_path / "renamed")
    metadata = project / "chart/Chart.yaml"
    metadata.write_text(re.sub("(?m)^name: .*$", f'name: "{slug}"', metadata.read_text()))
    objects = Helm(helm.program, project, slug, f"{slug}-dev").objects(ingress=INGRESS)

    assert objects["Service"]["spec"]["selector"] == objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert set(objects["Service"]["spec"]["selector"].values()) == {slug}
    assert objects.container["name"] == objects.pod["serviceAccountName"] == slug
    for object_ in objects.everything:
        assert object_["metadata"]["name"] == slug
        assert all(isinstance(value, str) for value in object_["metadata"]["labels"].values())
    valid(objects)


INGRESS = {"enabled": True, "hosts": [{"host": "a.example.com"}], "className": "on"}


def examples(project: BakedProject) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", project.text("chart/README.md"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def how_to(helm: Helm, project: BakedProject, tmp_path: Path) -> Objects:
    """Return what the examples of chart/README.md render, all together."""
    settings, objects, _ = examples(project)
    return helm.written(settings + objects, tmp_path)


def test_the_examples_of_the_how_to_are_valid(how_to: Objects) -> None:
    valid(how_to)
    assert paths(how_to) == {
        "api.example.com": [("/", "Prefix")],
        "www.example.com": [("/api", "Prefix"), ("/openapi.json", "Exact")],
    }
    assert variables(how_to)["PAGE_SIZE"] == "50"
    assert secret_files(how_to) == [("partner", "token", "PARTNER_TOKEN")]


def test_a_worker_and_a_cron_job_run_what_the_service_runs_and_nothing_takes_them_for_it(how_to: Objects) -> None:
    worker = how_to["Deployment/-worker"]["spec"]["template"]
    job = how_to["CronJob/-cleanup"]["spec"]["jobTemplate"]["spec"]["template"]
    for pod, command in ((worker, ["flask", "work"]), (job, ["flask", "cleanup"])):
        (container,) = pod["spec"]["containers"]
        assert container["command"] == command
        for same in ("image", "resources", "securityContext", "volumeMounts"):
            assert container[same] == web(how_to)[same]
        assert {each["name"] for each in container["env"]} > {"PARTNER_KEY", "PARTNER_TOKEN_FILE", "LOG_LEVEL"}
        for same in ("securityContext", "volumes", "serviceAccountName", "automountServiceAccountToken"):
            assert pod["spec"][same] == how_to.pod[same]
        for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            spec = how_to[kind]["spec"]
            selector = spec["podSelector"] if kind == "NetworkPolicy" else spec["selector"]
            assert not selector.get("matchLabels", selector).items() <= pod["metadata"]["labels"].items(), kind
        assert pod["metadata"]["labels"]["app.kubernetes.io/name"] != "hello-api", "status asks the pods of this name"
    assert how_to["Deployment/-worker"]["spec"]["selector"]["matchLabels"] == worker["metadata"]["labels"]
    assert job["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize(
    ("given", "said"),
    [('"comand" (list "flask")', 'knows no "comand"'), ("", "needs a command")],
    ids=["misspelt", "missing"],
)
def test_a_pod_without_its_command_is_refused(helm: Helm, given: str, said: str) -> None:
    ended = helm.template(extraObjects=[f'spec: {{{{ include "pod" (dict "root" . {given}) }}}}'])

    assert ended.returncode != 0
    assert said in ended.stderr


def test_the_how_to_names_the_kinds_that_argo_cd_must_be_allowed(how_to: Objects, project: BakedProject) -> None:
    *_, gitops = examples(project)
    rendered = {(o["apiVersion"].rpartition("/")[0], o["kind"]) for o in how_to.everything}
    kinds = {f"{group}/{kind}" if group else kind for group, kind in rendered}

    assert kinds - set(CHART) == set(yaml.safe_load(gitops)["cluster"]["extra_kinds"])


SECRETS = (ROOT / "docs/how-to/secrets.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("operator", ["External Secrets", "Sealed Secrets", "SOPS"])
def test_the_how_to_of_an_operator_for_secrets_renders_and_names_the_kind_that_argo_cd_must_be_allowed(
    helm: Helm, operator: str, tmp_path: Path
) -> None:
    (use, *_), section = (
        re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for text in (SECRETS, SECRETS.split(f"\n## {operator}\n")[1].split("\n## ")[0])
    )
    (allowed,) = (text for text in section if "# gitops.yaml" in text)
    (written,) = (text for text in section if "extraObjects" in text)
    objects = helm.written(use + written, tmp_path)

    (extra,) = yaml.safe_load(written)["extraObjects"]
    assert extra in objects.everything
    assert yaml.safe_load(allowed)["cluster"]["extra_kinds"] == [f"{extra['apiVersion'].split('/')[0]}/{extra['kind']}"]
    assert secret_files(objects) == [("partner", "token", "PARTNER_TOKEN")]
