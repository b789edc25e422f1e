"""Drafts: what an agency writes, and how it becomes the live listing.

A listing that never was live is written directly. Once it was live, changes go into one row,
`ListingDraft`, and the live version stays until `operations.publish` applies them through the one
guard. `working` shows the listing as it would be: the same `Rotation` type for every reader.
"""

from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock
from marketplace.core.context import Actor
from marketplace.core.errors import Conflict, Invalid, NotFound
from marketplace.listings import versions
from marketplace.listings.beside import Beside, Prices, Writing
from marketplace.listings.draft_models import ListingDraft
from marketplace.listings.models import Attending, Block, Rotation, Site

_IDS = ("site_id", "attending_id")


# --- reading ------------------------------------------------------------------------------------


def draft_of(session: Session, rotation_id: UUID) -> ListingDraft | None:
    """The changes that are not published, or None."""
    return session.get(ListingDraft, rotation_id)


def working(session: Session, slug: str) -> Rotation:
    """The agency's listing as it will be: live values with the draft's over them.

    The row is detached: nothing that is done with it can be stored. NotFound for any other.
    """
    found = workings(session, Rotation.slug == slug)
    if not found:
        raise NotFound
    return found[0]


def workings(session: Session, *where: ColumnElement[bool]) -> list[Rotation]:
    """The same of several listings, in few reads, oldest first."""
    rotations = session.scalars(
        select(Rotation)
        .where(*where)
        .order_by(Rotation.id)
        .options(
            joinedload(Rotation.agency),
            joinedload(Rotation.site),
            joinedload(Rotation.attending),
            selectinload(Rotation.blocks),
            selectinload(Rotation.offerings),
        )
        .execution_options(populate_existing=True)
    ).all()
    of = select(ListingDraft).join(Rotation, Rotation.id == ListingDraft.rotation_id).where(*where)
    written = {draft.rotation_id: draft for draft in session.scalars(of)}
    for rotation in rotations:
        session.expunge(rotation)
        if rotation.id in written:
            _overlay(session, rotation, written[rotation.id])
        rotation.level = versions.derived_level(rotation)
    return list(rotations)


def _overlay(session: Session, rotation: Rotation, draft: ListingDraft) -> None:
    carried = _carries(rotation, draft)
    values = from_json(draft.values)
    for name, value in values.items():
        setattr(rotation, name, value)
    if "site_id" in values:
        set_committed_value(rotation, "site", session.get(Site, values["site_id"]))
    if "attending_id" in values:
        set_committed_value(rotation, "attending", session.get(Attending, values["attending_id"]))
    if draft.prices is not None:
        blocks = [new_block(rotation, weeks, cents) for weeks, cents in prices_of(draft).items()]
        set_committed_value(rotation, "blocks", blocks)
    rotation.version = draft.version
    if carried or draft.signed_version == draft.version:
        rotation.signed_version = draft.version


def _carries(rotation: Rotation, draft: ListingDraft) -> bool:
    """A signature under the live version holds for a draft that changes nothing signed."""
    touched = any(name in versions.SIGNED_FACTS for name in draft.values)
    return versions.is_signed(rotation) and not touched


def prices_of(draft: ListingDraft) -> dict[int, int]:
    """The draft's prices: weeks to cents, shortest first."""
    return {int(weeks): cents for weeks, cents in sorted((draft.prices or {}).items(), key=_weeks)}


def _weeks(item: tuple[str, Any]) -> int:
    return int(item[0])


def to_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as they are kept in a draft and in a version."""
    return {name: str(v) if isinstance(v, UUID) else v for name, v in values.items()}


def from_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Columns as a rotation has them."""
    return {name: UUID(v) if name in _IDS and v else v for name, v in values.items()}


# --- writing ------------------------------------------------------------------------------------


