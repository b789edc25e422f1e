"""The calendar of starts as plain data (agency sessions)."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock, formats
from marketplace.core.errors import Invalid, NotFound
from marketplace.listings import availability_forms, catalog, cities, notice
from marketplace.listings.draft_models import Blackout
from marketplace.listings.models import Affiliation, Attending, Offering, Rotation, Site

WEEKS = 13
PER_PAGE = 20


def grid(
    session: Session, url: str, first: date | None, page: int, listing: str = ""
) -> dict[str, Any]:
    """Thirteen Mondays from the quarter's, a row for each listing that is not archived."""
    today = clock.now().date()
    first = first or today
    first -= timedelta(days=first.weekday())
    mondays = [first + timedelta(weeks=number) for number in range(WEEKS)]
    wanted = select(Rotation).where(Rotation.state != "archived")
    if listing:
        wanted = wanted.where(Rotation.slug == listing[:120])
    total = session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    pages = max(1, -(-total // PER_PAGE))
    page = min(max(1, page), pages)
    rotations = session.scalars(
        wanted.order_by(Rotation.specialty, Rotation.id)
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    starts = _starts(session, [row.id for row in rotations], mondays)
    black = list(session.scalars(select(Blackout).order_by(Blackout.first_day)))
    query = f"&listing={listing}" if listing else ""
    return {
        "mondays": mondays,
        "rows": [_row(row, mondays, starts, black, url) for row in rotations],
        "blackouts": [_blackout(session, one) for one in black if one.last_day >= today],
        "before": f"{url}?from={first - timedelta(weeks=WEEKS)}{query}",
        "after": f"{url}?from={first + timedelta(weeks=WEEKS)}{query}",
        "span": f"{first:%b} {first.day} to {mondays[-1]:%b} {mondays[-1].day}, {mondays[-1].year}",
        "number": page,
        "pages": pages,
        "page_url": lambda n: f"{url}?from={first}&page={n}{query}",
        "first_row": (page - 1) * PER_PAGE + 1 if total else 0,
        "last_row": min(page * PER_PAGE, total),
        "total": total,
        "one_listing": bool(listing),
        "url": url,
        "options": _options(session),
        "places": _places(session),
    }


def _starts(
    session: Session, keys: list[UUID], mondays: list[date]
) -> dict[tuple[UUID, date], Offering]:
    rows = session.scalars(
        select(Offering).where(
            Offering.rotation_id.in_(keys),
            Offering.start_on >= mondays[0],
            Offering.start_on <= mondays[-1],
        )
    )
    return {(row.rotation_id, row.start_on): row for row in rows}


def _row(
    rotation: Rotation,
    mondays: list[date],
    starts: Mapping[tuple[UUID, date], Offering],
    black: list[Blackout],
    url: str,
) -> dict[str, Any]:
    mine = [
        one
        for one in black
        if one.site_id in (None, rotation.site_id)
        and one.attending_id in (None, rotation.attending_id)
    ]
    soonest = clock.today(rotation.site.time_zone) + timedelta(days=notice.days_of(rotation))
    return {
        "specialty": catalog.specialty(rotation.specialty).label,
        "doctor": f"Dr. {rotation.attending.display_name}",
        "lengths": ", ".join(str(block.weeks) for block in rotation.blocks) or "no",
        "state": "" if rotation.public else rotation.state.capitalize(),
        "slug": rotation.slug,
        "cells": [
            _cell(starts.get((rotation.id, day)), day, mine, soonest, f"{url}", rotation.slug)
            for day in mondays
        ],
    }


def _cell(  # noqa: PLR0917
    start: Offering | None, day: date, black: list[Blackout], soonest: date, url: str, slug: str
) -> dict[str, Any]:
    """kind: free, some, full, closed, black, add, none."""
    if start is not None:
        kind = "full" if start.taken == start.capacity else "some" if start.taken else "free"
        if start.closed_at is not None:
            kind = "black" if start.blackout_id else "closed"
        words = {"full": ", full", "closed": ", closed", "black": ", blackout"}.get(kind, "")
        return {
            "day": day,
            "kind": kind,
            "text": f"{start.taken}/{start.capacity}",
            "words": words,
            "url": f"{url}/{start.id}",
        }
    if any(one.first_day <= day <= one.last_day for one in black):
        return {"day": day, "kind": "black", "text": "", "words": "Blackout", "url": ""}
    if day < soonest:
        return {"day": day, "kind": "none", "text": "", "words": "", "url": ""}
    return {
        "day": day,
        "kind": "add",
        "text": "",
        "words": "",
        "url": f"{url}?from={day}&pick={slug}#bulk",
    }


def _blackout(session: Session, row: Blackout) -> dict[str, Any]:
    where = "All listings"
    if row.site_id:
        where = session.get_one(Site, row.site_id).name
    if row.attending_id:
        where = f"Dr. {session.get_one(Attending, row.attending_id).display_name}"
    return {
        "key": row.id,
        "where": where,
        "first": row.first_day,
        "last": row.last_day,
        "reason": row.reason,
    }


def _options(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(
        select(Rotation.slug, Rotation.title, Rotation.specialty, Attending.display_name)
        .join(Attending, Attending.id == Rotation.attending_id)
        .where(Rotation.state != "archived")
        .order_by(Rotation.specialty, Rotation.id)
        .limit(500)
    )
    return [
        (slug, f"{title or catalog.specialty(specialty).label}, Dr. {name}")
        for slug, title, specialty, name in rows
    ]


def _places(session: Session) -> list[tuple[str, str]]:
    sites = session.execute(select(Site.id, Site.name, Site.city).order_by(Site.name))
    doctors = session.execute(
        select(Attending.id, Attending.display_name)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .order_by(Attending.display_name)
    )
    return [
        ("all:", "All listings"),
        *((f"site:{key}", _site_words(name, city)) for key, name, city in sites),
        *((f"attending:{key}", f"Dr. {name}") for key, name in doctors),
    ]


def _site_words(name: str, city: str) -> str:
    return formats.site_at(name, cities.city(city).label)


def chosen_listing(session: Session, slug: str) -> Rotation:
    """The listing of a form; Invalid for any that the agency does not have."""
    name = slug[:120].replace("\0", "")  # PostgreSQL takes no NUL
    found = session.scalars(select(Rotation).where(Rotation.slug == name)).one_or_none()
    if found is None:
        raise Invalid({"listing": "Choose one of your listings."})
    return found


def forms(
    found: Mapping[str, Any], sent: Any, form: str, args: Mapping[str, str]
) -> dict[str, Any]:
    """What stands in the two forms: usual values, what a plus sign chose, or what was typed."""
    first = found["mondays"][0]
    soonest = next(
        (cell["day"] for row in found["rows"] for cell in row["cells"] if cell["kind"] == "add"),
        first,
    )
    picked = args.get("pick", "")
    bulk = {
        "listing": picked,
        "first": (first if picked else soonest).isoformat(),
        "until": (soonest + timedelta(weeks=12)).isoformat(),
        "every": "4",
        "seats": "1",
    }
    black = {"where": "all:", "black_first": "", "black_last": "", "reason": ""}
    if sent is not None and form == "bulk":
        bulk = {name: sent.get(name, "") for name in bulk}
    if sent is not None and form == "blackout":
        black = {name: sent.get(name, "") for name in black}
    return {"bulk": bulk, "black": black, "rhythms": availability_forms.EVERY}


def start(session: Session, key: UUID) -> dict[str, Any]:
    """One start of the agency; NotFound for any other."""
    row = session.get(Offering, key)
    if row is None:
        raise NotFound
    rotation = session.get_one(Rotation, row.rotation_id)
    return {
        "day": row.start_on,
        "capacity": row.capacity,
        "taken": row.taken,
        "closed": row.closed_at is not None,
        "blackout": row.blackout_id is not None,
        "title": rotation.title,
        "doctor": rotation.attending.display_name,
        "slug": rotation.slug,
        "over": row.start_on < clock.today(rotation.site.time_zone),
    }
