"""The kinds of evidence: a list of the platform (`core/lists.py`), changed at /admin/lists."""

from dataclasses import dataclass
from datetime import date

from marketplace.core import reference
from marketplace.core.errors import NotFound
from marketplace.tenants.models import Agency

LIST = "evidence_kinds"


@dataclass(frozen=True)
class Kind:
    """One kind. `expiry`: required, optional or none. `max_days`: the longest validity.

    `since`: a required kind is asked of agencies that joined on that day or later (UTC); None asks
    every agency.
    """

    slug: str
    label: str
    subject: str
    required: bool
    since: date | None
    expiry: str
    max_days: int | None
    number_label: str
    help: str
    active: bool = True


def kinds() -> dict[str, Kind]:
    """Every kind by its slug, in page order; an admin's change counts with the next request."""
    return dict(_read())


def kind(slug: str) -> Kind:
    """One kind that may be sent now; NotFound for others."""
    found = _read().get(slug)
    if found is None or not found.active:
        raise NotFound
    return found


def required(agency: Agency | None = None) -> tuple[Kind, ...]:
    """What this agency must show before it is approved; without one, what a new agency must."""
    return tuple(
        one
        for one in _read().values()
        if one.active and one.required and one.subject == "agency" and is_asked(one, agency)
    )


def is_asked(one: Kind, agency: Agency | None) -> bool:
    """Is a required kind asked of this agency? Not when it joined before `since`."""
    return agency is None or one.since is None or agency.created_at.date() >= one.since


@reference.derived
def _read() -> dict[str, Kind]:
    gone = reference.retired(LIST)
    return {line["slug"]: _kind(line, line["slug"] not in gone) for line in reference.rows(LIST)}


def _kind(line: reference.Row, active: bool) -> Kind:
    return Kind(
        slug=line["slug"],
        label=line["label"],
        subject=line["subject"],
        required=line["required"] == "yes",
        since=date.fromisoformat(line["since"]) if line["since"] else None,
        expiry=line["expiry"],
        max_days=int(line["max_days"]) if line["max_days"] else None,
        number_label=line["number_label"],
        help=line["help"],
        active=active,
    )
