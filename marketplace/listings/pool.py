"""The attending's weeks: one pool over all agencies, set by the attending or a delegate."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.core import audit
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.events import publish
from marketplace.listings.events import PoolChanged
from marketplace.listings.models import Attending, AttendingWeek

MOST = 12  # trainees at a time; who has more already may keep them


def set_capacity(
    session: Session, actor: Actor, weeks: Mapping[date, int], usual: int | None = None
) -> int:
    """Set the most trainees of some weeks (Mondays), and of all weeks that nobody has set yet.

    Person session of the attending. Returns how many weeks changed. A week never goes below what
    is taken: one conditional UPDATE decides; Invalid names the field `w-<Monday>`.
    """
    if actor.kind != "attending" or actor.person_id is None:
        raise NotFound
    doctor = session.get(Attending, actor.person_id, with_for_update=True)
    if doctor is None:
        raise NotFound
    before = doctor.weekly_capacity
    known = {
        row.week: row.capacity
        for row in session.scalars(
            select(AttendingWeek)
            .where(AttendingWeek.attending_id == doctor.id, AttendingWeek.week.in_(list(weeks)))
            .order_by(AttendingWeek.week)
        )
    }
    most = max(MOST, before, *known.values())
    if any(not 0 <= n <= most for n in [*weeks.values(), before if usual is None else usual]):
        raise Invalid({"usual": f"From 0 to {most} trainees at a time."})
    changed = 0
    for monday in sorted(weeks):  # the order in which seats are taken, too
        if known.get(monday, before) != weeks[monday]:
            _set(session, doctor, monday, weeks[monday], monday in known)
            changed += 1
    if usual is not None and usual != before:
        doctor.weekly_capacity = usual
        changed += 1
    session.flush()
    if changed:
        detail = {day.isoformat(): number for day, number in weeks.items()}
        audit.record(
            session,
            actor,
            "attending.capacity",
            f"attending:{doctor.slug}",
            usual=usual,
            weeks=detail,
        )
        publish(session, PoolChanged(doctor.id))
    return changed


def _set(session: Session, doctor: Attending, monday: date, capacity: int, known: bool) -> None:
    if not known:
        session.add(AttendingWeek(attending_id=doctor.id, week=monday, capacity=capacity))
        return
    done: Any = session.execute(
        update(AttendingWeek)
        .where(
            AttendingWeek.attending_id == doctor.id,
            AttendingWeek.week == monday,
            AttendingWeek.taken <= capacity,
        )
        .values(capacity=capacity)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:
        raise Invalid({f"w-{monday}": "More are accepted for this week. It cannot go below that."})
