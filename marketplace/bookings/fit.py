"""Does a rotation fit the candidate who asks for it? Facts are put together and judged here."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.accounts import queries as accounts
from marketplace.bookings.models import Booking
from marketplace.core.errors import Conflict
from marketplace.core.words import words
from marketplace.listings import queries as listings
from marketplace.listings.eligibility import (
    ADULT,
    NOT_SCREENED_YET,
    Finding,
    Verdict,
    request_verdict,
)
from marketplace.listings.models import Rotation
from marketplace.listings.rules import all_rules

Facts = Mapping[str, object]

# Which question of the form answers which fact.
QUESTION = {
    "candidate.status": "status",
    "candidate.student_year": "student_year",
    "candidate.graduation_date": "graduation_date",
    "candidate.years_since_graduation": "graduation_date",
    "candidate.age": "birth_date",
    "candidate.usmle_step_1": "usmle_step_1",
    "candidate.usmle_step_2_ck": "usmle_step_2_ck",
    "candidate.entry_status": "entry_status",
    "candidate.needs_visa": "needs_visa",
    "candidate.home_school_vslo": "home_school_vslo",
    "candidate.read_advisory": "read_advisory",
    "candidate.read_visa_facts": "read_visa_facts",
}
# The ticks of this request; they are about this rotation and not part of a profile.
TICKS = ("read_advisory", "read_visa_facts")
_STATUSES = ("student", "graduate")


@dataclass(frozen=True)
class Answers:
    """What the form of one request adds to the profile. None: not answered yet."""

    read_advisory: bool | None = None
    read_visa_facts: bool | None = None
    adult: bool = False
    home_school_vslo: str | None = None


def answers_of(booking: Booking) -> Answers:
    """The answers given before for this request."""
    kept = booking.consent
    return Answers(
        read_advisory=True if kept.get("read_advisory") else None,
        read_visa_facts=True if kept.get("read_visa_facts") else None,
        adult=bool(kept.get("adult")),
        home_school_vslo=kept.get("home_school_vslo"),
    )


def rotation_of(session: Session, booking: Booking) -> Rotation:
    """The rotation of a request; Conflict when it takes no requests any more."""
    found = listings.whole(session, booking.rotation_id)
    if found is None or not found.public:
        raise Conflict(words("notice.listing-paused"), "paused")
    return found


def facts_for(session: Session, booking: Booking, rotation: Rotation, told: Answers) -> Facts:
    """Everything the rules ask about, for this candidate, start and length.

    The seat is held by this very booking, so it is neither full nor an overlap.
    """
    facts: dict[str, object] = dict(NOT_SCREENED_YET)
    facts |= accounts.candidate_facts(session, booking.candidate_id, on=booking.start_on)
    facts |= listings.rotation_facts(rotation)
    facts |= listings.booking_facts(rotation, booking.start_on, booking.weeks)
    facts["candidate.read_advisory"] = told.read_advisory
    facts["candidate.read_visa_facts"] = told.read_visa_facts
    if told.home_school_vslo:
        facts["candidate.home_school_vslo"] = told.home_school_vslo
    if told.adult and facts.get("candidate.age") is None:
        facts["candidate.age"] = ADULT
    return facts


def judge(facts: Facts) -> Verdict:
    """May this request be sent?"""
    return request_verdict(facts)


def questions(facts: Facts) -> frozenset[str]:
    """The questions to ask: those of every open rule, whatever the other answers will be."""
    asked: set[str] = set()
    for status in _STATUSES if facts.get("candidate.status") is None else (None,):
        supposed = dict(facts) | ({"candidate.status": status} if status else {})
        asked |= open_questions(request_verdict(supposed).asks)
    if facts.get("candidate.status") is None:
        asked |= {"status"}
    return frozenset(asked)


def open_questions(findings: tuple[Finding, ...]) -> set[str]:
    """The questions that would decide these findings."""
    return {QUESTION[fact] for found in findings for fact in found.missing if fact in QUESTION}


def errors_of(verdict: Verdict, asked: frozenset[str]) -> dict[str, str]:
    """Question to what is wrong with its answer; "fit" where no question on the page could change
    it. Empty when the verdict allows the request."""
    fields = {rule.code: QUESTION.get(rule.check.field, "") for rule in all_rules()}
    found: dict[str, str] = {}
    for finding in verdict.blocks:
        field = fields[finding.code]
        shown = field in asked or field in TICKS
        found.setdefault(field if shown else "fit", finding.message)
    waiting = tuple(f for f in (*verdict.asks, *verdict.undecided) if f.severity == "block")
    for question in sorted(open_questions(waiting)):
        message = "Tick this to go on." if question in TICKS else "Please answer this."
        found.setdefault(question, message)
    if not found and not verdict.allows:
        found["fit"] = "We cannot tell yet whether this rotation fits you."
    return found
