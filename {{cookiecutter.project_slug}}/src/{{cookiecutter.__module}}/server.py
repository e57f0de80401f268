"""The production server: Granian for the API, and a graceful shutdown.

Between SIGTERM and the end it says "not ready" and serves on, until the cluster sends nobody here: Granian's main
process signals its worker (DRAIN), waits, and only then lets Granian stop, which finishes the requests in flight.
"""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from flask import Flask, Response
from granian import Granian
from granian.constants import HTTPModes, Interfaces

from . import logs
from .settings import Settings, SettingsError

DRAIN, STOP = signal.SIGUSR1, signal.SIGUSR2
ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGALRM}


def main() -> None:
    """Serve until stopped, then let the requests in flight end."""
    try:
        settings = Settings.load()
        check_port("PORT", settings.bind_address, settings.port)
        check_port("METRICS_PORT", settings.bind_address, settings.metrics_port)
    except SettingsError as error:
        sys.exit(f"cannot start: {error}")
    logs.configure(settings)
    server = Granian(
        f"{__package__}.server:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.bind_address,
        port=settings.port,
        http=HTTPModes.http1,
        workers=1,  # one process per pod: scale by replicas
        blocking_threads=settings.threads,
        workers_kill_timeout=settings.shutdown_seconds,
        websockets=False,
        log_dictconfig=logs.config(settings),
    )
    server.on_startup(lambda: delay_stop(settings.drain_seconds))
    server.serve()


def check_port(variable: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        raise SettingsError(f"{variable}: cannot listen on {address}:{port}: {os.strerror(error.errno or 0)}") from None


def delay_stop(seconds: int) -> None:
    """In the main process: put a delay between SIGTERM and Granian's own handler."""
    stop: Any = signal.getsignal(signal.SIGTERM)
    # Blocked here and in all workers, for threads to wait for: a main thread about to sleep misses what it gets.
    signal.pthread_sigmask(signal.SIG_BLOCK, {DRAIN, STOP, *ENDING})

    def tell(workers: list[int], what: signal.Signals) -> None:
        for worker in workers:
            with suppress(ProcessLookupError):  # it has ended
                os.kill(worker, what)

    def wait() -> None:
        signal.sigwait(ENDING)
        workers = [child.pid for child in multiprocessing.active_children() if child.pid]
        if seconds:
            tell(workers, DRAIN)
            signal.alarm(seconds)
            signal.sigwait(ENDING)  # the alarm, or another, which stops at once
        stop(signal.SIGTERM, None)  # before the workers end: Granian takes an end that it did not want for a crash
        tell(workers, STOP)

    threading.Thread(target=wait, name="graceful", daemon=True).start()


def application() -> Flask:
    """Return the application as Granian's worker process runs it."""
    from . import bodies, probes  # the main process starts sooner without them
    from .app import create_app

    settings = Settings.load()
    app = create_app(settings)
    stopping = threading.Event()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # the programs that the service starts need it
    inherited = signal.getsignal(signal.SIGTERM)

    def wait() -> None:
        while signal.sigwait({DRAIN, STOP}) == DRAIN:
            stopping.set()
        # Granian's SIGTERM may go to a thread that just starts or ends: nobody wakes the main one, which runs handlers.
        while (stop := signal.getsignal(signal.SIGTERM)) is inherited:
            time.sleep(0.01)  # until Granian is ready to be stopped
        stop(signal.SIGTERM, None)  # type: ignore[operator,misc]

    @app.after_request
    def close(response: Response) -> Response:
        if stopping.is_set():
            response.headers["Connection"] = "close"  # clients connect again, to another pod
        return response

    threading.Thread(target=wait, name="graceful", daemon=True).start()
    bodies.limit_time(settings.body_timeout_seconds)
    probes.serve(app, settings, stopping)
    gc.freeze()
    gc.enable()
    return app
