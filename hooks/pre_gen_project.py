"""Before a file is written: can every answer be used everywhere it is going to stand?"""

import json
import keyword
import re
import sys

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")

LABEL = r"[a-z]([a-z0-9-]*[a-z0-9])?"
HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
CIS = {name: each["scm"] for name, each in ANSWERS["_only_for"].items() if "scm" in each}
# field: what it must look like, its greatest length, and what to write instead
FORMS = {
    "project_name": (r"(?=.*\w).*", 100, "one line of text"),
    "project_slug": (r"[a-z][a-z0-9]*(-[a-z0-9]+)*", 36, "a-z, 0-9 and single hyphens, from a letter: web-api"),
    "description": (r".*", 350, "one line of text"),
    "scm": ("|".join({*CIS.values()}), 40, " or ".join(dict.fromkeys(CIS.values()))),
    "ci": ("|".join(CIS), 40, "one of " + ", ".join(CIS)),
    "owner": (r"[A-Za-z0-9]+([_-][A-Za-z0-9]+)*", 39, "the user or organisation alone: acme"),
    "host": (HOST, 253, "the host's name in lower case, without https:// or a path: github.com"),
    "visibility": ("private|public", 7, "private or public"),
    "registry": (HOST + r"(:[0-9]{1,5})?", 259, "the host's name without https:// or a path: docker.io"),
    "registry_account": (r"[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*", 200, "in lower case: acme"),
    "python_version": (r"3\.1[1-9]", 4, "3.11 or newer: 3.13"),
    "database": ("none|postgresql", 10, "none or postgresql"),
    "namespace": (LABEL, 63, "a-z, 0-9 and hyphens, from a letter: web-api-dev"),
}
GROUP = (r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*", 255, "the group's full path: acme/backend")
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
RESERVED = r"argocd|default|kube-.*|openshift(-.*)?|.*-system"


def _cis_of(scm: str) -> list[str]:
    return [ci for ci, host in CIS.items() if host == scm]


def problems() -> list[str]:
    """Return a line for every answer that cannot be used: the field, what is wrong, what to write."""
    found = []
    for field, (form, longest, fix) in FORMS.items():
        value = str(ANSWERS[field])
        if field == "owner" and ANSWERS["scm"] == "gitlab":
            form, longest, fix = GROUP
        if not value.isprintable():
            found.append(f"{field}: {value!r} has a line break or a character that cannot be seen. Write {fix}.")
        elif not re.fullmatch(form, value):
            found.append(f"{field}: {value!r} cannot be used. Write {fix}.")
        elif len(value) > longest:
            found.append(f"{field}: {value!r} has {len(value)} characters, {longest} are possible. Write {fix}.")
    scm, ci = ANSWERS["scm"], ANSWERS["ci"]
    if CIS.get(ci, scm) != scm:
        found.append(f"ci: {ci!r} builds for {CIS[ci]}, not for {scm}. Write {' or '.join(_cis_of(scm))}.")
    slug, namespace = ANSWERS["project_slug"], ANSWERS["namespace"]
    module = slug.replace("-", "_")
    if keyword.iskeyword(module) or module in sys.stdlib_module_names or f" {slug} " in TAKEN:
        found.append(f"project_slug: Python knows {module!r} as something else. Write a longer name: {slug}-api.")
    if slug in NO_TEXT:
        found.append(f"project_slug: YAML knows {slug!r} as something else. Write a longer name: {slug}-api.")
    port = ANSWERS["registry"].partition(":")[2]
    if port.isdecimal() and not 0 < int(port) < 65536:
        found.append(f"registry: there is no port {port}. Write one from 1 to 65535, or none.")
    if re.fullmatch(RESERVED, namespace):
        found.append(f"namespace: {namespace!r} belongs to the cluster. Write one of your own: {slug}-dev.")
    return found


if found := problems():
    sys.exit("No file was written. These answers cannot be used:\n" + "\n".join(f"- {problem}" for problem in found))
