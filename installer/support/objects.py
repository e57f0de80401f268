"""An object of Kubernetes: what its manifest, or the API server, says of it."""

from typing import Any

Object = dict[str, Any]
Objects = list[Object]
