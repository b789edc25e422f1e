"""Candidates with profiles, agency staff and the platform admin; all names are invented."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from demo import accounts
from demo.seed.chance import Ids, fork, instant
from demo.seed.market import Market
from demo.seed.rows import Row, Rows
from demo.seed.sources import agencies, doctors
from marketplace.accounts import passwords
from marketplace.accounts.models import CandidateProfile, Membership, Person
from marketplace.listings.models import Affiliation

CANDIDATES = 160
STARTS = ("Bran", "Corve", "Dal", "Elm", "Fen", "Galle", "Hest", "Ister", "Jor", "Kest", "Lum")
MIDDLES = ("a", "e", "i", "o", "ani", "eri", "olo", "um")
ENDS = ("dane", "field", "gard", "lova", "mere", "nick", "quist", "rell", "sova", "tane", "vander")
SCHOOLS = (
    "Velmora",
    "Castelune",
    "Ardenbay",
    "Okanta",
    "Sorrelby",
    "Tamarand",
    "Ishvala",
    "Norrvik",
)
KINDS = ("School of Medicine", "Medical University", "College of Medicine")
COUNTRIES = (
    "India",
    "Nigeria",
    "Pakistan",
    "Egypt",
    "Brazil",
    "Philippines",
    "Colombia",
    "Jordan",
    "Nepal",
    "Grenada",
    "Poland",
    "Mexico",
)


@dataclass(frozen=True)
class Candidate:
    """A seeded candidate and what bookings ask of them."""

    person: Row
    profile: Row

    @property
    def id(self) -> UUID:
        key: UUID = self.person["id"]
        return key

    @property
    def status(self) -> str:
        return str(self.profile["status"])

    def fits(self, rotation: Row) -> bool:
        """Whether the hard rules let this candidate ask for the rotation."""
        passed = {
            exam for exam in ("usmle_step_1", "usmle_step_2_ck") if self.profile[exam] == "passed"
        }
        if self.status not in rotation["accepts"] or not passed >= set(rotation["required_exams"]):
            return False
        if self.status == "graduate":
            years = rotation["eligibility"].get("max_years_since_graduation")
            return years is None or self.years_since_graduation < int(years)
        return bool(self.profile["student_year"] == "final")

    @property
    def years_since_graduation(self) -> int:
        updated: date = self.profile["updated_at"].date()
        graduated: date = self.profile["graduation_date"]
        return (updated - graduated).days // 365 + 1


@dataclass(frozen=True)
class People:
    """Who was seeded. The two demo candidates come first."""

    candidates: Sequence[Candidate]
    staff: dict[str, Row]
    """Agency's slug to its coordinator's person."""


def build(rows: Rows, ids: Ids, market: Market, demo_attending: str) -> People:
    """Write everybody. `demo_attending` is the slug of the attending of the demo account."""
    staff = _staff(rows, ids, market)
    _demo_attending(rows.session, market.attendings[demo_attending])
    admin = accounts.by_role("admin")
    rows.add(Person, _person(ids, market.anchor, admin, is_admin=True))
    candidates = [_candidate(rows, ids, market.anchor, number) for number in range(CANDIDATES)]
    rows.write()
    return People(candidates, staff)


def _demo_attending(session: Session, attending: Row) -> None:
    """Give one attending the demo account's address and password."""
    account, key = accounts.by_role("attending"), attending["id"]
    session.execute(
        update(Person)
        .where(Person.id == key)
        .values(email=account.email, password_hash=passwords.hashed(account.password))
    )
    session.execute(
        update(Affiliation).where(Affiliation.attending_id == key).values(email=account.email)
    )


def _person(
    ids: Ids, anchor: date, account: accounts.DemoAccount, *, is_admin: bool = False
) -> Row:
    row = _plain_person(ids, anchor, account.name, account.email)
    return row | {"password_hash": passwords.hashed(account.password), "is_admin": is_admin}


def _plain_person(ids: Ids, anchor: date, name: str, email: str) -> Row:
    since = instant(anchor - timedelta(days=420))
    return {
        "id": ids.uuid(),
        "email": email,
        "name": name,
        "password_hash": None,
        "email_verified_at": since,
        "is_admin": False,
        "closed_at": None,
        "created_at": since,
    }


def _staff(rows: Rows, ids: Ids, market: Market) -> dict[str, Row]:
    found = {}
    for source in agencies():
        for role in ("owner", "coordinator"):
            random = fork("staff", source.slug, role)
            row = _plain_person(ids, market.anchor, _name(random), f"{role}@{source.slug}.example")
            if account := accounts.of_agency(role, source.slug):
                row = _person(ids, market.anchor, account)
            rows.add(Person, row)
            rows.add(
                Membership,
                {
                    "id": ids.uuid(),
                    "agency_id": market.agencies[source.slug]["id"],
                    "person_id": row["id"],
                    "role": role,
                    "person_name": row["name"],
                    "person_email": row["email"],
                    "created_at": row["created_at"],
                    "ended_at": None,
                },
            )
            found[source.slug] = row
    return found


def _name(random: Random) -> str:
    given = random.choice(doctors()).given_name
    return f"{given} {random.choice(STARTS)}{random.choice(MIDDLES)}{random.choice(ENDS)}"


def _candidate(rows: Rows, ids: Ids, anchor: date, number: int) -> Candidate:
    random = fork("candidate", number)
    demo = {0: "candidate", 1: "student"}.get(number)
    if demo:
        person = _person(ids, anchor, accounts.by_role(demo))
    else:
        name = _name(random)
        person = _plain_person(ids, anchor, name, f"candidate{number:03d}@candidates.example")
    graduate = demo == "candidate" or (demo is None and random.random() < 0.62)
    profile = _profile(random, anchor, graduate, settled=demo is not None)
    profile["person_id"] = person["id"]
    rows.add(Person, person)
    rows.add(CandidateProfile, profile)
    return Candidate(person, profile)


def _profile(random: Random, anchor: date, graduate: bool, *, settled: bool) -> Row:
    """`settled`: a demo account, whose profile opens most doors."""
    year = anchor.year - (random.randint(1, 6) if not settled else 2)
    finish = anchor + timedelta(days=560)  # students stay students for every seeded rotation
    entry = random.choice(("b-1", "b-2", "none-yet", "permanent-resident"))
    steps = random.choices(((1, 1), (1, 0), (0, 0)), weights=(55, 30, 15), k=1)[0]
    if settled:
        steps = (1, 1) if graduate else (1, 0)
    return {
        "school": f"{random.choice(SCHOOLS)} {random.choice(KINDS)}",
        "country": random.choice(COUNTRIES),
        "status": "graduate" if graduate else "student",
        "student_year": None if graduate else "final",
        "graduation_date": date(year, random.randint(5, 7), 15) if graduate else finish,
        "birth_date": date(anchor.year - random.randint(24, 34), random.randint(1, 12), 9),
        "usmle_step_1": "passed" if steps[0] else "not-taken",
        "usmle_step_2_ck": "passed" if steps[1] else "not-taken",
        "ecfmg": ("certified" if steps[1] and random.random() < 0.5 else "in-progress"),
        "entry_status": entry,
        "needs_visa": entry == "none-yet",
        "extra": {"english": "test"},
        "updated_at": instant(anchor - timedelta(days=20)),
    }
