"""The generated chart as helm renders it: what reaches the cluster."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGEST = "sha256:" + "1" * 64
IMAGE = {"repository": "docker.io/acme/hello-api", "tag": COMMIT, "digest": DIGEST}

# values with which every switch is on
EVERYTHING = {
    "autoscaling": {"enabled": True},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "gw"}]},
    "ingress": {"enabled": True, "hosts": [{"host": "a.example.com"}]},
}

Object = dict[str, Any]


@dataclass(frozen=True)
class Objects:
    """What was rendered: `objects["Service"]` is named like the project, `objects["Service/-metrics"]` longer."""

    slug: str
    everything: list[Object]

    def __getitem__(self, kind: str) -> Object:
        kind, _, end = kind.partition("/")
        (only,) = (o for o in self.everything if o["kind"] == kind and o["metadata"]["name"] == self.slug + end)
        return only

    @property
    def kinds(self) -> set[str]:
        return {object_["kind"] for object_ in self.everything}

    @property
    def pod(self) -> Object:
        spec: Object = self["Deployment"]["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Object:
        (only,) = self.pod["containers"]
        return dict(only)


@dataclass(frozen=True)
class Helm:
    """One of the helms of this machine, on the chart of a project."""

    program: str
    project: Path
    slug: str = "hello-api"
    namespace: str = "hello-api-dev"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *arguments], cwd=self.project, capture_output=True, text=True, check=False, timeout=60
        )

    def _values(self, values: dict[str, Any], *files: str) -> list[str]:
        given = {"image": IMAGE, "revision": COMMIT} | {
            name.replace("__", "."): value for name, value in values.items()
        }
        image = given.pop("image")
        merged = {f"image.{name}": value for name, value in (IMAGE | image).items()} | given
        given_files = [f"--values={file}" for file in ("deploy/dev.yaml", *files)]
        return given_files + [f"--set-json={name}={json.dumps(v)}" for name, v in merged.items()]

    def written(self, text: str, folder: Path) -> Objects:
        """Return what is rendered with a file as a team writes it, between the project's own and the image's."""
        file = folder / "written.yaml"
        file.write_text(text)
        ended = self.run("template", self.slug, "chart", "--namespace", self.namespace, *self._values({}, str(file)))
        assert ended.returncode == 0, ended.stderr
        return Objects(self.slug, [object_ for object_ in yaml.safe_load_all(ended.stdout) if object_])

    def template(self, **values: Any) -> subprocess.CompletedProcess[str]:
        return self.run("template", self.slug, "chart", "--namespace", self.namespace, *self._values(values))

    def text(self, **values: Any) -> str:
        """Return what is rendered, as it would be sent."""
        ended = self.template(**values)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def objects(self, **values: Any) -> Objects:
        """Return what is rendered."""
        return Objects(self.slug, [object_ for object_ in yaml.safe_load_all(self.text(**values)) if object_])

    def lint(self, **values: Any) -> subprocess.CompletedProcess[str]:
        return self.run("lint", "--strict", "chart", *self._values(values))
