"""/agency/<slug>: what needs the agency, and one booking with its next step."""

from uuid import UUID

from flask import flash, request
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
from marketplace.core import clock, web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.formats import day
from marketplace.core.typed import long_text
from marketplace.desk import needs_page, replies
from marketplace.desk import operations as desk
from marketplace.desk import queries as desk_queries
from marketplace.desk.frame import frame
from marketplace.desk.models import CannedReply
from marketplace.listings import first_steps
from marketplace.listings import workspace_queries as listings
from marketplace.numbers import page
from marketplace.payments import queries as payments
from marketplace.payments.queries import PlanView
from marketplace.placements import operations as placements
from marketplace.placements import queries as placement_queries
from marketplace.tenants.models import Agency

workspace = web.Room("workspace", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


# --- home ---------------------------------------------------------------------------------------


@workspace.get("")
def home(slug: str) -> Answer:
    """What needs the agency, overdue first; then arrivals, money and numbers."""
    session, member = db.session(), web.membership()
    found = needs_page.needs(session, member.agency_id, member.role, slug)
    shelf = listings.shelf(session)
    agency = session.get_one(Agency, member.agency_id)
    steps = first_steps.first_steps(session, agency)
    name = web.require_viewer().name.removeprefix("Dr. ").split(maxsplit=1)
    return web.render(
        "agency/home.html",
        agency=member,
        counts={"home": found.total},
        greeting=_greeting(name[0] if name else "", steps is not None),
        lead=first_steps.lead(steps)
        if steps
        else f"{found.total} waiting for you, {shelf.live} live listings",
        standing=_standing(agency),
        needs=found.groups,
        needs_head=f"{found.total} to do, {found.overdue} overdue",
        arrivals=workspace_rows.arrivals(workspace_queries.arrivals(session), slug),
        arrivals_url=f"/agency/{slug}/bookings?view=arriving",
        money=_money_of_agency(),
        statement_url=f"/agency/{slug}/payouts",
        onboarding=steps,
        needs_all=_rest(slug, found.total, found.shown),
        numbers=page.numbers(session, money=False) if shelf.total else None,
    )


def _rest(slug: str, total: int, shown: int) -> tuple[str, str] | None:
    """The way to what home leaves out."""
    if total <= shown:
        return None
    return (f"{total - shown} more: all bookings that wait", f"/agency/{slug}/bookings")


def _greeting(name: str, is_new: bool) -> str:
    if is_new:
        return f"Welcome{', ' + name if name else ''}. Let's get your first listing live"
    return f"Hello, {name}" if name else "Hello"


def _standing(agency: Agency) -> str:
    """What the platform's checks keep closed: suspended, limited, ended, or nothing."""
    if agency.state in ("suspended", "limited"):
        return agency.state
    return "ended" if agency.is_approved and not agency.in_date else ""


def _money_of_agency() -> list[tuple[str, int]]:
    if not may(web.actor().role, "money.view"):
        return []
    sums = payments.agency_sums(db.session())
    return [
        ("Held until milestones", sums.held_cents),
        ("On its way to you", sums.sending_cents),
        ("Paid out", sums.sent_cents),
    ]


# --- one booking --------------------------------------------------------------------------------


def _url(slug: str, booking: Booking) -> str:
    return f"/agency/{slug}/bookings/{booking.reference}"


@workspace.get("/bookings/<ref>")
def show(slug: str, ref: str) -> Answer:
    """The booking with its next step. `?reply=` takes a canned reply into the decline form."""
    session = db.session()
    booking = workspace_queries.by_reference(session, ref)
    return _with_reply(slug, booking, "", "")


def _with_reply(slug: str, booking: Booking, reason: str, message: str) -> Answer:
    """The page with the chosen canned reply below what is written already."""
    used = _reply_asked()
    text = replies.filled(used.text, booking) if used else ""
    if text not in message:
        message = f"{message}\n\n{text}".strip()
    return _show(slug, booking, {}, {"reason": reason, "message": message})


def _reply_asked() -> CannedReply | None:
    """The canned reply that the request names, if the agency has it."""
    try:
        key = UUID(request.values.get("reply", ""))
    except ValueError:
        return None
    return db.session().get(CannedReply, key)


def _show(
    slug: str, booking: Booking, errors: dict[str, str], kept: dict[str, str] | None = None
) -> Answer:
    session, url, role = db.session(), _url(slug, booking), web.actor().role
    kept = {"reason": "", "message": "", "note": ""} | (kept or {})
    history = queries.history(session, booking)
    placement = placement_queries.of_booking(session, booking.id)
    here = placement is not None and placement.host_checked_in_at is not None
    may_decline = workspace_steps.may_decline(booking, role)
    sees = booking.plan_id is not None and may(role, "money.view")
    plan = payments.plan_view(session, booking.plan_id) if sees and booking.plan_id else None
    return web.render(
        "agency/booking.html",
        status=422 if errors else 200,
        **frame(),
        errors=errors,
        b=workspace_rows.head(booking, slug),
        next=workspace_steps.next_step(booking, url, role, host_checked_in=here),
        decline={
            "action": f"{url}/decline",
            "reasons": reasons.AGENCY_DECLINE,
            "reason": kept["reason"],
            "message": kept["message"],
            "open": bool(kept["message"] or "reason" in errors or "message" in errors),
            "canned": [(str(one.id), one.title) for one in replies.replies(session)],
            "used": request.values.get("reply", ""),
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
        timeline=workspace_pages.timeline(booking, history, plan),
        money=_money_of(booking, plan) if may(role, "money.view") else None,
        notes={
            "post_url": f"{url}/notes" if may(role, "notes.write") else "",
            "rows": desk_queries.notes(session, booking),
            "zone": booking.time_zone,
            "typed": kept["note"],
        },
        candidate=workspace_pages.candidate_pairs(booking),
        more=[],
    )


def _money_of(booking: Booking, plan: PlanView | None) -> workspace_pages.Money:
    session = db.session()
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
    """Say no, with a reason that the candidate reads; a second button takes a canned reply in."""
    require(web.actor(), "bookings.decide")
    booking = workspace_queries.by_reference(db.session(), ref)
    message = long_text(request.form, "message", 2000)
    reason = request.form.get("reason", "")[:40]
    if request.form.get("use") == "text":
        return _with_reply(slug, booking, reason, message)
    errors = replies.refuse_banned(message, "message")
    if reason not in dict(reasons.AGENCY_DECLINE):
        errors |= {"reason": "Choose a reason."}
    if errors:
        return _show(slug, booking, errors, {"reason": reason, "message": message})
    operations.decline(db.session(), web.actor(), booking.id, reason=reason, note=message)
    flash("Declined. Nobody was charged, and the seat is free again.", "info")
    return web.go(_url(slug, booking))


@workspace.post("/bookings/<ref>/notes")
def add_note(slug: str, ref: str) -> Answer:
    """Write a note that only the team reads."""
    require(web.actor(), "notes.write")
    booking = workspace_queries.by_reference(db.session(), ref)
    note = long_text(request.form, "note", desk.NOTE_LENGTH)
    try:
        desk.add_note(db.session(), web.actor(), booking, note)
    except Invalid as error:
        return _show(slug, booking, error.errors, {"note": note})
    flash("Note saved. Only your team sees it.", "good")
    return web.go(f"{_url(slug, booking)}#notes")


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
        **frame(),
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
