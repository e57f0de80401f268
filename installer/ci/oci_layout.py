"""An image as files, an OCI image layout, brought to a registry that only a port-forward leads to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from ..forges.http import Session
from ..support.errors import UNREADABLE, InstallerError, reading
from .registry import DIGEST

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_PATIENCE = (10, 300)
"""Seconds to connect, and without a byte."""


class _Layout:
    """The files of a layout, by their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def root(self) -> dict[str, Any]:
        """Return the descriptor of the one image."""
        try:
            (root,) = json.loads((self._folder / "index.json").read_text(encoding="utf-8"))["manifests"]
        except (OSError, *UNREADABLE) as error:
            raise InstallerError(f"{self._folder} is no layout of one image: {type(error).__name__}") from None
        return dict(root)

    def file(self, descriptor: dict[str, Any]) -> Path:
        """Return the file of a descriptor."""
        digest = str(descriptor["digest"])
        if not DIGEST.fullmatch(digest):
            raise InstallerError(f"{self._folder} names {digest!r}, which is no digest.")
        return self._folder / "blobs" / "sha256" / digest.partition(":")[2]

    def walk(self, descriptor: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        """Walk over what an image consists of, each part after what it names; True for a manifest."""
        tree = json.loads(self.file(descriptor).read_text(encoding="utf-8"))
        if descriptor["mediaType"] in _INDEXES:
            for each in tree["manifests"]:
                yield from self.walk(each)
        else:
            for each in (tree["config"], *tree["layers"]):
                yield each, False
        yield descriptor, True


@reading("The image layout")
def push(folder: Path, address: str, name: str, tag: str) -> str:
    """Bring the image to `name:tag` of the registry at this address, which asks for no login; return its digest."""
    layout, base = _Layout(folder), f"{address}/v2/{name}/"
    root = layout.root()
    with Session() as client:
        client.trust_env = False  # straight to this machine, past any proxy
        for part, is_manifest in layout.walk(root):
            if is_manifest:
                references = [str(part["digest"]), *([tag] if part == root else [])]
                for reference in references:
                    _put_manifest(client, base, reference, layout.file(part), str(part["mediaType"]))
            else:
                _put_blob(client, base, str(part["digest"]), layout.file(part))
    return str(root["digest"])


def _put_blob(client: requests.Session, base: str, digest: str, file: Path) -> None:
    there = _ask(client, "HEAD", f"{base}blobs/{digest}")
    if there.ok:
        return
    begun = _ask(client, "POST", f"{base}blobs/uploads/")
    _check(begun, requests.codes.accepted, digest)
    place = urlsplit(urljoin(begun.url, begun.headers.get("Location", "")))
    url = urlsplit(base)._replace(path=place.path, query="&".join(filter(None, [place.query, f"digest={digest}"])))
    with file.open("rb") as content:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.stat().st_size)}
        done = _ask(client, "PUT", url.geturl(), data=content, headers=headers)
    _check(done, requests.codes.created, digest)


def _put_manifest(client: requests.Session, base: str, reference: str, file: Path, kind: str) -> None:
    done = _ask(client, "PUT", f"{base}manifests/{reference}", data=file.read_bytes(), headers={"Content-Type": kind})
    _check(done, requests.codes.created, reference)


def _ask(client: requests.Session, verb: str, url: str, **what: Any) -> requests.Response:
    try:
        return client.request(verb, url, timeout=_PATIENCE, allow_redirects=False, **what)
    except requests.RequestException as error:
        what_failed = f"The registry in the cluster does not answer: {type(error).__name__}."
        raise InstallerError(what_failed, "See `gitops-flask status`, then run this again.") from None


def _check(answer: requests.Response, expected: int, what: str) -> None:
    if answer.status_code != expected:
        said = " ".join(answer.text.split())[:300]
        raise InstallerError(f"The registry in the cluster did not take {what[:19]}: {answer.status_code} {said}")
