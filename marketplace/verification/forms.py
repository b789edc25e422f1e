"""What people type, checked: plain data, or Invalid with a message beside each field."""

import re
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from marketplace.accounts import forms as people
from marketplace.core import clock
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.verification import kinds
from marketplace.verification.kinds import Kind
from marketplace.verification.operations import MAX_REASON, Answer, Paper
from marketplace.verification.signup import NAME_LENGTH, NewAgency
from marketplace.verification.sources import Found

Sent = Mapping[str, str]
NUMBER_LENGTH = 60
PAPER_FIELDS = ("site", "attending", "number", "issued_on", "valid_until")
EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)
# Starting points for what the agency reads; the admin completes the sentence.
REASONS: tuple[str, ...] = ("Page missing", "Name differs", "Has ended", "Cannot confirm the site")


def new_agency(sent: Sent) -> NewAgency:
    """The sign-up form of an agency."""
    errors: dict[str, str] = {}
    name = people.text(sent, "name", NAME_LENGTH)
    if len(name) < 3:
        errors["name"] = "Write the name that your papers show."
    email = ""
    try:
        email = people.email(sent)
    except Invalid as error:
        errors |= error.errors
    founded = sent.get("founded_year", "").strip()[:10]
    year = int(founded) if re.fullmatch(r"[0-9]{4}", founded) else None
    if founded and (year is None or not 1900 <= year <= clock.today("UTC").year):
        errors["founded_year"] = "Write the year with four digits, or leave it empty."
    kind = sent.get("kind") or kinds.USUAL_AGENCY
    if kind not in {one.slug for one in kinds.agency_kinds()}:
        errors["kind"] = "Choose from the list."
    if sent.get("may_act") != "1":
        errors["may_act"] = "Confirm that you may act for this agency."
    if errors:
        raise Invalid(errors)
    return NewAgency(name, email, year, kind)


def guest_agency(sent: Sent) -> tuple[people.Person, NewAgency]:
    """The same form of a guest, who gives a name for the account as well."""
    errors: dict[str, str] = {}
    name = people.text(sent, "person", people.NAME_LENGTH)
    if not name:
        errors["person"] = "Write your own name."
    try:
        kept = ("name", "email", "kind", "may_act")
        wanted = new_agency({key: sent.get(key, "") for key in kept})
    except Invalid as error:
        raise Invalid(errors | error.errors) from None
    if errors:
        raise Invalid(errors)
    return people.Person(name, wanted.email), wanted


def paper(sent: Sent, kind: Kind, mark: str = "") -> Paper:
    """The facts beside an uploaded file. `mark` ends the names of its fields where a page has
    several papers; the errors carry the plain names."""
    errors: dict[str, str] = {}
    read = {name: sent.get(f"{name}{mark}", "") for name in PAPER_FIELDS}
    found = Paper(
        kind=kind.slug,
        site_id=_key(read, "site") if kind.subject == "site" else None,
        attending_id=_key(read, "attending") if kind.subject == "attending" else None,
        number=people.text(read, "number", NUMBER_LENGTH),
        issued_on=_day(read, "issued_on", errors),
        valid_until=_day(read, "valid_until", errors) if kind.expiry != "none" else None,
    )
    if errors:
        raise Invalid(errors)
    return found


def answer(sent: Sent, seen: list[str], about: list[str]) -> Answer:
    """An admin's decision; what cannot be read as a paper is no paper."""
    return Answer(
        event=sent.get("event", ""),
        reason=long_text(sent, "reason", MAX_REASON),
        seen=frozenset(_keys(seen)),
        about=frozenset(_keys(about)),
    )


def by_hand(sent: Sent, admin: str) -> Found:
    """A look-up that an admin did at the source's own page."""
    errors: dict[str, str] = {}
    what, result = sent.get("what", ""), sent.get("result", "")
    if what not in ("registry", "license", "exclusion"):
        errors["what"] = "Choose what you looked up."
    if result not in ("clear", "problem"):
        errors["result"] = "Choose what you found."
    until = _day(sent, "valid_until", errors)
    if errors:
        raise Invalid(errors)
    return Found(
        what=what,  # type: ignore[arg-type]
        result=result,  # type: ignore[arg-type]
        words=people.text(sent, "words", 200),
        source=f"Looked up by hand by {admin}",
        source_on=clock.today("UTC"),
        valid_until=until if what == "license" else None,
    )


def _day(sent: Sent, name: str, errors: dict[str, str]) -> date | None:
    value = sent.get(name, "").strip()
    if not value:
        return None
    try:
        found = date.fromisoformat(value) if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.A) else None
    except ValueError:
        found = None
    if found is None:
        errors[name] = "Write the day like 2027-06-30."
    elif not EARLIEST <= found <= LATEST:
        errors[name] = "Look at the year again."
    return found


def _key(sent: Sent, name: str) -> UUID | None:
    return next(iter(_keys([sent.get(name, "")])), None)


def _keys(values: list[str]) -> list[UUID]:
    found = []
    for value in values[:500]:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
