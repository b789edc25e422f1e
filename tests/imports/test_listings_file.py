"""Files of listings: every fault is said, a row makes what the editor would make."""

import codecs
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context
from marketplace.core.audit import AuditEntry
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid
from marketplace.core.outbox import OutboxMessage
from marketplace.imports.listing_cells import COLUMNS
from marketplace.listings import drafts, making, operations
from marketplace.listings.draft_models import ListingDraft
from marketplace.listings.models import Block, Offering, Rotation, Site
from tests import factories
from tests.imports import support
from tests.imports.support import a_file, a_row, bring_in, check, imported


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def faults(market: factories.Market, *rows: dict[str, str]) -> list[tuple[int, str, str]]:
    found = check(market, "listings", a_file(*rows)).faults
    return [(fault.line, fault.column, fault.reason) for fault in found]


def test_rows_become_drafts_with_their_prices_and_starts(market: factories.Market) -> None:
    made = bring_in(market, "listings", a_file(a_row(market)))
    assert (made.state, made.created, made.updated, made.unchanged) == ("done", 1, 0, 0)
    [row] = imported(market)
    assert row.state == "draft" and row.public is False
    assert row.specialty == "cardiology" and row.interaction == "hands-on"
    assert row.level == "observership-outpatient"  # hands-on only after the signature
    assert row.cancellation["slug"] == "moderate"  # the agency's own preset
    assert row.required_documents == making.default_documents("externship", "outpatient")
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        blocks = session.scalars(select(Block).where(Block.rotation_id == row.id)).all()
        starts = session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all()
        site = session.get_one(Site, row.site_id)
        assert {b.weeks: b.price_cents for b in blocks} == {2: 110_000, 4: 165_050}
        assert [(s.capacity, s.public) for s in starts] == [(2, False)] * 2
        assert (site.name, site.time_zone) == ("North Side Heart Clinic", "America/Chicago")


def test_the_same_file_again_changes_nothing(market: factories.Market) -> None:
    content = a_file(a_row(market), a_row(market, external_id="cardio-02"))
    bring_in(market, "listings", content)
    before = [(r.id, r.updated_at, r.version) for r in imported(market)]
    again = check(market, "listings", content)
    assert (again.changes, again.unchanged, again.faults) == ([], 2, [])
    assert [(r.id, r.updated_at, r.version) for r in imported(market)] == before


def test_the_same_written_in_another_way_changes_nothing(market: factories.Market) -> None:
    bring_in(market, "listings", a_file(a_row(market)))
    start = factories.monday(20)
    other = a_row(
        market,
        site="NORTH SIDE HEART CLINIC",
        city="Chicago, IL",
        prices="4:1650.5|2:1100.00",
        accepts="Graduate | Student",
        starts=f"{start.month}/{start.day}/{start.year}",
    )
    again = check(market, "listings", a_file(other))
    assert (again.unchanged, again.changes, again.faults) == (1, [], [])


def test_a_file_may_have_only_the_columns_that_change(market: factories.Market) -> None:
    bring_in(market, "listings", a_file(a_row(market)))
    bring_in(market, "listings", a_file({"external_id": "cardio-01", "letter": "not-usual"}))
    [row] = imported(market)
    assert row.letter_policy["policy"] == "not-usual" and row.title == "Cardiology clinic"


