"""Reads of listings for the agency's workspace. Sessions carry the agency's scope."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.listings import catalog
from marketplace.listings.models import Attending, Rotation, ScopeSignature
from marketplace.listings.versions import is_signed

PER_PAGE = 50
STATE_WORDS = {
    "draft": ("Draft", ""),
    "published": ("Live", "good"),
    "paused": ("Paused", "warn"),
    "archived": ("Archived", ""),
}


@dataclass(frozen=True)
class Shelf:
    """How many listings the agency has; `found` of them are wanted."""

    total: int
    live: int
    drafts: int
    found: int


@dataclass(frozen=True)
class Wanted:
    """Which listings to show: words of the specialty, the attending or the title, and a state
    (empty: any)."""

    q: str = ""
    state: str = ""


@dataclass(frozen=True)
class Row:
    """A listing in the table."""

    url: str
    specialty: str
    doctor: str
    type: str
    site: str
    lacks: tuple[str, ...]  # what an owner sees from afar; the listing's own page has all of it
    state: str
    tone: str
    next_start: date | None
    seats: int
    from_cents: int | None
    rating: str


EVERY = Wanted()


def shelf(session: Session, wanted: Wanted = EVERY) -> Shelf:
    """The counts by state, one read."""
    is_found = func.count(Rotation.id).filter(*_filters(wanted))
    rows = session.execute(
        select(Rotation.state, func.count(Rotation.id), is_found)
        .join(Rotation.attending)
        .group_by(Rotation.state)
    ).all()
    held = {state: int(number) for state, number, _ in rows}
    found = sum(int(number) for _, _, number in rows)
    return Shelf(sum(held.values()), held.get("published", 0), held.get("draft", 0), found)


def _filters(wanted: Wanted) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if wanted.state:
        filters.append(Rotation.state == wanted.state)
    if wanted.q:
        words = wanted.q.casefold()
        slugs = [one.slug for one in catalog.specialties() if words in one.label.casefold()]
        filters.append(
            or_(
                Rotation.specialty.in_(slugs),
                Rotation.title.icontains(wanted.q, autoescape=True),
                Attending.display_name.icontains(wanted.q, autoescape=True),
            )
        )
    return filters


def rows(session: Session, slug: str, page: int, wanted: Wanted) -> tuple[Row, ...]:
    """A page of the agency's listings: drafts first, then by specialty."""
    found = session.scalars(
        select(Rotation)
        .join(Rotation.attending)
        .where(*_filters(wanted))
        .options(
            contains_eager(Rotation.attending),
            joinedload(Rotation.site),
            selectinload(Rotation.blocks),
            selectinload(Rotation.offerings),
        )
        .order_by(Rotation.state == "published", Rotation.specialty, Rotation.id)
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    return tuple(_row(rotation, slug) for rotation in found)


def _row(rotation: Rotation, slug: str) -> Row:
    today = clock.now().date()
    free = [
        o
        for o in rotation.offerings
        if o.start_on > today and o.closed_at is None and o.taken < o.capacity
    ]
    state, tone = STATE_WORDS[rotation.state]
    count = rotation.rating_count
    return Row(
        url=f"/agency/{slug}/listings/{rotation.slug}",
        specialty=catalog.specialty(rotation.specialty).label,
        doctor=rotation.attending.display_name,
        type=catalog.rotation_type(rotation.type).label,
        site=rotation.site.name,
        lacks=_lacks(rotation, has_free_start=bool(free)),
        state=state,
        tone=tone,
        next_start=free[0].start_on if free else None,
        seats=sum(o.capacity - o.taken for o in free),
        from_cents=min((b.price_cents for b in rotation.blocks), default=None),
        rating=f"{rotation.rating_sum / count:.1f} of 5 ({count})" if count else "none yet",
    )


def _lacks(rotation: Rotation, *, has_free_start: bool) -> tuple[str, ...]:
    if rotation.state == "archived":
        return ()
    found = {
        "signature": is_signed(rotation),
        "price": bool(rotation.blocks),
        "free start": has_free_start,
    }
    return tuple(what for what, there in found.items() if not there)


def own(session: Session, slug: str) -> Rotation:
    """A listing of this agency by the name in its address. NotFound for any other."""
    found = session.scalars(select(Rotation).where(Rotation.slug == slug)).one_or_none()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class SignatureView:
    """Where the attending's signature stands; `may_ask` when a message may be sent. `opens`: the
    listing goes live by itself once it is signed."""

    words: str
    tone: str
    comment: str
    may_ask: bool
    opens: bool = False


def signature(session: Session, rotation: Rotation) -> SignatureView:
    """Where the signature of a version stands (`drafts.working` gives the draft's)."""
    row = session.scalars(
        select(ScopeSignature).where(
            ScopeSignature.rotation_id == rotation.id, ScopeSignature.version == rotation.version
        )
    ).one_or_none()
    opens = row is not None and bool(row.opens_for) and rotation.state in ("draft", "published")
    if is_signed(rotation):
        return SignatureView("Signed", "good", "", may_ask=False, opens=opens)
    if row is None or row.outdated_at is not None:
        may_ask = bool(rotation.activities) or rotation.type == "research"
        return SignatureView("Not asked yet", "", "", may_ask=may_ask)
    if row.decision == "refused":
        return SignatureView("Sent back", "bad", row.comment, may_ask=False)
    waits = row.decision is None
    return SignatureView("Waits for the attending", "warn", "", may_ask=waits, opens=opens)


def to_sign(session: Session, attending_id: object) -> tuple[ScopeSignature, ...]:
    """What waits for an attending's signature (person scope), oldest first."""
    return tuple(
        session.scalars(
            select(ScopeSignature)
            .where(
                ScopeSignature.attending_id == attending_id,
                ScopeSignature.decision.is_(None),
                ScopeSignature.outdated_at.is_(None),
            )
            .order_by(ScopeSignature.asked_at)
        )
    )
