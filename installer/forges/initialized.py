"""What the form for a new repository puts into it, at GitHub or GitLab: such a repository is as good as empty."""

from ..config.settings import MAIN
from .base import Host

_OF_A_FORM = frozenset({"README.md", "LICENSE", ".gitignore"})


def files_of_a_form(host: Host, branch: str = MAIN) -> tuple[str, ...]:
    """Return the files of a branch where it has only those of such a form, and nothing else is in the repository."""
    there = host.top(branch)
    if not there or not there.items() <= {(name, "file") for name in _OF_A_FORM}:
        return ()
    return () if len({*host.branches().values()}) > 1 or host.tags() else tuple(sorted(there))
