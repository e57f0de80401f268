"""What each answer must look like: one table for the template's hooks and for the reader of gitops.yaml.

Only the standard library, and nothing of this package: hooks/pre_gen_project.py imports it where nothing is installed.
"""

import re
from typing import NamedTuple


class Form(NamedTuple):
    """A form of text: one line, and no longer than this."""

    pattern: str
    words: str
    """What it must be."""
    longest: int = 1000

    def fits(self, value: object) -> bool:
        """Return whether a value has this form, whatever its length."""
        return isinstance(value, str) and value.isprintable() and bool(re.fullmatch(self.pattern, value))


def choice(*words: str) -> Form:
    """Return the form of one of these words."""
    return Form("|".join(words), " or ".join(words))


# as DNS, registries and GitLab have it: no part is empty, or `..`
_PART = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*"
_GROUP = r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?"
LABEL = r"[a-z]([-a-z0-9]*[a-z0-9])?"
HOST = rf"{_PART}(\.{_PART})*"
PORT = r"(:[0-9]{1,5})?"

FORMS = {
    "project_name": Form(r"(?=.*\w).*", "one line of text", 100),
    "project_slug": Form(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", "a-z, 0-9 and single hyphens, from a letter: web-api", 36),
    "description": Form(r".*", "one line of text", 350),
    "owner": Form(r"[A-Za-z0-9](-?[A-Za-z0-9_])*", "the user or organisation alone: acme", 39),
    "host": Form(HOST, "the host's name in lower case, without https:// or a path: github.com", 253),
    "visibility": choice("private", "public"),
    "registry": Form(HOST + PORT, "the host's name without https:// or a path: docker.io", 259),
    "registry_account": Form(rf"{_NAME}(/{_NAME})*", "the user or organisation there, in lower case: acme", 200),
    "python_version": Form(r"3\.1[1-9]", "3.11 or newer: 3.13"),
    "database": choice("none", "postgresql"),
    "namespace": Form(LABEL, "a-z, 0-9 and hyphens, from a letter: web-api-dev", 63),
}
"""By the questions of cookiecutter.json; which code hosts and CIs there are, stands there itself."""
OF_SCM = {"gitlab": {"owner": Form(rf"{_GROUP}(/{_GROUP})*", "the group's full path: acme/backend", 255)}}
"""What looks different at a code host."""
SYSTEM_NAMESPACE = re.compile(r"default|kube-.*|openshift(-.*)?|.*-system")
"""Kubernetes', a distribution's, or a cluster component's own: `-system` is what such components end in."""
_PORT = re.compile(r"[^:/]:(\d+)(?=/|$)")


def of(question: str, scm: str) -> Form:
    """Return the form of an answer in a project at a code host."""
    return OF_SCM.get(scm, {}).get(question) or FORMS[question]


def missing_port(address: str) -> str:
    """Return the port in an address where there is no such port; empty where there is, or none is named."""
    found = _PORT.search(address)
    return found[1] if found and not 0 < int(found[1]) < 65536 else ""
