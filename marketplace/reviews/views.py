"""/me/bookings/<ref>/review: the candidate's review; /agency/<slug>/reviews: answers to them."""

from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may
from marketplace.bookings import queries as bookings
from marketplace.bookings.models import Booking
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.core.typed import long_text
from marketplace.desk.frame import frame
from marketplace.listings import catalog
from marketplace.reviews import operations, queries
from marketplace.reviews.operations import Written

mine = web.Room("reviews", __name__, side="person", url_prefix="/me/bookings/<ref>/review")
workspace = web.Room(
    "reviews_workspace", __name__, side="agency", url_prefix="/agency/<slug>/reviews"
)

Answer = str | tuple[str, int] | BaseResponse
_SHORT = {"yes": "yes", "supervised": "sup", "no": "no"}
_LONG = {short: word for word, short in _SHORT.items()}


@mine.get("")
def form(ref: str) -> Answer:
    """The form, empty: a prefilled answer would bias the score."""
    return _form(_reviewable(ref), {})


@mine.post("")
def write(ref: str) -> Answer:
    """Send the review."""
    booking = _reviewable(ref)
    try:
        operations.write(db.session(), web.actor(), booking.id, _written(booking))
    except Invalid as error:
        return _form(booking, dict(error.errors), error.status)
    flash("Thank you. Your review appears on the listing in seven days.", "good")
    return web.go(f"/me/bookings/{booking.reference}")


def _reviewable(ref: str) -> Booking:
    """The candidate's own booking, as far as it may be reviewed."""
    session = db.session()
    booking = bookings.own(session, web.require_viewer().person_id, ref)
    if booking.state not in operations.REVIEWABLE:
        raise Conflict("A review can be written when the rotation is over.", "not_over")
    if operations.of_booking(session, booking.id) is not None:
        raise Conflict("You have reviewed this rotation. Thank you.", "reviewed")
    return booking


def _written(booking: Booking) -> Written:
    sent = request.form
    ratings = {
        row["slug"]: int(sent[f"r-{row['slug']}"])
        for row in operations.dimensions()
        if sent.get(f"r-{row['slug']}") in ("1", "2", "3", "4", "5")
    }
    attested = {
        slug: _LONG[sent[f"a-{slug}"]]
        for slug in operations.declared_of(booking)
        if sent.get(f"a-{slug}") in _LONG
    }
    text = long_text(sent, "text", operations.MAX_TEXT)
    return Written(ratings, attested, text, confirmed=sent.get("confirmed") == "1")


def _form(booking: Booking, errors: dict[str, str], status: int = 200) -> Answer:
    sent = request.form
    return web.render(
        "reviews/form.html",
        status=status,
        b={
            "reference": booking.reference,
            "url": f"/me/bookings/{booking.reference}",
            "specialty": booking.terms["specialty_label"],
            "doctor": booking.terms["attending"],
            "start": booking.start_on,
            "end": booking.end_on,
        },
        lead="It is public seven days after you send it, with your year and without your name.",
        activities=[
            {
                "key": slug,
                "label": catalog.scope_activity(slug).label,
                "listed": _SHORT[level],
                "answer": sent.get(f"a-{slug}", ""),
            }
            for slug, level in operations.declared_of(booking).items()
        ],
        differences=[],
        questions=[],
        dimensions=[
            {
                "key": row["slug"],
                "label": row["label"],
                "line": row["help"],
                "answer": int(sent[f"r-{row['slug']}"])
                if sent.get(f"r-{row['slug']}") in ("1", "2", "3", "4", "5")
                else 0,
            }
            for row in operations.dimensions()
        ],
        text=sent.get("text", ""),
        text_hint="",
        confirmed=sent.get("confirmed") == "1",
        action=f"/me/bookings/{booking.reference}/review",
        errors=errors,
    )


# --- the agency's answers -----------------------------------------------------------------------


@workspace.get("")
def reviews(slug: str) -> Answer:
    """The released reviews; those without an answer first."""
    return _reviews(slug, {})


def _reviews(slug: str, errors: dict[str, str], status: int = 200) -> Answer:
    values = frame()
    return web.render(
        "reviews/workspace.html",
        status=status,
        **values,
        rows=queries.of_agency(db.session()),
        may_reply=may(web.actor().role, "messages.write"),
        base=f"/agency/{slug}/reviews",
        typed=request.form.get("reply", ""),
        typed_for=(request.view_args or {}).get("key"),
        errors=errors,
    )


@workspace.post("/<uuid:key>/reply")
def reply(slug: str, key: UUID) -> Answer:
    """Answer a review, once."""
    text = long_text(request.form, "reply", operations.MAX_TEXT)
    try:
        operations.reply(db.session(), web.actor(), key, text)
    except Invalid as error:
        return _reviews(slug, {f"reply-{key}": error.errors["reply"]}, error.status)
    flash("Your answer stands below the review.", "good")
    return web.go(f"/agency/{slug}/reviews")
