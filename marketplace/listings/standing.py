"""What the platform's checks keep closed: the one answer for publishing, booking and the sweep.

`stops` is pure: it looks at the listing's agency, attending and site as they are now, so that an
approval, a suspension, a finding or an end counts with the next request.
"""

from dataclasses import dataclass
from datetime import date

from marketplace.listings.models import Rotation, Site
from marketplace.verification import kinds

SITE_LETTER = "site-letter"  # the kind of evidence that has a column of its own


@dataclass(frozen=True)
class Stop:
    """One reason why a listing takes nobody new: for the agency, and for candidates."""

    code: str
    for_agency: str
    for_candidate: str


_AGENCY_CLOSED = "This agency cannot take new bookings at the moment."
_DOCTOR_CLOSED = "This doctor cannot take new trainees at the moment."


def stops(rotation: Rotation, today: date) -> tuple[Stop, ...]:
    """Why this listing may not be open; empty when nothing of the kind stands against it."""
    found = (
        _platform(rotation),
        _agency(rotation),
        _attending(rotation, today),
        _site(rotation, today),
    )
    return tuple(stop for stop in found if stop)


def _platform(rotation: Rotation) -> Stop | None:
    if rotation.taken_down_at is None:
        return None
    words = f"Rounds took this listing down: {rotation.taken_down_reason}"
    return Stop("taken-down", words, "This listing is closed at the moment.")


def _agency(rotation: Rotation) -> Stop | None:
    agency = rotation.agency
    if agency.takes_bookings:
        return None
    if agency.state == "suspended":
        words = "Your agency is stopped by the platform."
    elif agency.state == "new":
        words = "Rounds has not approved your agency yet. Verification says what is missing."
    else:
        words = "Papers of your agency have ended. Send new ones under Verification."
    return Stop("agency", words, _AGENCY_CLOSED)


def _attending(rotation: Rotation, today: date) -> Stop | None:
    doctor = rotation.attending
    if doctor.excluded_at is not None:
        words = f"Dr. {doctor.display_name} is on the federal exclusion list."
        return Stop("exclusion", words, _DOCTOR_CLOSED)
    if rotation.type == "research":  # rule supervisor-verified leaves research out
        return None
    if doctor.verified_until is None or doctor.verified_until < today:
        words = f"The checks of Dr. {doctor.display_name} are not in date. We look again by itself."
        return Stop("supervisor-verified", words, _DOCTOR_CLOSED)
    return None


def _site(rotation: Rotation, today: date) -> Stop | None:
    """A paper that the platform asks of sites in this setting (`kinds.of_site`)."""
    site = rotation.site
    for kind in kinds.of_site(rotation.agency, rotation.setting):
        until = paper_until(site, kind.slug)
        if until is None or until < today:
            label = f"{kind.label[0].lower()}{kind.label[1:]}"
            words = f"{site.name} needs a valid {label}. Send it under Verification."
            place = "hospital" if rotation.setting == "inpatient" else "site"
            said = f"This {place} takes no new trainees here at the moment."
            return Stop("site-letter", words, said)
    return None


def paper_until(site: Site, kind: str) -> date | None:
    """The last day of a site's paper that Rounds has accepted; None when there is none."""
    if kind == SITE_LETTER:
        return site.letter_until
    found = site.papers.get(kind)
    return date.fromisoformat(found) if found else None
