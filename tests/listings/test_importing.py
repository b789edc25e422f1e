"""The import says every fault, writes all or nothing, and the same file again changes nothing."""

import codecs
import csv
import io
import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from marketplace.cli import cli
from marketplace.core import clock, context, spreadsheets
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid
from marketplace.listings import drafts, importing, operations
from marketplace.listings.import_rows import COLUMNS, OPTIONAL
from marketplace.listings.models import Affiliation, Block, ListingImport, Offering, Rotation, Site
from tests import factories
from tests.support import database


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def npi_of(market: factories.Market) -> str:
    from marketplace.listings.models import Attending

    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Attending, market.attending_id).npi


def a_row(market: factories.Market, **more: str) -> dict[str, str]:
    start = factories.monday(20)
    return {
        "external_id": "cardio-01",
        "title": "Cardiology clinic",
        "specialty": "Cardiology",
        "type": "externship",
        "interaction": "hands-on",
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


def a_file(*rows: dict[str, str], delimiter: str = ",", end: str = "\n") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def run(
    market: factories.Market, content: bytes, *, actor: Actor | None = None, **options: bool
) -> importing.Report:
    with open_session(context.agency(market.agency_id)) as session:
        return importing.import_listings(
            session, actor or market.staff_actor, market.agency_id, content, **options
        )


def imported(market: factories.Market) -> list[Rotation]:
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        return list(
            session.scalars(
                select(Rotation)
                .where(Rotation.external_id.is_not(None))
                .order_by(Rotation.external_id)
            )
        )


def test_rows_become_drafts_with_their_prices_and_starts(market: factories.Market) -> None:
    report = run(market, a_file(a_row(market)))
    assert (report.created, report.updated, report.unchanged) == (1, 0, 0)
    assert report.applied and not report.faults
    [row] = imported(market)
    assert row.state == "draft" and row.public is False
    assert row.specialty == "cardiology"
    assert row.level == "observership-outpatient"  # hands-on only after the signature
    assert row.cancellation["slug"] == "moderate"  # the agency's own preset
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        blocks = session.scalars(select(Block).where(Block.rotation_id == row.id)).all()
        starts = session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all()
        site = session.get_one(Site, row.site_id)
        assert {b.weeks: b.price_cents for b in blocks} == {2: 110_000, 4: 165_050}
        assert [(s.capacity, s.public) for s in starts] == [(2, False)] * 2
        assert (site.name, site.time_zone) == ("North Side Heart Clinic", "America/Chicago")


def test_the_same_file_again_changes_nothing(market: factories.Market) -> None:
    content = a_file(a_row(market), a_row(market, external_id="cardio-02"))
    run(market, content)
    before = [(r.id, r.updated_at, r.version) for r in imported(market)]
    report = run(market, content)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 2)
    assert [(r.id, r.updated_at, r.version) for r in imported(market)] == before
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(ListingImport)) == 1


def test_a_dry_run_writes_nothing(market: factories.Market) -> None:
    report = run(market, a_file(a_row(market)), dry_run=True)
    assert (report.created, report.applied) == (1, False)
    assert imported(market) == []


