"""Draining: between the order to stop and the stop, say "not ready" and send nobody away.

The cluster and its proxies need a moment to learn that a pod goes. The server's main process gets SIGTERM; it
tells its worker (SIGUSR1), waits, and only then lets the server stop, which ends the requests in flight.
"""

import logging
import multiprocessing
import os
import signal
import threading
from typing import Any

from flask import Flask, Response

ORDER = signal.SIGUSR1
EVENT = "draining"

log = logging.getLogger(__name__)


def before_stopping(seconds: float) -> None:
    """In the main process: put a time to drain between SIGTERM and the server's own handler of it."""
    stop: Any = signal.getsignal(signal.SIGTERM)
    # Blocked here and so in all workers and their threads, the order waits until a worker takes it (on_order), and
    # SIGTERM is taken by a thread: a handler would run in the main one, which sleeps on, or waits for itself, where
    # the signal comes while it is about to sleep.
    signal.pthread_sigmask(signal.SIG_BLOCK, {ORDER, signal.SIGTERM})

    def wait() -> None:
        signal.sigwait({signal.SIGTERM})
        if seconds:
            for worker in filter(None, (child.pid for child in multiprocessing.active_children())):
                os.kill(worker, ORDER)
            later = threading.Timer(seconds, stop, (signal.SIGTERM, None))
            later.daemon = True
            later.start()
            signal.sigwait({signal.SIGTERM})  # asked twice, stop at once
        stop(signal.SIGTERM, None)

    threading.Thread(target=wait, name="drain", daemon=True).start()


def on_order(app: Flask) -> None:
    """In the worker: drain when told to. A thread waits for the order: the main one may never be back in Python."""
    draining: threading.Event = app.extensions[EVENT]

    def wait() -> None:
        signal.sigwait({ORDER})
        draining.set()

    signal.pthread_sigmask(signal.SIG_BLOCK, {ORDER})
    threading.Thread(target=wait, name="drain", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the main process ends its workers by it


def watch(app: Flask) -> threading.Event:
    """Return what is set while the application drains; from then on clients are asked to connect elsewhere."""
    draining: threading.Event = app.extensions.setdefault(EVENT, threading.Event())

    @app.after_request
    def close(response: Response) -> Response:
        if draining.is_set():
            response.headers["Connection"] = "close"
        return response

    return draining
