"""Before a file is written: can every answer be used everywhere it is going to stand?

`gitops-flask new` imports this, to ask again at once; plain cookiecutter runs it after the last question.
"""

import json
import keyword
import os
import shlex
import sys
from importlib import util
from pathlib import Path
from typing import Any

TEMPLATE = Path(r"{{ template }}")  # hooks/extension.py knows it: cookiecutter runs this as a copy from elsewhere
if not TEMPLATE.is_dir():
    TEMPLATE = Path(__file__).resolve().parents[1]  # imported where it stands


def _load_forms() -> Any:
    """Load the table of forms that came with this template: of a checkout, or in the wheel."""
    places = (TEMPLATE / "installer/config/forms.py", TEMPLATE.parent / "config/forms.py")
    spec = util.spec_from_file_location("forms", next(filter(Path.is_file, places)))
    if spec is None or spec.loader is None:
        raise ImportError(f"{TEMPLATE} has no forms of answers")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


forms = _load_forms()
# Packages of uv.lock, what they import as, and folders of the project: a module of the same name would hide them.
TAKEN = (
    " alembic annotated-types ast-serialize blinker click colorama coverage dotenv flask flask-cors flask-migrate "
    "flask-sqlalchemy granian iniconfig itsdangerous jinja2 librt mako markupsafe mypy mypy-extensions mypyc "
    "packaging pathspec pluggy postgresql prometheus-client psycopg psycopg-binary py pydantic pydantic-core "
    "pydantic-settings pygments pytest pytest-cov python-dotenv python-json-logger pythonjsonlogger ruff spectree "
    "sqlalchemy tests types-flask-migrate typing-extensions typing-inspection tzdata uv uv-build werkzeug "
    "conftest migrations pip setuptools src test wheel "
)
# No texts to YAML, which has the slug in labels without quotes.
NO_TEXT = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def problems(answers: dict[str, Any]) -> list[str]:
    """Return a line for every answer so far that cannot be used: the field, what is wrong, what to write."""
    found = []
    cis = {name: each["scm"] for name, each in answers["_only_for"].items() if "scm" in each}
    choices = {"scm": forms.choice(*dict.fromkeys(cis.values())), "ci": forms.choice(*cis)}
    for field in (each for each in answers if each in {*forms.FORMS, *choices}):
        value, form = str(answers[field]), choices.get(field) or forms.of(field, answers.get("scm", ""))
        if not value.isprintable():
            found.append(f"{field}: {value!r} has a line break or a character that cannot be seen. Write {form.words}.")
        elif not form.fits(value):
            found.append(f"{field}: {value!r} cannot be used. Write {form.words}.")
        elif len(value) > form.longest:
            most = f"{len(value)} characters, {form.longest} are possible"
            found.append(f"{field}: {value!r} has {most}. Write {form.words}.")
    scm, ci = answers.get("scm"), answers.get("ci", "")
    if cis.get(ci, scm) != scm:
        others = " or ".join(name for name, host in cis.items() if host == scm)
        found.append(f"ci: {ci!r} builds for {cis[ci]}, not for {scm}. Write {others}.")
    slug, namespace = answers.get("project_slug", ""), answers.get("namespace", "")
    module = slug.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or f" {slug} " in TAKEN:
        found.append(f"project_slug: Python knows {module!r} as something else. Write a longer name: {slug}-api.")
    if slug in NO_TEXT:
        found.append(f"project_slug: YAML knows {slug!r} as something else. Write a longer name: {slug}-api.")
    if port := forms.missing_port(answers.get("registry", "")):
        found.append(f"registry: there is no port {port}. Write one from 1 to 65535, or none.")
    account = answers.get("registry_account", "")
    if answers.get("registry") == "docker.io" and "/" in account:
        found.append(f"registry_account: Docker Hub has no folders, as in {account!r}. Write the account alone.")
    if namespace == "argocd" or forms.SYSTEM_NAMESPACE.fullmatch(namespace):
        found.append(f"namespace: {namespace!r} belongs to the cluster. Write one of your own: {slug}-dev.")
    return found


def command_again(answers: dict[str, Any], found: list[str]) -> str:
    """Return a shell command that asks again, and has every answer but those that were refused as its default."""
    refused = {problem.partition(":")[0] for problem in found}
    kept = [f"{name}={value}" for name, value in answers.items() if name[0] != "_" and name not in refused]
    where = ["--output-dir", output] if (output := answers["_output_dir"]) != os.getenv("PWD") else []
    version = ["--checkout", answers["_checkout"]] if answers["_checkout"] else []
    return shlex.join(["cookiecutter", *version, *where, answers["_template"], *kept])


if __name__ == "__main__":
    ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
    if FOUND := problems(ANSWERS):
        AGAIN = ""
        if os.getenv("GITOPS_FLASK_INSTALL") != "later":  # `gitops-flask new` keeps them itself
            AGAIN = f"\nThe other answers are kept; answer these again with:\n  {command_again(ANSWERS, FOUND)}"
        LINES = "\n".join(f"- {problem}" for problem in FOUND)
        sys.exit(f"No file was written. These answers cannot be used:\n{LINES}{AGAIN}")
