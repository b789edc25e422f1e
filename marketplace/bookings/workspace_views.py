"""/agency/<slug>: what needs the agency, its bookings, and one booking with its next step."""

from typing import Any

from flask import Response, flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.bookings import (
    operations,
    queries,
    reasons,
    workspace_pages,
    workspace_queries,
    workspace_rows,
    workspace_steps,
)
from marketplace.bookings.models import Booking
from marketplace.bookings.workspace_queries import Wanted
from marketplace.core import clock, spreadsheets, web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Gone, Invalid
from marketplace.core.formats import day
from marketplace.core.typed import long_text
from marketplace.listings import workspace_queries as listings
from marketplace.payments import queries as payments
from marketplace.placements import operations as placements
from marketplace.placements import queries as placement_queries

workspace = web.Room("workspace", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


def _frame() -> dict[str, Any]:
    """What the frame of the agency's side shows on every page."""
    return {"agency": web.membership(), "counts": workspace_queries.waiting(db.session())}


# --- home ---------------------------------------------------------------------------------------


@workspace.get("")
def home(slug: str) -> Answer:
    """What needs the agency, overdue first; then arrivals and money."""
    session = db.session()
    waiting = workspace_queries.needs(session)
    groups = workspace_rows.grouped(waiting, slug)
    overdue = sum(len(group.items) for group in groups if group.title == "Overdue")
    shelf = listings.shelf(session)
    name = web.require_viewer().name.removeprefix("Dr. ").split(maxsplit=1)
    return web.render(
        "agency/home.html",
        **_frame(),
        greeting=f"Hello, {name[0]}" if name else "Hello",
        lead=f"{len(waiting)} waiting for you, {shelf.live} live listings",
        needs=groups,
        needs_head=f"{len(waiting)} to do, {overdue} overdue",
        arrivals=workspace_rows.arrivals(workspace_queries.arrivals(session), slug),
        arrivals_url=f"/agency/{slug}/bookings?view=arriving",
        money=_money_of_agency(),
        statement_url="",
        onboarding=None if shelf.total else listings.first_steps(slug),
        charts=[],
        numbers=[],
        numbers_lead="",
    )


def _money_of_agency() -> list[tuple[str, int]]:
    if not may(web.actor().role, "money.view"):
        return []
    sums = payments.agency_sums(db.session())
    return [
        ("Held until milestones", sums.held_cents),
        ("On its way to you", sums.sending_cents),
        ("Paid out", sums.sent_cents),
    ]


# --- the table ----------------------------------------------------------------------------------


@workspace.get("/bookings")
def bookings(slug: str) -> Answer:
    """The bookings of a saved view; the address is the only state."""
    session, wanted = db.session(), Wanted.from_args(request.args)
    base = f"/agency/{slug}/bookings"
    page = workspace_queries.table(session, wanted)
    number = workspace_queries.counts(session)
    clean = {"q": "", "status": "", "specialty": ""}
    return web.render(
        "agency/bookings.html",
        "agency/_bookings.html",
        **_frame(),
        action=base,
        bulk_url=f"{base}/bulk",
        csv_url=wanted.url(f"{base}.csv"),
        views=[
            {
                "key": key,
                "label": label,
                "count": number[key],
                "url": wanted.url(base, view=key),
                "hot": key == "needs",
            }
            for key, label in workspace_queries.VIEWS
        ],
        view=wanted.view,
        q=wanted.q,
        standing=wanted.status,
        specialty=wanted.specialty,
        sort=wanted.sort_value,
        statuses=[(key, words) for key, (words, _) in workspace_queries.STATUS.items()],
        specialties=workspace_queries.specialties(session),
        clear_url=wanted.url(base, **clean),
        all_url=wanted.url(base, view="all", **clean),
        total=page.total,
        sorts={key: _sort(wanted, base, key) for key in workspace_queries.SORTS},
        sorted_by=workspace_queries.SORT_WORDS[wanted.sort],
        rows=[workspace_rows.head(row, slug) for row in page.bookings],
        may_act=may(web.actor().role, "bookings.decide"),
        number=page.page,
        pages=page.pages,
        page_url=lambda n: wanted.url(base, page=n),
        first=page.first,
        last=page.last,
    )


def _sort(wanted: Wanted, base: str, key: str) -> tuple[str, str]:
    """The direction of a column now, and the address of its next order."""
    present = wanted.sort == key
    direction = ("descending" if wanted.descending else "ascending") if present else ""
    flipped = present and not wanted.descending
    return direction, wanted.url(base, sort=key, descending=flipped)


@workspace.get("/bookings.csv")
def bookings_csv(slug: str) -> Answer:
    """The rows of a view as a file; cells that a spreadsheet would run are defused."""
    return _csv(workspace_queries.every_row(db.session(), Wanted.from_args(request.args)), slug)


def _csv(rows: tuple[Booking, ...], slug: str) -> Response:
    columns = ("reference", "candidate", "state", "specialty", "attending", "start", "weeks", "usd")
    heads = [workspace_rows.head(row, slug) for row in rows]
    body = [
        (b.reference, b.candidate, b.state, b.specialty, b.doctor, b.start, b.weeks, b.price / 100)
        for b in heads
    ]
    answer = Response(spreadsheets.write([columns, *body]), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f"attachment; filename={slug}-bookings.csv"
    return answer


@workspace.post("/bookings/bulk")
def bulk(slug: str) -> Answer:
    """The same for several bookings, with an answer for each."""
    chosen = request.form.getlist("reference")[:200]
    back = web.safe_next(request.form.get("next"), f"/agency/{slug}/bookings")
    session = db.session()
    if request.form.get("do") == "csv":
        rows = tuple(workspace_queries.by_reference(session, ref) for ref in chosen)
        return _csv(rows, slug)
    require(web.actor(), "bookings.decide")
    done, refused = 0, []
    for ref in chosen:
        booking = workspace_queries.by_reference(session, ref)
        try:
            operations.approve(session, web.actor(), booking.id)
            done += 1
        except (Conflict, Gone) as error:  # it refuses before anything is written
            refused.append(f"{booking.reference}: {error.message}")
    flash(f"{done} approved.", "good" if done else "info")
    if refused:
        flash(f"{len(refused)} could not be. " + " ".join(refused[:5]), "warn")
    return web.go(back)


# --- one booking --------------------------------------------------------------------------------


def _url(slug: str, booking: Booking) -> str:
    return f"/agency/{slug}/bookings/{booking.reference}"


@workspace.get("/bookings/<ref>")
def show(slug: str, ref: str) -> Answer:
    """The booking with its next step."""
    return _show(slug, workspace_queries.by_reference(db.session(), ref))


def _show(slug: str, booking: Booking, *, decline_error: str = "", status: int = 200) -> Answer:
    session, url, role = db.session(), _url(slug, booking), web.actor().role
    history = queries.history(session, booking)
    placement = placement_queries.of_booking(session, booking.id)
    here = placement is not None and placement.host_checked_in_at is not None
    may_decline = workspace_steps.may_decline(booking, role)
    return web.render(
        "agency/booking.html",
        status=status,
        **_frame(),
        b=workspace_rows.head(booking, slug),
        next=workspace_steps.next_step(booking, url, role, host_checked_in=here),
        decline={
            "action": f"{url}/decline",
            "reasons": reasons.AGENCY_DECLINE,
            "error": decline_error or None,
        }
        if may_decline
        else None,
        steps=workspace_pages.steps(booking, history),
        documents={
            "head": "",
            "rows": workspace_pages.papers(booking),
            "consent": "",
        },
        messages=None,
        timeline=workspace_pages.timeline(booking, history),
        money=_money_of(booking) if may(role, "money.view") else None,
        notes=None,
        candidate=workspace_pages.candidate_pairs(booking),
        more=[],
    )


def _money_of(booking: Booking) -> workspace_pages.Money:
    session = db.session()
    plan = payments.plan_view(session, booking.plan_id) if booking.plan_id else None
    return workspace_pages.money(
        booking,
        plan,
        quote=operations.refund_quote(session, booking),
        fault_quote=operations.refund_quote(session, booking, provider_fault=True),
    )


@workspace.post("/bookings/<ref>/approve")
def approve(slug: str, ref: str) -> Answer:
    """Approve; the attending is asked."""
    require(web.actor(), "bookings.decide")
    booking = workspace_queries.by_reference(db.session(), ref)
    operations.approve(db.session(), web.actor(), booking.id)
    doctor = workspace_rows.head(booking, slug).doctor_short
    flash(f"Approved. {doctor} has 72 hours to answer.", "good")
    return web.go(_url(slug, booking))


@workspace.post("/bookings/<ref>/decline")
def decline(slug: str, ref: str) -> Answer:
    """Say no, with a reason that the candidate reads."""
    require(web.actor(), "bookings.decide")
    booking = workspace_queries.by_reference(db.session(), ref)
    try:
        reason = reasons.chosen(reasons.AGENCY_DECLINE, request.form.get("reason", ""))
    except Invalid as error:
        return _show(slug, booking, decline_error=error.errors["reason"], status=error.status)
    operations.decline(db.session(), web.actor(), booking.id, reason=reason)
    flash("Declined. Nobody was charged, and the seat is free again.", "info")
    return web.go(_url(slug, booking))


@workspace.get("/bookings/<ref>/cancel")
def cancel_page(slug: str, ref: str) -> Answer:
    """What cancelling means: everything paid goes back."""
    require(web.actor(), "bookings.cancel")
    return _cancel_page(slug, workspace_queries.by_reference(db.session(), ref), {})


def _cancel_page(slug: str, booking: Booking, errors: dict[str, str], status: int = 200) -> Answer:
    quote = operations.refund_quote(db.session(), booking, provider_fault=True)
    if booking.state not in ("confirmed", "active"):
        raise Conflict("This booking cannot be cancelled any more.", f"{booking.state}.cancel")
    return web.render(
        "agency/cancel.html",
        status=status,
        **_frame(),
        b=workspace_rows.head(booking, slug),
        refund_cents=quote.refund_cents,
        reasons=reasons.PROVIDER_CANCEL,
        reason=request.form.get("reason", ""),
        note=request.form.get("note", ""),
        action=f"{_url(slug, booking)}/cancel",
        errors=errors,
    )


@workspace.post("/bookings/<ref>/cancel")
def cancel(slug: str, ref: str) -> Answer:
    """Cancel for the provider: 100% goes back by itself."""
    require(web.actor(), "bookings.cancel")
    booking = workspace_queries.by_reference(db.session(), ref)
    try:
        reason = reasons.chosen(reasons.PROVIDER_CANCEL, request.form.get("reason", ""))
        if request.form.get("sure") != "1":
            raise Invalid({"sure": "Confirm that you cancel."})
    except Invalid as error:
        return _cancel_page(slug, booking, dict(error.errors), error.status)
    operations.provider_cancel(
        db.session(),
        web.actor(),
        booking.id,
        reason=reason,
        note=long_text(request.form, "note", 2000),
    )
    flash(f"Cancelled on {day(clock.today(booking.time_zone))}. All money goes back.", "info")
    return web.go(_url(slug, booking))


@workspace.post("/bookings/<ref>/check-in")
def check_in(slug: str, ref: str) -> Answer:
    """The candidate is there."""
    require(web.actor(), "placements.run")
    booking = workspace_queries.by_reference(db.session(), ref)
    placements.check_in(db.session(), web.actor(), booking.id)
    flash("Checked in.", "good")
    return web.go(_url(slug, booking))


@workspace.post("/bookings/<ref>/complete")
def complete(slug: str, ref: str) -> Answer:
    """The rotation is over."""
    require(web.actor(), "placements.run")
    booking = workspace_queries.by_reference(db.session(), ref)
    placements.complete(db.session(), web.actor(), booking.id)
    flash("Completed. The rest of your part is released in 72 hours.", "good")
    return web.go(_url(slug, booking))


@workspace.post("/bookings/<ref>/no-show")
def no_show(slug: str, ref: str) -> Answer:
    """The candidate did not come."""
    require(web.actor(), "placements.run")
    booking = workspace_queries.by_reference(db.session(), ref)
    operations.no_show(db.session(), web.actor(), booking.id)
    flash("Recorded. Nothing more is charged.", "info")
    return web.go(_url(slug, booking))
