"""/agency/<slug>/import: files of sites, attendings, listings and offerings, in and out."""

import re
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Response, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import require
from marketplace.core import clock, storage, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.typed import long_text
from marketplace.desk.frame import frame
from marketplace.imports import operations, page, queries
from marketplace.imports.catalog import KINDS, kind_of, template
from marketplace.imports.keeping import DAYS, file_of
from marketplace.imports.kinds import Desk, Kind
from marketplace.imports.planning import MAX_BYTES, MAX_ROWS, Plan

room = web.Room("imports", __name__, side="agency", url_prefix="/agency/<slug>/import")

Answer = str | tuple[str, int] | BaseResponse


def _base(slug: str) -> str:
    return f"/agency/{slug}/import"


def _desk() -> Desk:
    return Desk(web.membership().agency_id, web.actor(), web.config().demo)


@room.get("")
def index(slug: str) -> Answer:
    """The four kinds of file, and what was uploaded lately."""
    require(web.actor(), "listings.import")
    session, base = db.session(), _base(slug)
    last = operations.last_done(session, web.membership().agency_id)
    return web.render(
        "agency/imports.html",
        **frame(),
        kinds=page.kinds(base, queries.numbers(session)),
        history=page.history(base, queries.latest(session), last),
        kept_days=DAYS,
    )


F = TypeVar("F", bound=Callable[..., Any])


def _each_kind(path: str = "") -> Callable[[F], F]:
    """A page for each kind of file, at an address of its own."""

    def register(view: F) -> F:
        for kind in KINDS:
            room.get(f"/{kind}{path}", defaults={"kind": kind})(view)
        return view

    return register


@_each_kind()
def kind_page(slug: str, kind: str) -> Answer:
    """Upload one kind of file; its columns and its template."""
    require(web.actor(), "listings.import")
    return _kind_page(slug, kind_of(kind))


def _kind_page(slug: str, kind: Kind, error: str = "", status: int = 200) -> Answer:
    url = f"{_base(slug)}/{kind.slug}"
    return web.render(
        "agency/import_kind.html",
        status=status,
        **frame(),
        kind=kind,
        columns=page.columns(kind),
        number=queries.numbers(db.session())[kind.slug],
        url=url,
        back=_base(slug),
        error=error or None,
        most_rows=MAX_ROWS,
        most_mb=MAX_BYTES // 1024**2,
    )


@room.post("")
def upload(slug: str) -> Answer:
    """Check an uploaded file and keep what was found; nothing changes yet."""
    require(web.actor(), "listings.import")
    kind = kind_of(request.form.get("kind", ""))
    sent = request.files.get("csv")
    content = sent.read(MAX_BYTES + 1) if sent else b""
    name = long_text({"name": (sent.filename or "") if sent else ""}, "name", 120)
    try:
        if not content:
            raise Invalid({"csv": "Choose a CSV file."})
        key = _keep(kind, content, name or f"{kind.slug}.csv")
    except Invalid as error:
        return _kind_page(slug, kind, error.errors["csv"], error.status)
    return web.go(f"{_base(slug)}/{key}")


def _keep(kind: Kind, content: bytes, name: str) -> UUID:
    """The check reads in a session of its own: on SQLite it keeps no other writer waiting."""
    found = _checked(kind, content)
    row = operations.keep(db.session(), kind, _desk(), content, name=name, found=found)
    return row.id


def _checked(kind: Kind, content: bytes) -> Plan:
    scope = operations.scope_of(kind, web.membership().agency_id)
    with open_session(scope, readonly=True) as session:
        return operations.check(session, kind, _desk(), content)


@room.get("/<uuid:key>")
def show(slug: str, key: UUID) -> Answer:
    """What a file would do, how far it is, or what became of it."""
    require(web.actor(), "listings.import")
    session = db.session()
    row = operations.own(session, key)
    last = operations.last_done(session, row.agency_id)
    return web.render(
        "agency/import.html",
        "agency/_import.html",
        **frame(),
        i=page.shown(_base(slug), row, last),
        back=_base(slug),
    )


@room.post("/<uuid:key>")
def run(slug: str, key: UUID) -> Answer:
    """Import a checked file. The worker asks every rule again: the world may have moved."""
    operations.start(db.session(), web.actor(), key, demo=web.config().demo)
    return web.go(f"{_base(slug)}/{key}")


@room.post("/<uuid:key>/undo")
def undo(slug: str, key: UUID) -> Answer:
    """Take the last import back."""
    operations.start_undo(db.session(), web.actor(), key)
    return web.go(f"{_base(slug)}/{key}")


@room.post("/<uuid:key>/fix")
def fix(slug: str, key: UUID) -> Answer:
    """Cells that were mended on the page: the corrected file is checked as a new one."""
    require(web.actor(), "listings.import")
    session = db.session()
    row = operations.own(session, key)
    if row.state not in ("faulty", "refused"):
        raise Conflict("There is nothing to fix in this file.", row.state)
    kind = kind_of(row.kind)
    cells = {}
    for name in request.form:
        cell = re.fullmatch(r"c-([0-9]{1,6})-([a-z_]{1,40})", name)
        if cell is not None and any(column.name == cell[2] for column in kind.columns):
            cells[int(cell[1]), cell[2]] = long_text(request.form, name, page.LONGEST_CELL * 10)
    content = operations.corrected(kind, storage.read(session, file_of(row)), cells)
    try:
        made = _keep(kind, content, row.file_name)
    except Invalid as error:
        return _kind_page(slug, kind, error.errors["csv"], error.status)
    return web.go(f"{_base(slug)}/{made}")


@room.get("/<uuid:key>/notes.csv")
def notes(slug: str, key: UUID) -> Answer:
    """The file again, with what is wrong beside each row."""
    require(web.actor(), "listings.import")
    row = operations.own(db.session(), key)
    found = _checked(kind_of(row.kind), storage.read(db.session(), file_of(row)))
    return _download(operations.with_notes(db.session(), row, found), f"{row.kind}-to-fix.csv")


@_each_kind("/template.csv")
def empty(slug: str, kind: str) -> Answer:
    """Every column with an example."""
    require(web.actor(), "listings.import")
    return _download(template(kind_of(kind)), f"{kind}-template.csv")


@_each_kind("/export.csv")
def export(slug: str, kind: str) -> Answer:
    """Everything of a kind, in the columns that an import reads."""
    require(web.actor(), "listings.import")
    content = operations.export(db.session(), kind_of(kind), web.membership().agency_id)
    return _download(content, f"{slug}-{kind}-{clock.today('UTC').isoformat()}.csv")


def _download(content: bytes, name: str) -> Response:
    answer = Response(content, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    return answer
