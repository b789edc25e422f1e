"""Files of attendings: one row an invitation by NPI."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.core import audit
from marketplace.core.errors import Invalid
from marketplace.imports import cells as reading
from marketplace.imports.kinds import Cells, Change, Column, Desk, Found, Kind, Row
from marketplace.imports.parts import parts
from marketplace.listings import inviting, places
from marketplace.listings.models import Affiliation, Attending, AttendingInvitation
from marketplace.listings.places import Invitation


@dataclass
class KnownPeople:
    """Who is known: attendings by NPI, this agency's list, people by address (lower case), and
    addresses that rows of the file take for somebody new."""

    doctors: dict[str, Attending]
    listed: dict[UUID, Affiliation]
    asked: dict[UUID, AttendingInvitation]
    people: dict[str, Person]
    teach: set[UUID]
    slugs: set[str]
    claimed: set[str] = field(default_factory=set)


class Attendings(Kind):
    """Invitations. A doctor is known by the NPI, and then keeps their own name and specialty."""

    slug = "attendings"
    title = "Attendings"
    one, many = "attending", "attendings"
    about = (
        "Doctors who shall teach for you. They are asked by e-mail when you press Send on the page"
        " of attendings, or with the first list that you ask them to sign."
    )
    key = ("npi",)
    platform_wide = True
    columns = (
        Column("npi", "Ten digits of the national registry", "1234567893", reading.npi, True),
        Column(
            "email",
            "Where the invitation goes. A doctor whom Rounds knows is asked where they read",
            "isabel.fuentes@example.org",
            reading.text(254),
            True,
        ),
        Column(
            "name",
            "First and last name, without titles. Not used for a doctor whom Rounds knows",
            "Isabel Fuentes",
            reading.text(places.NAME_LENGTH),
        ),
        Column(
            "specialty",
            "Name or slug of the list. Not used for a doctor whom Rounds knows",
            "Cardiology",
            reading.specialty,
        ),
    )

    def load(self, session: Session, desk: Desk, rows: Sequence[Row], *, lock: bool) -> KnownPeople:
        """The doctors of the file, and the people at its addresses."""
        npis = [row.cells.get("npi", "").replace(" ", "").replace("-", "") for row in rows]
        addresses = {row.cells.get("email", "").lower() for row in rows}
        people = {
            person.email: person
            for part in parts(sorted(addresses))
            for person in session.scalars(select(Person).where(Person.email.in_(part)))
        }
        keys = [person.id for person in people.values()]
        return KnownPeople(
            doctors={
                doctor.npi: doctor
                for part in parts(npis)
                for doctor in session.scalars(select(Attending).where(Attending.npi.in_(part)))
            },
            listed={
                row.attending_id: row
                for row in session.scalars(
                    select(Affiliation).where(Affiliation.agency_id == desk.agency_id)
                )
            },
            asked={
                row.attending_id: row
                for row in session.scalars(
                    select(AttendingInvitation).where(
                        AttendingInvitation.agency_id == desk.agency_id
                    )
                )
            },
            people=people,
            teach={
                key
                for part in parts(keys)
                for key in session.scalars(select(Attending.id).where(Attending.id.in_(part)))
            },
            slugs=set(session.scalars(select(Attending.slug))),
        )

    def find(self, known: KnownPeople, row: Row) -> Found:
        """By NPI."""
        try:
            npi = reading.npi(row.cells.get("npi", ""))
        except ValueError:
            return Found("", None)
        doctor = known.doctors.get(npi)
        if doctor is None:
            return Found(npi, None, None)
        asked = known.asked.get(doctor.id)
        if asked is not None and not asked.accepted_at and not asked.withdrawn_at:
            return Found(npi, cells_asked(asked), doctor)
        listed = known.listed.get(doctor.id)
        return Found(npi, cells_of(doctor, listed) if listed else None, doctor)

    def check(
        self, desk: Desk, known: KnownPeople, found: Found, cells: Cells, columns: Sequence[str]
    ) -> tuple[Attending | None, Invitation, str] | None:
        """The page's own rules. Nothing is to be done for a doctor who is on the list."""
        if found.current is not None:
            if "email" in columns and cells["email"].lower() != found.current["email"].lower():
                shown = found.current["email"] or "none"
                raise Invalid(
                    {"email": f"You wrote {shown} when you invited them. It stays as it is."}
                )
            return None
        name = cells["name"].removeprefix("Dr. ")
        wanted = Invitation(cells["npi"], cells["email"], name, cells["specialty"])
        address = places.check_invitation(wanted, demo=desk.demo)
        if found.handle is None:
            person = known.people.get(address)
            teaches = person is not None and person.id in known.teach
            places.check_new(wanted, teaches=teaches or address in known.claimed)
            known.claimed.add(address)
        return found.handle, wanted, address

    def name(self, cells: Cells) -> str:
        """Name, or the NPI of somebody known."""
        return f"Dr. {cells['name']}" if cells["name"] else f"NPI {cells['npi']}"

    def write(self, session: Session, desk: Desk, known: KnownPeople, change: Change) -> None:
        """Put the invitation down, as the page does; it is sent later."""
        doctor, wanted, address = change.load
        new = doctor is None
        if doctor is None:
            slug = places.free_name(wanted.name[:60], "attending", known.slugs.__contains__)
            known.slugs.add(slug)
            person = known.people.get(address)
            doctor = places.new_attending(session, wanted, address, person, slug)
        row = inviting.put_down(session, desk.agency_id, doctor, wanted, address, new=new)
        audit.record(session, desk.actor, "attending.put_down", f"invitation:{row.id}", npi=row.npi)

    def finish(self, session: Session, desk: Desk, known: KnownPeople) -> None:
        """Nobody is told by a file."""

    def export(self, session: Session, agency_id: UUID) -> Iterator[Cells]:
        """By name, with the address that the agency wrote; who was asked, in its own words."""
        works = (
            select(Attending, Affiliation)
            .join(Affiliation, Affiliation.attending_id == Attending.id)
            .where(Affiliation.agency_id == agency_id, Affiliation.accepted_at.is_not(None))
        )
        open_yet = select(AttendingInvitation).where(
            AttendingInvitation.agency_id == agency_id,
            AttendingInvitation.accepted_at.is_(None),
            AttendingInvitation.withdrawn_at.is_(None),
        )
        found = {d.npi: cells_of(d, listed) for d, listed in session.execute(works)}
        found |= {row.npi: cells_asked(row) for row in session.scalars(open_yet)}
        return iter(sorted(found.values(), key=lambda cells: (cells["name"], cells["npi"])))


def cells_asked(row: AttendingInvitation) -> dict[str, str]:
    """An invitation as a row: what the agency typed."""
    return {"npi": row.npi, "email": row.email, "name": row.name, "specialty": row.specialty}


def cells_of(doctor: Attending, listed: Affiliation) -> dict[str, str]:
    """An attending as a row."""
    return {
        "npi": doctor.npi,
        "email": listed.email.strip(),
        "name": doctor.display_name.strip(),
        "specialty": doctor.specialty,
    }
