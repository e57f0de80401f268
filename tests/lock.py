"""Bring the template's lock files up to date: `uv run python -m tests.lock [--upgrade]`."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from cookiecutter.main import cookiecutter

from tests.conftest import PROJECT, ROOT

# A name that is part of no package's, and stands where most names will stand: uv sorts by it, but does not mind.
SLUG = "hello-api-of-the-template"
LOCKS = {
    "none": "{% if not cookiecutter.__database %}uv.lock{% endif %}",
    "postgresql": "{% if cookiecutter.__database %}uv.lock{% endif %}",
}


def main(*arguments: str) -> None:
    """Lock a project of each kind, and keep the result under the name of the answer."""
    for database, name in LOCKS.items():
        with TemporaryDirectory() as folder:
            answers = {"project_slug": SLUG, "database": database}
            project = cookiecutter(
                str(ROOT), no_input=True, accept_hooks=False, extra_context=answers, output_dir=folder
            )
            subprocess.run(["uv", "lock", "--python", sys.executable, *arguments], cwd=project, check=True)
            locked = Path(project, "uv.lock").read_text(encoding="utf-8")
            text = locked.replace(f'"{SLUG}"', '"{{ cookiecutter.project_slug }}"')
            (ROOT / PROJECT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
