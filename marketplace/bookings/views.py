"""The candidate's bookings: what is next, one booking in every state, cancelling."""

from datetime import datetime

from flask import Response, flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.bookings import booking_page as page
from marketplace.bookings import calendar_file, forms, operations, permissions, queries
from marketplace.bookings.models import Booking
from marketplace.bookings.order import booked_rows, refund_steps
from marketplace.bookings.progress import Told
from marketplace.bookings.states import FINAL
from marketplace.core import clock, web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.listings import catalog
from marketplace.listings.policies import terms_from
from marketplace.listings.refunds import RefundQuote
from marketplace.payments.queries import plan_view
from marketplace.placements import operations as placements
from marketplace.placements import queries as placed
from marketplace.storefront import way_back

mine = web.Room("bookings", __name__, side="person", url_prefix="/me")

Answer = str | tuple[str, int] | BaseResponse

_KEPT = {
    "cooling-off": "nothing, you cancel soon after paying",
    "tier": "{kept}% under the terms you accepted",
    "too-late": "the terms give nothing back this near to the start",
    "after-start": "the rotation has begun",
}


def _own(reference: str) -> Booking:
    booking = queries.own(db.session(), web.require_viewer().person_id, reference)
    if booking.from_site:
        way_back.of_agency(booking.agency_id)
    return booking


def _told(booking: Booking) -> Told:
    session = db.session()
    view = plan_view(session, booking.plan_id) if booking.plan_id else None
    return Told(booking, queries.history(session, booking), view, _arrived(booking))


def _arrived(booking: Booking) -> bool:
    """Has the candidate checked in? Asked only while the rotation runs."""
    if booking.state != "active":
        return True
    placement = placed.of_booking(db.session(), booking.id)
    return placement is None or placement.candidate_checked_in_at is not None


@mine.get("")
def index() -> Answer:
    """Next for you."""
    viewer = web.require_viewer()
    found = queries.of_candidate(db.session(), viewer.person_id)
    going_on = [one for one in found if one.booking.state not in FINAL]
    todos = page.todos(found)
    return web.render(
        "bookings/mine.html",
        first_name=(viewer.name.split() or [""])[0],
        lead=page.lead(todos),
        todos=todos,
        bookings=[page.card(one) for one in going_on],
        bookings_url="/me/bookings",
        suggested=[],
        suggested_lead="",
        suggested_count=0,
        season=None,
        documents=None,
        payments=page.payments(found),
    )


@mine.get("/bookings")
def every_booking() -> Answer:
    """All bookings, those that go on first."""
    found = queries.of_candidate(db.session(), web.require_viewer().person_id)
    ordered = sorted(found, key=lambda one: one.booking.state in FINAL)
    return web.render("bookings/all.html", bookings=[page.card(one) for one in ordered])


@mine.get("/bookings/<reference>")
def show(reference: str) -> Answer:
    """One booking; as a fragment only where it stands (polled while a payment is checked)."""
    return _booking_page(_own(reference))


def _booking_page(booking: Booking, status: int = 200, error: str = "") -> Answer:
    told = _told(booking)
    cents = 0
    if permissions.may(booking, "cancel"):
        cents = operations.refund_quote(db.session(), booking).refund_cents
    return web.render(
        "bookings/show.html",
        "bookings/_status.html",
        status=status,
        b=page.header(told),
        contest=page.contest(told, request.form.get("note", ""), error),
        alternatives=None,
        outcome=None,
        documents=None,
        messages=None,
        money=page.money(told),
        refunds=page.refunds(told),
        change=page.change(told, cents),
        details=page.details(told),
        history=page.history(told),
    )


@mine.get("/bookings/<reference>/terms")
def terms(reference: str) -> Answer:
    """The frozen terms."""
    booking = _own(reference)
    told, frozen = _told(booking), booking.terms
    how = {"yes": "You do it", "supervised": "Supervised"}
    cancellation = terms_from(frozen["cancellation"])
    rows = booked_rows(booking, told.view) if told.view else ()
    frozen_on = datetime.fromisoformat(frozen["frozen_at"]).date()
    return web.render(
        "bookings/terms.html",
        b=page.header(told),
        version=frozen["version"],
        frozen_on=frozen_on,
        activities=[
            (catalog.scope_activity(slug).label, how.get(kind, kind))
            for slug, kind in frozen["activities"].items()
        ],
        documents=page.document_labels(booking),
        refund=refund_steps(frozen, rows, booking.start_on, frozen_on),
        policy=cancellation.plain_text,
        letter=page.letter_words(booking),
    )


