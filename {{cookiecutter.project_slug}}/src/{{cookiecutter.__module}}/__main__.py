"""The server: `python -m {{ cookiecutter.__module }}`, on a laptop as in the image."""

import os
import sys

from granian import Granian
from granian.constants import Interfaces

from . import logs
from .settings import Settings, SettingsError


def main() -> None:
    """Serve until told to stop, then let the requests in flight end."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.exit(f"cannot start: {error}")
    logs.configure(settings.log_level)
    Granian(
        f"{__package__}.app:create_app",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.bind_address,
        port=settings.port,
        workers=1,  # one process in a pod: more requests are more replicas
        blocking_threads=settings.threads,
        workers_kill_timeout=settings.shutdown_seconds,
        websockets=False,
        log_dictconfig=logs.config(settings.log_level),
    ).serve()


if __name__ == "__main__":
    main()
