"""News of verification. All of it is told in system sessions."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True)
class EvidenceDecided:
    """A platform admin answered what an agency had sent: accept, approve (the agency
    with it), ask_revision or reject.

    `step_id` is the first step of this answer: it names the occasion.
    """

    agency_id: UUID
    step_id: UUID
    event: str
    reason: str
    papers: str


@dataclass(frozen=True)
class EvidenceEnds:
    """A paper ends in `days` days, or has ended (0)."""

    agency_id: UUID
    evidence_id: UUID
    days: int


@dataclass(frozen=True)
class StandingChanged:
    """What an agency may do has changed: approved, limited, suspended, reinstated, papers ended
    or in date again. `event` is empty when it comes from a date."""

    agency_id: UUID
    step_id: UUID | None
    event: str
    reason: str


@dataclass(frozen=True)
class SitePaperChanged:
    """A paper on file of a site: valid to this day, or none."""

    agency_id: UUID
    site_id: UUID
    kind: str
    until: date | None


@dataclass(frozen=True)
class AttendingChecked:
    """An attending was looked up; these facts hold now. `checks` is for pages: what -> line."""

    attending_id: UUID
    npi_checked_at: datetime | None
    license_checked_at: datetime | None
    exclusion_checked_at: datetime | None
    verified_until: date | None
    excluded: bool
    checks: dict[str, dict[str, str]]
