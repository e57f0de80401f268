"""The files are there: keep those that were chosen, commit them, offer the rest. Never fail: they would be deleted.

Until it is known that more is installed, only the standard library and modules that need no more are imported.
"""

import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
STANDING = Path(os.getenv("PWD") or "..").resolve()  # where the user typed this; the hook runs in the project
TEMPLATE = Path(STANDING, ANSWERS.get("_repo_dir", ""))  # cookiecutter has it as it was typed
LIBRARIES = {"plumbum": "plumbum", "github": "PyGithub"}
sys.path.insert(0, str(TEMPLATE))


def prune() -> None:
    for choice, its in ANSWERS["_only_for"].items():
        for file in map(Path, [] if choice in (ANSWERS["scm"], ANSWERS["ci"]) else its["files"]):
            file.unlink(missing_ok=True)
            with suppress(OSError):  # other files are in the folder
                os.removedirs(file.parent)


def part(name: str) -> Any:
    package = "installer" if (TEMPLATE / "installer").is_dir() else "gitops_flask"  # or the wheel's
    return import_module(f"{package}.{name}")


resume = "gitops-flask up"
try:
    prune()  # under cruft, too: it compares these files with the project's
    for script in (path for path in Path("ci").rglob("*") if path.is_file()):
        script.chmod(0o755 if script.read_bytes().startswith(b"#!") else 0o644)  # a zip does not keep it
    if "_commit" not in ANSWERS:  # cruft sets it: it renders the files to compare them, and nothing else may happen
        trusted = part("config.trusted_hosts")  # these answers are the person's own
        trusted.remember(ANSWERS["scm"], ANSWERS["host"])
        trusted.remember("registry", ANSWERS["registry"])
        run_again = part("support.resume_command")
        template = run_again.source_of(ANSWERS["_template"], ANSWERS["_checkout"], str(STANDING))
        run_again.this_run.template, run_again.this_run.working_dir = template or ANSWERS["_tool"], STANDING
        resume = run_again.entering(Path.cwd())
        if word := part("commands.first_commit").make(Path.cwd()):
            print(word, file=sys.stderr)
        if missing := [library for module, library in LIBRARIES.items() if not find_spec(module)]:
            print(f"Written: {Path.cwd()}")
            print(f"Deploy it with (this cookiecutter has no {', '.join(missing)}):\n  {resume}")
        else:
            after = part("commands.after_generation")
            after.prompt_to_deploy(Path.cwd(), after.mode_from_environment())
except BaseException as error:  # Ctrl-C, too
    print(f"{Path.cwd()} has all its files. What comes after them stopped:", file=sys.stderr)
    later = os.getenv("GITOPS_FLASK_INSTALL") == "later"  # `gitops-flask new` goes on, and says itself how to resume
    way_on = "" if later else f"\nResume with:\n  {resume}"
    print(f"{error if hasattr(error, 'fix') else repr(error)}{way_on}", file=sys.stderr)
