"""The bookings of an agency as a queue: the table with its views, several at once, a month."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response, flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.forms import text
from marketplace.accounts.permissions import may, require
from marketplace.bookings import reasons, workspace_queries, workspace_rows
from marketplace.bookings.models import Booking
from marketplace.bookings.workspace_queries import Wanted
from marketplace.core import spreadsheets, web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.desk import bulk as steps
from marketplace.desk import calendar as months
from marketplace.desk import operations, queries, replies
from marketplace.desk.bulk import Said
from marketplace.desk.frame import frame

queue = web.Room("queue", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse
_CLEAR = {"q": "", "status": "", "specialty": "", "starts": ""}


# --- the table ----------------------------------------------------------------------------------


@queue.get("/bookings")
def bookings(slug: str) -> Answer:
    """The bookings of a view; the address is the only state."""
    return _table(slug, Wanted.from_args(request.args), {})


def _table(slug: str, wanted: Wanted, errors: dict[str, str]) -> Answer:
    session, base = db.session(), f"/agency/{slug}/bookings"
    own = {str(row.id): row for row in queries.views(session, web.require_viewer().person_id)}
    asked = {key: Wanted.from_query(row.query) for key, row in own.items()}
    page = workspace_queries.table(session, wanted)
    number = workspace_queries.counts(session, asked)
    present = next((key for key, one in asked.items() if one.query() == wanted.query()), "")
    role = web.actor().role
    return web.render(
        "agency/bookings.html",
        "agency/_bookings.html",
        status=422 if errors else 200,
        **frame(),
        action=base,
        bulk_url=f"{base}/bulk",
        csv_url=wanted.url(f"{base}.csv"),
        calendar_url=f"/agency/{slug}/calendar",
        views=[
            _tab(key, label, wanted.url(base, view=key, **_CLEAR), number[key], key == "needs")
            for key, label in workspace_queries.VIEWS
        ]
        + [_tab(key, row.name, asked[key].url(base), number[key]) for key, row in own.items()],
        view=wanted.view,
        view_tab=present or ("" if wanted.filtered else wanted.view),
        own_view=own.get(present),
        views_url=f"{base}/views",
        view_query=wanted.query(),
        view_name=text(request.form, "name", 200),
        errors=errors,
        q=wanted.q,
        standing=wanted.status,
        specialty=wanted.specialty,
        starts=wanted.starts,
        sort=wanted.sort_value,
        statuses=[(key, words) for key, (words, _) in workspace_queries.STATUS.items()],
        specialties=workspace_queries.specialties(session),
        months=months.choices(wanted.starts),
        clear_url=wanted.url(base, **_CLEAR),
        all_url=wanted.url(base, view="all", **_CLEAR),
        total=page.total,
        sorts={key: _sort(wanted, base, key) for key in workspace_queries.SORTS},
        sorted_by=workspace_queries.SORT_WORDS[wanted.sort],
        rows=[workspace_rows.head(row, slug) for row in page.bookings],
        may_decide=may(role, "bookings.decide"),
        may_run=may(role, "placements.run"),
        number=page.page,
        pages=page.pages,
        page_url=lambda n: wanted.url(base, page=n),
        first=page.first,
        last=page.last,
    )


def _tab(key: str, label: str, url: str, count: int, hot: bool = False) -> dict[str, Any]:
    return {"key": key, "label": label, "url": url, "count": count, "hot": hot}


def _sort(wanted: Wanted, base: str, key: str) -> tuple[str, str]:
    """The direction of a column now, and the address of its next order."""
    present = wanted.sort == key
    direction = ("descending" if wanted.descending else "ascending") if present else ""
    flipped = present and not wanted.descending
    return direction, wanted.url(base, sort=key, descending=flipped)


@queue.post("/bookings/views")
def save_view(slug: str) -> Answer:
    """Keep the present filters under a name; only the member sees it."""
    wanted = Wanted.from_query(request.form.get("query", ""))
    name = text(request.form, "name", operations.NAME_LENGTH)
    try:
        operations.save_view(db.session(), web.actor(), name, wanted.query())
    except Invalid as error:
        return _table(slug, wanted, {"view-name": error.errors["name"]})
    flash(f"Saved as “{name}”. Only you see it.", "good")
    return web.go(wanted.url(f"/agency/{slug}/bookings"))


@queue.post("/bookings/views/<uuid:view_id>/forget")
def forget_view(slug: str, view_id: UUID) -> Answer:
    """Delete an own view; no booking is touched."""
    operations.forget_view(db.session(), web.actor(), view_id)
    flash("The view is deleted. Its bookings are still there.", "info")
    return web.go(f"/agency/{slug}/bookings")


@queue.get("/bookings.csv")
def bookings_csv(slug: str) -> Answer:
    """The rows of a view as a file; cells that a spreadsheet would run are defused."""
    return _csv(workspace_queries.every_row(db.session(), Wanted.from_args(request.args)), slug)


_COLUMNS = (
    *("reference", "candidate", "state", "next", "due"),
    *("specialty", "attending", "start", "weeks", "usd"),
)


def _csv(rows: Sequence[Booking], slug: str) -> Response:
    heads = [workspace_rows.head(row, slug) for row in rows]
    body = [
        (
            *(b.reference, b.candidate, b.state, b.next, b.due.iso if b.due else ""),
            *(b.specialty, b.doctor, b.start, b.weeks, f"{b.price / 100:.2f}"),
        )
        for b in heads
    ]
    answer = Response(spreadsheets.write([_COLUMNS, *body]), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={slug}-bookings.csv"
    return answer


# --- several at once ----------------------------------------------------------------------------


@queue.post("/bookings/bulk")
def bulk(slug: str) -> Answer:
    """The same step for several bookings, with an answer for each."""
    picked = list(dict.fromkeys(request.form.getlist("reference")))[: steps.MOST]
    name = request.form.get("do", "")
    if name in steps.STEPS:
        require(web.actor(), steps.STEPS[name].needs)
    chosen = workspace_queries.by_references(db.session(), picked)
    back = web.safe_next(request.form.get("next"), f"/agency/{slug}/bookings")
    if name == "csv":
        return _csv(chosen, slug)
    if not chosen or name not in steps.STEPS:
        flash("Pick the bookings first, then what to do with them.", "info")
        return web.go(back)
    said = Said(request.form.get("reason", "")[:40], long_text(request.form, "message", 2000))
    if name == "decline":
        errors = _refused(said) if request.form.get("sure") == "1" else {}
        if errors or request.form.get("sure") != "1":
            return _ask_reason(slug, chosen, said, back, errors)
    outcomes = steps.take(db.session(), web.actor(), name, chosen, said)
    return web.render(
        "agency/bulk.html",
        **frame(),
        summary=steps.summary(name, outcomes),
        done=steps.STEPS[name].done,
        outcomes=[(workspace_rows.head(one.booking, slug), one.refused) for one in outcomes],
        back=back,
    )


def _refused(said: Said) -> dict[str, str]:
    errors = replies.refuse_banned(said.message, "message")
    if said.reason not in dict(reasons.AGENCY_DECLINE):
        errors["reason"] = "Choose a reason."
    return errors


def _ask_reason(
    slug: str, chosen: Sequence[Booking], said: Said, back: str, errors: dict[str, str]
) -> Answer:
    return web.render(
        "agency/bulk_decline.html",
        status=422 if errors else 200,
        **frame(),
        rows=[workspace_rows.head(one, slug) for one in chosen],
        action=f"/agency/{slug}/bookings/bulk",
        reasons=reasons.AGENCY_DECLINE,
        reason=said.reason,
        message=said.message,
        places=replies.PLACES,
        back=back,
        errors=errors,
    )


# --- a month ------------------------------------------------------------------------------------


@queue.get("/calendar")
def calendar(slug: str) -> Answer:
    """A month: who arrives, who leaves, what is due. As a list, and beside it as a grid."""
    first, last = months.asked(request.args.get("month", ""))
    found = workspace_queries.month(db.session(), first, last)
    return web.render(
        "agency/calendar.html",
        **frame(),
        month=months.month(found, first, last, slug),
        cut=len(found) == workspace_queries.MOST_OF_A_MONTH,
        base=f"/agency/{slug}/calendar",
        bookings_url=f"/agency/{slug}/bookings",
    )
