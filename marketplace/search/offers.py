"""Whom a listing takes and what it includes, as the facets `accepts` and `included` tell it.

`listing` is a rotation or a row with the columns named.
"""

from typing import Any

NO_EXAM = "no-exam"
LETTERHEAD = "letterhead-letter"
ENTRY_STATUSES = "entry_statuses"
"""The listing's own fact (data/profile_fields.csv): what its site says it takes. Told as it is
written there; the platform gives no visa advice and judges nobody by it."""


def accepted(listing: Any) -> tuple[str, ...]:
    """Training stages, `no-exam` where no exam is asked, and the entry statuses the site names.

    Columns: accepts, required_exams, eligibility.
    """
    named = tuple(listing.eligibility.get(ENTRY_STATUSES, ()))
    return (*listing.accepts, *(() if listing.required_exams else (NO_EXAM,)), *named)


def included(listing: Any) -> tuple[str, ...]:
    """What the price includes; a letter counts when the attending writes one that is earned, on
    the letterhead of the hospital or the practice.

    Columns: inclusions, letter_policy.
    """
    policy = listing.letter_policy
    headed = policy.get("letterhead") in ("hospital", "practice")
    letter = headed and policy.get("policy") == "writes-when-earned"
    return (*((LETTERHEAD,) if letter else ()), *listing.inclusions)
