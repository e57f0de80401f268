"""Requests a second, CPU, latency and memory of the generated service, as it is and under gunicorn.

`uv run python -m benchmarks.serve [SECONDS]` needs Linux, PyPI (or uv's cache) and `wrk` (Debian: apt-get install wrk).
All servers run at the same time, one is loaded at a time, in turns, so that a noisy machine is noisy for each.
"""

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 3
CONNECTIONS = 32
POST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"celsius": 21.5, "to": "kelvin"}'
"""
ROUTES = {"GET /version": ("/version", ""), "POST /api/temperatures": ("/api/temperatures", POST)}
GUNICORN = (
    "--no-control-socket --worker-tmp-dir /dev/shm --worker-class gthread --workers 1 --threads 4 --keep-alive 30"
)
# app/gunicorn.conf.py of its Flask scaffold; with threads, its "sync" worker becomes a gthread one
DEVSTREAM = "--threads 3 --keep-alive 5 --worker-tmp-dir /dev/shm --access-logfile -"


@dataclass
class Contender:
    """A server under test, and what was measured."""

    name: str
    packages: tuple[str, ...]
    command: str
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    rates: dict[str, list[float]] = field(default_factory=dict)
    microseconds: dict[str, list[float]] = field(default_factory=dict)
    milliseconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    megabytes: float = 0


CONTENDERS = (
    Contender("as generated (granian, 4 threads)", (), "python -m {module}"),
    Contender("gunicorn 27.0.1 gthread, 4 threads", ("gunicorn==27.0.1",), "gunicorn " + GUNICORN + " {app}"),
    Contender(
        "DevStream's (gunicorn 20.1.0, 3 threads)",
        ("gunicorn==20.1.0", "setuptools<80"),
        "gunicorn " + DEVSTREAM + " {app}",
    ),
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def install(project: Path, environment: Path, packages: tuple[str, ...]) -> None:
    """Make an environment with the project's locked dependencies, and more."""
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON": sys.executable}
    variables.pop("VIRTUAL_ENV", None)
    subprocess.run(["uv", "sync", "--locked", "--no-dev", "--quiet"], cwd=project, env=variables, check=True)
    if packages:
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", environment, *packages], check=True)


@contextmanager
def serving(contender: Contender, environment: Path, module: str) -> Iterator[None]:
    contender.port = free_port()
    app = f"--bind 127.0.0.1:{contender.port} {module}.app:create_app()"
    command = contender.command.format(module=module, app=app)
    program, *arguments = command.split()
    variables = {
        **os.environ,
        "PORT": str(contender.port),
        "METRICS_PORT": str(free_port()),
        "PYTHONWARNINGS": "ignore",
    }
    contender.process = subprocess.Popen(
        [environment / "bin" / program, *arguments], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        wait(contender)
        yield
    finally:
        contender.process.terminate()
        contender.process.communicate(timeout=30)


def wait(contender: Contender) -> None:
    deadline = time.monotonic() + 300  # on a busy machine, too
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{contender.port}/version", timeout=2) as answer:
                assert json.load(answer)["name"]
                return
        except (urllib.error.URLError, TimeoutError):
            assert contender.process
            if contender.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{contender.name} does not answer")
            time.sleep(0.05)


def load(contender: Contender, route: str, seconds: int, folder: Path) -> None:
    """Load one route for some seconds, and keep what wrk says."""
    path, script = ROUTES[route]
    lua = folder / "route.lua"
    lua.write_text(script)
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(lua)]
    assert contender.process
    before = cpu_seconds(contender.process.pid)
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{contender.port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    used = cpu_seconds(contender.process.pid) - before
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    if wrong:
        sys.exit(f"{contender.name}: {route}: {wrong[0]}")
    rate = re.search(r"Requests/sec: +([\d.]+)", said)
    answered = re.search(r"(\d+) requests in", said)
    assert rate, said
    assert answered, said
    contender.microseconds.setdefault(route, []).append(used / int(answered[1]) * 1e6)
    contender.rates.setdefault(route, []).append(float(rate[1]))
    contender.milliseconds.setdefault(route, []).append((latency(said, 50), latency(said, 99)))


def latency(said: str, percent: int) -> float:
    found = re.search(rf"{percent}% +([\d.]+)(us|ms|s)", said)
    assert found, said
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def megabytes(pid: int) -> float:
    """Return the memory of a process and its children, what they share counted once."""
    own = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert own
    return int(own[1]) / 1024 + sum(map(megabytes, children(pid)))


def cpu_seconds(pid: int) -> float:
    """Return what a process and its children have used of the CPU so far, for themselves and in the kernel."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") + sum(map(cpu_seconds, children(pid)))


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, in whichever of its threads."""
    return [int(child) for of in Path(f"/proc/{pid}/task").glob("*/children") for child in of.read_text().split()]


def report() -> None:
    """Print what was measured, each as the median of its rounds."""
    processor = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {processor[1] if processor else platform.machine()}", end=" · ")
    print(f"{os.cpu_count()} cores · Python {platform.python_version()} · load {os.getloadavg()[0]:.1f}")
    first = CONTENDERS[0]
    for route in ROUTES:
        print(
            f"\n| {route} | requests/s | ours is | CPU µs/request | p50 ms | p99 ms | memory MB |\n"
            "| --- | --- | --- | --- | --- | --- | --- |"
        )
        for contender in CONTENDERS:
            rate, best = median(contender.rates[route]), median(first.rates[route])
            p50, p99 = (median(values) for values in zip(*contender.milliseconds[route], strict=True))
            cpu = median(contender.microseconds[route])
            figures = f"{rate:.0f} | {best / rate:.1f}× | {cpu:.0f} | {p50:.1f} | {p99:.1f} | {contender.megabytes:.0f}"
            print(f"| {contender.name} | {figures} |")


def main(seconds: int = 5) -> None:
    """Bake, install, serve, load in turns, report."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not installed (Debian: apt-get install wrk)")
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        project = Path(cookiecutter(str(ROOT), no_input=True, accept_hooks=False, output_dir=str(folder / "baked")))
        for number, contender in enumerate(CONTENDERS):
            environment = folder / f"environment-{number}"
            install(project, environment, contender.packages)
            stack.enter_context(serving(contender, environment, "hello_api"))
        for route in ROUTES:
            for _ in range(ROUNDS):
                for contender in CONTENDERS:
                    load(contender, route, seconds, folder)
        for contender in CONTENDERS:
            assert contender.process
            contender.megabytes = megabytes(contender.process.pid)
        report()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
