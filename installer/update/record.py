"""`.gitops-flask.yaml`: from which template and which answers a project was made, and where its pristine render is."""

from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from ..support.errors import InstallerError

FILE = ".gitops-flask.yaml"
_HEAD = "# How this project was generated; gitops-flask template update reads and writes it.\n"


@dataclass(frozen=True)
class Record:
    """What a project says of its template; `commit` is the pristine render, empty where that is the first commit."""

    version: str
    template: str
    """What `uvx --from` takes to get that version: an address for git with a revision."""
    answers: Mapping[str, str]
    commit: str = ""

    def text(self) -> str:
        """Return the file's content; without a commit, it is what cookiecutter writes."""
        answers = "".join(f"  {name}: {_quoted(answer)}\n" for name, answer in self.answers.items())
        commit = f"commit: {_quoted(self.commit)}\n" if self.commit else ""
        head = f"{_HEAD}version: {_quoted(self.version)}\ntemplate: {_quoted(self.template)}\n"
        return f"{head}{commit}answers:\n{answers}"


def parse(text: str) -> Record:
    """Read the file's content; raise where it is not of that form."""
    fix = f"Take {FILE} back from an earlier commit: git log -- {FILE}"
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InstallerError(f"{FILE} is no YAML.", fix) from None
    if not isinstance(tree, dict) or not isinstance(tree.get("answers"), dict):
        raise InstallerError(f"{FILE} has no answers.", fix)
    fields = [tree.get("version"), tree.get("template"), tree.get("commit", "")]
    if not all(isinstance(each, str) for each in (*fields, *tree["answers"], *tree["answers"].values())):
        raise InstallerError(f"{FILE}: version, template, commit and each answer must be text in quotes.", fix)
    version, template, commit = fields
    return Record(version, template, dict(tree["answers"]), commit)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
