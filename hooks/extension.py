"""What cookiecutter loads with this template: its hooks find the installer's files, and are the last to speak.

Where a hook ends with an error, cookiecutter logs its own exception, with where in its code that was; nothing that the
hook itself does can keep it from that.
"""

import logging
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

TEMPLATE = Path(__file__).resolve().parents[1]


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a line says more than the hook did."""
    return not (record.exc_info and "pre_gen_project" in record.getMessage())


logging.getLogger("cookiecutter.hooks").addFilter(_is_ours)


class Hooks(Extension):
    """Lets a hook, which is run as a copy from elsewhere, name the template's folder."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["template"] = str(TEMPLATE)
