"""Secrets of the cluster: packed for helm so that nothing of them can be printed, and unpacked."""

import base64
from collections.abc import Mapping
from typing import Any

from ..support.secret import Secret
from .kubectl import Object


def pack(head: Mapping[str, Any], kind: str, fields: Mapping[str, str], secrets: Mapping[str, Secret]) -> Object:
    """Return a Secret as an object; its secrets are kept from any text in their encoded form too."""
    data = {name: _encoded(value) for name, value in fields.items()}
    data |= {name: Secret(_encoded(value.reveal())).reveal() for name, value in secrets.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": dict(head), "type": kind, "data": data}


def unpack(secret: Object) -> dict[str, str]:
    """Return what a Secret of the cluster holds."""
    data: Mapping[str, str] = secret.get("data") or {}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
