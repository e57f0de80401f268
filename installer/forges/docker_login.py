"""The login that Docker keeps for a registry: in its configuration, or in the program that keeps its logins."""

import base64
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..support import process
from ..support.errors import InstallerError
from ..support.parsing import UNREADABLE
from ..support.secret import Secret

_HUB = {"docker.io": "https://index.docker.io/v1/"}
"""How Docker calls a registry where it does not take its host's name."""


def find(registry: str) -> tuple[str, Secret] | None:
    """Return the name and the secret of `docker login` for a registry; None where there are none to be had."""
    key = _HUB.get(registry, registry)
    with suppress(InstallerError, OSError, RuntimeError, *UNREADABLE):
        folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        kept: Any = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        helper = kept.get("credHelpers", {}).get(registry) or kept.get("credsStore")
        if helper:
            found = json.loads(process.run(f"docker-credential-{helper}", "get", stdin=key))
            name, secret = found["Username"], found["Secret"]
        else:
            auth = base64.b64decode(kept["auths"][key]["auth"]).decode()
            name, _, secret = auth.partition(":")
        if name and secret and name != "<token>":  # that is no password, and only Docker can use it
            return name, Secret(secret)
    return None
