"""Files and their imports, as tests write them."""

import csv
import io
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from marketplace.core import context
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.imports import operations, planning
from marketplace.imports.catalog import KINDS
from marketplace.imports.kinds import Desk
from marketplace.imports.models import CsvImport
from marketplace.listings.models import Attending, Rotation
from marketplace.listings.npi import check_digit
from tests import factories

Rows = list[dict[str, str]]


def npi_of(market: factories.Market) -> str:
    """The NPI of the market's attending."""
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Attending, market.attending_id).npi


def new_npi(number: int) -> str:
    """A valid NPI that nobody has."""
    nine = f"2{number:08d}"
    return nine + check_digit(nine)


def a_row(market: factories.Market, **more: str) -> dict[str, str]:
    """A listing that is not there yet, at a site that is not there yet."""
    start = factories.monday(20)
    return {
        "external_id": "cardio-01",
        "title": "Cardiology clinic",
        "specialty": "Cardiology",
        "type": "externship",
        "setting": "outpatient",
        "site": "North Side Heart Clinic",
        "city": "chicago-il",
        "attending_npi": npi_of(market),
        "prices": "2:1100|4:1650.50",
        "starts": f"{start}|{start + timedelta(weeks=5)}",
        "capacity": "2",
        "accepts": "student|graduate",
        "site_kind": "clinic",
        "activities": "take-history:supervised|physical-exam:supervised|present-case:yes",
        "summary": "Four days of clinic a week, with “quotes” and accents: São Paulo.",
    } | more


def a_site(**more: str) -> dict[str, str]:
    """A site that is not there yet."""
    return {
        "name": "Harbor General",
        "city": "Boston, MA",
        "kind": "teaching-hospital",
        "setting": "inpatient",
        "affiliation": "",
    } | more


def a_doctor(number: int = 1, **more: str) -> dict[str, str]:
    """An attending who is new to Rounds."""
    return {
        "npi": new_npi(number),
        "email": f"doctor{number}@hospital.example.org",
        "name": f"Nora Newdoctor {number}",
        "specialty": "Cardiology",
    } | more


def a_start(market: factories.Market, weeks: int = 30, **more: str) -> dict[str, str]:
    """A start that is not there yet."""
    row = {"listing": market.slug, "start": str(factories.monday(weeks)), "seats": "2"}
    return row | {"open": "yes"} | more


def a_file(*rows: dict[str, str], delimiter: str = ",", end: str = "\n") -> bytes:
    """Rows as a CSV file."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def desk_of(market: factories.Market, actor: Actor | None = None) -> Desk:
    """The market's manager at work."""
    return Desk(market.agency_id, actor or market.staff_actor)


def check(
    market: factories.Market, kind: str, content: bytes, actor: Actor | None = None
) -> planning.Plan:
    """The dry run of a file."""
    found = KINDS[kind]
    scope = operations.scope_of(found, market.agency_id)
    with open_session(scope, readonly=True) as session:
        return operations.check(session, found, desk_of(market, actor), content)


def upload(market: factories.Market, kind: str, content: bytes, actor: Actor | None = None) -> UUID:
    """Check a file and keep it."""
    found = check(market, kind, content, actor)
    with open_session(context.agency(market.agency_id)) as session:
        desk = desk_of(market, actor)
        return operations.keep(
            session, KINDS[kind], desk, content, name=f"{kind}.csv", found=found
        ).id


def start(market: factories.Market, key: UUID, actor: Actor | None = None) -> None:
    """Ask for the import."""
    with open_session(context.agency(market.agency_id)) as session:
        operations.start(session, actor or market.staff_actor, key, demo=False)


def bring_in(market: factories.Market, kind: str, content: bytes) -> CsvImport:
    """All the way: upload, ask, let the worker work."""
    key = upload(market, kind, content)
    assert found(market, key).state == "checked", found(market, key).faults
    start(market, key)
    factories.run_outbox("imports.run")
    return found(market, key)


def undo(market: factories.Market, key: UUID, actor: Actor | None = None) -> CsvImport:
    """Ask for an undo and let the worker work."""
    with open_session(context.agency(market.agency_id)) as session:
        operations.start_undo(session, actor or market.staff_actor, key)
    factories.run_outbox("imports.undo")
    return found(market, key)


def found(market: factories.Market, key: UUID) -> CsvImport:
    """What became of it."""
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return operations.own(session, key)


def export(market: factories.Market, kind: str) -> bytes:
    """Everything of a kind as a file."""
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return operations.export(session, KINDS[kind], market.agency_id)


def rows_of(content: bytes) -> Rows:
    """A file's rows, cells as they stand in it."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def imported(market: factories.Market) -> list[Rotation]:
    """The listings that have an id of the agency."""
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return list(
            session.scalars(
                select(Rotation)
                .where(Rotation.external_id.is_not(None))
                .order_by(Rotation.external_id)
            )
        )
