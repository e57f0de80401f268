"""What a release stored at its users': a folder for each version from which on it is stored in that way.

A project's folder has the answers, the `gitops.yaml` that they gave, what the installer understood (`settings.json`),
and how it labelled things in the cluster (`cluster.json`). `env-dev/` has what the scripts wrote to that branch.

`python -m tests.kept` writes today's into `1.0/`. Once 1.0 is released it refuses: that folder is read for ever then.
"""

import dataclasses
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter

from installer import __version__
from installer.cluster import objects as labels
from installer.config.settings import CIS, FORGES, Settings, cis_of
from installer.config.settings_file import load
from tests.conftest import ROOT

FIRST = Path(__file__).parent / "1.0"
RELEASED = int(__version__.partition(".")[0]) >= 1
"""Whether 1.0 is out, so that what it stored is no longer ours to change."""
FINGERPRINT, PLACE = "5f6c5a1e", "old-dev"


def document(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def can_be_chosen(project: Path) -> bool:
    """Tell whether its code host and CI are there: a fork may keep one of each."""
    answers = document(project / "answers.json")
    scm = answers.get("scm", "github")
    return scm in FORGES and answers.get("ci", cis_of(scm)[0]) in CIS


PROJECTS = sorted(filter(can_be_chosen, (FIRST / "projects").iterdir()))


def meant(settings: Settings) -> dict[str, Any]:
    """Return what was understood, as JSON has it."""
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(settings)))
    return found


def labels_of(settings: Settings) -> dict[str, Any]:
    """Return how things in the cluster are labelled as a project's: an object, and a helm release."""
    more = {labels.FINGERPRINT: FINGERPRINT, labels.MOVES_FROM: PLACE}
    marked = labels.metadata(settings, settings.application, settings.argocd_namespace, annotations=more)
    return {"object": {"kind": "AppProject", "metadata": marked}, "release": {"labels": labels.placed(settings)}}


def main() -> None:
    """Write today's into the folder of 1.0."""
    if RELEASED:
        raise SystemExit(
            "1.0 is released: what it stored stays as it is. Another way to store things is another folder."
        )
    os.environ["GITOPS_FLASK_INSTALL"] = "no"
    for folder in PROJECTS:
        with tempfile.TemporaryDirectory() as scratch:
            answers = document(folder / "answers.json")
            project = Path(cookiecutter(str(ROOT), no_input=True, extra_context=answers, output_dir=scratch))
            (folder / "gitops.yaml").write_text((project / "gitops.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        settings = load(folder)
        for name, what in (("settings.json", meant(settings)), ("cluster.json", labels_of(settings))):
            (folder / name).write_text(json.dumps(what, indent=2) + "\n", encoding="utf-8")