def save(
    session: Session,
    actor: Actor,
    rotation_id: UUID,
    values: Mapping[str, Any],
    prices: Prices | None = None,
) -> None:
    """Keep what an agency wrote. Values are columns of `versions.EDITABLE`, prices weeks to cents.

    Invalid for a site or an attending of another agency; Conflict for an archived listing.
    """
    save_all(session, actor, [Writing(rotation_id, values, prices)])


def save_all(session: Session, actor: Actor, writings: Sequence[Writing]) -> None:
    """The same of several listings, each once and a few hundred at most: the statements are as
    many for all as for one. What the first refuses, refuses all."""
    require(actor, "listings.edit")
    rotations = versions.locked_all(session, {one.rotation_id for one in writings})
    assert len(rotations) == len(writings), "a listing is written once"
    beside = Beside(session, writings)
    for writing in writings:
        _save(session, actor, rotations[writing.rotation_id], writing, beside)
    session.flush()


def _save(
    session: Session, actor: Actor, rotation: Rotation, writing: Writing, beside: Beside
) -> None:
    values, prices = writing.values, writing.prices
    unknown = values.keys() - set(versions.EDITABLE)
    assert not unknown, f"not editable: {unknown}"
    _check_places(rotation, values, beside)
    check_change(
        rotation,
        values,
        prices,
        live_lengths=frozenset(),  # a page that leaves a length empty retires it
        has_bookings=_moves(rotation, values)
        and any(start.taken for start in beside.starts(rotation.id)),
    )
    if rotation.published_at is None:
        _write(session, rotation, writing, beside)
        rotation.updated_at = clock.now()
    else:
        _keep(session, actor, rotation, writing, beside)


def _check_places(rotation: Rotation, values: Mapping[str, Any], beside: Beside) -> None:
    site, doctor = values.get("site_id"), values.get("attending_id")
    if site and not beside.is_own_site(rotation, site):
        raise Invalid({"site": "Choose one of your sites."})
    if doctor and not beside.may_teach(rotation, doctor):
        raise Invalid({"attending": "Choose one of your attendings."})


def check_change(
    rotation: Rotation,
    values: Mapping[str, Any],
    prices: Prices | None,
    *,
    live_lengths: Set[int],
    has_bookings: bool,
) -> None:
    """May this listing be written so? `live_lengths` are the weeks that must keep a price: a file
    that leaves one out may have forgotten it.

    Invalid for such a length, and for another attending while seats are taken; Conflict for an
    archived listing.
    """
    if rotation.state == "archived":
        raise Conflict("An archived listing stays as it is. Copy it instead.", "archived")
    if has_bookings and _moves(rotation, values):
        raise Invalid(
            {"attending": "Seats are taken with the present doctor. Copy the listing instead."}
        )
    if prices is not None and rotation.published_at is not None:
        for weeks in live_lengths - prices.keys():
            raise Invalid(
                {f"price-{weeks}": "This length is on sale. Retire it in the editor first."}
            )


def _moves(rotation: Rotation, values: Mapping[str, Any]) -> bool:
    doctor = values.get("attending_id")
    return bool(doctor) and doctor != rotation.attending_id


def _keep(
    session: Session, actor: Actor, rotation: Rotation, writing: Writing, beside: Beside
) -> None:
    """Write into the draft what differs from the live listing; an empty draft goes away."""
    draft = beside.drafts.get(rotation.id)
    kept = dict(draft.values) if draft else {}
    before = {name: kept[name] for name in kept if name in versions.SIGNED_FACTS}
    for name, value in to_json(writing.values).items():
        kept.pop(name, None)
        if value != to_json({name: getattr(rotation, name)})[name]:
            kept[name] = value
    kept_prices = draft.prices if draft else None
    if writing.prices is not None:
        there = beside.blocks(rotation.id).values()
        live = {block.weeks: block.price_cents for block in there if block.retired_at is None}
        differs = dict(writing.prices) != live
        kept_prices = {str(w): cents for w, cents in writing.prices.items()} if differs else None
    if not kept and kept_prices is None:
        if draft is not None:
            _drop(session, draft, beside.requests)
        return
    if draft is None:
        draft = ListingDraft(
            rotation_id=rotation.id,
            agency_id=rotation.agency_id,
            version=_next_version(rotation, beside.requests),
        )
        session.add(draft)
    signed_now = {name: kept[name] for name in kept if name in versions.SIGNED_FACTS}
    if signed_now != before and beside.requests.was_asked(rotation.id, draft.version):
        beside.requests.retire(rotation.id, draft.version)
        draft.version += 1
    draft.values, draft.prices = kept, kept_prices
    draft.saved_by, draft.saved_at = actor.name, clock.now()


