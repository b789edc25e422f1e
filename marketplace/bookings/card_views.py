"""The card of a request, a new card, and payments that the bank wants confirmed.

The provider is called between transactions: these views keep no session open while they wait, and
read what they need in short sessions of their own.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from flask import flash, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.bookings import card, order, permissions, queries
from marketplace.bookings import request_page as page
from marketplace.bookings.booking_page import next_step_url, url_of
from marketplace.bookings.models import Booking
from marketplace.core import clock, context, web
from marketplace.core.context import Scope
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Gone, Unavailable
from marketplace.core.money import dollars
from marketplace.core.words import words
from marketplace.payments.queries import PlanView, plan_view
from marketplace.storefront import way_back

cards = web.Room("cards", __name__, side="person", url_prefix="/me")

Answer = str | tuple[str, int] | BaseResponse

NOT_SAVED = "Stripe has not saved a card yet. Please enter it again. Nothing was charged."


@dataclass(frozen=True)
class Element:
    """What `_card.html` needs for the provider's form."""

    publishable_key: str
    client_secret: str
    return_url: str
    intent: Literal["setup", "payment"]
    js_url: str
    payment_method: str
    hosted_url: str
    error: str | None


@dataclass(frozen=True)
class _Look:
    """A booking as it was a moment ago, read in a session of its own."""

    id: UUID
    away: Answer | None


def _scope() -> Scope:
    return context.person(web.require_viewer().person_id)


@contextmanager
def _writing() -> Iterator[None]:
    """A card page is a GET that notes its try at the provider before it shows the form."""
    token = context.reading.set(False)
    try:
        yield
    finally:
        context.reading.reset(token)


def _own(reference: str) -> Booking:
    booking = queries.own(db.session(), web.require_viewer().person_id, reference)
    if booking.from_site:
        way_back.of_agency(booking.agency_id)
    return booking


def _view(booking: Booking) -> PlanView | None:
    return plan_view(db.session(), booking.plan_id) if booking.plan_id else None


def _look(reference: str) -> _Look:
    """The booking's id, and where to go when no card is wanted now. Leaves no session open."""
    booking = _own(reference)
    away: Answer | None = None
    if permissions.hold_has_ended(booking, clock.now()):
        away = _ended(booking)
    elif booking.state == "held" and not booking.plan_id:
        away = web.go(next_step_url(booking))
    elif booking.state != "held" and not permissions.may_change_card(booking, _view(booking)):
        away = web.go(url_of(reference))
    found = _Look(booking.id, away)
    db.session.remove()
    return found


# --- saving a card ------------------------------------------------------------------------------


@cards.get("/bookings/<reference>/card")
@web.own_eyes
def see_card(reference: str) -> Answer:
    """The provider's card form; back from its own page, a button that sends the request."""
    look = _look(reference)
    if look.away is not None:
        return look.away
    returned = _setup_id(request.args.get("setup", ""))
    if returned:
        return _card_page(reference, setup=returned, returned=True)
    return _fresh_page(reference, look.id)


@cards.post("/bookings/<reference>/card")
def use_card(reference: str) -> Answer:
    """Ask the provider what was saved, and send the request with it."""
    look = _look(reference)
    if look.away is not None:
        return look.away
    setup = _setup_id(request.form.get("setup", ""))
    try:
        saved = card.finish(_scope(), look.id, setup or None)
    except Unavailable:
        return _card_page(reference, 503, setup=setup)
    except Conflict:
        return web.go(url_of(reference, "card"))
    except Gone:
        return _ended(_own(reference))
    if not saved:
        return _fresh_page(reference, look.id, 422, {"card": NOT_SAVED})
    flash("Your card is saved.", "good")
    return web.go(url_of(reference))


@cards.get("/bookings/<reference>/card/hosted")
@web.own_eyes
def hosted_card(reference: str) -> Answer:
    """The provider's own page, for browsers without scripts. The seat stays held."""
    look = _look(reference)
    if look.away is not None:
        return look.away
    back = web.config().base_url + url_of(reference, "card")
    try:
        with _writing():
            url = card.begin_hosted(
                _scope(),
                look.id,
                email=web.require_viewer().email,
                return_url=back + "?setup={CHECKOUT_SESSION_ID}",
                cancel_url=back,
            )
    except Unavailable:
        return _card_page(reference, 503)
    return redirect(url, 303)


def _setup_id(text: str) -> str:
    """An id of the provider, or nothing."""
    return text if re.fullmatch(r"(seti|cs)_[A-Za-z0-9_]{1,200}", text) else ""


def _fresh_page(
    reference: str, booking_id: UUID, status: int = 200, errors: dict[str, str] | None = None
) -> Answer:
    """The page with a new try at the provider; a calm one when it does not answer."""
    try:
        with _writing():
            started = card.begin(_scope(), booking_id, email=web.require_viewer().email)
    except Unavailable:
        return _card_page(reference, 503)
    element = Element(
        publishable_key=web.config().stripe_publishable_key,
        client_secret=started.client_secret,
        return_url=url_of(reference),
        intent="setup",
        js_url=web.config().stripe_js_url,
        payment_method="",
        hosted_url=url_of(reference, "card/hosted"),
        error=(errors or {}).get("card"),
    )
    return _card_page(reference, status, errors, element=element, setup=started.setup_id)