@mine.get("/bookings/<reference>/calendar.ics")
def calendar(reference: str) -> Answer:
    """The rotation and the payments to come, for a calendar."""
    booking = _own(reference)
    told = _told(booking)
    url = web.config().base_url + page.url_of(reference)
    text = calendar_file.calendar(booking, told.view, clock.now(), url)
    name = f'attachment; filename="{booking.reference}.ics"'
    return Response(text, mimetype="text/calendar", headers={"Content-Disposition": name})


# --- verbs --------------------------------------------------------------------------------------


@mine.post("/bookings/<reference>/withdraw")
def withdraw(reference: str) -> Answer:
    """Take a request back; pressed twice it is still taken back."""
    booking = _own(reference)
    if booking.state != "withdrawn":
        operations.withdraw(db.session(), web.actor(), booking.id)
        flash("Your request is taken back. Nothing was charged.", "good")
    return web.go(page.url_of(reference))


@mine.post("/bookings/<reference>/check-in")
def check_in(reference: str) -> Answer:
    """The candidate has arrived; pressed twice, or after the host did it, it is fine."""
    booking = _own(reference)
    placements.check_in(db.session(), web.actor(), booking.id)
    return web.go(page.url_of(reference))


@mine.post("/bookings/<reference>/complete")
def complete(reference: str) -> Answer:
    """The rotation is over."""
    booking = _own(reference)
    placements.complete(db.session(), web.actor(), booking.id)
    return web.go(page.url_of(reference))


@mine.post("/bookings/<reference>/contest")
def contest(reference: str) -> Answer:
    """The host says that it began, the candidate says that it did not: nothing is paid out."""
    booking = _own(reference)
    try:
        placements.contest(
            db.session(), web.actor(), booking.id, note=forms.paragraphs(request.form, "note")
        )
    except Invalid as error:
        return _booking_page(booking, 422, error.errors["note"])
    flash("We have your report. The money stays held while we read both sides.", "good")
    return web.go(page.url_of(reference))


# --- cancelling ---------------------------------------------------------------------------------


@mine.get("/bookings/<reference>/cancel")
def see_cancel(reference: str) -> Answer:
    """The exact refund, before anything happens."""
    booking = _own(reference)
    if not permissions.may(booking, "cancel"):
        return web.go(page.url_of(reference))
    return _cancel_page(booking)


@mine.post("/bookings/<reference>/cancel")
def cancel(reference: str) -> Answer:
    """Cancel, if the refund is still the one that was shown."""
    booking = _own(reference)
    if booking.state == "cancelled_by_candidate":
        return web.go(page.url_of(reference))
    if not permissions.may(booking, "cancel"):
        raise Conflict("This booking cannot be cancelled any more.", booking.state)
    try:
        cents, reason = forms.cancellation(request.form)
        operations.cancel(
            db.session(), web.actor(), booking.id, expected_cents=cents, reason=reason
        )
    except Invalid as error:
        return _cancel_page(booking, 422, {"give": error.errors["expected_cents"]})
    except Conflict as error:
        db.session.rollback()
        changed = error.code == "changed"
        errors = {} if changed else {"give": error.message}
        return _cancel_page(_own(reference), 409, errors, changed=changed)
    return web.go(page.url_of(reference))


def _cancel_page(
    booking: Booking,
    status: int = 200,
    errors: dict[str, str] | None = None,
    changed: bool = False,
) -> Answer:
    told = _told(booking)
    assert told.view is not None
    quote = operations.refund_quote(db.session(), booking)
    rows = booked_rows(booking, told.view)
    return web.render(
        "bookings/cancel.html",
        status=status,
        b=page.header(told),
        refund=_refund(told, quote),
        steps=refund_steps(booking.terms, rows, booking.start_on, clock.today(booking.time_zone)),
        place=told.who.city,
        reasons=list(forms.CANCEL_REASONS.items()),
        reason=request.form.get("why", ""),
        change_url="",
        action=page.url_of(booking.reference, "cancel"),
        errors=errors or {},
        changed=changed,
    )


def _refund(told: Told, quote: RefundQuote) -> dict[str, object]:
    assert told.view is not None
    open_rows = [row for row in told.view.rows if row.state in ("scheduled", "declined")]
    kept = _KEPT.get(quote.reason, "the terms you accepted").format(kept=100 - quote.percent)
    count = len(open_rows)
    return {
        "cents": quote.refund_cents,
        "card": told.view.card or "your card",
        "paid": quote.refund_cents + quote.kept_cents,
        "kept": quote.kept_cents,
        "kept_reason": kept,
        "not_charged": sum(row.amount_cents for row in open_rows),
        "not_charged_text": f"{count} {'payment' if count == 1 else 'payments'}, not charged",
    }
