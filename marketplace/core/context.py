"""Who is acting, and how far they may see. Plain data, carried by contextvars."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

ScopeKind = Literal["public", "person", "agency", "system"]
ActorKind = Literal["guest", "candidate", "attending", "agency", "admin", "system"]


@dataclass(frozen=True)
class Scope:
    """What one session may see and change. It never changes inside a session."""

    kind: ScopeKind
    agency_id: UUID | None = None
    person_id: UUID | None = None
    booking_id: UUID | None = None
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        """The scope as strings, to travel with a job."""
        return {key: str(value) for key, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> "Scope":
        """Restore a scope that travelled with a job."""
        ids = {
            key: UUID(data[key]) for key in ("agency_id", "person_id", "booking_id") if key in data
        }
        kind: ScopeKind = data["kind"]  # type: ignore[assignment]
        return cls(kind=kind, reason=data.get("reason", ""), **ids)


def public() -> Scope:
    """Published rows only."""
    return Scope("public")


def person(person_id: UUID, booking_id: UUID | None = None) -> Scope:
    """Own rows across agencies; with `booking_id` (an e-mail link) only those of one booking."""
    return Scope("person", person_id=person_id, booking_id=booking_id)


def agency(agency_id: UUID) -> Scope:
    """The rows of one agency."""
    return Scope("agency", agency_id=agency_id)


def system(reason: str) -> Scope:
    """Everything. The reason is logged; keep such sessions short."""
    if not reason:
        raise ValueError("a system scope needs a reason")
    return Scope("system", reason=reason)


@dataclass(frozen=True)
class Actor:
    """Who does it: recorded with every transition and audit entry.

    `by` is the person at the keyboard where it is another one: an attending's delegate.
    """

    kind: ActorKind
    person_id: UUID | None = None
    agency_id: UUID | None = None
    name: str = ""
    role: str = ""
    by: UUID | None = None


SYSTEM = Actor("system", name="Rounds")
GUEST = Actor("guest")

request_id: ContextVar[str] = ContextVar("request_id", default="-")
reading: ContextVar[bool] = ContextVar("reading", default=False)  # a GET: sessions never write
watching: ContextVar[bool] = ContextVar("watching", default=False)  # view-as: nothing is written
_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """The scope a new session will carry."""
    return _scope.get()


@contextmanager
def scoped(scope: Scope) -> Iterator[Scope]:
    """Sessions opened inside carry `scope`."""
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def set_scope(scope: Scope | None) -> None:
    """Set the scope for the rest of this context (the web layer, once a request)."""
    _scope.set(scope)
