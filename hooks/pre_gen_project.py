"""Before a file is written: can every answer be used everywhere it is going to stand?"""

import json
import keyword
import sys
from importlib import import_module
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
TEMPLATE = Path(r"{{ template }}")  # hooks/extension.py knows it: this is run as a copy from elsewhere
sys.path.insert(0, str(TEMPLATE))
package = "installer" if (TEMPLATE / "installer").is_dir() else "gitops_flask"  # or the wheel's
forms = import_module(f"{package}.config.forms")

CIS = {name: each["scm"] for name, each in ANSWERS["_only_for"].items() if "scm" in each}
CHOICES = {
    "scm": forms.choice(*dict.fromkeys(CIS.values())),
    "ci": forms.Form("|".join(CIS), "one of " + ", ".join(CIS)),
}
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


def _cis_of(scm: str) -> list[str]:
    return [ci for ci, host in CIS.items() if host == scm]


def problems() -> list[str]:
    """Return a line for every answer that cannot be used: the field, what is wrong, what to write."""
    found = []
    for field in (each for each in ANSWERS if each in {*forms.FORMS, *CHOICES}):
        value, form = str(ANSWERS[field]), CHOICES.get(field) or forms.of(field, ANSWERS["scm"])
        if not value.isprintable():
            found.append(f"{field}: {value!r} has a line break or a character that cannot be seen. Write {form.words}.")
        elif not form.fits(value):
            found.append(f"{field}: {value!r} cannot be used. Write {form.words}.")
        elif len(value) > form.longest:
            most = f"{len(value)} characters, {form.longest} are possible"
            found.append(f"{field}: {value!r} has {most}. Write {form.words}.")
    scm, ci = ANSWERS["scm"], ANSWERS["ci"]
    if CIS.get(ci, scm) != scm:
        found.append(f"ci: {ci!r} builds for {CIS[ci]}, not for {scm}. Write {' or '.join(_cis_of(scm))}.")
    slug, namespace = ANSWERS["project_slug"], ANSWERS["namespace"]
    module = slug.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or f" {slug} " in TAKEN:
        found.append(f"project_slug: Python knows {module!r} as something else. Write a longer name: {slug}-api.")
    if slug in NO_TEXT:
        found.append(f"project_slug: YAML knows {slug!r} as something else. Write a longer name: {slug}-api.")
    if port := forms.missing_port(ANSWERS["registry"]):
        found.append(f"registry: there is no port {port}. Write one from 1 to 65535, or none.")
    if namespace == "argocd" or forms.SYSTEM_NAMESPACE.fullmatch(namespace):
        found.append(f"namespace: {namespace!r} belongs to the cluster. Write one of your own: {slug}-dev.")
    return found


if found := problems():
    sys.exit("No file was written. These answers cannot be used:\n" + "\n".join(f"- {problem}" for problem in found))
