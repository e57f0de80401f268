"""The server: `python -m {{ cookiecutter.__module }}`, on a laptop as in the image."""

import os
import sys

from granian import Granian
from granian.constants import HTTPModes, Interfaces

from . import drain, logs, tracing
from .settings import Settings, SettingsError


def main() -> None:
    """Serve until told to stop, then let the requests in flight end."""
    try:
        settings = Settings.from_environment(os.environ)
        tracing.check(settings)
    except SettingsError as error:
        sys.exit(f"cannot start: {error}")
    logs.configure(settings)
    server = Granian(
        f"{__package__}.serving:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.bind_address,
        port=settings.port,
        http=HTTPModes.http1,
        workers=1,  # one process in a pod: more requests are more replicas
        blocking_threads=settings.threads,
        workers_kill_timeout=settings.shutdown_seconds,
        websockets=False,
        log_dictconfig=logs.config(settings),
    )
    server.on_startup(lambda: drain.before_stopping(settings.drain_seconds))
    server.serve()


if __name__ == "__main__":
    main()
