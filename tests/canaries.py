"""Canaries: secrets that no one would guess, and where they must not be found: arguments, output, files, logs."""

import base64
import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PROGRAMS = ("git", "gh", "helm", "argocd", "kubectl", "docker", "cookiecutter")


@dataclass(frozen=True)
class Wrappers:
    """Programs that write their arguments down and become the real ones."""

    folder: Path
    log: Path

    @classmethod
    def make(cls, folder: Path, path: str) -> "Wrappers":
        """Wrap each program that is on this PATH; put `folder` first on it."""
        folder.mkdir()
        log = folder.with_suffix(".argv")
        for name in PROGRAMS:
            if real := shutil.which(name, path=path):
                script = folder / name
                words = f"printf '%s\\n' {name} \"$@\" >>{shlex.quote(str(log))}"
                script.write_text(f'#!/bin/sh\n{words}\nexec {shlex.quote(real)} "$@"\n')
                script.chmod(script.stat().st_mode | stat.S_IXUSR)
        return cls(folder, log)

    def calls(self) -> str:
        return self.log.read_text(errors="replace")


class Canaries:
    """What is looked for: each secret as it is, encoded as headers and Secrets have it, and line by line."""

    def __init__(self, **secrets: str) -> None:
        self._forms = {name: list(_forms(value)) for name, value in secrets.items()}

    def in_text(self, text: str | bytes) -> set[str]:
        """Name the secrets that are in a text."""
        content = text if isinstance(text, bytes) else text.encode()
        return {name for name, forms in self._forms.items() if any(form in content for form in forms)}

    def in_files(self, *folders: Path, but: Iterable[Path] = ()) -> dict[str, set[str]]:
        """Name the files below these folders that hold any, `.git` and hidden ones included."""
        left_out = {path.resolve() for path in but}
        found = {}
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file() and not path.is_symlink() and path.resolve() not in left_out:
                    if sung := self.in_text(path.read_bytes()):
                        found[str(path)] = sung
                    if sung := self.in_text(os.fsencode(path)):
                        found[f"the name {path}"] = sung
        return found


def _forms(value: str) -> Iterable[bytes]:
    yield value.encode()
    yield quote(value, safe="").encode()
    for shift in ("", "x", "xy"):  # base64 of a text that holds it, at any offset
        encoded = base64.b64encode((shift + value).encode()).decode()
        yield re.sub(r"=+$", "", encoded)[4 if shift else 0 : -4].encode()
    if "\n" in value:
        yield from (line.encode() for line in value.splitlines()[1:-1] if len(line) > 30)
