"""Whom a listing takes, as the facet `accepts` tells it."""

from typing import Any

NO_EXAM = "no-exam"
ENTRY_STATUSES = "entry_statuses"
"""The listing's own fact (data/profile_fields.csv): what its site says it takes. Told as it is
written there; the platform gives no visa advice and judges nobody by it."""


def accepted(listing: Any) -> tuple[str, ...]:
    """Training stages, the entry statuses that the site names, and `no-exam` where none is asked.

    `listing` has the columns accepts, required_exams and eligibility of a rotation.
    """
    named = tuple(listing.eligibility.get(ENTRY_STATUSES, ()))
    return (*listing.accepts, *(() if listing.required_exams else (NO_EXAM,)), *named)
