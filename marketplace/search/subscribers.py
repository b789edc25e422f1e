"""What changes the index: a listing's public face, or seats of its attending."""

from typing import Any

from sqlalchemy.orm import Session

from marketplace.core import context, outbox
from marketplace.core.events import subscribe
from marketplace.listings.events import ListingsMoved, PoolChanged, RotationChanged, SeatsChanged

AT_ONCE = 500


@subscribe(RotationChanged)
def on_rotation(session: Session, event: RotationChanged) -> None:
    """Index one listing again."""
    _enqueue(session, {"rotation_id": str(event.rotation_id)})


@subscribe(SeatsChanged)
def on_seats(session: Session, event: SeatsChanged) -> None:
    """The pool of weeks is shared: every listing of this attending may have changed."""
    _enqueue(session, {"attending_id": str(event.attending_id)})


@subscribe(PoolChanged)
def on_pool(session: Session, event: PoolChanged) -> None:
    """The attending has other weeks now."""
    _enqueue(session, {"attending_id": str(event.attending_id)})


@subscribe(ListingsMoved)
def on_listings(session: Session, event: ListingsMoved) -> None:
    """Many at once."""
    ids = [str(key) for key in event.rotation_ids]
    for start in range(0, len(ids), AT_ONCE):
        _enqueue(session, {"rotation_ids": ids[start : start + AT_ONCE]})


def _enqueue(session: Session, payload: dict[str, Any]) -> None:
    outbox.enqueue(session, "search.index", payload, scope=context.system("index listings"))
