"""An export that is imported again changes nothing, whatever is in it and whoever saved it."""

import codecs
import csv
import io
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.core import spreadsheets
from marketplace.core.db import open_session
from marketplace.imports.catalog import KINDS, template
from marketplace.imports.planning import escaped, unescaped
from marketplace.listings import drafts
from marketplace.listings.models import Rotation, Site
from tests import factories
from tests.imports import support
from tests.imports.support import a_doctor, a_file, a_row, a_site, a_start, bring_in, check

NASTY = 'Commas, "quotes"; São — 東京\nand =a line | more'


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def fill(market: factories.Market) -> None:
    """Something of everything, with texts that break bad writers of CSV."""
    bring_in(
        market,
        "sites",
        a_file(a_site(name='St. "Mary", South; Wing', affiliation="'+1 School"), a_site()),
    )
    bring_in(market, "attendings", a_file(a_doctor(1), a_doctor(2, name="José Ñandú, MD")))
    listings = [
        a_row(
            market,
            external_id="full",
            summary=NASTY,
            title="'=cmd|' /C calc'!A0",
            week="monday-morning:Clinic: new patients|friday-afternoon:Ward",
            inclusions="emr-access|orientation-day",
            letter="writes-when-earned",
            letterhead="hospital",
            letter_eras="yes",
            cancellation="60:100|30:50",
            price_shares="attending:55|site:10",
            exams="usmle_step_1",
            documents="none",
            entry_statuses="b-1|f-1",
            hospital_share="30",
            legal_basis="-- school agreement\n@2027",
            vslo_only="yes",
            preapproved="yes",
            notice_days="60",
        ),
        a_row(market, external_id="-1", title="@home", type="virtual", setting="remote",
              activities="", summary="'none"),
        a_row(market, external_id="none", type="research", activities="", accepts="graduate"),
    ]  # fmt: skip
    columns = dict.fromkeys(name for row in listings for name in row)
    made = bring_in(
        market, "listings", a_file(*({c: r.get(c, "") for c in columns} for r in listings))
    )
    assert (made.state, made.created) == ("done", 3), made.faults
    bring_in(market, "offerings", a_file(a_start(market), a_start(market, 33, open="no")))


def resaved(content: bytes, how: str) -> bytes:
    """The file as a spreadsheet program saves it again."""
    text = content.decode("utf-8-sig")
    if how == "excel":
        return codecs.BOM_UTF8 + text.encode()
    if how == "semicolons":
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=";").writerows(csv.reader(io.StringIO(text, newline="")))
        return out.getvalue().encode()
    return text.encode("utf-16")


@pytest.mark.parametrize("how", ["excel", "semicolons", "utf-16"])
def test_every_kind_comes_back_the_same(market: factories.Market, how: str) -> None:
    fill(market)
    for kind in KINDS:
        content = support.export(market, kind)
        found = check(market, kind, resaved(content, how))
        assert (found.faults, [c.columns for c in found.changes]) == ([], [])
        assert found.rows == found.unchanged == len(support.rows_of(content)) > 2


def test_no_cell_of_an_export_is_run_by_a_spreadsheet(market: factories.Market) -> None:
    fill(market)
    for kind in KINDS:
        for row in support.rows_of(support.export(market, kind)):
            assert not [cell for cell in row.values() if spreadsheets.is_formula(cell)]


def test_a_listing_arrives_in_another_agency_as_it_left(market: factories.Market) -> None:
    """What the columns hold is all there: imported elsewhere, it exports the same cells."""
    fill(market)
    other = factories.market()
    npi = support.npi_of(other)
    rows = [
        row | {"attending_npi": npi, "site_kind": "clinic"}
        for row in support.rows_of(support.export(market, "listings"))
        if row["external_id"] != market.slug
    ]
    skipped = {"site_kind": "", "interaction": "", "starts": "", "capacity": ""}
    for row in rows:
        row["documents"] = row["documents"] or "none"  # empty means: those of the type
    made = bring_in(
        other, "listings", a_file(*(row | skipped | {"site_kind": "clinic"} for row in rows))
    )
    assert (made.state, made.created) == ("done", 3), made.faults
    there = {row["external_id"]: row for row in support.rows_of(support.export(other, "listings"))}
    for row in rows:
        row["documents"] = row["documents"].replace("none", "")
        found = there[row["external_id"]]
        assert [n for n in row.keys() - skipped.keys() if found[n] != row[n]] == []


def test_what_is_published_and_drafted_is_exported_as_it_is_written(
    market: factories.Market,
) -> None:
    with open_session(factories.a_system()) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, {"title": "In the draft"})
    [row] = support.rows_of(support.export(market, "listings"))
    assert row["title"] == "In the draft"
    assert check(market, "listings", support.export(market, "listings")).changes == []


def test_every_template_can_be_read_back(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        place = session.get_one(Site, market.site_id)
        place.name, place.city = "Another place", "boston-ma"
    for name, kind in KINDS.items():
        found = check(market, name, template(kind))
        known = {"listing", "attending_npi"}  # an example is nobody's listing or doctor
        assert [f for f in found.faults if f.column not in known] == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet=st.sampled_from("'=+-@\tnoneNONE \"|,;x東"), max_size=12))
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    text = text.strip()
    [line] = spreadsheets.read(
        spreadsheets.write([["cell", "x"], [escaped(text), "1"]]), max_rows=9
    ).lines
    cell = spreadsheets.plain_cell(line.cells["cell"])
    assert unescaped(cell) == text
    assert not spreadsheets.is_formula(line.cells["cell"])
    assert text == "" or cell.lower() != "none"


def test_old_values_that_a_page_does_not_offer_stay(market: factories.Market) -> None:
    """A listing from before a list changed: it is the same, and its other columns may change."""
    old: dict[str, Any] = {"inclusions": ["orientation", "emr-access"], "price_parts": [["x", 3]]}
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, market.rotation_id)
        for name, value in old.items():
            setattr(row, name, value)
    [cells] = support.rows_of(support.export(market, "listings"))
    assert check(market, "listings", a_file(cells)).changes == []
    bring_in(market, "listings", a_file(cells | {"title": "Another title", "preapproved": "yes"}))
    with open_session(factories.a_system(), readonly=True) as session:
        row = drafts.working(session, market.slug)
        assert (row.title, row.preapproved) == ("Another title", True)
        assert {name: getattr(row, name) for name in old} == old
