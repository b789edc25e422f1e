"""Budgets that need a process or a write: a complete booking, and the memory of the web workers.

A booking is made on a copy of the data with a Stripe double of its own; nothing of the demo's own
data changes. What the double itself costs is another process and is not in the figure.
"""

import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, make_url, select

from demo import accounts, stack, web
from demo.supervisor import Child, Failed, Service, launch
from marketplace.bench import Figure, measure, not_ours
from marketplace.core import clock, context
from marketplace.core.config import Config
from marketplace.core.db import db, open_session
from marketplace.listings.models import Block, Offering, Rotation

BOOKING_MS = 30
WORKERS_BYTES = 200_000_000
BOOKINGS = 20
ANSWERS = {"read_advisory": "1", "read_visa_facts": "1", "why": "I want to learn."}
READS = 60
READ = ("/", "/rotations", "/rotations?q=cardiology", "/rotations?view=map", "/sign-in")
CARD = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}


def figures(app: Flask, runs: int) -> Iterator[Figure]:
    """A booking (on SQLite, whose file can be copied), and the memory of 2 web workers."""
    config: Config = app.extensions["rounds.config"]
    with tempfile.TemporaryDirectory(prefix="rounds-bench-") as name:
        folder = Path(name)
        place = stack.Place(folder, stack.any_free(), stack.any_free(), folder / "valkey.sock")
        given = {} if _file_of(config) else {"DATABASE_URL": config.database_url}
        settings = stack.settings(place, given) | {"REDIS_URL": ""}
        if _file_of(config):
            _copy(config, folder)
            with _running(stack.double(place, settings), settings, folder):
                yield booking(Config.from_env(settings), runs)
        with _running(stack.web(place), settings, folder) as child:
            yield from memory(place.base_url, child)


def _file_of(config: Config) -> Path | None:
    """SQLite's file."""
    url = make_url(config.database_url)
    return Path(url.database or "") if url.drivername.startswith("sqlite") else None


def _copy(config: Config, folder: Path) -> None:
    """The data, the double's data, the search index and the demo's clock, as they are now."""
    for source, name in (
        (_file_of(config), "rounds.db"),
        (config.var_dir / stack.PROVIDER_FILE, stack.PROVIDER_FILE),
    ):
        if source and source.exists():
            with (
                closing(sqlite3.connect(source)) as kept,
                closing(sqlite3.connect(folder / name)) as copy,
            ):
                kept.backup(copy)
    for name in ("clock", "secrets.json"):
        if (config.var_dir / name).exists():
            shutil.copy(config.var_dir / name, folder / name)


