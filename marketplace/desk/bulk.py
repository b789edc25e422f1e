"""The same step for several bookings, with an answer for each (agency sessions).

Each booking is tried in a savepoint of its own, in the order of references: what one refuses leaves
nothing behind and stops none of the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.accounts import permissions
from marketplace.bookings import operations as bookings
from marketplace.bookings.models import Booking
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Gone
from marketplace.desk import replies
from marketplace.placements import operations as placements

MOST = 200


@dataclass(frozen=True)
class Said:
    """What a decline says: the reason's slug and the agency's words."""

    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Step:
    """A step for several bookings; `needs` is what a member must be allowed to do."""

    needs: str
    done: str
    take: Callable[[Session, Actor, Booking, Said], object]


STEPS: Mapping[str, Step] = {
    "approve": Step(
        "bookings.decide",
        "approved",
        lambda session, actor, booking, _: bookings.approve(session, actor, booking.id),
    ),
    "decline": Step(
        "bookings.decide",
        "declined",
        lambda session, actor, booking, said: bookings.decline(
            session,
            actor,
            booking.id,
            reason=said.reason,
            note=replies.filled(said.message, booking),
        ),
    ),
    "check-in": Step(
        "placements.run",
        "checked in",
        lambda session, actor, booking, _: placements.check_in(session, actor, booking.id),
    ),
}


@dataclass(frozen=True)
class Outcome:
    """What happened to one booking; `refused` is empty when the step was taken."""

    booking: Booking
    refused: str


def take(
    session: Session, actor: Actor, name: str, chosen: Sequence[Booking], said: Said
) -> list[Outcome]:
    """Take the step for each booking. Forbidden when the role may not."""
    step = STEPS[name]
    permissions.require(actor, step.needs)
    outcomes = []
    for booking in sorted(chosen, key=lambda one: one.reference):
        try:
            with session.begin_nested():
                step.take(session, actor, booking, said)
        except (Conflict, Gone) as error:
            session.refresh(booking)
            outcomes.append(Outcome(booking, why_not(name, booking, error)))
        else:
            outcomes.append(Outcome(booking, ""))
    return outcomes


def why_not(name: str, booking: Booking, error: Conflict | Gone) -> str:
    """The refusal in a few words, for a list."""
    if isinstance(error, Gone):
        return "the time to answer is over"
    if error.code.startswith(f"{booking.state}."):  # the table of moves has no such step
        return "not at its start" if name == "check-in" else "already answered"
    return error.message[:1].lower() + error.message[1:].rstrip(".")


def summary(name: str, outcomes: Sequence[Outcome]) -> str:
    """ "2 approved, 1 cannot be: already answered"."""
    done = sum(not one.refused for one in outcomes)
    parts = [f"{done} {STEPS[name].done}"]
    reasons = Counter(one.refused for one in outcomes if one.refused)
    parts += [f"{number} cannot be: {why}" for why, number in reasons.most_common()]
    return ", ".join(parts)
