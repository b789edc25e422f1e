"""The seed works on any day of the year, and the product's checks stay clean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from demo.seed import market, run
from marketplace.bookings.checks import CHECKS as BOOKING_CHECKS
from marketplace.bookings.models import Booking
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.listings.checks import CHECKS as LISTING_CHECKS
from marketplace.payments.checks import CHECKS as MONEY_CHECKS
from marketplace.verification.checks import CHECKS as EVIDENCE_CHECKS
from tests.support.counts import halves

# `now` above is not the clock of this machine
DEADLINES_NEED_THE_REAL_CLOCK = {"I19"}


DAYS = (
    datetime(2027, 1, 4, 0, 1, tzinfo=UTC),  # a Monday, one minute old
    datetime(2027, 3, 14, 23, 59, tzinfo=UTC),  # a Sunday; clocks change in the U.S.
    datetime(2028, 2, 29, 12, 0, tzinfo=UTC),
    datetime(2026, 12, 31, 18, 30, tzinfo=UTC),
)


@pytest.mark.parametrize("now", halves(DAYS), ids=str)
def test_any_day(app: Flask, tmp_path: Path, now: datetime) -> None:
    run.seed(tmp_path / "stripe.db", market.FEWEST, now=now)
    with open_session(system("look"), readonly=True) as session:
        states = session.scalar(select(func.count(Booking.state.distinct())))
        assert states == 15
        for check in (*BOOKING_CHECKS, *MONEY_CHECKS, *LISTING_CHECKS, *EVIDENCE_CHECKS):
            if check.code not in DEADLINES_NEED_THE_REAL_CLOCK:
                assert check.find(session) == [], f"{check.code}: {check.promise}"
        early = session.scalars(
            select(Booking.reference).where(
                Booking.state == "active", Booking.start_on > now.date()
            )
        ).all()
        assert not early
