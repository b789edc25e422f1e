"""Legal paths through the states of a booking, with times that fit its deadlines and dates."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from marketplace.bookings import states

MINUTES = timedelta(minutes=1)
HOURS = timedelta(hours=1)
DAYS = timedelta(days=1)
CONTEST = timedelta(hours=72)

Step = tuple[str, str]
"""Event and the kind of actor."""

_ASK = (("request", "system"),)
_APPROVED = (*_ASK, ("approve", "agency"))
_ACCEPTED = (*_APPROVED, ("accept", "attending"))
_CONFIRMED = (*_ACCEPTED, ("deposit_paid", "system"))
_ACTIVE = (*_CONFIRMED, ("check_in", "candidate"))
_COMPLETED = (*_ACTIVE, ("complete", "attending"))

PATHS: dict[str, tuple[tuple[Step, ...], ...]] = {
    "held": ((),),
    "requested": (_ASK,),
    "approved": (_APPROVED,),
    "accepted": (_ACCEPTED,),
    "payment_needed": ((*_ACCEPTED, ("payment_failed", "system")),),
    "confirmed": (_CONFIRMED,),
    "active": (_ACTIVE,),
    "completed": (_COMPLETED,),
    "closed": ((*_COMPLETED, ("close", "system")),),
    "declined": ((*_ASK, ("decline", "agency")), (*_APPROVED, ("decline", "attending"))),
    "withdrawn": ((*_ASK, ("withdraw", "candidate")), (*_APPROVED, ("withdraw", "candidate"))),
    "expired": (
        (("expire", "system"),),
        (*_ASK, ("expire", "system")),
        (*_APPROVED, ("expire", "system")),
    ),
    "cancelled_by_candidate": ((*_CONFIRMED, ("cancel", "candidate")),),
    "cancelled_by_provider": ((*_CONFIRMED, ("provider_cancel", "agency")),),
    "no_show": ((*_CONFIRMED, ("no_show", "agency")),),
}
# How long ago the last step of a booking was, for states that are not tied to the start.
AGES: dict[str, tuple[timedelta, timedelta]] = {
    "held": (2 * MINUTES, 4 * MINUTES),
    "requested": (HOURS, 40 * HOURS),
    "approved": (2 * HOURS, 60 * HOURS),
    "accepted": (MINUTES, 3 * MINUTES),
    "payment_needed": (HOURS, 40 * HOURS),
    "confirmed": (DAYS, 28 * DAYS),
    "declined": (2 * DAYS, 40 * DAYS),
    "withdrawn": (2 * DAYS, 40 * DAYS),
    "expired": (2 * DAYS, 40 * DAYS),
    "cancelled_by_candidate": (3 * DAYS, 25 * DAYS),
    "cancelled_by_provider": (3 * DAYS, 25 * DAYS),
}
STARTED = frozenset({"active", "completed", "closed", "no_show"})


@dataclass(frozen=True)
class Taken:
    """One step that was taken."""

    source: str
    event: str
    target: str
    actor: str
    at: datetime


@dataclass(frozen=True)
class Frame:
    """What limits the times of one booking: now, its dates, and the agency's pace."""

    now: datetime
    start_on: date
    end_on: date
    zone: str
    answer_hours: int
    preapproved: bool


def history(state: str, variant: int, frame: Frame, random: Random) -> tuple[Taken, ...]:
    """The steps from the hold to `state`; the last one is its newest."""
    path = PATHS[state][variant % len(PATHS[state])]
    waits = _waits(path, frame, random)
    began = _began(state, waits, frame, random)
    steps = [Taken("", "hold", "held", "candidate", began)]
    for (event, actor), wait in zip(path, waits, strict=True):
        kind = "system" if event == "approve" and frame.preapproved else actor
        move = states.next_state(steps[-1].target, event, kind)
        at = _fixed_time(event, state, frame, steps[-1].at) or steps[-1].at + wait
        steps.append(Taken(move.source, event, move.target, kind, at))
    return tuple(steps)


def _waits(path: tuple[Step, ...], frame: Frame, random: Random) -> list[timedelta]:
    source, found = "held", []
    for event, actor in path:
        found.append(_wait(event, source, frame, random))
        kind = "system" if event == "approve" and frame.preapproved else actor
        source = states.next_state(source, event, kind).target
    return found


def _wait(event: str, source: str, frame: Frame, random: Random) -> timedelta:
    if event == "request":
        return random.randint(4, 12) * MINUTES
    if event == "approve":
        hours = min(46.0, max(1.0, frame.answer_hours * random.uniform(0.5, 1.1)))
        return timedelta(0) if frame.preapproved else hours * HOURS
    if event in ("deposit_paid", "payment_failed"):
        return states.UNDO + MINUTES
    if event == "expire":
        return states.DEADLINE[source] + MINUTES
    hours_of = {"accept": (3, 60), "cancel": (24, 720), "provider_cancel": (24, 720)}
    return random.uniform(*hours_of.get(event, (2, 40))) * HOURS


def _began(state: str, waits: list[timedelta], frame: Frame, random: Random) -> datetime:
    near = frame.start_on < frame.now.date() + timedelta(weeks=4)  # agreed with time to pay
    if state in STARTED or (state == "confirmed" and near):
        day = frame.start_on - random.randint(48, 130) * DAYS
        return datetime.combine(
            day, time(random.randint(8, 20), random.randint(0, 59)), frame.now.tzinfo
        )
    youngest, oldest = AGES[state]
    age = youngest + (oldest - youngest) * random.random()
    return frame.now - age - sum(waits, timedelta(0))


def _fixed_time(event: str, state: str, frame: Frame, before: datetime) -> datetime | None:
    """Steps that happen on a day of the rotation, at the site."""
    zone = ZoneInfo(frame.zone)
    if event == "check_in":
        return datetime.combine(frame.start_on, time(9), zone)
    if event == "no_show":
        return datetime.combine(frame.start_on + 2 * DAYS, time(12), zone)
    if event == "complete":
        ended = datetime.combine(frame.end_on, time(17), zone)
        return ended if state == "closed" else frame.now - 20 * HOURS
    if event == "close":
        return before + CONTEST + HOURS
    return None
