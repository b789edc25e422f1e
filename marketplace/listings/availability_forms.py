"""Dates, numbers and bulks of starts, as people type them."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from marketplace.core import clock
from marketplace.core.errors import Invalid
from marketplace.listings import availability, notice
from marketplace.listings.availability import Added
from marketplace.listings.models import Rotation

EVERY = (("1", "Week"), ("2", "2 weeks"), ("4", "4 weeks"), ("8", "8 weeks"))


@dataclass(frozen=True)
class Bulk:
    """Mondays, and the seats of each."""

    days: list[date]
    seats: int


def a_day(text: str) -> date | None:
    """A date like 2027-01-04, or None."""
    try:
        found = date.fromisoformat(text) if len(text) == 10 and text.isascii() else None
    except ValueError:
        return None
    return found if found and 2020 <= found.year <= 2060 else None


def need_day(sent: Any, name: str) -> date:
    """A date; Invalid beside its field."""
    found = a_day(sent.get(name, "").strip())
    if found is None:
        raise Invalid({name: "Choose a date."})
    return found


def a_number(sent: Any, name: str) -> int:
    """A whole number that is not negative; Invalid beside its field."""
    text = sent.get(name, "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise Invalid({name: "Write a whole number."})
    return int(text)


def read_bulk(sent: Any) -> Bulk:
    """First Monday, until, every so many weeks, seats. Invalid with a message beside each."""
    errors: dict[str, str] = {}
    found: dict[str, Any] = {}
    for name, read in (
        ("first", need_day),
        ("until", need_day),
        ("every", a_number),
        ("seats", a_number),
    ):
        try:
            found[name] = read(sent, name)
        except Invalid as error:
            errors |= error.errors
    if errors:
        raise Invalid(errors)
    days = availability.mondays(found["first"], found["until"], found["every"])
    return Bulk(days, found["seats"])


def shown_bulk(rotation: Rotation, sent: Any = None) -> dict[str, Any]:
    """What stands in the fields: the next open Mondays, or what was typed."""
    today = clock.today(rotation.site.time_zone)
    near = today + timedelta(days=notice.days_of(rotation))
    first = near + timedelta(days=-near.weekday() % 7)
    usual = {
        "first": first.isoformat(),
        "until": (first + timedelta(weeks=12)).isoformat(),
        "every": "4",
        "seats": str(min(rotation.trainees_per_attending, availability.MOST_SEATS)),
        "notice": str(notice.days_of(rotation)),
    }
    if sent is not None:
        usual = {name: sent.get(name, value) for name, value in usual.items()}
    return usual | {"rhythms": EVERY}


def added_words(added: Added) -> str:
    """What a bulk became, in a sentence."""
    said = [f"{added.added} start{'' if added.added == 1 else 's'} added."]
    if added.there:
        said.append(f"{added.there} were there already.")
    if added.blacked_out:
        said.append(f"{added.blacked_out} left out: blackout.")
    return " ".join(said)
