"""The request, step by step: dates, eligibility, review. The seat is held after step 1."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import operations as accounts
from marketplace.accounts import queries as people
from marketplace.accounts.models import CandidateProfile, Person
from marketplace.bookings import fit, forms, operations, order, permissions, queries
from marketplace.bookings import request_page as page
from marketplace.bookings.booking_page import next_step_url, url_of
from marketplace.bookings.models import Booking
from marketplace.bookings.operations import Wanted
from marketplace.core import clock, ids, web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.core.words import words
from marketplace.listings import cities
from marketplace.listings.eligibility import Verdict
from marketplace.listings.models import Rotation
from marketplace.storefront import way_back
from marketplace.storefront.shop import CAME_FROM_SITE

steps = web.Room("requests", __name__, side="person", url_prefix="/me")

Answer = str | tuple[str, int] | BaseResponse

_FULL = ("offering_full", "attending_full")


# --- step 1: dates ------------------------------------------------------------------------------


@steps.get("/request/<slug>")
def dates(slug: str) -> Answer:
    """Choose a start and a length. Nothing is held yet; the query string is the state."""
    rotation = queries.public_rotation(db.session(), slug)
    chosen = forms.choice({**request.args, "rotation": slug})
    return _dates_page(rotation, chosen, wanted=_day(request.args.get("start", "")))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


@steps.post("/requests")
def hold() -> Answer:
    """Hold the seat for 20 minutes and go on. The same form sent twice is one request."""
    session, person_id = db.session(), web.require_viewer().person_id
    chosen = forms.choice(request.form)
    rotation = queries.public_rotation(session, chosen.slug)
    try:
        offering_id, weeks = forms.complete(chosen)
        key = chosen.form_key or str(ids.uuid7())
        wanted = Wanted(rotation.id, offering_id, weeks, key, chosen.from_site)
        booking = operations.hold(session, web.actor(), wanted)
    except NotFound:
        return _dates_page(rotation, chosen, 422, {"start": "Choose one of these starts."})
    except Invalid as error:
        return _dates_page(rotation, chosen, 422, error.errors)
    except Conflict as error:
        session.rollback()
        again = queries.by_form_key(session, person_id, chosen.form_key)
        if again is None:
            return _refused(chosen, error)
        booking = again
    return web.go(url_of(booking.reference, "eligibility"))


def _refused(chosen: forms.Choice, error: Conflict) -> Answer:
    """Full, closed or clashing: the page again with what is free."""
    rotation = queries.public_rotation(db.session(), chosen.slug)
    message = error.message
    if error.code in _FULL:
        message = f"{words('error.seat-taken.title')}. {message}"
    return _dates_page(rotation, chosen, 409, {"start": message})


def _dates_page(
    rotation: Rotation,
    chosen: forms.Choice,
    status: int = 200,
    errors: dict[str, str] | None = None,
    wanted: date | None = None,
) -> Answer:
    session = db.session()
    if chosen.from_site:
        way_back.of_agency(rotation.agency_id)
    block = page.block_for(rotation, chosen.weeks)
    found = queries.starts(session, rotation, block.weeks) if block else ()
    picked = _pick(found, chosen.offering_id, wanted)
    free = queries.nearest_free(found, picked.date if picked else None)
    start = picked or next(iter(free), None)
    return web.render(
        "bookings/request_dates.html",
        status=status,
        steps=[("", "Dates"), ("", "Eligibility"), ("", "Review and card")],
        order=page.offered_order(rotation, block, start.date) if block and start else None,
        months=page.months(found) if free else [],
        lengths=page.lengths(rotation, start.date) if start else [],
        chosen=start.offering_id if start and start.left else None,
        weeks=block.weeks if block else None,
        place=cities.city(rotation.site.city).name,
        letters=page.letters(rotation, block.weeks, found) if block else {},
        free=page.links(rotation, block.weeks, free) if errors and block else [],
        rotation={
            "via": way_back.SITE if chosen.from_site else "",
            "slug": rotation.slug,
            "form_key": chosen.form_key if errors and chosen.form_key else str(ids.uuid7()),
            "url": f"/rotations/{rotation.slug}"
            + (f"?{CAME_FROM_SITE}" if chosen.from_site else ""),
        },
        action="/me/requests",
        errors=errors or {},
    )


def _pick(
    found: tuple[queries.Start, ...], offering_id: UUID | None, wanted: date | None
) -> queries.Start | None:
    return next((s for s in found if s.offering_id == offering_id or s.date == wanted), None)


# --- the held seat ------------------------------------------------------------------------------


def _own(reference: str) -> Booking:
    booking = queries.own(db.session(), web.require_viewer().person_id, reference)
    if booking.from_site:
        way_back.of_agency(booking.agency_id)
    return booking


def _elsewhere(booking: Booking) -> Answer | None:
    """Where to go when this request is not being filled in any more; None when it is."""
    if permissions.hold_has_ended(booking, clock.now()):
        return _ended(booking)
    if booking.state != "held":
        return web.go(url_of(booking.reference))
    return web.go(next_step_url(booking)) if booking.plan_id else None


def _ended(booking: Booking) -> Answer:
    """The hold is over: 410, with the nearest free starts."""
    values = page.ended(db.session(), booking)
    return web.render("bookings/ended.html", status=410, **values)


@steps.post("/bookings/<reference>/extend")
def extend(reference: str) -> Answer:
    """Ten more minutes, once; then back to the step that is open."""
    booking = _own(reference)
    if permissions.hold_has_ended(booking, clock.now()):
        return _ended(booking)
    if booking.state == "held" and not booking.hold_extended:
        operations.extend_hold(db.session(), web.actor(), booking.id)
        flash("Your seat is held 10 minutes longer.", "good")
    return web.go(next_step_url(booking) if booking.state == "held" else url_of(reference))


# --- step 2: eligibility ------------------------------------------------------------------------


@steps.get("/bookings/<reference>/eligibility")
def eligibility(reference: str) -> Answer:
    """What is still open, and whether the rotation fits."""
    booking = _own(reference)
    away = _elsewhere(booking)
    if away is not None:
        return away
    asked_for = _asked_for(booking)
    told = fit.answers_of(booking)
    facts = _facts(asked_for, told)
    ticks = {name: "1" for name in (*fit.TICKS, "adult") if getattr(told, name)}
    sent = ticks | {"why": str(booking.consent.get("why", ""))}
    return _eligibility_page(asked_for, facts, fit.judge(facts), sent)


@steps.post("/bookings/<reference>/eligibility")
def tell(reference: str) -> Answer:
    """Keep the answers in the profile and go on, if the rules allow it."""
    booking, session, actor = _own(reference), db.session(), web.actor()
    away = _elsewhere(booking)
    if away is not None:
        return away
    asked_for = _asked_for(booking)
    before = _facts(asked_for, fit.answers_of(booking))
    asked = fit.questions(before)
    name = asked_for.candidate.name
    try:
        told = forms.told(request.form, asked, asked_for.profile, name)
    except Invalid as error:
        return _eligibility_page(
            asked_for, before, fit.judge(before), request.form.to_dict(), error.errors
        )
    accounts.save_profile(session, actor, name, told.profile)
    verdict = fit.judge(_facts(asked_for, told.answers))
    if not verdict.allows:
        errors = fit.errors_of(verdict, asked)
        return _eligibility_page(asked_for, before, verdict, request.form.to_dict(), errors)
    operations.answer(session, actor, booking.id, told.kept())
    return web.go(url_of(reference, "agree"))


@dataclass(frozen=True)
class _AskedFor:
    """A request with the rows that each step reads, kept so that each is read once."""

    booking: Booking
    rotation: Rotation
    candidate: Person
    profile: CandidateProfile


def _asked_for(booking: Booking) -> _AskedFor:
    """Conflict when the rotation takes no requests any more."""
    session = db.session()
    rotation = fit.rotation_of(session, booking)
    return _AskedFor(booking, rotation, *people.candidate(session, booking.candidate_id))


def _facts(asked_for: _AskedFor, told: fit.Answers) -> fit.Facts:
    return fit.facts_for(db.session(), asked_for.booking, asked_for.rotation, told)


def _eligibility_page(
    asked_for: _AskedFor,
    facts: fit.Facts,
    verdict: Verdict,
    sent: dict[str, str],
    errors: dict[str, str] | None = None,
) -> Answer:
    """`facts` are those before the form was sent: they decide what is asked."""
    booking = asked_for.booking
    lead, papers = page.papers(booking, facts.get("candidate.needs_visa") is not False)
    return web.render(
        "bookings/request_eligibility.html",
        status=422 if errors else 200,
        **_flow(booking, "eligibility"),
        back_url=page.flow(booking)[0][0],
        release_url=url_of(booking.reference, "withdraw"),
        fit=page.verdict_box(verdict),
        notes=[finding.message for finding in verdict.informs],
        you=page.you(people.candidate_summary(db.session(), booking.candidate_id)),
        profile_url=f"/me/profile?next={url_of(booking.reference, 'eligibility')}",
        asked=fit.questions(facts),
        sent=sent,
        choices=page.choices(),
        advisories=page.advisories(asked_for.rotation, facts),
        visa_facts=page.visa_facts(asked_for.rotation, facts),
        why_hint=f"{order.who(booking.terms).doctor_short} reads this first. Up to 600 characters.",
        documents=papers,
        documents_lead=lead,
        errors=errors or {},
    )


def _flow(booking: Booking, step: str) -> dict[str, Any]:
    """What every page of a held request shows."""
    return {
        "steps": page.flow(booking),
        "order": page.booked_order(booking, page.plan_now(booking)),
        "hold": order.hold_clock(booking, url_of(booking.reference, "extend")),
        "action": url_of(booking.reference, step),
    }


# --- step 3: review -----------------------------------------------------------------------------


@steps.get("/bookings/<reference>/agree")
def review(reference: str) -> Answer:
    """Everything that is agreed to."""
    booking = _own(reference)
    return _elsewhere(booking) or _unanswered(booking) or _review_page(booking)


@steps.post("/bookings/<reference>/agree")
def accept(reference: str) -> Answer:
    """Freeze the schedule and the consent, then the card."""
    booking, session = _own(reference), db.session()
    away = _elsewhere(booking) or _unanswered(booking)
    if away is not None:
        return away
    asked_for = _asked_for(booking)
    if not fit.judge(_facts(asked_for, fit.answers_of(booking))).allows:
        flash("Something changed since you answered. Please look at this page again.", "warn")
        return web.go(url_of(reference, "eligibility"))
    shown = page.booked_order(booking, page.plan_now(booking))
    if request.form.get("shown") != page.digest(shown):
        return _review_page(booking, 409, changed=True)
    try:
        forms.consents(request.form)
    except Invalid as error:
        return _review_page(booking, 422, error.errors)
    operations.accept_terms(
        session,
        web.actor(),
        booking.id,
        candidate=page.snapshot(session, booking),
        consent=page.consent(booking, shown),
        wanted_installments=int(booking.terms["max_installments"]),
    )
    return web.go(url_of(reference, "card"))


def _unanswered(booking: Booking) -> Answer | None:
    return None if booking.consent else web.go(url_of(booking.reference, "eligibility"))


def _review_page(
    booking: Booking,
    status: int = 200,
    errors: dict[str, str] | None = None,
    changed: bool = False,
) -> Answer:
    flow = _flow(booking, "agree")
    latest = order.accepted_by(booking.terms)
    return web.render(
        "bookings/request_review.html",
        status=status,
        **flow,
        back_url=url_of(booking.reference, "eligibility"),
        dates_url=page.flow(booking)[0][0],
        next_steps=page.next_steps(booking, latest),
        latest=latest,
        terms_url=url_of(booking.reference, "terms"),
        terms_version=booking.terms["version"],
        card=None,
        ticked=[name for name in forms.CONSENTS if request.form.get(name)],
        travel="",
        shown=page.digest(flow["order"]),
        changed=changed,
        errors=errors or {},
    )