FAULTS = [
    ({"external_id": ""}, "external_id", "must not be empty"),
    ({"title": "=cmd|' /C calc'!A0"}, "title", "spreadsheets would run it"),
    ({"summary": "@SUM(1)"}, "summary", "spreadsheets would run it"),
    ({"title": "x" * 121}, "title", "At most 120"),
    ({"specialty": "Cardiologie"}, "specialty", "Did you mean Cardiology"),
    ({"type": "internship"}, "type", "Did you mean"),
    ({"interaction": "hands on maybe"}, "interaction", "Use one of"),
    ({"setting": "ward"}, "setting", "Use one of"),
    ({"city": "Springfield"}, "city", "Use one of these"),
    ({"city": "atlantis-xx"}, "city", "not in the list"),
    ({"attending_npi": "1234567890"}, "attending_npi", "would be 3"),
    ({"attending_npi": "12345"}, "attending_npi", "ten digits"),
    ({"attending_npi": "1999999984"}, "attending_npi", "does not know this doctor"),
    ({"prices": "4:1.650,00"}, "prices", "no thousands mark"),
    ({"prices": "3:900"}, "prices", "Weeks are"),
    ({"prices": "4:900|4:901"}, "prices", "twice"),
    ({"prices": "4:0"}, "prices", "above $0"),
    ({"starts": "2027-03-02"}, "starts", "Nearest: 2027-03-01"),
    ({"starts": "01.03.2027"}, "starts", "Write dates like"),
    ({"starts": "2020-03-02"}, "starts", "in the future"),
    ({"capacity": "0"}, "capacity", "from 1 to 50"),
    ({"accepts": "doctors"}, "accepts", "not in student|graduate"),
    ({"exams": "step-9"}, "exams", "not in"),
    ({"documents": "passports"}, "documents", "Did you mean passport"),
    ({"activities": "fly:yes"}, "activities", "no activity"),
    ({"activities": "take-history:often"}, "activities", "take-history:supervised"),
    ({"cancellation": "14:40"}, "cancellation", "Use one of"),
    ({"site_kind": ""}, "site_kind", "new site"),
    ({"max_installments": "5"}, "max_installments", "from 0 to 4"),
]


@pytest.mark.parametrize(("change", "column", "reason"), FAULTS)
def test_a_faulty_cell_stops_the_whole_file(
    market: factories.Market, change: dict[str, str], column: str, reason: str
) -> None:
    good = a_row(market, external_id="good") | {name: "" for name in change if name in OPTIONAL}
    if "site_kind" in change:
        good["site"] = "Lakeview Heart Clinic"  # the agency has this one
    report = run(market, a_file(good | {"site_kind": good["site_kind"]}, a_row(market, **change)))
    found = [(fault.line, fault.column) for fault in report.faults]
    assert (3, column) in found
    assert reason in next(f.reason for f in report.faults if f.column == column)
    assert not report.applied and imported(market) == []


def test_every_fault_is_told_with_its_line(market: factories.Market) -> None:
    rows = [
        a_row(market, summary="one\ntwo\nthree"),
        a_row(market, external_id="b", capacity="many", starts="soon"),
        a_row(market),
    ]
    report = run(market, a_file(*rows), dry_run=True)
    assert [(f.line, f.column) for f in report.faults] == [
        (5, "starts"),
        (5, "capacity"),
        (6, "external_id"),
    ]
    assert "Line 2 has the same" in report.faults[2].reason
    assert report.bad_rows == 2