def _card_page(
    reference: str,
    status: int = 200,
    errors: dict[str, str] | None = None,
    *,
    element: Element | None = None,
    setup: str = "",
    returned: bool = False,
) -> Answer:
    booking = _own(reference)
    view = _view(booking)
    problem = view.problem if view else None
    if element:
        web.allow_card_origins()
    held = booking.state == "held"
    again = url_of(reference, "card") + (f"?setup={setup}" if setup and not element else "")
    return web.render(
        "bookings/request_card.html",
        status=status,
        **_beside(booking, view),
        title="Your card" if held else words("action.change-card"),
        lead=_lead(booking, view),
        card=element,
        returned=returned,
        again_url=again,
        action=url_of(reference, "card"),
        back_url=url_of(reference),
        button=_button(booking, problem.amount_cents if problem else None),
        amount=problem.amount_cents if problem else None,
        setup=setup,
        errors=errors or {},
    )


def _beside(booking: Booking, view: PlanView | None) -> dict[str, Any]:
    """The order and the hold's clock."""
    if view is None:
        shown = page.booked_order(booking, page.plan_now(booking))
    else:
        shown = order.of_plan(booking, view, clock.today(booking.time_zone))
    live = permissions.hold_is_live(booking, clock.now())
    hold = order.hold_clock(booking, url_of(booking.reference, "extend")) if live else None
    return {"order": shown, "hold": hold}


def _lead(booking: Booking, view: PlanView | None) -> str:
    if view is None or view.problem is None:
        return "Your card is saved for the payments you allowed. Nothing is charged today."
    until = booking.deadline_at or view.problem.pay_until
    when = f" until {order.time_and_day(until, booking.time_zone)}" if until else ""
    return f"{words('error.card-declined.title')}. Your seat is kept{when}."


def _button(booking: Booking, cents: int | None) -> str:
    if booking.state == "held":
        return words("action.save-card")
    return f"Save card and pay {dollars(cents)}" if cents else "Save this card"


def _ended(booking: Booking) -> Answer:
    """The hold is over: 410, with the nearest free starts."""
    values = page.ended(db.session(), booking)
    return web.render("bookings/ended.html", status=410, **values)


# --- confirming a payment -----------------------------------------------------------------------


@cards.get("/bookings/<reference>/pay")
@web.own_eyes
def see_payment(reference: str) -> Answer:
    """The bank's question, asked in the browser; paid meanwhile, the booking's page."""
    booking_id = _id_of(reference)
    try:
        with _writing():
            waiting = card.confirmation(_scope(), booking_id)
    except Unavailable:
        return _payment_page(reference, None, 503)
    if waiting is None:
        return web.go(url_of(reference))
    return _payment_page(reference, waiting)


@cards.post("/bookings/<reference>/pay")
def payment_confirmed(reference: str) -> Answer:
    """Back from the bank: ask the provider how it went."""
    booking_id = _id_of(reference)
    try:
        card.confirmed(_scope(), booking_id)
    except Unavailable:
        return _payment_page(reference, None, 503)
    return web.go(url_of(reference))


@cards.get("/bookings/<reference>/pay/bank")
@web.own_eyes
def bank_page(reference: str) -> Answer:
    """The bank's own page, for browsers without scripts."""
    booking_id = _id_of(reference)
    back = web.config().base_url + url_of(reference, "pay")
    try:
        with _writing():
            url = card.bank_page(_scope(), booking_id, return_url=back)
    except Unavailable:
        return _payment_page(reference, None, 503)
    return redirect(url or url_of(reference), 303)


def _id_of(reference: str) -> UUID:
    booking_id = _own(reference).id
    db.session.remove()
    return booking_id


def _payment_page(reference: str, waiting: card.Confirmation | None, status: int = 200) -> Answer:
    booking = _own(reference)
    element = None
    if waiting is not None:
        web.allow_card_origins()
        element = Element(
            publishable_key=web.config().stripe_publishable_key,
            client_secret=waiting.client_secret,
            return_url=url_of(reference),
            intent="payment",
            js_url=web.config().stripe_js_url,
            payment_method=waiting.payment_method,
            hosted_url=url_of(reference, "pay/bank"),
            error=None,
        )
    cents = waiting.amount_cents if waiting else None
    return web.render(
        "bookings/request_card.html",
        status=status,
        **_beside(booking, _view(booking)),
        title=words("error.card-needs-you.title"),
        lead=words("error.card-needs-you.text"),
        card=element,
        returned=False,
        again_url=url_of(reference, "pay"),
        action=url_of(reference, "pay"),
        back_url=url_of(reference),
        button=f"Confirm {dollars(cents)}" if cents else "Confirm",
        amount=cents,
        setup="",
        errors={},
    )
