"""The environment: which of its variables hold secrets, and what a program that is started here inherits of it."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from .errors import InstallerError

if sys.platform != "win32":
    import pwd

SECRETS = (
    *("GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITLAB_TOKEN"),
    *("REGISTRY_TOKEN", "REGISTRY_PULL_TOKEN", "DEPLOY_TOKEN", "CIRCLE_TOKEN", "TRAVIS_TOKEN"),
    *("ARGOCD_REPOSITORY_TOKEN", "ARGOCD_APP_PRIVATE_KEY_FILE", "REPORTER_APP_PRIVATE_KEY_FILE"),
    *("CLUSTER_DATABASE_URL", "ARGOCD_AUTH_TOKEN"),
)
"""Read here, or by a program that is handed the one that it needs; no other program is given any."""
_OF_ENVIRONMENTS = "CLUSTER_DATABASE_URL_"
"""Begins the names of those that an environment by promotion has."""

CIS = ("GITHUB_ACTIONS", "GITLAB_CI", "CIRCLECI", "TRAVIS")
"""By these the project's scripts know that a CI runs them."""

_REPOSITORY = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_PREFIX", "GIT_NAMESPACE"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_IMPLICIT_WORK_TREE"),
    *("GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE", "GIT_CONFIG"),
)
"""What leads git to another repository than the folder's, as in a hook there: `git rev-parse --local-env-vars`."""


def private(name: str) -> str:
    """Return what a variable that holds a secret, or names its file, is set to; empty where it is not."""
    if not _is_secret(name):
        raise LookupError(f"{name} is not in SECRETS: every program that is started would inherit it")
    return os.environ.get(name, "").strip()


def token(name: str) -> str:
    """Return a token that goes into the header of a request; raise where it holds what no token does."""
    value = private(name)
    wrong = next((number for number, sign in enumerate(value, 1) if not "!" <= sign <= "~"), 0)
    if wrong:
        reported = f"{name} holds a character that no token has: number {wrong} of {len(value)}."
        raise InstallerError(reported, "Copy the token again, with nothing before, in or after it.")
    return value


NOBODY = {f"GIT_{who}_{what}": "gitops-flask" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
"""Who commits where git does not know the user."""


def inherited() -> dict[str, str]:
    """Return the environment of every program that is started here: no secret, a home, git's choice by the folder.

    Without a home, kubectl and helm would keep their caches in the working directory: in the project.
    """
    kept = {name: value for name, value in without_secrets(os.environ).items() if name not in _REPOSITORY}
    if sys.platform != "win32" and not Path(kept.get("HOME", "")).is_absolute():
        kept["HOME"] = _home()
    return kept


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the variables that hold our secrets."""
    return {name: value for name, value in environment.items() if not _is_secret(name)}


def _is_secret(name: str) -> bool:
    return name in SECRETS or name.startswith(_OF_ENVIRONMENTS)


@cache
def _home() -> str:
    """Return this user's home by the list of users, or a folder that ends with this process where there is none."""
    with suppress(KeyError):  # a container's user may be on no list
        home = Path(pwd.getpwuid(os.getuid()).pw_dir)
        if home.is_absolute() and home.is_dir():
            return str(home)
    folder = tempfile.mkdtemp(prefix="gitops-flask-home-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
