"""Before the first question: can the other hooks do their work here?"""

import shutil
import sys
from importlib.util import find_spec

MODULES = {"plumbum": "plumbum", "github": "PyGithub", "yaml": "PyYAML"}


def problems() -> list[str]:
    """Return what is missing, each with the one command or page that helps."""
    found = []
    if missing := [package for module, package in MODULES.items() if not find_spec(module)]:
        found.append(
            f"{' and '.join(missing)} must be installed next to cookiecutter. Run it like this, with your arguments:\n"
            f"  uvx {' '.join(f'--with {package}' for package in missing)} cookiecutter …"
        )
    if not shutil.which("git"):
        found.append("git is not on the PATH. It is here: https://git-scm.com/downloads")
    return found


if found := problems():
    sys.exit("gitops-flask cannot start yet:\n" + "\n".join(f"- {problem}" for problem in found))