FAULTS = [
    ({"external_id": ""}, "external_id", "must not be empty"),
    ({"title": "x" * 121}, "title", "At most 120"),
    ({"title": "#NAME?"}, "title", "spreadsheet wrote an error"),
    ({"specialty": "Cardiologie"}, "specialty", "Did you mean Cardiology"),
    ({"type": "internship"}, "type", "Did you mean"),
    ({"interaction": "hands on maybe"}, "interaction", "Use one of"),
    ({"interaction": "observe"}, "interaction", "By its type and tasks"),
    ({"setting": "ward"}, "setting", "Use one of"),
    ({"setting": "remote"}, "setting", "Only virtual and research"),
    ({"city": "Springfield"}, "city", "Use one of these"),
    ({"city": "atlantis-xx"}, "city", "not in the list"),
    ({"site": "Nowhere", "site_kind": ""}, "site", "You have no site"),
    ({"site": "Elsewhere", "site_kind": "castle"}, "site_kind", "what kind of place"),
    ({"attending_npi": "1234567890"}, "attending_npi", "would be 3"),
    ({"attending_npi": "12345"}, "attending_npi", "ten digits"),
    ({"attending_npi": "1999999984"}, "attending_npi", "not on your list"),
    ({"prices": "4:1.650,00"}, "prices", "no thousands mark"),
    ({"prices": "3:900"}, "prices", "Weeks are"),
    ({"prices": "4:900|4:901"}, "prices", "twice"),
    ({"prices": "4:0"}, "prices", "above $0"),
    ({"starts": "2027-03-02"}, "starts", "Nearest: 2027-03-01"),
    ({"starts": "01.03.2027"}, "starts", "Write dates like"),
    ({"starts": "2020-03-02"}, "starts", "closes 21 days before"),
    ({"starts": str(factories.monday(9)), "notice_days": "90"}, "starts", "closes 90 days before"),
    ({"capacity": "0"}, "capacity", "From 1 to 20"),
    ({"notice_days": "6"}, "notice_days", "From 7 to 180"),
    ({"notice_days": "none"}, "notice_days", "From 7 to 180"),
    ({"accepts": "doctors"}, "accepts", "not in student|graduate"),
    ({"exams": "step-9"}, "exams", "not in"),
    ({"documents": "passports"}, "documents", "Did you mean passport"),
    ({"activities": "fly:yes"}, "activities", "no activity"),
    ({"activities": "take-history:often"}, "activities", "take-history:supervised"),
    ({"cancellation": "gentle"}, "cancellation", "Use one of"),
    ({"cancellation": "14:40"}, "cancellation", ""),
    ({"max_installments": "5"}, "max_installments", "from 0 to 4"),
    ({"deposit_percent": "200"}, "deposit_percent", "whole number from"),
    ({"hours_per_week": "forty"}, "hours_per_week", "in digits"),
    ({"hospital_share": "130"}, "hospital_share", "from 0 to 100"),
    ({"price_shares": "attending:95"}, "price_shares", "more than the price"),
    ({"price_shares": "uncle:5"}, "price_shares", "Use attending"),
    ({"letter": "promised"}, "letter", "Use one of"),
    ({"letter": "discuss"}, "letterhead", "whose letterhead"),
    ({"vslo_only": "maybe"}, "vslo_only", "yes or no"),
    ({"week": "sunday-morning:Rest"}, "week", "monday-morning"),
    ({"min_student_year": "first"}, "min_student_year", "Use one of"),
    ({"site": "Guaranteed Match Clinic"}, "site", "Nobody can promise a match"),
    ({"title": "two\nlines"}, "title", "line break"),  # the last: it has two lines
]


def test_every_faulty_cell_is_named_and_stops_the_whole_file(market: factories.Market) -> None:
    """One file with a bad row of each kind between good ones: each is named by line and column."""
    good = a_row(market, external_id="good")
    rows = [good]
    for number, (change, _, _) in enumerate(FAULTS):
        rows.append(a_row(market, **{"external_id": f"bad-{number}"} | change))
    columns = dict.fromkeys(name for row in rows for name in row)
    content = a_file(*({name: row.get(name, "") for name in columns} for row in rows))
    found = check(market, "listings", content).faults
    for number, (change, column, reason) in enumerate(FAULTS):
        said = [f.reason for f in found if (f.line, f.column) == (number + 3, column)]
        assert said and reason in said[0], (change, [f for f in found if f.line == number + 3])
    assert not [fault for fault in found if fault.line == 2]
    made = support.found(market, support.upload(market, "listings", content))
    assert (made.state, made.bad_rows) == ("faulty", len(FAULTS))
    assert imported(market) == []