def test_partial_writes_the_good_rows(market: factories.Market) -> None:
    rows = a_row(market), a_row(market, external_id="bad", capacity="many")
    report = run(market, a_file(*rows), partial=True)
    assert report.applied and report.bad_rows == 1
    assert [r.external_id for r in imported(market)] == ["cardio-01"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_files_as_people_send_them(
    market: factories.Market, delimiter: str, end: str, encoding: str
) -> None:
    text = a_file(a_row(market), delimiter=delimiter, end=end).decode()
    report = run(market, text.encode(encoding), dry_run=True)
    assert (report.created, report.faults) == (1, ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\0\1\2",
        b"external_id,title\n",
        codecs.BOM_UTF16_LE + b"\0",
        b'external_id\n"never closed',
        b"%PDF-1.7 \x89\x81",
    ],
)
def test_what_is_no_csv_is_refused_in_words(market: factories.Market, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        run(market, content)
    assert refused.value.errors["csv"]


def test_missing_unknown_and_repeated_columns_are_named(market: factories.Market) -> None:
    row = a_row(market)
    with pytest.raises(Invalid, match="missing: title"):
        run(market, a_file({k: v for k, v in row.items() if k != "title"}))
    with pytest.raises(Invalid, match="not known: pric"):
        run(market, a_file(row | {"pric": "1"}))
    with pytest.raises(Invalid, match="there twice"):
        run(market, a_file(row).replace(b"summary", b"title", 1))


def test_a_changed_row_changes_only_its_listing(market: factories.Market) -> None:
    run(market, a_file(a_row(market), a_row(market, external_id="b")))
    start = factories.monday(21)
    changed = a_row(market, external_id="b", prices="4:1700|8:3000", starts=str(start))
    report = run(market, a_file(a_row(market), changed))
    assert (report.updated, report.unchanged) == (1, 1)
    row = imported(market)[0] if imported(market)[0].external_id == "b" else imported(market)[1]
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        blocks = session.scalars(select(Block).where(Block.rotation_id == row.id)).all()
        starts = session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all()
        assert {b.weeks: b.price_cents for b in blocks} == {4: 170_000, 8: 300_000}
        assert [s.start_on for s in starts] == [start]


def test_a_changed_scope_needs_a_new_signature(market: factories.Market) -> None:
    run(market, a_file(a_row(market)))
    with open_session(context.agency(market.agency_id)) as session:
        operations.ask_signature(session, market.staff_actor, imported(market)[0].id)
    run(market, a_file(a_row(market, activities="take-history:yes")))
    assert imported(market)[0].version == 2
    run(market, a_file(a_row(market, activities="take-history:yes", title="Other words")))
    assert imported(market)[0].version == 2


def live(market: factories.Market) -> UUID:
    """The market's published rotation, as the import knows it."""
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.external_id = "live-01"
        return row.id


def test_a_live_listing_keeps_what_was_signed(market: factories.Market) -> None:
    live(market)
    row = a_row(market, external_id="live-01", site="Lakeview Heart Clinic", prices="2:1|4:2|8:3")
    report = run(market, a_file(row | {"type": "observership"}))
    assert "Pause it before you change" in report.faults[0].reason
    assert not report.applied


def test_a_live_listing_keeps_lengths_that_may_be_booked(market: factories.Market) -> None:
    live(market)
    report = run(market, a_file(a_row(market, external_id="live-01", prices="4:1650")))
    assert any("may be booked" in fault.reason for fault in report.faults)


def test_capacity_never_falls_below_taken_seats(market: factories.Market) -> None:
    live(market)
    for name in ("Ana One", "Ana Two"):
        factories.booking(market, factories.candidate(name), "held")
    starts = "|".join(str(day) for day in market.starts)
    row = a_row(market, external_id="live-01", starts=starts, capacity="1")
    report = run(market, a_file(row))
    assert any(f.column == "capacity" and "2 seats are taken" in f.reason for f in report.faults)


def test_another_agencys_listing_with_the_same_id_is_not_touched(
    market: factories.Market,
) -> None:
    other = factories.market()
    run(market, a_file(a_row(market)))
    run(other, a_file(a_row(other, title="Other agency's")))
    assert imported(market)[0].title == "Cardiology clinic"
    assert imported(other)[0].title == "Other agency's"


def test_a_doctor_of_another_agency_becomes_affiliated(market: factories.Market) -> None:
    other = factories.market()
    run(market, a_file(a_row(market, attending_npi=npi_of(other))))
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        affiliated = set(session.scalars(select(Affiliation.attending_id)))
    assert affiliated == {market.attending_id, other.attending_id}


@pytest.mark.parametrize("role", ["finance", "read-only"])
def test_roles_that_do_not_edit_cannot_import(market: factories.Market, role: str) -> None:
    actor = Actor("agency", market.staff[role], market.agency_id, role=role)
    with pytest.raises(Forbidden):
        run(market, a_file(a_row(market)), actor=actor)
    assert imported(market) == []


def test_two_thousand_rows_are_fast(market: factories.Market) -> None:
    rows = [a_row(market, external_id=f"r-{number:04d}") for number in range(2_000)]
    content = a_file(*rows)
    begun = time.process_time()
    report = run(market, content)
    assert report.created == 2_000
    again = run(market, content)
    assert again.unchanged == 2_000
    assert time.process_time() - begun < 20


def test_reports_cannot_carry_a_formula() -> None:
    text = spreadsheets.write([["=1+1", "+x", "-x", "@x", "plain", 5]]).decode("utf-8-sig")
    assert next(csv.reader([text])) == ["'=1+1", "'+x", "'-x", "'@x", "plain", "5"]


def test_the_template_can_be_read_back() -> None:
    good, faults, rows = importing.read(importing.template())
    assert (len(good), faults, rows) == (1, [], 1)


def test_the_guide_names_every_column() -> None:
    from marketplace.core.pages import ROOT

    guide = (ROOT / "docs" / "import-listings.md").read_text()
    assert [name for name in COLUMNS if f"`{name}`" not in guide] == []


# --- publishing an imported draft ---------------------------------------------------------------


def test_an_imported_draft_opens_only_after_the_signature(market: factories.Market) -> None:
    run(market, a_file(a_row(market)))
    [row] = imported(market)
    with (
        pytest.raises(Invalid) as refused,
        open_session(context.agency(market.agency_id)) as session,
    ):
        operations.publish(session, market.staff_actor, row.id)
    assert list(refused.value.errors) == ["letter", "signature"]
    with open_session(context.agency(market.agency_id)) as session:
        letter = {"letter_policy": {"policy": "writes-when-earned"}}
        drafts.save(session, market.staff_actor, row.id, letter)
        asked = operations.ask_signature(session, market.staff_actor, row.id).id
    with open_session(context.person(market.attending_id)) as session:
        operations.sign(
            session,
            market.doctor_actor,
            asked,
            answers=dict.fromkeys(row.activities, "y"),
            sure=True,
            full_name="Isabel Fuentes",
        )
    factories.run_outbox("listings.signature_decided")
    with open_session(context.agency(market.agency_id)) as session:
        opened = operations.publish(session, market.staff_actor, row.id)
        assert opened.level == "hands-on-outpatient"
    with open_session(context.public(), readonly=True) as session:
        assert session.get(Rotation, row.id) is not None
        assert len(session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all())


def test_time_is_the_sites(market: factories.Market) -> None:
    """A start that is today at the site is not in the future, whatever UTC says."""
    start = factories.monday(1)
    clock.advance(
        timedelta(days=(start - clock.now().date()).days, hours=(9 - clock.now().hour) % 24)
    )
    report = run(market, a_file(a_row(market, starts=str(start))), dry_run=True)
    assert report.faults


# --- the command --------------------------------------------------------------------------------


@pytest.fixture
def command(market: factories.Market, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The product's command line on the test database."""
    for name, value in database.settings().items():
        monkeypatch.setenv(name, value)
    return CliRunner()


def test_the_command_imports_and_says_so(
    market: factories.Market, command: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(a_file(a_row(market)))
    call = ["import-listings", str(path), "--agency", market.agency_slug]
    tried = command.invoke(cli, [*call, "--dry-run"])
    assert tried.exit_code == 0 and "1 new" in tried.output
    assert "Nothing was written" in tried.output
    assert imported(market) == []
    done = command.invoke(cli, call)
    assert done.exit_code == 0 and len(imported(market)) == 1
    assert "1 the same" in command.invoke(cli, call).output


def test_the_command_fails_on_a_fault_and_on_an_unknown_agency(
    market: factories.Market, command: CliRunner, tmp_path: Path
) -> None:
    path = tmp_path / "listings.csv"
    path.write_bytes(a_file(a_row(market, capacity="many")))
    failed = command.invoke(cli, ["import-listings", str(path), "--agency", market.agency_slug])
    assert failed.exit_code == 1
    assert "line 2, capacity: 'many'" in failed.output
    assert imported(market) == []
    lost = command.invoke(cli, ["import-listings", str(path), "--agency", "nobody"])
    assert lost.exit_code == 1 and "no agency" in lost.output