def _next_version(rotation: Rotation, requests: versions.Requests) -> int:
    """After the live one, and after any that was put before the attending and then discarded."""
    number = rotation.version + 1
    while requests.was_asked(rotation.id, number):
        number += 1
    return number


def discard(session: Session, actor: Actor, rotation_id: UUID) -> None:
    """Throw the changes away; the live listing stays as it is. Repeating it is harmless."""
    require(actor, "listings.edit")
    rotation = versions.locked(session, rotation_id)
    draft = session.get(ListingDraft, rotation.id, with_for_update=True)
    if draft is None:
        return
    _drop(session, draft, versions.Requests(session, [rotation.id]))
    audit.record(session, actor, "listing.discard", f"rotation:{rotation.slug}")


def _drop(session: Session, draft: ListingDraft, requests: versions.Requests) -> None:
    requests.retire(draft.rotation_id, draft.version)
    session.delete(draft)


def apply(session: Session, rotation: Rotation) -> bool:
    """Make the draft the listing, inside the transaction that publishes it. False without one."""
    draft = session.get(ListingDraft, rotation.id, with_for_update=True)
    if draft is None:
        return False
    signed = _carries(rotation, draft) or draft.signed_version == draft.version
    prices = prices_of(draft) if draft.prices else None
    writing = Writing(rotation.id, from_json(draft.values), prices)
    _write(session, rotation, writing, Beside(session, [writing]))
    rotation.version = draft.version
    if signed:
        rotation.signed_version = draft.version
    session.delete(draft)
    session.flush()
    session.expire(rotation, ["blocks", "offerings", "site", "attending"])
    return True


def _write(session: Session, rotation: Rotation, writing: Writing, beside: Beside) -> None:
    """Columns, prices, and the attending of the starts that go with them."""
    moved = _moves(rotation, writing.values)
    versions.set_values(beside.requests, rotation, writing.values)
    for offering in beside.starts(rotation.id) if moved else ():
        offering.attending_id = rotation.attending_id
    if writing.prices is not None:
        _write_prices(session, rotation, writing.prices, beside.blocks(rotation.id))


def _write_prices(
    session: Session, rotation: Rotation, prices: Prices, there: Mapping[int, Block]
) -> None:
    """The lengths on sale and their prices. One that was on sale and is left out is retired, and
    comes back with its next price."""
    for weeks, cents in prices.items():
        if weeks in there:
            there[weeks].price_cents, there[weeks].retired_at = cents, None
        else:
            session.add(new_block(rotation, weeks, cents))
    for weeks in there.keys() - prices.keys():
        if rotation.published_at is None:
            session.delete(there[weeks])
        else:  # bookings may hold it: it is only not offered any more
            there[weeks].retired_at = there[weeks].retired_at or clock.now()


def new_block(rotation: Rotation, weeks: int, cents: int) -> Block:
    """A length of a listing and its price, not yet stored."""
    return Block(
        agency_id=rotation.agency_id,
        rotation_id=rotation.id,
        public=rotation.public,
        weeks=weeks,
        price_cents=cents,
    )


def snapshot(rotation: Rotation) -> dict[str, Any]:
    """Every fact that candidates can read, as plain data."""
    facts = to_json({name: getattr(rotation, name) for name in versions.EDITABLE})
    facts["prices"] = {str(block.weeks): block.price_cents for block in rotation.blocks}
    return facts