def test_lines_are_counted_as_the_file_has_them(market: factories.Market) -> None:
    rows = [
        a_row(market, summary="one\ntwo\nthree"),
        a_row(market, external_id="b", prices="many", starts="soon"),
        a_row(market),
    ]
    found = faults(market, *rows)
    assert [fault[:2] for fault in found] == [(5, "prices"), (5, "starts"), (6, "external_id")]
    assert "Line 2 is about the same" in found[2][2]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_files_as_people_send_them(market: factories.Market, end: str, encoding: str) -> None:
    for delimiter in (",", ";", "\t"):
        text = a_file(a_row(market), delimiter=delimiter, end=end).decode()
        found = check(market, "listings", text.encode(encoding))
        assert (found.created, found.faults) == (1, [])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"\0\1\2",
        b"external_id,title\n",
        codecs.BOM_UTF16_LE + b"\0",
        "external_id\nx\n".encode("utf-16-le"),
        b'external_id\n"never closed',
        b"%PDF-1.7 \x89\x81",
        b"PK\x03\x04 a workbook",
    ],
)
def test_what_is_no_csv_is_refused_in_words(market: factories.Market, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        check(market, "listings", content)
    assert refused.value.errors["csv"]


def test_missing_unknown_and_repeated_columns_are_named(market: factories.Market) -> None:
    row = a_row(market)
    for change, reason in (
        ({k: v for k, v in row.items() if k not in ("title", "prices")}, "missing: title, prices"),
        ({k: v for k, v in row.items() if k != "external_id"}, "external_id is missing"),
        (row | {"pric": "1"}, "not known: pric"),
    ):
        with pytest.raises(Invalid, match=reason):
            check(market, "listings", a_file(change))
    with pytest.raises(Invalid, match="there twice"):
        check(market, "listings", a_file(row).replace(b"summary", b"title", 1))
    with pytest.raises(Invalid, match="larger than 8 MB"):
        check(market, "listings", b"x" * (8 * 1024 * 1024 + 1))
    with pytest.raises(Invalid, match="more than 5,000 rows"):
        check(market, "listings", b"external_id\n" + b"x\n" * 5_001)


def test_none_empties_a_cell_and_an_empty_cell_changes_nothing(market: factories.Market) -> None:
    bring_in(market, "listings", a_file(a_row(market, inclusions="emr-access")))
    row = {"external_id": "cardio-01", "summary": "", "inclusions": ""}
    assert check(market, "listings", a_file(row)).changes == []
    bring_in(market, "listings", a_file(row | {"summary": "none", "inclusions": "None"}))
    [made] = imported(market)
    assert (made.summary, made.inclusions, made.title) == ("", [], "Cardiology clinic")


def test_a_changed_row_changes_only_its_listing(market: factories.Market) -> None:
    rows = [a_row(market), a_row(market, external_id="b")]
    bring_in(market, "listings", a_file(*rows))
    start = factories.monday(21)
    changed = a_row(market, external_id="b", prices="4:1700|8:3000", starts=str(start))
    made = bring_in(market, "listings", a_file(rows[0], changed))
    assert (made.updated, made.unchanged) == (1, 1)
    row = next(row for row in imported(market) if row.external_id == "b")
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        blocks = session.scalars(select(Block).where(Block.rotation_id == row.id)).all()
        starts = session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all()
        assert {b.weeks: b.price_cents for b in blocks} == {4: 170_000, 8: 300_000}
        assert start in [s.start_on for s in starts] and len(starts) == 3  # added, none closed


def test_a_changed_scope_needs_a_new_signature(market: factories.Market) -> None:
    bring_in(market, "listings", a_file(a_row(market)))
    with open_session(context.agency(market.agency_id)) as session:
        operations.ask_signature(session, market.staff_actor, imported(market)[0].id)
    tasks = {"activities": "take-history:yes"}
    bring_in(market, "listings", a_file(a_row(market, **tasks)))
    assert imported(market)[0].version == 2
    bring_in(market, "listings", a_file(a_row(market, **tasks, title="Other words")))
    assert imported(market)[0].version == 2


# --- live listings ------------------------------------------------------------------------------


def live(market: factories.Market, **more: str) -> dict[str, str]:
    """The market's published rotation as a row, changed by `more`."""
    [row] = support.rows_of(support.export(market, "listings"))
    return row | more


def test_a_live_listing_keeps_its_version_and_the_change_waits(market: factories.Market) -> None:
    made = bring_in(
        market, "listings", a_file(live(market, title="Other title", prices="2:900|4:1650|8:3000"))
    )
    assert (made.state, made.updated) == ("done", 1)
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        row = session.get_one(Rotation, market.rotation_id)
        draft = session.get_one(ListingDraft, market.rotation_id)
        assert (row.title, row.public, row.version) == ("Cardiology clinic externship", True, 1)
        assert draft.values == {"title": "Other title"} and draft.prices["2"] == 90_000
        assert (draft.version, draft.saved_by) == (2, "Maya Clerk")
        wanted = drafts.working(session, market.slug)
        assert operations.missing_for_publish(session, wanted) == ()  # nothing signed was touched


def test_a_signed_fact_of_a_live_listing_waits_for_the_signature(market: factories.Market) -> None:
    bring_in(market, "listings", a_file(live(market, activities="take-history:yes")))
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert session.get_one(Rotation, market.rotation_id).activities == factories.HANDS_ON
        wanted = drafts.working(session, market.slug)
        codes = {item.code for item in operations.missing_for_publish(session, wanted)}
        assert "signature" in codes


def test_a_live_listing_keeps_lengths_that_may_be_booked(market: factories.Market) -> None:
    found = faults(market, live(market, prices="4:1650"))
    assert found[0][:2] == (2, "prices") and "on sale" in found[0][2]


def test_another_attending_waits_until_no_seat_is_taken(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        other = factories.attending(session, "Olu Other")
        factories.affiliation(session, market.agency_id, other.id)
        npi = other.npi
    assert faults(market, live(market, attending_npi=npi)) == []
    factories.booking(market, factories.candidate(), "held")
    [(line, column, reason)] = faults(market, live(market, attending_npi=npi))
    assert (line, column) == (2, "attending_npi") and "Seats are taken" in reason


def test_an_archived_listing_stays(market: factories.Market) -> None:
    row = live(market, title="Other")
    with open_session(context.agency(market.agency_id)) as session:
        operations.archive(session, market.staff_actor, market.rotation_id)
    [(line, column, reason)] = faults(market, row)
    assert (line, column) == (2, "external_id") and "archived" in reason


def test_another_agencys_listing_with_the_same_id_is_not_touched(
    market: factories.Market,
) -> None:
    other = factories.market()
    bring_in(market, "listings", a_file(a_row(market)))
    bring_in(other, "listings", a_file(a_row(other, title="Other agency's")))
    assert imported(market)[0].title == "Cardiology clinic"
    assert imported(other)[0].title == "Other agency's"
    # and its name in an address is nobody's here
    with pytest.raises(Invalid, match="A new listing needs them"):
        check(market, "listings", a_file({"external_id": other.slug, "title": "Mine now"}))


def test_a_doctor_of_another_agency_is_invited_first(market: factories.Market) -> None:
    other = factories.market()
    found = faults(market, a_row(market, attending_npi=support.npi_of(other)))
    assert [fault[1] for fault in found] == ["attending_npi"]


@pytest.mark.parametrize("role", ["finance", "read-only"])
def test_roles_that_do_not_edit_cannot_import(market: factories.Market, role: str) -> None:
    actor = Actor("agency", market.staff[role], market.agency_id, role=role)
    content = a_file(support.a_site())
    key = support.upload(market, "sites", content)
    steps: list[Callable[[], object]] = [
        lambda: check(market, "sites", content, actor),
        lambda: support.start(market, key, actor),
        lambda: support.undo(market, key, actor),
    ]
    for step in steps:
        with pytest.raises(Forbidden):
            step()


# --- publishing an imported draft ---------------------------------------------------------------


def test_notice_holds_at_once_as_on_the_page(market: factories.Market) -> None:
    """Also of a live listing: near starts close, candidates see it, no draft is made; an undo opens
    them again."""
    before = starts_of(market)
    near, *later = sorted(before)
    days = (near - clock.today("America/Chicago")).days + 1  # the site's day
    made = bring_in(
        market, "listings", a_file({"external_id": market.slug, "notice_days": f"{days}"})
    )
    assert (made.state, made.updated) == ("done", 1)
    after = starts_of(market)
    assert after[near] and not any(after[day] for day in later)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Rotation, market.rotation_id).notice_days == days
        assert session.get(ListingDraft, market.rotation_id) is None
        told = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "search.index"))
        assert [row.payload for row in told] == [{"rotation_ids": [str(market.rotation_id)]}]
        act = session.scalars(select(AuditEntry).where(AuditEntry.action == "listing.notice")).one()
        assert act.detail == {"days": days} and act.agency_id == market.agency_id
    again = {"external_id": market.slug, "notice_days": str(days)}
    assert check(market, "listings", a_file(again)).unchanged == 1
    assert support.undo(market, made.id).state == "undone"
    assert starts_of(market) == before


