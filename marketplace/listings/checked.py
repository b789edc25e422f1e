"""What was looked up of an attending, at which source and when, for every page that shows it."""

from dataclasses import dataclass
from datetime import date

from marketplace.listings.models import Attending
from marketplace.verification.sources import LABELS


@dataclass(frozen=True)
class Check:
    """A fact that held when it was looked up last, the source, and the day (UTC)."""

    fact: str
    source: str
    on: date


def checked(doctor: Attending) -> tuple[Check, ...]:
    """What holds of an attending; without what was not looked up or did not hold."""
    facts = (
        (f"NPI {doctor.npi}", "registry", doctor.npi_checked_at),
        ("License in good standing", "license", doctor.license_checked_at),
        ("Not on the exclusion list", "exclusion", doctor.exclusion_checked_at),
    )
    return tuple(
        Check(fact, _source(what, doctor.checks.get(what, {})), at.date())
        for fact, what, at in facts
        if at
    )


def source_of(what: str, line: dict[str, str]) -> str:
    """The name of the source that was asked for this kind of look-up (`attending.checks`)."""
    return line.get("source") or LABELS[what]


def _source(what: str, line: dict[str, str]) -> str:
    """Which source was asked; that it has not answered since is said, not hidden."""
    name = source_of(what, line)
    if line.get("tried", "") > line.get("on", ""):
        return f"{name}. It has not answered since; we try again every day"
    return name
