"""News about agencies' own sites."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class DomainMoved:
    """An agency's own address began to show its site, or stopped."""

    agency_id: UUID
    domain_id: UUID
    host: str
    is_verified: bool
    once: str  # tells one such step from the next
