"""`status`: what is where, and whether what was delivered is what answers."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.markup import escape
from rich.table import Table

from .. import console, delivered, preflight, runs
from ..live import Live, disagreement
from ..settings import MAIN
from ..world import World
from .plan import look


@dataclass(frozen=True)
class Row:
    """One line of the report."""

    what: str
    healthy: bool
    state: str


def status(world: World) -> bool:
    """Print one line for each part; return whether all are as they should be."""
    problems = preflight.before_reading(world)
    blind = {p.lane for p in problems}
    asks: list[Callable[[], Iterable[Row]]] = [lambda: _drift(world)]
    if "github" not in blind:
        asks.append(lambda: _run(world))
    if not blind:
        asks.append(lambda: _live(world))
    with ThreadPoolExecutor(max_workers=len(asks)) as pool:
        rows = [row for found in pool.map(lambda ask: list(ask()), asks) for row in found]
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    for row in rows:
        table.add_row("[green]✓[/]" if row.healthy else "[red]✗[/]", escape(row.what), escape(row.state))
    console.out.print(table)
    for problem in problems:
        console.fail(str(problem))
    return not problems and all(row.healthy for row in rows)


def _drift(world: World) -> Iterable[Row]:
    """Compare every resource with what it should be: the plan's own eyes."""
    for planned in look(world, preflight.before_reading(world)):
        change = planned.change
        if change is None:
            yield Row(planned.resource.title, healthy=True, state="as it should be")
        else:
            fields = ", ".join(field.name for field in change.fields)
            state = f"{change.action}: {change.note or fields}"
            yield Row(planned.resource.title, healthy=change.action == "unavailable", state=state)


def _run(world: World) -> Iterable[Row]:
    run = runs.newest(world.github, MAIN)
    if run:
        ended = run["conclusion"] or run["status"]
        state = f"{ended} for {run['head_sha'][:12]}: {run['html_url']}"
        yield Row("last delivery run", healthy=ended in ("success", "in_progress", "queued"), state=state)


def _live(world: World) -> Iterable[Row]:
    settings = world.settings
    record = delivered.read(world)
    if record is None:
        yield Row(f"branch {settings.branch}", healthy=False, state="nothing was delivered yet")
        return
    held = f", held by {record.hold}" if record.hold else ""
    yield Row(f"branch {settings.branch}", healthy=True, state=f"records {record.revision[:12]}{held}")
    obstacle = _obstacle(Live(world.cluster, settings), record)
    yield Row("service", healthy=not obstacle, state=obstacle or f"every pod answers {record.revision[:12]}")


def _obstacle(live: Live, record: delivered.Delivered) -> str:
    """Say why the record is not what answers; empty where it is."""
    synced = live.synced()
    if synced is None:
        return "there is no Application"
    if not synced.has(record.commit):
        return "; ".join([f"{synced}, not at {record.commit[:7]}", *live.problems()])
    return disagreement([answer for answer in live.answers() if answer.ready], record.revision)
