"""Programs that are missed, fetched with consent: pinned releases, checked by their SHA-256, in the user's cache.

The sums are those of the vendors' own releases. A file that has another one is removed, and never run.
"""

import hashlib
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import requests

from ..forges.http import Session
from ..support.errors import InstallerError

_PATIENCE = (10, 60)
"""Seconds to connect, and without a byte."""
_CHUNK = 1 << 20
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_CHANGED = "Nothing of it is kept. Try again; where it stays so, install the program yourself and report it."


@dataclass(frozen=True)
class Release:
    """One version of a program: where it is, and the SHA-256 of what is there, by operating system and machine."""

    version: str
    address: str
    sums: dict[str, str]
    member: str = ""
    """The program inside of the archive that it comes in; empty where it comes alone."""

    def url(self, where: str) -> str:
        """Return the address for a machine like `linux-amd64`."""
        return self._filled(self.address, where)

    def inside(self, where: str) -> str:
        """Return the member's name for that machine."""
        return self._filled(self.member, where)

    def _filled(self, text: str, where: str) -> str:
        system, machine = where.split("-")
        return text.format(version=self.version, os=system, arch=machine)


RELEASES = {
    "kind": Release(
        "0.33.0",
        "https://github.com/kubernetes-sigs/kind/releases/download/v{version}/kind-{os}-{arch}",
        {
            "linux-amd64": "aee6151561422756b764a4ae28e7f44cda5af5a9eead3cc9985112b1de8d8e0d",
            "linux-arm64": "20022bee6cfcd5086cb7234d218e3454e6090022f2a8f55d1fa7fcf42c3867a2",
            "darwin-amd64": "5a99f26f57246dc9319dd294803313197a0f34d33c525b3ea8b655db5916ece0",
            "darwin-arm64": "0c8c7dbe5e23594a198b786c4bc13dacc101fa6196b0cb0b23a1ca44e61f4b4f",
        },
    ),
    "kubectl": Release(
        "1.37.0",
        "https://dl.k8s.io/v{version}/bin/{os}/{arch}/kubectl",
        {
            "linux-amd64": "6129359f4e1f3848a5572ccb0b26cf28b8ca08cef38c95a765b2f64a2c961a2f",
            "linux-arm64": "922df28df248cc00a9e025f947704f1d1482de64ece54cfe57e61f19eaf1eef3",
            "darwin-amd64": "d5276c0f4fde77fc446070290f345944a7f1fda153df6b960e5fde93b7a9bccd",
            "darwin-arm64": "583beedaebe422e71d3f1a96acef8b1fef86ea2f09a45ad01aa6c9ce287c1380",
        },
    ),
    "helm": Release(
        "4.3.0",
        "https://get.helm.sh/helm-v{version}-{os}-{arch}.tar.gz",
        {
            "linux-amd64": "86584a54def73570558f66f5111cc53dfed56689637ae32c1201205d494f54fb",
            "linux-arm64": "31c5794dd55c66a51e6b7d2e2ac7a114ae8b1de41ff1d9ba51748ac973b06a08",
            "darwin-amd64": "347a784877e0e20eac865e8d1c36a80f6bb0861d6f29abd34defb6570ef95d92",
            "darwin-arm64": "d3870437e1e95b67f8edbde964156c84a26503f560821d40c542441658934fba",
        },
        "{os}-{arch}/helm",
    ),
    "argocd": Release(
        "3.2.1",
        "https://github.com/argoproj/argo-cd/releases/download/v{version}/argocd-{os}-{arch}",
        {
            "linux-amd64": "41ed7d1d2b4ed893e2351f781b0bf2a58301521d12d23dfd0cb3df40f7a7a38d",
            "linux-arm64": "5165b0334d51c276d2889dd7de2e61cc1b280749871a7ad6771c1b5f0c4d03c2",
            "darwin-amd64": "1a9a4ca5f0fd164198f1ad8e0fafe5b0d3e3104bd1de4399803a0f1b2bedb644",
            "darwin-arm64": "2dcc01c36aadf7f83bab6081d3efd0fe94062b7883460d742bebacc0246dfb2a",
        },
    ),
}


