"""Where people find a service: what its Ingress, or its load balancer, says."""

from ..support.errors import Object


def address_of(ingress: Object | None, service: Object | None) -> str:
    """Return the address; empty where there is no way in."""
    for rule in (ingress or {}).get("spec", {}).get("rules", []):
        if rule.get("host"):
            return f"{'https' if (ingress or {})['spec'].get('tls') else 'http'}://{rule['host']}"
    for point in (service or {}).get("status", {}).get("loadBalancer", {}).get("ingress", []):
        return f"http://{point.get('hostname') or point.get('ip')}:{(service or {})['spec']['ports'][0]['port']}"
    return ""
