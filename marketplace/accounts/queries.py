"""Reads about people: profile, sign-ins, what others may know of a candidate, the team."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select
from sqlalchemy.orm import Session

from marketplace.accounts.models import CandidateProfile, Membership, Person, SignIn
from marketplace.core import clock, reference
from marketplace.core.errors import NotFound

VISA_WORDS = {
    "us-citizen": "U.S. citizen",
    "permanent-resident": "Permanent resident",
    "work-authorized": "Work authorized",
    "f-1": "F-1",
    "j-1": "J-1",
    "b-1": "B-1",
    "b-2": "B-2",
    "visa-waiver": "Visa waiver",
    "none-yet": "No visa yet",
    "prefer-not-to-say": "Not told",
}
STUDENT_YEAR_WORDS = {
    "preclinical": "Preclinical student",
    "clinical": "Student in clinical years",
    "penultimate": "Student, year before last",
    "final": "Final-year student",
}
EXAM_WORDS = {"passed": "passed", "failed": "not passed", "not-taken": "not taken yet"}
ECFMG_WORDS = {"none": "no", "in-progress": "in progress", "certified": "certified"}


# --- the own account (person sessions) -----------------------------------------------------------


@dataclass(frozen=True)
class SignInRow:
    """One signed-in browser, for the list on the account page."""

    id: UUID
    device: str
    address: str
    created_at: datetime
    seen_at: datetime


def person(session: Session, person_id: UUID) -> Person:
    """A person this session may see; NotFound otherwise."""
    found = session.get(Person, person_id)
    if found is None:
        raise NotFound
    return found


def profile(session: Session, person_id: UUID) -> CandidateProfile:
    """The stored profile, or an empty one that is not stored."""
    found = session.get(CandidateProfile, person_id)
    return found or CandidateProfile(person_id=person_id, school="", country="", extra={})


def candidate(session: Session, person_id: UUID) -> tuple[Person, CandidateProfile]:
    """Person and profile in one read, for who needs both; as `person` and `profile`."""
    found = session.execute(_CANDIDATE, {"person_id": person_id}).one_or_none()
    if found is None:
        raise NotFound
    told = found.CandidateProfile
    return found.Person, told if told is not None else profile(session, person_id)


# Made once: building a statement costs as much as running it.
_CANDIDATE = (
    select(Person, CandidateProfile)
    .outerjoin(CandidateProfile, CandidateProfile.person_id == Person.id)
    .where(Person.id == bindparam("person_id", type_=Uuid()))
)


def sign_ins(session: Session, person_id: UUID, idle_since: datetime) -> tuple[SignInRow, ...]:
    """The person's live sign-ins, the latest seen first."""
    rows = session.scalars(
        select(SignIn)
        .where(
            SignIn.person_id == person_id,
            SignIn.revoked_at.is_(None),
            SignIn.expires_at > clock.wall(),
            SignIn.seen_at > idle_since,
        )
        .order_by(SignIn.seen_at.desc())
    )
    return tuple(
        SignInRow(row.id, device_words(row.agent), row.address, row.created_at, row.seen_at)
        for row in rows
    )


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "Mac"),
    ("Linux", "Linux"),
)


def device_words(agent: str) -> str:
    """ "Firefox on Windows" from a User-Agent header; a rough name that helps to recognise it."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    if not browser and "Safari" in agent:
        browser = "Safari"
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(part for part in (browser, system) if part) or "Unknown device"


# --- what others may know of a candidate ---------------------------------------------------------

Fact = str | bool | float | date | frozenset[str] | None


def candidate_facts(session: Session, person_id: UUID, on: date | None = None) -> dict[str, Fact]:
    """What the candidate told us, keyed as in data/profile_fields.csv ("candidate.status", ...).

    `on` is the day that age and years since graduation are counted for (the rotation's start;
    default: today in UTC). None means not told. Facts that come from papers or from the request
    itself (documents, notices read, screening) are not in here.
    """
    told = profile(session, person_id)
    day = on or clock.today("UTC")
    facts: dict[str, Fact] = {
        "candidate.status": told.status,
        "candidate.student_year": told.student_year,
        "candidate.graduation_date": told.graduation_date,
        "candidate.years_since_graduation": _years_out(told, day),
        "candidate.usmle_step_1": told.usmle_step_1,
        "candidate.usmle_step_2_ck": told.usmle_step_2_ck,
        "candidate.ecfmg": told.ecfmg,
        "candidate.entry_status": told.entry_status,
        "candidate.needs_visa": told.needs_visa,
        "candidate.age": _years(told.birth_date, day),
    }
    return {f"candidate.{key}": _extra(key, value) for key, value in told.extra.items()} | facts


def candidate_summary(session: Session, person_id: UUID) -> dict[str, object]:
    """What agency and attending may know, in plain words and JSON types, to be frozen into a
    booking: name, school, country, status, graduation_year, exams, visa, and all of it as line."""
    told = profile(session, person_id)
    name = person(session, person_id).name
    status = _status_words(told)
    return {
        "name": name,
        "school": told.school,
        "country": told.country,
        "status": status,
        "graduation_year": told.graduation_date.year if told.graduation_date else None,
        "exams": _exam_words(told),
        "visa": VISA_WORDS.get(told.entry_status or "", "Not told"),
        "line": ", ".join(part for part in (status, told.school, told.country) if part),
    }


def _status_words(told: CandidateProfile) -> str:
    if told.status == "student":
        return STUDENT_YEAR_WORDS.get(told.student_year or "", "Student")
    if told.status != "graduate":
        return ""
    return f"Graduate, {told.graduation_date.year}" if told.graduation_date else "Graduate"


def _exam_words(told: CandidateProfile) -> list[str]:
    exams = []
    if told.usmle_step_1:
        exams.append(f"USMLE Step 1: {EXAM_WORDS[told.usmle_step_1]}")
    if told.usmle_step_2_ck:
        exams.append(f"USMLE Step 2 CK: {EXAM_WORDS[told.usmle_step_2_ck]}")
    if told.ecfmg:
        exams.append(f"ECFMG: {ECFMG_WORDS[told.ecfmg]}")
    return exams


def _years_out(told: CandidateProfile, day: date) -> int | None:
    """Whole years since graduation; 0 for students."""
    if told.status == "student":
        return 0
    years = _years(told.graduation_date, day)
    return None if years is None else max(0, years)


def _years(since: date | None, day: date) -> int | None:
    if since is None:
        return None
    return day.year - since.year - ((day.month, day.day) < (since.month, since.day))


def _extra(key: str, value: object) -> Fact:
    """A further answer as its field's type."""
    kind = reference.row("profile_fields", f"candidate.{key}", "field")["type"]
    if value is None:
        return None
    if kind == "set" and isinstance(value, list):
        return frozenset(str(item) for item in value)
    if kind == "date":
        return date.fromisoformat(str(value))
    if isinstance(value, bool | float | int | str):
        return value
    raise ValueError(f"candidate.{key} cannot be {value!r}")


# --- the team (agency sessions) ------------------------------------------------------------------


def team(session: Session) -> tuple[Membership, ...]:
    """The members of this session's agency: owners first, then by name."""
    rows = session.scalars(select(Membership).where(Membership.ended_at.is_(None))).all()
    return tuple(
        sorted(rows, key=lambda row: (row.role != "owner", row.person_name.casefold(), row.id))
    )
