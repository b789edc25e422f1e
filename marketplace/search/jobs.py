"""Keeps the index equal to the database.

The version of a listing is raised in the transaction that reads its facts, so a later reading
always wins in the index, in whatever order jobs run.
"""

import logging
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.listings.models import Offering, Rotation, Site
from marketplace.search.documents import document_from
from marketplace.search.engines import engine
from marketplace.search.listings import (
    facts_in_batches,
    facts_of,
    first_bookable_day,
    public_ids,
)
from marketplace.search.models import IndexState
from marketplace.search.port import Deletion, Progress
from marketplace.tenants.models import Agency

log = logging.getLogger("rounds.search")
BATCH = 500


@outside_handler("search.index")
def index(
    scope: Scope,
    rotation_id: str = "",
    attending_id: str = "",
    rotation_ids: Sequence[str] = (),
) -> None:
    """Index one listing, some, or every listing of one attending."""
    with open_session(scope, readonly=True) as session:
        if rotation_id:
            ids = [UUID(rotation_id)]
        elif rotation_ids:
            ids = [UUID(key) for key in rotation_ids]
        else:
            mine = Rotation.attending_id == UUID(attending_id)
            ids = list(session.scalars(select(Rotation.id).where(mine, Rotation.public)))
    reindex(scope, ids)


@outside_handler("search.index_list")
def index_list(scope: Scope, specialty: str = "", city: str = "") -> None:
    """Index every published listing of a specialty or a city: its words have changed."""
    found = select(Rotation.id).where(Rotation.public)
    if specialty:
        found = found.where(Rotation.specialty == specialty)
    else:
        found = found.where(Rotation.site_id.in_(select(Site.id).where(Site.city == city)))
    with open_session(scope, readonly=True) as session:
        ids = list(session.scalars(found))
    reindex(scope, ids)


def reindex(scope: Scope, ids: Sequence[UUID]) -> None:
    """Raise the versions, read the facts, and give both to the engine.

    Where there is no index yet, or one of other settings, the whole is built instead.
    """
    if engine().health().needs_rebuild:
        rebuild(scope)
        return
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        with open_session(scope) as session:
            session.execute(
                update(Rotation)
                .where(Rotation.id.in_(some))
                .values(index_version=Rotation.index_version + 1)
                .execution_options(synchronize_session=False)
            )
            documents = [document_from(facts) for facts in facts_of(session, some)]
            shown = {UUID(document.id) for document in documents}
            hidden = [key for key in some if key not in shown]
            rows = session.execute(
                select(Rotation.id, Rotation.index_version).where(Rotation.id.in_(hidden))
            ).all()
        target = engine()
        gone = {str(row.id): row.index_version for row in rows}
        if len(gone) < len(hidden):  # rows that are no more: after whatever the index holds
            held = target.versions()
            gone |= {str(k): held[str(k)] + 1 for k in hidden if str(k) in held.keys() - gone}
        target.apply(documents, [Deletion(key, version) for key, version in gone.items()])
        target.flush()


def rebuild(scope: Scope, progress: Progress | None = None) -> int:
    """Build the whole index anew beside the old one; returns how many listings it holds."""
    with open_session(scope, readonly=True) as session:
        documents = map(document_from, facts_in_batches(session, public_ids(session)))
        count = engine().rebuild(documents, progress)
    with open_session(scope) as session:
        session.merge(IndexState(name="listings", starts_from=first_bookable_day()))
    return count


@outside_handler("search.refresh_due")
def refresh_due(scope: Scope) -> None:
    """Heal what differs from the database, and take out starts that have come too near."""
    health = engine().health()
    if not health.ok or health.needs_rebuild:
        rebuild(scope)
        return
    with open_session(scope, readonly=True) as session:
        stale = {*_differing(session), *passed_starts(session)}
    if stale:
        log.info("listings indexed again", extra={"count": len(stale)})
        reindex(scope, sorted(stale))
    with open_session(scope) as session:
        session.merge(IndexState(name="listings", starts_from=first_bookable_day()))


def _differing(session: Session) -> list[UUID]:
    held = engine().versions()
    rows = session.execute(
        select(Rotation.id, Rotation.index_version).where(
            Rotation.public, Agency.id == Rotation.agency_id, Agency.is_public
        )
    )
    wanted = {str(key): version for key, version in rows}
    wrong = [key for key, version in wanted.items() if held.get(key) != version]
    return [UUID(key) for key in [*wrong, *(set(held) - set(wanted))]]


def passed_starts(session: Session) -> list[UUID]:
    """Listings with a start that came too near since the index was last brought up to date.

    Where that is not known, every listing with such a start.
    """
    state = session.get(IndexState, "listings")
    passed = select(Offering.rotation_id).where(
        Offering.public, Offering.start_on < first_bookable_day()
    )
    if state is not None:
        passed = passed.where(Offering.start_on >= state.starts_from)
    return list(session.scalars(passed.distinct()))
