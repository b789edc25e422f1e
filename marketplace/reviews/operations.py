"""The verbs of reviews: one for each booking that took place or that the provider cancelled.

A review is released seven days after it was sent (or at once, when the other side's evaluation is
in; evaluations do not exist yet, so the time decides). Ratings and the truth score of a listing
count released reviews only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.bookings import operations as bookings
from marketplace.bookings.models import Booking
from marketplace.core import audit, clock, reference
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings import lint, versions
from marketplace.listings.events import RotationChanged
from marketplace.reviews.models import Review

RELEASE_AFTER = timedelta(days=7)
REVIEWABLE = ("completed", "closed", "cancelled_by_provider")
ANSWERS = ("yes", "supervised", "no")
MAX_TEXT = 4_000
# More than was promised is no untruth: an answer matches when it is at least what was declared.
_STRENGTH = {"no": 0, "supervised": 1, "yes": 2}


@dataclass(frozen=True)
class Written:
    """What the candidate sends. `ratings` are 1 to 5 by dimension; `attested` by activity."""

    ratings: Mapping[str, int]
    attested: Mapping[str, str]
    text: str = ""
    confirmed: bool = False


def dimensions() -> tuple[reference.Row, ...]:
    """The fixed dimensions of `review_dimensions.csv`."""
    return reference.rows("review_dimensions")


def write(session: Session, actor: Actor, booking_id: UUID, written: Written) -> Review:
    """Write the one review of a booking (candidate's scope).

    NotFound for somebody else's booking; Conflict when it has not taken place, or a review is
    there; Invalid with a message for each open field.
    """
    booking = bookings.locked(session, booking_id)
    if booking.candidate_id != actor.person_id:
        raise NotFound
    if booking.state not in REVIEWABLE:
        raise Conflict("A review can be written when the rotation is over.", "not_over")
    if of_booking(session, booking.id) is not None:
        raise Conflict("You have reviewed this rotation.", "reviewed")
    declared = declared_of(booking)
    _check(declared, written)
    now = clock.now()
    review = Review(
        agency_id=booking.agency_id,
        booking_id=booking.id,
        rotation_id=booking.rotation_id,
        candidate_id=booking.candidate_id,
        author=author_label(booking),
        overall=overall(written.ratings),
        ratings=dict(written.ratings),
        attested=dict(written.attested),
        declared=declared,
        text=written.text[:MAX_TEXT],
        submitted_at=now,
        release_at=now + RELEASE_AFTER,
    )
    session.add(review)
    session.flush()
    audit.record(
        session,
        actor,
        "review.write",
        f"booking:{booking.reference}",
        agency_id=booking.agency_id,
    )
    return review


def declared_of(booking: Booking) -> dict[str, str]:
    """What the listing promised when it was booked. A cancelled rotation has nothing to attest."""
    if booking.state == "cancelled_by_provider":
        return {}
    return dict(booking.terms["activities"])


def _check(declared: Mapping[str, str], written: Written) -> None:
    errors = {
        f"a-{slug}": "Say yes, supervised or no."
        for slug in declared
        if written.attested.get(slug) not in ANSWERS
    }
    if set(written.attested) - set(declared):
        errors["text"] = "Answer the activities of this page only."
    known = [row["slug"] for row in dimensions()]
    errors |= {
        f"r-{slug}": "Choose 1 to 5."
        for slug in known
        if written.ratings.get(slug) not in (1, 2, 3, 4, 5)
    }
    hits = [hit for hit in lint.lint(written.text) if hit.code == "patient-identifier"]
    if hits:
        errors["text"] = f"{hits[0].why} {hits[0].say_instead}"
    if not written.confirmed:
        errors["confirmed"] = "Confirm that this is your own experience."
    if errors:
        raise Invalid(errors)


def overall(ratings: Mapping[str, int]) -> int:
    """The mean of the dimensions in whole stars, half rounded up."""
    values = list(ratings.values())
    return (2 * sum(values) + len(values)) // (2 * len(values))


def author_label(booking: Booking) -> str:
    """Who wrote it, without a name: "Graduate, class of 2024"."""
    told = booking.candidate
    year = told.get("graduation_year")
    word = "Graduate" if str(told.get("status", "")).startswith("Graduate") else "Student"
    return f"{word}, class of {year}" if year else word


def truth(review: Review) -> tuple[int, int]:
    """How many answers are at least what was declared, and how many answers there are."""
    matching = sum(
        holds(level, review.attested.get(slug, "no")) for slug, level in review.declared.items()
    )
    return matching, len(review.declared)


def holds(declared: str, attested: str) -> bool:
    """Was a task at least what the listing said?"""
    return _STRENGTH[attested] >= _STRENGTH[declared]


def release(session: Session, review_id: UUID) -> None:
    """Make a due review public and let it count (agency scope). Safe to repeat."""
    review = _locked(session, review_id)
    if review.public or review.release_at > clock.now():
        return
    review.public = True
    rotation = versions.locked(session, review.rotation_id)
    rotation.rating_sum += review.overall
    rotation.rating_count += 1
    matching, answers = truth(review)
    rotation.truth_matching += matching
    rotation.truth_answers += answers
    session.flush()
    audit.record(
        session, SYSTEM, "review.release", f"review:{review.id}", agency_id=review.agency_id
    )
    publish(session, RotationChanged(rotation.id, rotation.agency_id))


def reply(session: Session, actor: Actor, review_id: UUID, text: str) -> Review:
    """The agency answers a released review, once; it stands below it.

    NotFound outside its scope; Conflict before the release or when it has answered.
    """
    require(actor, "messages.write")
    review = _locked(session, review_id)
    if not review.public:
        raise NotFound
    if review.reply:
        raise Conflict("There is an answer already.", "replied")
    text = text.strip()[:MAX_TEXT]
    if len(text) < 3:
        raise Invalid({"reply": "Write your answer."})
    blocked = [hit for hit in lint.lint(text) if hit.action == "block"]
    if blocked:
        raise Invalid({"reply": f"“{blocked[0].matched}”: {blocked[0].why}"})
    review.reply, review.replied_at = text, clock.now()
    audit.record(session, actor, "review.reply", f"review:{review.id}")
    return review


def of_booking(session: Session, booking_id: UUID) -> Review | None:
    """The review of a booking, if it was written."""
    return session.scalars(select(Review).where(Review.booking_id == booking_id)).one_or_none()


def _locked(session: Session, review_id: UUID) -> Review:
    review = session.scalars(
        select(Review)
        .where(Review.id == review_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if review is None:
        raise NotFound
    return review