def starts_of(market: factories.Market) -> dict[date, bool]:
    """Whether each start of the market's listing is closed."""
    with open_session(factories.a_system(), readonly=True) as session:
        rows = session.scalars(select(Offering).where(Offering.rotation_id == market.rotation_id))
        return {row.start_on: row.closed_at is not None for row in rows}


def test_an_imported_draft_opens_only_after_the_signature(market: factories.Market) -> None:
    letter = {"letter": "writes-when-earned", "letterhead": "practice"}
    bring_in(market, "listings", a_file(a_row(market, **letter)))
    [row] = imported(market)
    with (
        pytest.raises(Invalid) as refused,
        open_session(context.agency(market.agency_id)) as session,
    ):
        operations.publish(session, market.staff_actor, row.id)
    assert list(refused.value.errors) == ["signature"]
    with open_session(context.agency(market.agency_id)) as session:
        asked = operations.ask_signature(session, market.staff_actor, row.id).id
    sign(market, asked, row)
    with open_session(context.agency(market.agency_id)) as session:
        opened = operations.publish(session, market.staff_actor, row.id)
        assert opened.level == "hands-on-outpatient"
    with open_session(context.public(), readonly=True) as session:
        assert session.get(Rotation, row.id) is not None
        assert len(session.scalars(select(Offering).where(Offering.rotation_id == row.id)).all())


def sign(market: factories.Market, asked: UUID, row: Rotation) -> None:
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


def test_time_is_the_sites(market: factories.Market) -> None:
    """A start that is today at the site is too near, whatever UTC says."""
    start = factories.monday(1)
    clock.advance(
        timedelta(days=(start - clock.now().date()).days, hours=(9 - clock.now().hour) % 24)
    )
    assert faults(market, a_row(market, starts=str(start)))


def test_the_guide_names_every_column() -> None:
    from marketplace.core.pages import ROOT
    from marketplace.imports.catalog import KINDS

    guide = (ROOT / "docs" / "import.md").read_text()
    columns = [column.name for kind in KINDS.values() for column in kind.columns]
    assert [name for name in columns if f"`{name}`" not in guide] == []
    assert len(COLUMNS) == len({column.name for column in COLUMNS})
