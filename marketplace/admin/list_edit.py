"""Changing a list: what was typed is checked, its effect is counted, then it is saved."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from zoneinfo import available_timezones

from sqlalchemy import ColumnElement, String, cast, func, select
from sqlalchemy.orm import Session

from marketplace.admin import forms
from marketplace.admin.sheets import OPEN_RULES, SHEETS, Column, Sheet
from marketplace.core import context, lists, outbox, reference
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.lists import ListRow
from marketplace.core.reference import Row
from marketplace.listings import cities
from marketplace.listings.models import Rotation, Site
from marketplace.verification.models import Evidence

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# what a new row holds in the columns that the form does not ask for
_BLANKS: Mapping[str, Mapping[str, str]] = {
    "specialties": {"acgme": "not-acgme-core", "application_route": "no-residency"},
    "document_kinds": {
        "who": "everyone",
        "condition": "by-listing",
        "validity_rule": "none",
        "measured_at": "rotation-start",
        "retention_from": "rotation-end",
        "provided_by": "candidate",
    },
    "platform_fees": {"unit": "percent"},
}
_ORIGIN = {"source": "platform", "confidence": "platform"}


@dataclass(frozen=True)
class Impact:
    """Who feels a change: listings in all, and those that everybody sees now."""

    listings: int
    published: int
    words: str


def sheet(name: str) -> Sheet:
    """The list of an address; NotFound when it may not be changed."""
    found = SHEETS.get(name)
    if found is None:
        raise NotFound
    return found


def line(name: str, key: str) -> Row:
    """The row of a key as it holds now; NotFound when there is none."""
    for found in reference.rows(name):
        if reference.key_of(name, found) == key and _open(name, key):
            return found
    raise NotFound


def lines(name: str) -> tuple[Row, ...]:
    """The rows that may be changed here."""
    return tuple(r for r in reference.rows(name) if _open(name, reference.key_of(name, r)))


def _open(name: str, key: str) -> bool:
    return name != "installment_rules" or key in OPEN_RULES


# --- checking -----------------------------------------------------------------------------------


def checked(wanted: Sheet, form: Mapping[str, str], before: Row | None) -> dict[str, str]:
    """The whole row as it would be saved. Invalid with a message for each cell."""
    values = dict(before) if before else _new_row(wanted)
    errors: dict[str, str] = {}
    for column in wanted.columns:
        if before is not None and column.name in reference.KEYS[wanted.name]:
            continue  # what names a row never changes
        try:
            values[column.name] = cell(column, typed(column, form))
        except ValueError as error:
            errors[column.name] = str(error)
    if not errors:
        errors = _together(wanted, values, before)
    if errors:
        raise Invalid(errors)
    return values


def typed(column: Column, form: Mapping[str, str]) -> str:
    """What a form says of a cell; each choice of `some` is a tick of its own."""
    if column.kind == "some":
        return "|".join(one for one in column.choices if f"{column.name}-{one}" in form)
    return forms.lines(form, column.name, 2000)


def _new_row(wanted: Sheet) -> dict[str, str]:
    columns = reference.default_rows(wanted.name)[0]
    known = {**_BLANKS.get(wanted.name, {}), **_ORIGIN}
    return {column: known.get(column, "") for column in columns}


def cell(column: Column, typed: str) -> str:
    """One cell as it is stored. ValueError with words for the person who typed it."""
    text = typed if column.kind == "text" else " ".join(typed.split())
    if not text:
        if column.needed:
            raise ValueError("This cannot be empty.")
        return ""
    if column.kind in ("int", "number"):
        return _number(column, text)
    if column.kind == "date":
        return _date(text)
    if column.kind == "weights":
        return _weights(text)
    _fits(column, text)
    return text


def _fits(column: Column, text: str) -> None:
    known = {"choice": column.choices, "zone": _zones()}.get(column.kind)
    wrong = (
        (known is not None and text not in known, "Choose one of the list."),
        (
            column.kind == "slug" and not _SLUG.fullmatch(text),
            "Small letters, digits and single hyphens only.",
        ),
        (len(text) > column.most, f"At most {column.most} letters."),
        (len(text) < column.least, f"At least {column.least} letters."),
    )
    for is_so, words in wrong:
        if is_so:
            raise ValueError(words)


def _number(column: Column, text: str) -> str:
    try:
        value = float(text) if column.kind == "number" else int(text)
    except ValueError:
        raise ValueError("Write a number.") from None
    if not math.isfinite(value) or not column.least <= value <= column.most:
        raise ValueError(f"Between {column.least} and {column.most}.")
    return str(value)


def _date(text: str) -> str:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ValueError("Write the date like 2027-09-04.") from None
    if not 2020 <= found.year <= 2100:
        raise ValueError("This year is out of range.")
    return found.isoformat()


@cache
def _zones() -> frozenset[str]:
    return frozenset(zone for zone in available_timezones() if zone.startswith(("America/", "Pac")))


def _weights(text: str) -> str:
    known = {one["slug"] for one in reference.rows("specialties")}
    made = []
    for item in reference.split(text):
        slug, _, weight = item.strip().partition(":")
        try:
            share = float(weight)
        except ValueError:
            raise ValueError(f"“{item[:40]}” needs the form short-name:0.7") from None
        if slug not in known or not 0 < share <= 1:
            raise ValueError(f"“{item[:40]}” is no specialty with a number from 0 to 1.")
        made.append(f"{slug}:{weight}")
    return "|".join(made)


def _together(wanted: Sheet, values: Row, before: Row | None) -> dict[str, str]:
    """What only the row as a whole can get wrong."""
    first = wanted.columns[0].name
    key = reference.key_of(wanted.name, values)
    taken = {reference.key_of(wanted.name, one) for one in reference.rows(wanted.name)}
    if before is None and (wanted.fixed or key in taken):
        return {first: "There is a row with this name already. Change that one."}
    if wanted.name == "us_cities":
        return _city(values, before)
    if wanted.name == "platform_fees" and not 0 <= int(values["value"]) <= 30:
        return {"value": "Between 0 and 30."}
    if wanted.name == "installment_rules":
        return _rule(key, int(values["value"]))
    if wanted.name == "evidence_kinds":
        return _evidence(values, before)
    return {}


def _evidence(values: Row, before: Row | None) -> dict[str, str]:
    if values["required"] == "yes" and values["subject"] == "attending":
        return {"required": "We look attendings up ourselves: their papers cannot be needed."}
    if values["required"] == "yes" and values["subject"] == "site" and not values["settings"]:
        return {"settings": "Tick the settings whose listings need it."}
    if values["settings"] and values["subject"] != "site":
        return {"settings": "Only papers about a site depend on the setting. Tick none."}
    if before is not None and before["subject"] != values["subject"]:
        return {"subject": "Papers of this kind are about that already. Add another kind."}
    if values["expiry"] == "none" and values["max_days"]:
        return {"max_days": "Without a last day there is no longest validity: leave this empty."}
    return {}


def _city(values: Row, before: Row | None) -> dict[str, str]:
    slug = cities.slug_of(values)
    if not re.fullmatch(r"[A-Z]{2}", values["state"]):
        return {"state": "Two capital letters, like IL."}
    others = {c.slug for c in cities.cities() if str(c.geonameid) != values["geonameid"]}
    if slug in others:
        return {"name": "There is a city of this name in this state already."}
    if before is not None and cities.slug_of(before) != slug:
        return {"name": "A city keeps its name and state: addresses use them. Add another one."}
    return {}


def _rule(key: str, value: int) -> dict[str, str]:
    least, most = OPEN_RULES[key]
    if not least <= value <= most:
        return {"value": f"Between {least} and {most}."}
    now = {r["code"]: r["value"] for r in reference.rows("installment_rules")} | {key: str(value)}
    low, usual, high = (int(now[f"deposit-{part}-percent"]) for part in ("min", "default", "max"))
    if not low <= usual <= high:
        return {"value": f"Smallest {low}%, usual {usual}%, largest {high}%: keep this order."}
    return {}


# --- what a change does -------------------------------------------------------------------------


def impact(session: Session, name: str, values: Row) -> Impact:
    """How many listings use a row (system session)."""
    if name == "evidence_kinds":
        return _papers(session, values["slug"])
    found = _used_by(name, values)
    if found is None:
        words = {
            "seasons": "Listing pages and guides show it from the next request on.",
            "platform_fees": "Agencies that join from now on. Nobody's present fee changes.",
            "installment_rules": "Plans made from now on. Agreed plans stay as they are.",
        }[name]
        return Impact(0, 0, words)
    count = select(func.count()).select_from(Rotation).where(found)
    listings = session.scalar(count) or 0
    published = session.scalar(count.where(Rotation.public)) or 0
    words = {
        "specialties": "Search, filters and labels follow. Agreed bookings keep their words.",
        "us_cities": "Search, maps and labels follow. Agreed bookings keep their words.",
        "document_kinds": "Wallets and listings show it. Agreed bookings ask for what they asked.",
        "state_advisories": "Their pages show the new text from the next request on.",
    }[name]
    return Impact(listings, published, words)


def _papers(session: Session, slug: str) -> Impact:
    """Who has shown a paper of this kind."""
    held = select(func.count(Evidence.agency_id.distinct())).where(Evidence.kind == slug)
    agencies = session.scalar(held) or 0
    number = "1 agency has" if agencies == 1 else f"{agencies} agencies have"
    words = f"{number} sent one. Forms and checklists follow; what was decided stays decided."
    return Impact(0, 0, words)


def _used_by(name: str, values: Row) -> ColumnElement[bool] | None:
    match name:
        case "specialties":
            return Rotation.specialty == values["slug"]
        case "us_cities":
            return _at(Site.city == cities.slug_of(values))
        case "document_kinds":
            held = cast(Rotation.required_documents, String)
            return held.contains(f'"{values["slug"]}"', autoescape=True)
        case "state_advisories":
            return (
                Rotation.id.is_not(None)
                if values["state"] == "*"
                else _at(Site.state == values["state"])
            )
        case _:
            return None


def _at(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return Rotation.site_id.in_(select(Site.id).where(where))


def save(
    session: Session,
    actor: Actor,
    wanted: Sheet,
    values: Row,
    *,
    retired: bool,
    version: int,
    reason: str,
) -> ListRow:
    """Save a checked row, and bring what uses it up to date."""
    row = lists.save(
        session,
        actor,
        name=wanted.name,
        values=values,
        retired=retired and not wanted.fixed,
        version=version,
        reason=reason,
    )
    if wanted.name == "specialties":
        _index_again(session, specialty=values["slug"])
    if wanted.name == "us_cities":
        _index_again(session, city=cities.slug_of(values))
    if wanted.name == "evidence_kinds":
        scope = context.system("kinds of evidence changed")
        outbox.enqueue(session, "verification.kinds_changed", {}, scope=scope)
    return row


def _index_again(session: Session, **which: str) -> None:
    outbox.enqueue(session, "search.index_list", which, scope=context.system("index listings"))
