"""The pages of a request as plain data: dates, eligibility, review."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from marketplace.accounts import forms as account_forms
from marketplace.accounts import queries as accounts
from marketplace.bookings import fit, operations, order, queries
from marketplace.bookings.booking_page import document_labels, request_url, url_of
from marketplace.bookings.models import Booking
from marketplace.bookings.queries import Start
from marketplace.core import clock, formats
from marketplace.core.words import words
from marketplace.listings import longer, notices
from marketplace.listings import queries as listings
from marketplace.listings.eligibility import Verdict
from marketplace.listings.letter_words import letter
from marketplace.listings.models import Block, Rotation
from marketplace.payments.plan import Plan, make_plan

USUAL_WEEKS = 4
# rules documents-time and documents-time-visa: papers are due so many days before the start
DOCUMENT_DAYS, DOCUMENT_DAYS_VISA = 30, 45
_CHOICES = (
    "status",
    "student_year",
    "usmle_step_1",
    "usmle_step_2_ck",
    "entry_status",
    "home_school_vslo",
)


@dataclass(frozen=True)
class Length:
    """A length with its price and last day, and how many percent less a week costs than in the
    shortest one."""

    weeks: int
    cents: int
    end: date
    saving: int


@dataclass(frozen=True)
class FreeStart:
    """A start with a free seat and the link that chooses it."""

    date: date
    left: int
    url: str


@dataclass(frozen=True)
class Fit:
    """The verdict box. kind: yes, if, no, ask."""

    kind: str
    title: str
    text: str
    url: str = ""
    action: str = ""


@dataclass(frozen=True)
class Paper:
    """A paper to send. state: have, renew, miss."""

    label: str
    state: str
    by: date


@dataclass(frozen=True)
class NextStep:
    """What happens after the request is sent."""

    title: str
    by: str


def block_for(rotation: Rotation, weeks: int | None) -> Block | None:
    """The wanted length, else the usual one, else the shortest."""
    by_weeks = {block.weeks: block for block in rotation.blocks}
    shortest = rotation.blocks[0] if rotation.blocks else None
    return by_weeks.get(weeks or USUAL_WEEKS) or by_weeks.get(USUAL_WEEKS) or shortest


def months(found: Iterable[Start]) -> list[tuple[str, list[Start]]]:
    """Starts under the name of their month."""
    grouped: dict[str, list[Start]] = defaultdict(list)
    for start in found:
        grouped[f"{start.date:%B %Y}"].append(start)
    return list(grouped.items())


def letters(rotation: Rotation, weeks: int, found: Iterable[Start]) -> dict[date, str]:
    """For each start whether a letter comes in time for the season, in words."""
    if rotation.type == "research":
        return {}
    days, zone = rotation.attending.median_letter_days, rotation.site.time_zone
    said = ((start.date, letter(start.date, weeks, days, zone)) for start in found)
    return {day: f"Letter: {one.label[0].lower()}{one.label[1:]}" for day, one in said if one}


def lengths(rotation: Rotation, start: date) -> list[Length]:
    """Every length from one start."""
    less = longer.savings({block.weeks: block.price_cents for block in rotation.blocks})
    return [
        Length(
            block.weeks,
            block.price_cents,
            listings.last_day(start, block.weeks),
            less[block.weeks],
        )
        for block in rotation.blocks
    ]


def offered_order(rotation: Rotation, block: Block, start: date) -> order.Order:
    """The order beside step 1, if the request were sent now."""
    today = clock.today(rotation.site.time_zone)
    return order.order(
        listings.frozen_terms(rotation, block),
        make_plan(
            block.price_cents, rotation.deposit_percent, rotation.max_installments, today, start
        ),
        start=start,
        end=listings.last_day(start, block.weeks),
        weeks=block.weeks,
        today=today,
    )


def booked_order(booking: Booking, plan: Plan) -> order.Order:
    """The order beside steps 2 and 3, from the frozen terms."""
    return order.order(
        booking.terms,
        plan,
        start=booking.start_on,
        end=booking.end_on,
        weeks=booking.weeks,
        today=clock.today(booking.time_zone),
    )


def free_starts(
    session: Session, rotation: Rotation, weeks: int, wanted: date | None
) -> list[FreeStart]:
    """The nearest starts with a free seat."""
    found = queries.nearest_free(queries.starts(session, rotation, weeks), wanted)
    return links(rotation, weeks, found)


def links(rotation: Rotation, weeks: int, found: Iterable[Start]) -> list[FreeStart]:
    """Each start with the link that chooses it on step 1."""
    return [
        FreeStart(
            start.date,
            start.left,
            f"/me/request/{rotation.slug}?offering={start.offering_id}&weeks={weeks}",
        )
        for start in found
    ]


def ended(session: Session, booking: Booking) -> dict[str, Any]:
    """The page of a hold that is over, with the nearest free starts."""
    rotation = listings.rotation_by_slug(session, booking.terms["rotation_slug"])
    free: list[FreeStart] = []
    if rotation is not None and rotation.public:
        free = free_starts(session, rotation, booking.weeks, booking.start_on)
    return {
        "title": words("error.hold-expired.title"),
        "text": words("error.hold-expired.text"),
        "order": order.who(booking.terms),
        "weeks": booking.weeks,
        "free": free,
        "again_url": request_url(booking),
    }


def flow(booking: Booking) -> list[tuple[str, str]]:
    """The steps of a request with their addresses."""
    slug = booking.terms["rotation_slug"]
    return [
        (f"/me/request/{slug}?offering={booking.offering_id}&weeks={booking.weeks}", "Dates"),
        (url_of(booking.reference, "eligibility"), "Eligibility"),
        (url_of(booking.reference, "agree"), "Review and card"),
    ]


# --- eligibility ----------------------------------------------------------------------------------


def verdict_box(verdict: Verdict) -> Fit:
    """The verdict in words, always with its reason."""
    if verdict.blocks:
        reasons = " ".join(dict.fromkeys(finding.message for finding in verdict.blocks))
        return Fit("no", "This rotation does not fit you", reasons)
    if not verdict.allows:
        return Fit("ask", "We need a few answers", "Answer the questions below, then we can tell.")
    if verdict.warnings:
        texts = " ".join(finding.message for finding in verdict.warnings)
        return Fit("if", "It fits, with something to think of", texts)
    return Fit("yes", "You meet every rule of this rotation", "Nothing stands in the way.")


def you(summary: dict[str, object]) -> list[tuple[str, str]]:
    """What the profile says, as the agency will read it."""
    exams = summary["exams"]
    rows = [
        ("Name", summary["name"]),
        ("Status", summary["status"]),
        ("School", summary["school"]),
        ("Country", summary["country"]),
        ("Exams", "; ".join(map(str, exams)) if isinstance(exams, list) else ""),
    ]
    return [(label, str(value)) for label, value in rows if value]


def choices() -> dict[str, list[tuple[str, str]]]:
    """The answers to choose from, by question."""
    labels = account_forms.LABELS | {"yes": "Yes", "no": "No", "unknown": "I do not know"}
    found = {
        name: [(value, labels[value]) for value in account_forms.choices(name)] for name in _CHOICES
    }
    found["entry_status"].insert(0, ("", "Choose"))
    found["needs_visa"] = [("yes", "Yes"), ("no", "No")]
    return found


def advisories(rotation: Rotation, facts: fit.Facts) -> list[str]:
    """Notices about the state."""
    return [one.text for one in notices.of_state(rotation, _status(facts))]


def visa_facts(rotation: Rotation, facts: fit.Facts) -> list[str]:
    """Facts, not advice, for somebody who needs a visa or has not told."""
    if facts.get("candidate.needs_visa") is False:
        return []
    return [line["text"] for line in notices.visa_facts(rotation, _status(facts))]


def _status(facts: fit.Facts) -> str:
    return str(facts.get("candidate.status") or "")


def papers(booking: Booking, needs_visa: bool) -> tuple[str, list[Paper]]:
    """The papers of the frozen terms and the day they are due."""
    days = DOCUMENT_DAYS_VISA if needs_visa else DOCUMENT_DAYS
    due = max(booking.start_on - timedelta(days=days), clock.today(booking.time_zone))
    labels = document_labels(booking)
    lead = f"None is needed today. The agency asks for them by {formats.day(due)}."
    return lead, [Paper(label, "miss", due) for label in labels]


# --- review ---------------------------------------------------------------------------------------


def digest(shown: order.Order) -> str:
    """Changes with every amount and date of a schedule, but not with the time of day."""
    parts = [f"{row.cents}@{row.due if row.kind == 'part' else ''}" for row in shown.rows]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def mandate(shown: order.Order) -> str:
    """The consent to charge, in the words of the page."""
    first, *rest = shown.rows
    text = f"{first.cents} cents when {shown.doctor_short} accepts, by {first.due} at the latest"
    return "; ".join([text, *(f"{row.cents} cents on {row.due}" for row in rest)])


def consent(booking: Booking, shown: order.Order) -> dict[str, object]:
    """What is frozen of the candidate's consent: the answers of step 2, the ticks, the schedule."""
    return booking.consent | {
        "card": True,
        "terms": True,
        "share": True,
        "terms_version": booking.terms["version"],
        "accepted_at": clock.now().isoformat(),
        "mandate": mandate(shown),
    }


def next_steps(booking: Booking, latest: date) -> list[NextStep]:
    """Who acts after the request is sent."""
    people = order.who(booking.terms)
    found = []
    if not booking.terms.get("preapproved"):
        found.append(NextStep(f"{people.agency} checks your request", "within 48 hours"))
    found.append(NextStep(f"{people.doctor_short} decides", f"by {formats.day(latest)}"))
    found.append(NextStep("The first payment is charged", "about 15 minutes after the yes"))
    found.append(NextStep("First day", formats.day(booking.start_on)))
    return found


def snapshot(session: Session, booking: Booking) -> dict[str, object]:
    """What agency and attending may know of the candidate, and nothing more."""
    known = accounts.candidate_summary(session, booking.candidate_id)
    return known | {"why": str(booking.consent.get("why", ""))}


def plan_now(booking: Booking) -> Plan:
    """The schedule that the frozen terms give today."""
    return operations.plan_for(booking)
