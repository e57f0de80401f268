"""Programs that note what they were given and answer what a test recorded."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from installer.cluster.helm import LABELS

Row = tuple[str, ...]
VARIABLES = ("KUBECONFIG", "ARGOCD_CONFIG_DIR", "ARGOCD_REDIS_NAME")
# In sh: a verb calls them dozens of times, and Python takes longer to start than the verb to work.
_SCRIPT = """#!/bin/sh
call={folder}/call.$$
printf '%s\\0' {program} "$@" >"$call.arguments"
{{ {variables}; }} >"$call.environment"
if [ -t 0 ]; then :; else cat; fi >"$call.stdin"
if [ -f "${{KUBECONFIG-}}" ]; then cat "$KUBECONFIG"; fi >"$call.kubeconfig"
echo "$call" >>{folder}/calls
{answers}
echo "nothing recorded for $*" >&2
exit 1
"""


@dataclass
class Programs:
    """What stands on PATH during a test."""

    folder: Path
    _answers: dict[str, list[str]] = field(default_factory=dict)

    def answer(self, program: str, words: str | Sequence[str], out: Any = "", err: str = "", status: int = 0) -> None:
        """Let a program, called with these first words, answer this; the answer given last comes first."""
        out = out if isinstance(out, str) else json.dumps(out)
        each = words.split() if isinstance(words, str) else words
        asked = "".join(f' && [ "${{{n}-}}" = {quote(word)} ]' for n, word in enumerate(each, 1))
        said = f"printf %s {quote(out)}; printf %s {quote(err)} >&2; exit {status}"
        self._answers[program] = [f"true{asked} && {{ {said}; }}", *self._answers.get(program, [])]
        script = _SCRIPT.format(
            folder=quote(str(self.folder)),
            program=quote(program),
            variables="; ".join(f"""[ -z "${{{v}+set}}" ] || printf '{v}=%s\\0' "${v}" """ for v in VARIABLES),
            answers="\n".join(self._answers[program]),
        )
        path = self.folder / program
        path.write_text(script)
        path.chmod(0o755)

    def calls(self, program: str, word: str = "") -> list[dict[str, Any]]:
        """Return the calls of a program, of one of its verbs."""
        log = self.folder / "calls"
        calls = [_read(call) for call in log.read_text().splitlines()] if log.exists() else []
        return [c for c in calls if c["program"] == program and word in ("", *c["arguments"])]

    def releases(self, *rows: Row) -> None:
        """Let kubectl show the labels of helm's Secrets, and nothing else of them."""
        asked = ("--selector=owner=helm", f"--label-columns={','.join(LABELS)}")
        head = ("NAME", "TYPE", "DATA", "AGE", *(label.rpartition("/")[2].upper() for label in LABELS))
        shown = [(row[0], "sh.helm.release.v1.x", "helm.sh/release.v1", "1", "5d", *row[1:]) for row in rows]
        self.answer("kubectl", ("get", "secrets", "--all-namespaces", *asked), _table(("NAMESPACE", *head), shown))
        for home in {"argocd", *(row[0] for row in rows)}:
            here = _table(head, [each[1:] for each in shown if each[0] == home])
            self.answer("kubectl", ("get", "secrets", f"--namespace={home}", *asked), here)


def _table(head: Row, rows: Sequence[Row]) -> str:
    """Print a table as kubectl does: cells begin below their names, a missing value is blank."""
    widths = [max(map(len, column)) + 3 for column in zip(head, *rows, strict=True)]
    lines = ("".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows))
    return "\n".join(lines) if rows else ""


def release(
    name: str, status: str = "deployed", revision: int = 1, age: float = 3600, home: str = "argocd", **labels: str
) -> Row:
    """Return the labels of a release that was written `age` seconds ago, in the order of `LABELS`."""
    given = {"version": str(revision), "name": name, "status": status, "createdAt": f"{time.time() - age:.0f}"}
    ours = {f"gitops-flask/{label}": value for label, value in labels.items()}
    return (home, *((given | ours).get(label, "") for label in LABELS))


def _read(call: str) -> dict[str, Any]:
    """Read what a program noted of one call."""

    def noted(what: str) -> str:
        return Path(f"{call}.{what}").read_text()

    program, *arguments = noted("arguments").split("\0")[:-1]
    environment = dict(each.split("=", 1) for each in noted("environment").split("\0")[:-1])
    return {
        "program": program,
        "arguments": arguments,
        "environment": dict.fromkeys(VARIABLES) | environment,
        "stdin": noted("stdin"),
        "kubeconfig": noted("kubeconfig"),
    }


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return Programs(folder)


def with_helm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Put a helm on PATH, and a kubectl whose cluster has no release."""
    here = put_on_path(folder, monkeypatch)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    here.answer("helm", "version", out="v4.3.1")
    here.answer("kubectl", "config view", out=VIEW)
    here.releases()
    return here


VIEW = {
    "clusters": [{"name": "kind", "cluster": {"server": "https://127.0.0.1:6443"}}],
    "contexts": [{"name": "kind", "context": {"cluster": "kind", "user": "me", "namespace": "mine"}}],
    "current-context": "kind",
    "users": [{"name": "me", "user": {"token": "kubernetes-token"}}],
}
