"""Measures the budgets of the design on the data that is there: CPU and wall time, bytes, queries.

Requests go through the whole application in this process, so CPU is application and database
together on SQLite; on PostgreSQL the server's own part is not in it (said in the output).
"""

import gc
import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import cycle, islice
from math import ceil
from pathlib import Path

from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine

from marketplace.core import context, reference
from marketplace.core.db import db, open_session
from marketplace.discovery import places
from marketplace.listings.models import Rotation
from marketplace.search.engines import engine
from marketplace.search.port import Query

SEARCHES = ("cardiology", "internal medicine clinic", "surgery", "peds", "neurolgy", "family")
MANY = 50_000
"""Listings from which the budget of the large market counts."""
GROWTH = 3.0
"""How much more CPU ten times as many listings may cost."""
FRAGMENT_BYTES = 10_240
PAGE_BYTES = 102_400


@dataclass(frozen=True)
class Figure:
    """One measured row. Times in milliseconds, sizes in bytes after gzip; budgets of DESIGN 7."""

    name: str
    budget_ms: float | None
    budget_bytes: int | None
    cpu_ms: float
    wall_p50_ms: float
    wall_p95_ms: float
    wall_p99_ms: float
    queries: float
    bytes: int

    @property
    def over(self) -> bool:
        """Whether a budget is exceeded."""
        slow = self.budget_ms is not None and self.cpu_ms > self.budget_ms
        return slow or (self.budget_bytes is not None and self.bytes > self.budget_bytes)

    def line(self) -> str:
        """The row as text."""
        budget = f"{self.budget_ms:6.0f}" if self.budget_ms else "     -"
        return (
            f"{self.name:<32}{budget}{self.cpu_ms:8.1f}{self.wall_p50_ms:8.1f}"
            f"{self.wall_p95_ms:8.1f}{self.wall_p99_ms:8.1f}{self.queries:8.1f}{self.bytes:9}"
            f"{'  OVER' if self.over else ''}"
        )


HEAD = (
    f"{'':<32}{'budget':>6}{'CPU ms':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'queries':>8}{'bytes gz':>9}"
)


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
    name: str,
    calls: Sequence[Callable[[], bytes]],
    runs: int,
    budget: float | None = None,
    weight: int | None = None,
    *,
    warm: bool = True,
    after: Callable[[], None] = lambda: None,
) -> Figure:
    """Warm each call once, unless its first time is what counts, then time `runs` calls, taking
    the variants in turn. `after` follows each call and is not timed, but its queries count."""
    for call in calls if warm else ():
        call()
        after()
    # as `marketplace.serve` does before it forks: else the collector goes through the whole
    # application again and again, which no web worker does
    gc.collect()
    gc.freeze()
    walls: list[float] = []
    _others.clear()
    sizes: list[int] = []
    with counted() as statements:
        spent = 0.0
        for call in islice(cycle(calls), runs):
            started, cpu = time.perf_counter(), time.process_time()
            body = call()
            spent += (time.process_time() - cpu - sum(_others)) * 1000
            _others.clear()
            walls.append((time.perf_counter() - started) * 1000)
            sizes.append(len(gzip.compress(body, 6)) if body and len(sizes) < len(calls) else 0)
            after()
    walls.sort()
    return Figure(
        name=name,
        budget_ms=budget,
        budget_bytes=weight,
        cpu_ms=round(spent / runs, 2),
        wall_p50_ms=round(statistics.median(walls), 2),
        wall_p95_ms=round(_share(walls, 0.95), 2),
        wall_p99_ms=round(_share(walls, 0.99), 2),
        queries=round(len(statements) / runs, 1),
        bytes=max(sizes),
    )


_others: list[float] = []  # CPU seconds of the running call that are somebody else's


@contextmanager
def not_ours() -> Iterator[None]:
    """Around what another program does when it is real, such as a candidate's browser that sends
    a card to the provider: its CPU time is not in the figure."""
    started = time.process_time()
    yield
    _others.append(time.process_time() - started)


