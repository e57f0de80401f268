"""Who may speak with whom: the NetworkPolicy both ways, and the port of the metrics."""

from typing import Any

from tests.chart.rendered import Helm

DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
HTTP = [{"port": "http", "protocol": "TCP"}]
METRICS = [{"port": "metrics", "protocol": "TCP"}]


def namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_requests_may_come_from_anywhere_metrics_are_asked_by_monitoring_and_only_dns_is_asked(helm: Helm) -> None:
    objects = helm.objects()

    policy = objects["NetworkPolicy"]["spec"]
    assert policy["podSelector"]["matchLabels"] == objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [{"ports": HTTP}, {"ports": METRICS, "from": [namespace("monitoring")]}]
    assert policy["egress"] == [DNS]


def test_who_may_send_requests_and_who_may_be_asked_can_be_chosen(helm: Helm) -> None:
    database = {"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 5432}]}
    policy = helm.objects(
        networkPolicy={"from": [namespace("ingress-nginx")], "egress": [database]}, metrics={"namespace": "watch"}
    )["NetworkPolicy"]["spec"]

    assert policy["ingress"] == [
        {"ports": HTTP, "from": [namespace("ingress-nginx")]},
        {"ports": METRICS, "from": [namespace("watch")]},
    ]
    assert policy["egress"] == [DNS, database]


def test_metrics_have_a_port_of_their_own_to_which_no_way_in_leads(helm: Helm) -> None:
    objects = helm.objects(
        metrics={"port": 9191},
        ingress={"enabled": True, "hosts": [{"host": "a.example.com"}]},
        httpRoute={"enabled": True, "parentRefs": [{"name": "gw"}]},
    )

    assert {"name": "metrics", "containerPort": 9191, "protocol": "TCP"} in objects.container["ports"]
    assert {"name": "METRICS_PORT", "value": "9191"} in objects.container["env"]
    assert [port["name"] for port in objects["Service"]["spec"]["ports"]] == ["http"]
    for way in ("Service", "Ingress", "HTTPRoute"):
        assert "metrics" not in str(objects[way])
        assert "9191" not in str(objects[way])


def test_policies_can_be_turned_off(helm: Helm) -> None:
    objects = helm.objects(networkPolicy={"enabled": False})

    assert not [o for o in objects.everything if o["kind"] == "NetworkPolicy"]