def architecture() -> str:
    """Return this machine's architecture, as Kubernetes calls it."""
    machine = platform.machine().lower()
    return _MACHINES.get(machine, machine)


def here() -> str:
    """Return what this machine is, like `linux-amd64`."""
    return f"{'darwin' if sys.platform == 'darwin' else 'linux'}-{architecture()}"


def can_fetch(name: str) -> bool:
    """Return whether there is a pinned release of a program for this machine."""
    return name in RELEASES and here() in RELEASES[name].sums


def folder() -> Path:
    """Return the folder of the user's cache where fetched programs are."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given) / "gitops-flask" / "programs"
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and a user who is on no list
        raise InstallerError("There is no folder to keep programs in.", "Set XDG_CACHE_HOME to one.") from None
    cache = home / "Library/Caches" if sys.platform == "darwin" else home / ".cache"
    return cache / "gitops-flask" / "programs"


def _place(name: str) -> Path:
    return folder() / f"{name}-{RELEASES[name].version}" / name


def use_fetched() -> None:
    """Let programs that were fetched be found, before others of their names."""
    with suppress(InstallerError):
        found = [str(_place(name).parent) for name in RELEASES if _place(name).is_file()]
        path = os.environ.get("PATH", "").split(os.pathsep)
        os.environ["PATH"] = os.pathsep.join([*(each for each in found if each not in path), *path])


def fetch(names: Iterable[str], say: Callable[[str], None]) -> None:
    """Fetch these programs, check each, and let them be found; raise at the first that is not what it should be."""
    for name in names:
        if not can_fetch(name):
            raise InstallerError(f"There is no pinned release of {name} for {here()}.", "Install it yourself.")
        if not _place(name).is_file():
            say(f"Fetching {name} {RELEASES[name].version} from {RELEASES[name].url(here())}")
            _fetch(name, RELEASES[name])
    use_fetched()


def _fetch(name: str, release: Release) -> None:
    """Fetch, check, unpack and only then put in place, in one move: whoever is killed leaves no program behind."""
    where, place = here(), _place(name)
    try:
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder(), prefix=".fetching-") as scratch:
            loaded = Path(scratch) / "loaded"
            found = _load(release.url(where), loaded)
            if found != release.sums[where]:
                what = f"{release.url(where)} is not the {name} that was pinned: its SHA-256 is {found}."
                raise InstallerError(f"{what} It should be {release.sums[where]}.", _CHANGED)
            program = _unpacked(loaded, release.inside(where)) if release.member else loaded
            program.chmod(0o755)
            place.parent.mkdir(exist_ok=True)
            program.replace(place)
    except OSError as error:
        raise InstallerError(f"{name} cannot be kept in {folder()}: {error.strerror or error}.") from None


def _load(url: str, file: Path) -> str:
    """Write what is at an address to a file, and return its SHA-256."""
    digest = hashlib.sha256()
    try:
        with Session() as client, client.get(url, stream=True, timeout=_PATIENCE) as answer:
            if not answer.ok:
                raise InstallerError(f"{url} answered {answer.status_code}.", "Try again, or install it yourself.")
            with file.open("wb") as out:
                for chunk in answer.iter_content(_CHUNK):
                    digest.update(chunk)
                    out.write(chunk)
    except requests.RequestException as error:
        fix = "Check the network and any proxy, then run this again."
        raise InstallerError(f"{url} could not be fetched: {type(error).__name__}.", fix) from None
    return digest.hexdigest()


def _unpacked(archive: Path, member: str) -> Path:
    """Return the one file of an archive that is wanted, written beside it."""
    file = archive.with_name("program")
    try:
        with tarfile.open(archive) as packed, file.open("wb") as out:
            found = packed.extractfile(member)
            if found is None:
                raise KeyError(member)
            shutil.copyfileobj(found, out)
    except (KeyError, tarfile.TarError) as error:
        raise InstallerError(f"There is no {member} in what was fetched: {error}", _CHANGED) from None
    return file