def _share(ordered: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return ordered[min(len(ordered), ceil(len(ordered) * share)) - 1]


def new_texts(count: int) -> list[str]:
    """Texts whose last word nobody has asked yet: words of the data, half typed or misspelt."""
    known = {word for row in reference.rows("specialties") for word in row["label"].split()}
    known |= {row["name"] for row in reference.rows("us_cities")}
    found: dict[str, None] = {}
    for word in sorted(word.casefold() for word in known if word.isalpha() and len(word) > 4):
        for text in (word, word[: len(word) // 2], word[:2] + word[3:], f"clinic {word} "):
            found[text] = None
    return sorted(found, key=lambda text: sha256(text.encode()).digest())[:count]


def _getter(app: Flask) -> Callable[..., Callable[[], bytes]]:
    client = app.test_client()

    def get(path: str, **headers: str) -> Callable[[], bytes]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}

        def call() -> bytes:
            answer = client.get(path, headers=sent)
            if answer.status_code != 200:
                raise RuntimeError(f"{path} answered {answer.status_code}")
            body: bytes = answer.data
            return body

        return call

    return get


def searches(app: Flask, runs: int) -> Iterator[Figure]:
    """Search: the engine alone with all facets, then whole answers as a visitor gets them."""

    def ask(query: Query) -> Callable[[], bytes]:
        def call() -> bytes:
            engine().search(query)
            return b""

        return call

    chosen = {"accepts": ("graduate",), "hands_on": ("hands-on-outpatient", "hands-on-inpatient")}
    with app.app_context():
        budget = 25 if engine().health().documents > MANY else 12
        engine().search(Query(text="clinic"))
        first = [ask(Query(text=text, filters=chosen)) for text in new_texts(runs)]
        yield measure("engine: words never asked", first, len(first), budget, warm=False)
        again = [ask(Query(text=text, filters=chosen)) for text in SEARCHES]
        yield measure("engine: words asked before", again, runs, budget)
        yield measure("engine: browse", [ask(Query())], runs, budget)
    get = _getter(app)
    part = {"HX_Request_Type": "partial"}
    asked = [f"q={text.replace(' ', '+')}&accepts=graduate" for text in SEARCHES]
    pages = [get(f"/rotations?{text}") for text in asked]
    yield measure("page: text and facets", pages, runs, budget, PAGE_BYTES)
    yield measure("page: browse", [get("/rotations")], runs, budget, PAGE_BYTES)
    yield measure("page: map", [get("/rotations?view=map")], runs, budget, PAGE_BYTES)
    parts = [get(f"/rotations?{text}", **part) for text in asked]
    yield measure("fragment: text and facets", parts, runs, budget, FRAGMENT_BYTES)
    maps = [get(f"/rotations?view=map&{text}", **part) for text in ("", "accepts=graduate")]
    yield measure("fragment: map", maps, runs, budget, FRAGMENT_BYTES)
    cities = [get(f"/rotations/cities?find={typed}", **part) for typed in ("bos", "san", "chi")]
    yield measure("fragment: cities", cities, runs, budget, FRAGMENT_BYTES)
    answers = [get(f"/api/v1/rotations?{text}") for text in asked]
    yield measure("JSON: text and facets", answers, runs, budget)


def pages(app: Flask, runs: int) -> Iterator[Figure]:
    """Other pages as an anonymous visitor gets them."""
    get = _getter(app)
    with app.app_context():
        largest = _largest()
    with app.app_context(), open_session(context.public(), readonly=True) as session:
        slugs = session.scalars(select(Rotation.slug).order_by(Rotation.id).limit(40)).all()
    listing = [get(f"/rotations/{slug}") for slug in slugs]
    yield measure("page: listing", listing, runs, 5, PAGE_BYTES)
    yield measure("page: home", [get("/")], runs, None, PAGE_BYTES)
    for kind, paths in largest.items():
        yield measure(f"page: {kind}", [get(path) for path in paths], runs, None, PAGE_BYTES)


def _largest(count: int = 4) -> dict[str, list[str]]:
    """The landing pages with most listings, by kind: the dearest there are."""
    found = {}
    for kind, area in (
        ("city", places.city),
        ("state", places.state),
        ("specialty", places.specialty),
    ):
        asked = Query(per_page=0, facets=(kind,))
        values = islice(engine().search(asked).facets[kind], count)
        found[kind] = [area(value).path for value in values]
    return found


MORE: list[Callable[[Flask, int], Iterator[Figure]]] = []
"""Further rows of the whole run, from whoever can start processes (the demo)."""


def run(app: Flask, runs: int = 200) -> Iterator[Figure]:
    """Every figure, each as soon as it is known."""
    yield from searches(app, runs)
    yield from pages(app, runs)
    for more in MORE:
        yield from more(app, runs)


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


def growth(figures: Sequence[Figure], path: Path) -> list[tuple[str, float]]:
    """How many times the CPU of an earlier, smaller market each row costs.

    Raises `OSError` or `ValueError` when the file is not one of `write`.
    """
    before = {row["name"]: row["cpu_ms"] for row in json.loads(path.read_text())}
    return [
        (figure.name, round(figure.cpu_ms / before[figure.name], 2))
        for figure in figures
        if before.get(figure.name)
    ]
