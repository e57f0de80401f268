"""What cookiecutter loads with this template: an answer that is refused is the last thing said, not a traceback of its.

Where a hook ends with an error, cookiecutter logs its own exception, with where in its code that was; nothing that the
hook itself does can keep it from that.
"""

import logging

from jinja2.ext import Extension


def _is_ours(record: logging.LogRecord) -> bool:
    """Return whether a line says more than the hook did."""
    return not (record.exc_info and "pre_gen_project" in record.getMessage())


logging.getLogger("cookiecutter.hooks").addFilter(_is_ours)


class Refusal(Extension):
    """Adds nothing to templates: cookiecutter imports it, and that is all."""
