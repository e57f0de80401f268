"""`doctor`: everything that can be checked without changing anything, inside a project or anywhere."""

from pathlib import Path

from ..config.settings import FILE
from ..preflight import checks
from ..project.project import World
from ..ui import console, json_documents
from .options import opened


def doctor(project: Path, context: str | None, *, as_json: bool = False) -> bool:
    """Print what each check found, each failure with its fix; return whether nothing must be mended."""
    inside = (project / FILE).exists()
    world = opened(project, context) if inside else World.anywhere(context)
    findings = checks.everything(world)
    fine = not any(finding.problem for finding in findings)
    if as_json:
        console.document(json_documents.doctor(findings))
        return fine
    console.show_findings(findings)
    if not inside:
        console.report(f"There is no {FILE} in {project.resolve()}: what depends on a project was not checked.")
    console.report("Nothing stands in the way." if fine else "Mend what is marked ✗, then run this again.")
    return fine