@contextmanager
def _running(service: Service, settings: dict[str, str], folder: Path) -> Iterator[Child]:
    """A part of the demo, ready; ended afterwards with all it started."""
    child = launch(
        service.name,
        service.command,
        environment=os.environ | settings,
        log=folder / f"{service.name}.log",
    )
    try:
        until = time.monotonic() + service.patience
        while service.ready is not None and not service.ready():
            if time.monotonic() > until or child.process.poll() is not None:
                raise Failed(f"{service.name} is not ready:\n{child.log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield child
    finally:
        child.finish(12)


# --- a booking ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """What is asked for: the rotation's slug, the start's id, the length."""

    slug: str
    offering: str
    weeks: str


@dataclass
class Visitor:
    """A signed-in candidate's browser, without the browser."""

    client: FlaskClient
    base: str
    token: str = ""

    def see(self, path: str) -> str:
        """A page. Raises `Failed` when it is not shown."""
        answer = self.client.get(path, base_url=self.base)
        if answer.status_code != HTTPStatus.OK:
            raise Failed(f"GET {path} answered {answer.status_code}")
        text = answer.get_data(as_text=True)
        self.token = hidden(text, "csrf_token")
        return text

    def send(self, path: str, **fields: str) -> str:
        """A form. Returns where it leads. Raises `Failed` when it leads nowhere."""
        answer = self.client.post(
            path,
            base_url=self.base,
            headers={"Origin": self.base},
            data={"csrf_token": self.token} | fields,
        )
        if answer.status_code != HTTPStatus.SEE_OTHER:
            raise Failed(f"POST {path} answered {answer.status_code}")
        return answer.headers["Location"]


def booking(config: Config, runs: int) -> Figure:
    """From the page with the dates to the request that is sent: four pages and four forms."""
    app = web.create_app(config)
    visitor = Visitor(app.test_client(), config.base_url)
    account = accounts.by_role("candidate")
    visitor.see("/sign-in")
    visitor.send("/sign-in", email=account.email, password=account.password)
    sent = ""

    def ask(start: Start) -> Callable[[], bytes]:
        def call() -> bytes:
            nonlocal sent
            sent = _request(visitor, config.stripe_api_base, start)
            return b""

        return call

    def take_back() -> None:
        visitor.see(sent)
        visitor.send(f"{sent}/withdraw")

    try:
        asks = [ask(start) for start in _starts(app) if _fits(visitor, start)]
        return measure("booking: dates to request", asks, runs, BOOKING_MS, after=take_back)
    finally:
        with app.app_context():
            db.engine.dispose()


def _starts(app: Flask) -> list[Start]:
    """Starts in some months with a free seat."""
    with app.app_context(), open_session(context.system("bench"), readonly=True) as session:
        found = session.execute(
            select(Rotation.slug, Offering.id, func.min(Block.weeks))
            .join(Offering, Offering.rotation_id == Rotation.id)
            .join(Block, Block.rotation_id == Rotation.id)
            .where(Rotation.public, Offering.taken == 0)
            .where(Offering.start_on > (clock.now() + timedelta(days=90)).date())
            .group_by(Rotation.id)
            .order_by(Rotation.id)
            .limit(BOOKINGS)
        )
        return [Start(slug, str(offering), str(weeks)) for slug, offering, weeks in found]


def _fits(visitor: Visitor, start: Start) -> bool:
    """Whether the candidate may ask for it: tried as far as the terms, then let go."""
    step = _hold(visitor, start)
    try:
        visitor.send(step, **ANSWERS)
    except Failed:
        return False
    finally:
        visitor.send(step.replace("/eligibility", "/withdraw"))
    return True


def _hold(visitor: Visitor, start: Start) -> str:
    page = visitor.see(f"/me/request/{start.slug}?offering={start.offering}&weeks={start.weeks}")
    own = {name: hidden(page, name) for name in ("rotation", "form_key")}
    return visitor.send("/me/requests", offering=start.offering, weeks=start.weeks, **own)


def _request(visitor: Visitor, double: str, start: Start) -> str:
    """One request. Returns the booking's address."""
    step = _hold(visitor, start)
    visitor.see(step)
    step = visitor.send(step, **ANSWERS)
    shown = hidden(visitor.see(step), "shown")
    step = visitor.send(step, shown=shown, ok_card="1", ok_terms="1", ok_share="1")
    secret = re.search(r'data-client-secret="([^"]+)"', visitor.see(step))
    if secret is None:
        raise Failed("the card page asks for no card")
    with not_ours():
        _give_card(double, secret[1])
    return visitor.send(step, setup=secret[1].partition("_secret_")[0])


def _give_card(double: str, secret: str) -> None:
    """What Stripe.js sends from the candidate's browser."""
    key = {"key": "pk_test_rounds_demo"}
    card = {f"card[{name}]": value for name, value in CARD.items()}
    made = _post(f"{double}/v1/payment_methods", key | {"type": "card"} | card)
    intent = secret.partition("_secret_")[0]
    confirmed = {"client_secret": secret, "payment_method": str(made["id"])}
    _post(f"{double}/v1/setup_intents/{intent}/confirm", key | confirmed)


def _post(url: str, fields: dict[str, str]) -> dict[str, object]:
    with urllib.request.urlopen(url, urlencode(fields).encode(), timeout=10) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def hidden(page: str, name: str) -> str:
    """The value of a hidden field; empty when the page has none."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


# --- memory ---------------------------------------------------------------------------------------


def memory(address: str, child: Child) -> Iterator[Figure]:
    """What 2 web workers hold after they have answered, shared pages counted once; then the same
    with what only their parent holds, which answers nothing."""
    for path in islice(cycle(READ), READS):
        with urllib.request.urlopen(address + path, timeout=30) as answer:
            answer.read()
    parent, *workers = _family(child.process.pid)
    held = sum(_kilobytes(process, "Pss") for process in (parent, *workers))
    own = _kilobytes(parent, "Private_Clean") + _kilobytes(parent, "Private_Dirty")
    blank = dict.fromkeys(("cpu_ms", "wall_p50_ms", "wall_p95_ms", "wall_p99_ms", "queries"), 0.0)
    for name, budget, kilobytes in (
        ("memory: 2 web workers", WORKERS_BYTES, held - own),
        ("memory: and their parent", None, held),
    ):
        yield Figure(name, None, budget, bytes=kilobytes * 1024, **blank)


def _family(process: int) -> list[int]:
    """A process's descendants, without itself: the wrapper is the demo's."""
    below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [one for child in map(int, below) for one in (child, *_family(child))]


def _kilobytes(process: int, kind: str) -> int:
    """Memory of a process. Pss: what is shared counts in equal parts; Private: what is not."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text()
    found = re.search(rf"^{kind}:\s+(\d+) kB", lines, re.M)
    return int(found[1]) if found else 0
