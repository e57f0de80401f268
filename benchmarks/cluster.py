"""What pods answer, asked straight at the API server: a kubectl for each question would be part of what is measured."""

import base64
import json
import subprocess
import tempfile
from pathlib import Path

import requests


class Pods:
    """The pods of one service."""

    def __init__(self, namespace: str, slug: str) -> None:
        command = ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "-o", "json"]
        config = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._folder = tempfile.TemporaryDirectory()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = self._file("ca", cluster["certificate-authority-data"])
        if "token" in user:
            self._session.headers["Authorization"] = f"Bearer {user['token']}"
        else:
            pair = (user["client-certificate-data"], user["client-key-data"])
            self._session.cert = (self._file("cert", pair[0]), self._file("key", pair[1]))
        self._pods = f"{cluster['server']}/api/v1/namespaces/{namespace}/pods"
        self._query = {"labelSelector": f"app.kubernetes.io/name={slug}"}

    def _file(self, name: str, encoded: str) -> str:
        file = Path(self._folder.name, name)
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(encoded))
        return str(file)

    def revisions(self) -> set[str]:
        """Return what those answer that are no longer on their way out; `none` for one that does not."""
        found = self._session.get(self._pods, params=self._query, timeout=10).json()["items"]
        names = [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]
        return {self._revision(name) for name in names}

    def _revision(self, name: str) -> str:
        address = f"{self._pods}/{name}:8000/proxy/version"
        answer = self._session.get(address, timeout=10, allow_redirects=False)  # the session carries our credential
        return str(answer.json()["revision"]) if answer.status_code == requests.codes.ok else "none"
