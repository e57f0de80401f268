"""Programs that note what they were given and answer what a test recorded."""

import json
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_SCRIPT = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
arguments = sys.argv[1:]
given = "" if sys.stdin.isatty() else sys.stdin.read()
environment = {{name: os.environ.get(name) for name in ("KUBECONFIG", "ARGOCD_CONFIG_DIR", "ARGOCD_REDIS_NAME")}}
config = environment["KUBECONFIG"]
call = {{"program": {program!r}, "arguments": arguments, "stdin": given, "environment": environment,
         "kubeconfig": pathlib.Path(config).read_text() if config and os.path.isfile(config) else ""}}
with (folder / "calls").open("a") as log:
    log.write(json.dumps(call) + "\\n")
for line in (folder / "answers").read_text().splitlines():
    answer = json.loads(line)
    if answer["program"] == {program!r} and answer["words"] == arguments[: len(answer["words"])]:
        sys.stdout.write(answer["out"])
        sys.stderr.write(answer["err"])
        sys.exit(answer["status"])
sys.exit("nothing recorded for " + " ".join(arguments))
"""


@dataclass
class Programs:
    """What stands on PATH during a test."""

    folder: Path

    def answer(self, program: str, words: str, out: Any = "", err: str = "", status: int = 0) -> None:
        """Let a program, called with these first words, answer this; the answer given last comes first."""
        path = self.folder / program
        path.write_text(_SCRIPT.format(python=sys.executable, folder=str(self.folder), program=program))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        out = out if isinstance(out, str) else json.dumps(out)
        line = json.dumps({"program": program, "words": words.split(), "out": out, "err": err, "status": status})
        answers = self.folder / "answers"
        answers.write_text(f"{line}\n{answers.read_text() if answers.exists() else ''}")

    def calls(self, program: str, word: str = "") -> list[dict[str, Any]]:
        """Return the calls of a program, of one of its verbs."""
        log = self.folder / "calls"
        calls = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [c for c in calls if c["program"] == program and word in ("", *c["arguments"])]


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return Programs(folder)
