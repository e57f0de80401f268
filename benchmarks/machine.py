"""What a table says of the run it came from."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path


def machine() -> str:
    """Return date, processor, cores and load."""
    found = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", found.read_text()) if found.exists() else None
    what = model[1] if model else platform.machine()
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {what} · {os.cpu_count()} cores · load {os.getloadavg()[0]:.1f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(percent) // 100) - 1)]
