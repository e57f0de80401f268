"""`doctor`: everything that can be checked without changing anything, inside a project or anywhere."""

from pathlib import Path

from ..config.settings import FILE
from ..preflight import checks
from ..project.project import Project
from ..ui import console, json_documents
from .options import opened


def doctor(folder: Path, context: str | None, *, as_json: bool = False) -> bool:
    """Print what each check found, each failure with its fix; return whether nothing must be repaired."""
    inside = (folder / FILE).exists()
    project = opened(folder, context) if inside else Project.without_project(context)
    findings = checks.everything(project)
    fine = not any(finding.problem for finding in findings)
    if as_json:
        console.document(json_documents.doctor(findings))
        return fine
    console.show_findings(findings)
    if not inside:
        console.report(f"There is no {FILE} in {folder.resolve()}: what depends on a project was not checked.")
    console.report("Nothing stands in the way." if fine else "Fix what is marked ✗, then run this again.")
    return fine
