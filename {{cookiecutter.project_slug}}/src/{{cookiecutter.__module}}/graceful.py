"""Graceful shutdown: between SIGTERM and the end, say "not ready" and serve on, until the cluster sends nobody here.

Granian's main process gets SIGTERM; it tells its worker (SIGUSR1), waits, and only then lets Granian stop, which
finishes the requests in flight.
"""

import multiprocessing
import os
import signal
import threading
from types import FrameType

ORDER = signal.SIGUSR1


def delay_stop(seconds: float) -> None:
    """In the main process: put a delay between SIGTERM and Granian's own handler."""
    # Blocked here and so in all workers and their threads, the order waits until a worker takes it (wait_for_order).
    signal.pthread_sigmask(signal.SIG_BLOCK, {ORDER})
    stop = signal.getsignal(signal.SIGTERM)
    if not seconds or not callable(stop):
        return

    def drain(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, stop)  # a second SIGTERM stops at once
        for worker in filter(None, (child.pid for child in multiprocessing.active_children())):
            os.kill(worker, ORDER)
        later = threading.Timer(seconds, stop, (number, frame))
        later.daemon = True
        later.start()

    signal.signal(signal.SIGTERM, drain)


def wait_for_order() -> threading.Event:
    """In the worker: return what is set once it shall stop. A thread waits: the main one may never run Python."""
    stopping = threading.Event()

    def wait() -> None:
        signal.sigwait({ORDER})
        stopping.set()

    signal.pthread_sigmask(signal.SIG_BLOCK, {ORDER})
    threading.Thread(target=wait, name="graceful", daemon=True).start()
    return stopping
