"""The code hosts and CIs that there are, one line each: docs/how-to/forking.md says which files go with a line.

A name leads to modules, with `_` for `-`: `forges/NAME/api.py`, `project/NAME.py` and `preflight/NAME.py` of a code
host, `ci/NAME.py` of a CI.
"""

from dataclasses import dataclass

from .settings import CodeHost, Scm


@dataclass(frozen=True)
class SupportedCI:
    """What is known of a CI where it is not set up yet."""

    scm: CodeHost
    """The code host that it builds for."""
    arm64: str
    """How it is asked for machines that are not amd64."""
    token: str = ""
    """The variable with a token for its API; the code host's own CI needs none."""


FORGES: tuple[CodeHost, ...] = (
    "github",
    "gitlab",
)
CIS = {  # a code host's own CI before others
    "github-actions": SupportedCI("github", "the variable RUNNER"),
    "gitlab-ci": SupportedCI("gitlab", "`tags` of `build` in .gitlab-ci.yml ([saas-linux-small-arm64] at gitlab.com)"),
    "circleci": SupportedCI("github", "resource_class: arm.medium in .circleci/config.yml", "CIRCLE_TOKEN"),
    "travis-ci": SupportedCI("github", "arch: arm64 in .travis.yml", "TRAVIS_TOKEN"),
}
CI_TOKENS = {name: ci.token for name, ci in CIS.items() if ci.token}


def cis_of(scm: Scm) -> list[str]:
    """Return the names of the CIs that build for a code host, the first of them the usual one."""
    return [name for name, ci in CIS.items() if ci.scm == scm]


def module(name: str) -> str:
    """Return the name of the module that a code host or a CI has."""
    return name.replace("-", "_")
