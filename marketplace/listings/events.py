"""News of listings."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class SeatsChanged:
    """Seats of an offering were taken or given back; the attending's other offerings of these
    weeks are affected too (the pool is shared across agencies)."""

    offering_id: UUID
    attending_id: UUID


@dataclass(frozen=True)
class RotationChanged:
    """A rotation's public face changed: published, edited, paused, rated."""

    rotation_id: UUID
    agency_id: UUID


@dataclass(frozen=True)
class ListingsMoved:
    """The public faces of these rotations of an agency changed at once: the platform's checks
    closed or opened them, or a file was imported."""

    agency_id: UUID
    rotation_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class ListingModerated:
    """The platform took a listing down, or gave it back (`taken_down`), for a reason that the
    agency reads. `once` names the decision."""

    rotation_id: UUID
    agency_id: UUID
    taken_down: bool
    reason: str
    once: str


@dataclass(frozen=True)
class SignatureAsked:
    """The attending is asked to sign a scope; `token` goes into the e-mail link only."""

    signature_id: UUID
    rotation_id: UUID
    agency_id: UUID
    attending_id: UUID
    token: str


@dataclass(frozen=True)
class SignatureDecided:
    """The attending signed or refused a scope."""

    signature_id: UUID
    rotation_id: UUID
    agency_id: UUID
    decision: str


@dataclass(frozen=True)
class AttendingInvited:
    """An agency asks an attending to work with it; `token` goes into the e-mail link only."""

    attending_id: UUID
    agency_id: UUID
    invitation_id: UUID
    token: str
    once: str


@dataclass(frozen=True)
class InvitationAnswered:
    """The attending said yes or no to an agency."""

    invitation_id: UUID
    agency_id: UUID
    yes: bool


@dataclass(frozen=True)
class AttendingLeft:
    """An attending works with an agency no more; `paused` are the listings that closed."""

    attending_id: UUID
    agency_id: UUID
    paused: tuple[UUID, ...]
    at: str


@dataclass(frozen=True)
class AttendingJoined:
    """An attending works with an agency from now on, and may be new to the platform."""

    attending_id: UUID
    agency_id: UUID
    npi: str


@dataclass(frozen=True)
class PoolChanged:
    """An attending has set the seats of some weeks; every listing of theirs may be affected."""

    attending_id: UUID


@dataclass(frozen=True)
class AttendingClosed:
    """A look-up found something: the attending's listings take nobody new. `words`: what."""

    attending_id: UUID
    words: str
