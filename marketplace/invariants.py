"""Every invariant that exists, for `bin/marketplace check` and for the tests."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.bookings import checks as bookings
from marketplace.core import checks as core
from marketplace.core.checks import Check
from marketplace.listings import checks as listings
from marketplace.payments import checks as payments
from marketplace.reviews import checks as reviews
from marketplace.search import checks as search
from marketplace.verification import checks as verification

ALL: tuple[Check, ...] = (
    *core.CHECKS,
    *verification.CHECKS,
    *listings.CHECKS,
    *payments.CHECKS,
    *bookings.CHECKS,
    *reviews.CHECKS,
    *search.CHECKS,
)


@dataclass(frozen=True)
class Finding:
    """One invariant's answer; empty `rows` is what it should be."""

    check: Check
    rows: list[str]


def examine(session: Session) -> list[Finding]:
    """Ask every invariant (a read-only system session)."""
    return [Finding(check, check.find(session)) for check in ALL]


def violations(session: Session) -> list[str]:
    """What is wrong, one line each; empty when all is well."""
    return [
        f"{finding.check.code} {finding.check.promise}: {row}"
        for finding in examine(session)
        for row in finding.rows
    ]
