"""Before a file is written: can every answer be used everywhere it is going to stand?

`gitops-flask new` imports this, to ask again at once; plain cookiecutter runs it after the last question.
"""

import json
import keyword
import os
import re
import shlex
import sys
from typing import Any

LABEL = r"[a-z]([a-z0-9-]*[a-z0-9])?"
HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
# field: what it must look like, its greatest length, and what to write instead
FORMS = {
    "project_name": (r"(?=.*\w).*", 100, "one line of text"),
    "project_slug": (r"[a-z][a-z0-9]*(-[a-z0-9]+)*", 36, "a-z, 0-9 and single hyphens, from a letter: web-api"),
    "description": (r".*", 350, "one line of text"),
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


def problems(answers: dict[str, Any]) -> list[str]:
    """Return a line for every answer so far that cannot be used: the field, what is wrong, what to write."""
    found = []
    cis = {name: each["scm"] for name, each in answers["_only_for"].items() if "scm" in each}
    choices = {"scm": [*dict.fromkeys(cis.values())], "ci": [*cis]}
    forms = FORMS | {name: ("|".join(names), 40, " or ".join(names)) for name, names in choices.items()}
    for field in (name for name in answers if name in forms):
        form, longest, fix = forms[field]
        value = str(answers[field])
        if field == "owner" and answers["scm"] == "gitlab":
            form, longest, fix = GROUP
        if not value.isprintable():
            found.append(f"{field}: {value!r} has a line break or a character that cannot be seen. Write {fix}.")
        elif not re.fullmatch(form, value):
            found.append(f"{field}: {value!r} cannot be used. Write {fix}.")
        elif len(value) > longest:
            found.append(f"{field}: {value!r} has {len(value)} characters, {longest} are possible. Write {fix}.")
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
    port = answers.get("registry", "").partition(":")[2]
    if port.isdecimal() and not 0 < int(port) < 65536:
        found.append(f"registry: there is no port {port}. Write one from 1 to 65535, or none.")
    account = answers.get("registry_account", "")
    if answers.get("registry") == "docker.io" and "/" in account:
        found.append(f"registry_account: Docker Hub has no folders, as in {account!r}. Write the account alone.")
    if re.fullmatch(RESERVED, namespace):
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
