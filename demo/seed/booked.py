"""What is written about one seeded booking: times, history, audit, plan terms, placement."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

from demo.seed.chance import Ids, fork
from demo.seed.histories import Taken
from demo.seed.market import Listed
from demo.seed.money import Deal
from demo.seed.people import Candidate, People
from demo.seed.rows import Row, Rows
from marketplace.bookings import states
from marketplace.bookings.models import BookingTransition
from marketplace.core.audit import AuditEntry

REASONS = {
    "decline": "The doctor is away in these weeks",
    "provider_cancel": "The clinic is closed for repairs in these weeks",
    "cancel": "My plans have changed",
}


LETTERS_TAKE = timedelta(days=40)


@dataclass(frozen=True)
class Booked:
    """One seeded booking, for reviews."""

    row: Row
    listed: Listed
    candidate: Candidate
    steps: tuple[Taken, ...]


@dataclass(frozen=True)
class Place:
    """A free seat that a candidate may take."""

    candidate: Candidate
    listed: Listed
    block: Row
    offering: Row


def set_times(row: Row, steps: tuple[Taken, ...]) -> None:
    """Times, deadline and reason as the steps left them."""
    at = {step.event: step.at for step in steps}
    last = steps[-1]
    length = states.DEADLINE.get(last.target)
    row.update(
        state_since=last.at,
        deadline_at=last.at + length if length else None,
        steps=len(steps),
        created_at=steps[0].at,
        deposit_due_at=at["accept"] + states.UNDO if "accept" in at else None,
        first_paid_at=at.get("deposit_paid"),
        reason=REASONS.get(last.event),
    )
    row["terms"]["frozen_at"] = steps[0].at.isoformat()
    if "request" in at:
        row["consent"] = _consent(at["request"])
    if "approve" in at:
        row["decide_token_hash"] = sha256(row["id"].bytes).digest()


def write_steps(rows: Rows, ids: Ids, people: People, booked: Booked) -> None:
    """The history, and an audit entry for each step."""
    row = booked.row
    for number, step in enumerate(booked.steps, start=1):
        key, name = _who(people, booked, step.actor)
        note = REASONS.get(step.event, "")
        rows.add(
            BookingTransition,
            {
                "id": ids.uuid(),
                "agency_id": row["agency_id"],
                "candidate_id": row["candidate_id"],
                "attending_id": row["attending_id"],
                "booking_id": row["id"],
                "seq": number,
                "source": step.source,
                "event": step.event,
                "target": step.target,
                "actor_kind": step.actor,
                "actor_id": key,
                "actor_name": name,
                "note": note,
                "at": step.at,
            },
        )
        rows.add(
            AuditEntry,
            {
                "id": ids.uuid(),
                "at": step.at,
                "action": f"booking.{step.event}",
                "subject": f"booking:{row['reference']}",
                "actor_kind": step.actor,
                "actor_id": key,
                "actor_name": name,
                "agency_id": row["agency_id"],
                "detail": {"source": step.source, "target": step.target},
                "request_id": "seed",
                "seq": None,
                "seal": None,
            },
        )


def _who(people: People, booked: Booked, actor: str) -> tuple[UUID | None, str]:
    if actor == "candidate":
        return booked.candidate.id, str(booked.candidate.person["name"])
    if actor == "attending":
        doctor = booked.listed.pair.doctor
        return booked.row["attending_id"], doctor.display_name
    if actor == "agency":
        staff = people.staff[booked.listed.pair.agency.slug]
        return staff["id"], str(staff["name"])
    return None, "Rounds"


def _consent(at: datetime) -> dict[str, Any]:
    return {
        "at": at.isoformat(),
        "terms": True,
        "schedule": True,
        "read_advisory": True,
        "read_visa_facts": True,
    }


def deal_of(booked: Booked, at: datetime) -> Deal:
    """What the payment plan is about."""
    row, terms = booked.row, booked.row["terms"]
    return Deal(
        agency_id=row["agency_id"],
        person_id=row["candidate_id"],
        email=str(booked.candidate.person["email"]),
        reference=row["reference"],
        price_cents=row["price_cents"],
        deposit_percent=int(terms["deposit_percent"]),
        wanted=int(terms["max_installments"]),
        fee_percent=int(terms["platform_fee_percent"]),
        zone=row["time_zone"],
        start_on=row["start_on"],
        agreed_at=at,
        mandate=row["consent"],
    )


def _letter_moved(booked: Booked, at: dict[str, datetime]) -> datetime:
    """Some days after the money was settled."""
    return at["close"] + timedelta(days=fork("letter", booked.row["reference"]).randint(2, 24))


def _letter(closed: datetime, now: datetime, random: Random) -> str:
    """Attendings write within some weeks: only what is fresh is still open."""
    if now - closed > LETTERS_TAKE:
        return random.choice(("uploaded", "uploaded", "uploaded", "declined"))
    return random.choice(("uploaded", "promised", "asked"))


def placement_of(booked: Booked, random: Random, now: datetime) -> Row:
    """Check-in and completion by both sides; the letter's status, never the letter."""
    at = {step.event: step.at for step in booked.steps}
    check_in, complete = at.get("check_in"), at.get("complete")
    later = timedelta(hours=3)
    letter = "not_asked"
    if "close" in at:
        letter = _letter(at["close"], now, random)
    return {
        "booking_id": booked.row["id"],
        "agency_id": booked.row["agency_id"],
        "candidate_id": booked.row["candidate_id"],
        "attending_id": booked.row["attending_id"],
        "candidate_checked_in_at": check_in,
        "host_checked_in_at": check_in + later if check_in else None,
        "contested_at": None,
        "contest_note": "",
        "candidate_completed_at": complete + later if complete else None,
        "host_completed_at": complete,
        "letter_state": letter,
        "letter_moved_at": _letter_moved(booked, at) if letter != "not_asked" else None,
        "opened_at": at["deposit_paid"],
    }
