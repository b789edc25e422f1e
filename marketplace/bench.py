"""Measures the budgets of the design on the data that is there: CPU and wall time, bytes, queries.

Requests go through the whole application in this process, so CPU is application and database
together on SQLite; on PostgreSQL the server's own part is not in it (said in the output).
"""

import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from pathlib import Path

from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from marketplace.core import context
from marketplace.core.db import db, open_session
from marketplace.listings.models import Rotation
from marketplace.search.engines import engine
from marketplace.search.port import Query

SEARCHES = ("cardiology", "internal medicine clinic", "surgery", "peds", "neurolgy", "family")


@dataclass(frozen=True)
class Figure:
    """One measured row. Times in milliseconds, sizes in bytes after gzip."""

    name: str
    budget_ms: float | None
    cpu_ms: float
    wall_p50_ms: float
    wall_p95_ms: float
    queries: float
    bytes: int

    def line(self) -> str:
        """The row as text."""
        budget = f"{self.budget_ms:6.0f}" if self.budget_ms else "     -"
        return (
            f"{self.name:<34}{budget}{self.cpu_ms:9.1f}{self.wall_p50_ms:9.1f}"
            f"{self.wall_p95_ms:9.1f}{self.queries:8.1f}{self.bytes:9}"
        )


HEAD = f"{'':<34}{'budget':>6}{'CPU ms':>9}{'p50':>9}{'p95':>9}{'queries':>8}{'bytes gz':>9}"


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement sent to the database meanwhile."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def measure(
    name: str, budget: float | None, calls: Sequence[Callable[[], bytes]], runs: int
) -> Figure:
    """Warm each call once, then time `runs` calls, taking the variants in turn."""
    for call in calls:
        call()
    walls: list[float] = []
    sizes: list[int] = []
    with counted() as statements:
        cpu = time.process_time()
        for call in islice(cycle(calls), runs):
            started = time.perf_counter()
            body = call()
            walls.append((time.perf_counter() - started) * 1000)
            sizes.append(len(gzip.compress(body, 6)) if body and len(sizes) < len(calls) else 0)
        spent = (time.process_time() - cpu) * 1000 / runs
    walls.sort()
    return Figure(
        name=name,
        budget_ms=budget,
        cpu_ms=round(spent, 2),
        wall_p50_ms=round(statistics.median(walls), 2),
        wall_p95_ms=round(walls[int(len(walls) * 0.95) - 1], 2),
        queries=round(len(statements) / runs, 1),
        bytes=max(sizes),
    )


def pages(app: Flask, runs: int) -> Iterator[Figure]:
    """Pages as an anonymous visitor gets them."""
    client = app.test_client()

    def get(path: str, **headers: str) -> Callable[[], bytes]:
        def call() -> bytes:
            answer = client.get(path, headers=headers)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} answered {answer.status_code}")
            body: bytes = answer.data
            return body

        return call

    part = {"HX-Request-Type": "partial"}
    texts = [f"/rotations?q={text.replace(' ', '+')}&accepts=graduate" for text in SEARCHES]
    yield measure("page: search text and facets", None, [get(path) for path in texts], runs)
    yield measure("page: browse with facets", None, [get("/rotations")], runs)
    yield measure("fragment: search", None, [get(path, **part) for path in texts], runs)
    with app.app_context(), open_session(context.public(), readonly=True) as session:
        slugs = session.scalars(select(Rotation.slug).order_by(Rotation.id).limit(40)).all()
    yield measure("page: listing", 5, [get(f"/rotations/{slug}") for slug in slugs], runs)
    yield measure("page: home", None, [get("/")], runs)


def searches(app: Flask, runs: int) -> Iterator[Figure]:
    """The engine alone, all facets counted."""

    def ask(query: Query) -> Callable[[], bytes]:
        def call() -> bytes:
            engine().search(query)
            return b""

        return call

    chosen = {"accepts": ("graduate",), "hands_on": ("hands-on-outpatient", "hands-on-inpatient")}
    texts = [ask(Query(text=text, filters=chosen)) for text in SEARCHES]
    with app.app_context():
        large = engine().health().documents > 50_000
        yield measure("engine: text and 3 facet values", 25 if large else 12, texts, runs)
        yield measure("engine: browse, all facets", 12, [ask(Query())], runs)


def run(app: Flask, runs: int = 200) -> list[Figure]:
    """Every figure."""
    return [*searches(app, runs), *pages(app, runs)]


def describe(app: Flask) -> str:
    """What was measured on."""
    with app.app_context(), open_session(context.system("bench"), readonly=True) as session:
        listings = session.scalar(select(func.count()).where(Rotation.public))
        kind = db.engine.dialect.name
    note = "" if kind == "sqlite" else " (the server's own CPU is not included)"
    return f"{listings} published listings on {kind}{note}"


def write(figures: Sequence[Figure], path: Path) -> None:
    """The figures as JSON."""
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
