"""Seats and candidates' calendars while bookings are seeded: nothing is taken twice."""

from collections import defaultdict
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from demo.seed.chance import Ids
from demo.seed.market import Listed
from demo.seed.rows import Row, Rows
from marketplace.bookings.states import SEAT
from marketplace.core.db import Base
from marketplace.listings.models import AttendingWeek, Offering
from marketplace.listings.queries import last_day
from marketplace.listings.seats import weeks_of

PAST_CAPACITY = 2


class Seats:
    """What is taken: by offering, by attending's week, and of each candidate's weeks."""

    def __init__(self, capacities: dict[UUID, int]) -> None:
        self._capacity = capacities
        self._weeks: dict[tuple[UUID, date], int] = defaultdict(int)
        self._busy: dict[UUID, set[date]] = defaultdict(set)
        self._taken: dict[UUID, int] = defaultdict(int)
        self._past: dict[tuple[UUID, date], Row] = {}

    def is_free(self, offering: Row, weeks: int) -> bool:
        """Whether the offering and the attending have a seat in every week."""
        if self._taken[offering["id"]] >= offering["capacity"]:
            return False
        key = offering["attending_id"]
        mondays = weeks_of(offering["start_on"], weeks)
        return all(self._weeks[key, monday] < self._capacity[key] for monday in mondays)

    def is_idle(self, candidate: UUID, start_on: date, weeks: int) -> bool:
        """Whether the candidate has nothing else in these weeks."""
        return self._busy[candidate].isdisjoint(weeks_of(start_on, weeks))

    def take(self, state: str, candidate: UUID, offering: Row, weeks: int) -> None:
        """Note a booking; only states that hold a seat take one."""
        mondays = weeks_of(offering["start_on"], weeks)
        self._busy[candidate].update(mondays)
        if state in SEAT:
            self._taken[offering["id"]] += 1
            for monday in mondays:
                self._weeks[offering["attending_id"], monday] += 1

    def past_offering(self, rows: Rows, ids: Ids, listed: Listed, start_on: date) -> Row:
        """The offering of a start that is over; made when it is first asked for."""
        key = (listed.row["id"], start_on)
        if key not in self._past:
            attending = listed.row["attending_id"]
            row = {
                "id": ids.uuid(),
                "agency_id": listed.row["agency_id"],
                "rotation_id": listed.row["id"],
                "public": listed.row["public"],
                "attending_id": attending,
                "start_on": start_on,
                "capacity": min(PAST_CAPACITY, self._capacity[attending]),
                "taken": 0,
                "closed_at": None,
            }
            self._past[key] = rows.add(Offering, row)
        return self._past[key]

    def write(self, session: Session, rows: Rows) -> None:
        """Bring offerings and attendings' weeks in line with the bookings."""
        rows.write()
        taken = [{"key": key, "seats": count} for key, count in self._taken.items() if count]
        table = Base.metadata.tables[Offering.__tablename__]
        statement = (
            update(table).where(table.c.id == bindparam("key")).values(taken=bindparam("seats"))
        )
        session.connection().execute(statement, taken)
        for (attending, monday), count in self._weeks.items():
            if count:
                rows.add(
                    AttendingWeek,
                    {
                        "attending_id": attending,
                        "week": monday,
                        "capacity": self._capacity[attending],
                        "taken": count,
                    },
                )
        rows.write()


def past_start(anchor: date, weeks_ago: int, weeks: int) -> tuple[date, date]:
    """Start and last day of a rotation that began so many weeks before the anchor's Monday."""
    start = anchor - timedelta(weeks=weeks_ago)
    return start, last_day(start, weeks)
