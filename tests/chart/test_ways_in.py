"""Service, Ingress, HTTPRoute: how requests reach the pods."""

from typing import Any

import pytest

from tests.chart.rendered import Helm

TLS = [{"hosts": ["a.example.com"], "secretName": "cert"}]


def test_the_service_leads_to_the_servers_port(helm: Helm) -> None:
    objects = helm.objects(service={"port": 8080, "targetPort": 9000})

    (port,) = objects["Service"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (8080, "http")
    assert {"name": "http", "containerPort": 9000, "protocol": "TCP"} in objects.container["ports"]
    assert {"name": "PORT", "value": "9000"} in objects.container["env"]


def test_ways_in_lead_to_the_service(helm: Helm) -> None:
    objects = helm.objects(
        ingress={"enabled": True, "hosts": [{"host": "a.example.com"}], "className": "nginx", "tls": TLS},
        httpRoute={"enabled": True, "parentRefs": [{"name": "gw"}], "hostnames": ["a.example.com"]},
    )

    ingress, route = objects["Ingress"]["spec"], objects["HTTPRoute"]["spec"]
    assert ingress["ingressClassName"] == "nginx"
    assert ingress["tls"] == TLS
    (path,) = ingress["rules"][0]["http"]["paths"]
    assert path["backend"]["service"] == {"name": "hello-api", "port": {"name": "http"}}
    assert route["hostnames"] == ["a.example.com"]
    assert route["rules"][0]["backendRefs"] == [{"name": "hello-api", "port": 80}]


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({}, "0"),
        ({"ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]}}, "1"),
        ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "gw"}]}}, "1"),
        ({"ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]}, "env": {"TRUSTED_PROXIES": 2}}, "2"),
    ],
    ids=["no way in", "ingress", "httpRoute", "as many as deploy/dev.yaml says"],
)
def test_the_service_trusts_the_proxies_that_are_in_front_of_it(
    helm: Helm, values: dict[str, Any], number: str
) -> None:
    env = helm.objects(**values).container["env"]

    assert [each["value"] for each in env if each["name"] == "TRUSTED_PROXIES"] == [number]
