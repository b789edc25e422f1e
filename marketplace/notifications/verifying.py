"""Tells an agency what the platform's checks mean for it (system sessions)."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.listings.models import Affiliation, Attending
from marketplace.listings.place_names import names_of
from marketplace.notifications import wording
from marketplace.notifications.delivery import Readers, deliver
from marketplace.notifications.letters import Fact, compose
from marketplace.notifications.messages import messages_for
from marketplace.tenants.models import Agency
from marketplace.verification import kinds
from marketplace.verification.models import Evidence

Detail = Mapping[str, str]
OCCASIONS = frozenset({"evidence_decided", "standing_changed", "evidence_ends", "attending_closed"})


def tell_of_verification(session: Session, occasion: str, detail: Detail) -> None:
    """Tell the agency, or every agency of an attending, of one occasion."""
    match occasion:
        case "evidence_ends":
            _of_end(session, detail)
        case "attending_closed":
            _of_attending(session, detail)
        case _:
            _of_decision(session, occasion, detail)


def _of_decision(session: Session, occasion: str, detail: Detail) -> None:
    agency = session.get_one(Agency, UUID(detail["agency_id"]))
    facts = (
        Fact("Agency", agency.name),
        Fact("Papers", detail.get("papers", "")),
        Fact("Reason", wording.plain(detail["reason"])),
    )
    _deliver(session, occasion, agency, facts, {}, detail["event"], detail["step_id"])


def _of_end(session: Session, detail: Detail) -> None:
    row = session.get_one(Evidence, UUID(detail["evidence_id"]))
    agency = session.get_one(Agency, row.agency_id)
    kind = kinds.kinds().get(row.kind)
    label = kind.label if kind else row.kind
    about = names_of(session, agency.id).get(row.site_id or row.attending_id or row.id, "")
    assert row.valid_until is not None
    slots = {"paper": f"{label} of {about}" if about else label, "days": detail["days"]}
    slots["date"] = wording.weekday(row.valid_until)
    facts = (Fact("Paper", slots["paper"]), Fact("Last day", slots["date"]))
    variant = "ended" if detail["days"] == "0" else ""
    _deliver(session, "evidence_ends", agency, facts, slots, variant, f"{row.id}:{detail['days']}")


def _of_attending(session: Session, detail: Detail) -> None:
    doctor = session.get_one(Attending, UUID(detail["attending_id"]))
    name = f"Dr. {doctor.display_name.split(',')[0]}"
    facts = (Fact("Attending", name), Fact("NPI", doctor.npi), Fact("Found", detail["words"]))
    agencies = session.scalars(
        select(Agency)
        .join(Affiliation, Affiliation.agency_id == Agency.id)
        .where(Affiliation.attending_id == doctor.id)
        .order_by(Agency.id)
    )
    for agency in agencies:
        once = f"{doctor.id}:{detail['at']}"
        _deliver(session, "attending_closed", agency, facts, {"attending": name}, "", once)


def _deliver(  # noqa: PLR0917
    session: Session,
    occasion: str,
    agency: Agency,
    facts: tuple[Fact, ...],
    slots: Mapping[str, object],
    variant: str,
    once: str,
) -> None:
    for message in messages_for(occasion):
        filled = {"agency": agency.name} | dict(slots)
        words = compose(message, filled, facts, {"agency": agency.slug}, variant=variant)
        key = f"{message.slug}:{agency.id}:{once}"
        deliver(session, message, words, Readers(agency_id=agency.id), key)
