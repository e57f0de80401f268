"""Unexpected errors: reported in one sentence, with the path of a log that has the details."""

import logging
import os
import platform
import sys
import tempfile
import time
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path

from .. import __name__ as package
from .. import __version__
from .errors import InstallerError, Unreadable
from .file_lock import state_folder
from .plain_text import one_line, plain
from .secret import redact

DEBUG = "GITOPS_FLASK_DEBUG"
"""The environment variable with which tracebacks are shown, too."""
_KEPT = 20
"""Logs that are kept; older ones go."""
_steps: "deque[str]" = deque(maxlen=500)


class _Steps(logging.Handler):
    """Remembers what was done: each program that was started, each wait."""

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            at = time.strftime("%H:%M:%S", time.gmtime(record.created))
            _steps.append(f"{at} {record.threadName}: {record.getMessage()}")


def remember_steps() -> None:
    """Let the log of what may go wrong later have what was done before."""
    logger = logging.getLogger(package)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(_Steps(logging.DEBUG))


def report(error: BaseException) -> str:
    """Return what a person reads about an error; of one that nobody foresaw, write the log that this names."""
    if isinstance(error, Unreadable):
        return f"{error}\n  {_logged(error)}"
    if isinstance(error, InstallerError):
        return str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        what, fix = f"{error.filename}: {error.strerror}.", "Fix that, then run this again."
    else:
        what = one_line(f"Something went wrong that nobody foresaw: {type(error).__name__}: {error}")
        fix = f"That is a fault of gitops-flask {__version__}: please report it, with the log."
    return redact(f"{what}\n  → {fix}\n  {_logged(error)}")


def _logged(error: BaseException) -> str:
    """Write the log; return where it is, or why it is nowhere."""
    lines = [
        f"gitops-flask {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {' '.join(sys.argv[1:])}",
        f"at: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}",
        *("", "What was done:", *_steps, ""),
        *traceback.format_exception(error),
    ]
    text = plain(redact("\n".join(lines)))
    if os.environ.get(DEBUG):
        sys.stderr.write(text)
    try:
        return f"The log: {_write(text)}"
    except (OSError, InstallerError) as failed:
        why = failed.message if isinstance(failed, InstallerError) else failed.strerror or type(failed).__name__
        return f"No log could be written ({why}); {DEBUG}=1 shows what it would hold."


def _write(text: str) -> Path:
    folder = state_folder() / "logs"
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in sorted(folder.glob("*.log"))[: -_KEPT + 1]:
        with suppress(OSError):
            old.unlink()
    prefix = time.strftime("%Y-%m-%dT%H-%M-%SZ-", time.gmtime())
    descriptor, name = tempfile.mkstemp(".log", prefix, folder)  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return Path(name)
