"""The kinds of evidence: a list of the platform (`core/lists.py`), changed at /admin/lists."""

from dataclasses import dataclass, replace
from datetime import date

from marketplace.core import reference
from marketplace.core.errors import NotFound
from marketplace.tenants.models import Agency

LIST = "evidence_kinds"


@dataclass(frozen=True)
class Kind:
    """One kind. `expiry`: required, optional or none. `max_days`: the longest validity.

    `since`: a required kind is asked of agencies that joined on that day or later (UTC); None asks
    every agency. `agency_kinds`: of which kinds of agency it is asked; empty asks all. `settings`:
    for listings in which settings a paper about their site is needed.
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
    agency_kinds: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True)
class AgencyKind:
    """What an agency is (`agency_kinds.csv`)."""

    slug: str
    label: str
    help: str


USUAL_AGENCY = "agency"


@reference.derived
def agency_kinds() -> tuple[AgencyKind, ...]:
    """The kinds of agency, the usual one first."""
    rows = reference.rows("agency_kinds")
    return tuple(AgencyKind(row["slug"], row["label"], row["help"]) for row in rows)


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
    """What this agency must show before it is approved; without one, what a new agency of the
    usual kind must."""
    return tuple(one for one in asked_of(agency) if one.required and one.subject == "agency")


def of_site(agency: Agency, setting: str) -> tuple[Kind, ...]:
    """The papers about a site without which a listing of this agency in this setting stays
    closed."""
    return tuple(
        one
        for one in asked_of(agency)
        if one.required and one.subject == "site" and setting in one.settings
    )


def asked_of(agency: Agency | None) -> tuple[Kind, ...]:
    """Every kind that may be sent, `required` as it holds for this agency."""
    return tuple(
        replace(one, required=one.required and is_asked(one, agency))
        for one in _read().values()
        if one.active
    )


def is_asked(one: Kind, agency: Agency | None) -> bool:
    """Is a required kind asked of this agency? Not when it joined before `since`, and not when
    the kind is for other kinds of agency."""
    kind = agency.kind if agency else USUAL_AGENCY
    if one.agency_kinds and kind not in one.agency_kinds:
        return False
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
        agency_kinds=tuple(reference.split(line.get("agency_kinds", ""))),
        settings=tuple(reference.split(line.get("settings", ""))),
        active=active,
    )
