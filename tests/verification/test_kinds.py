"""Which papers are asked of whom: by the kind of agency, by the setting of a site's listings."""

from collections.abc import Iterator

import pytest
from flask import Flask

from marketplace.admin import list_edit
from marketplace.core import clock, freshness, lists, reference
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid
from marketplace.listings.models import Rotation
from marketplace.listings.standing import stops
from marketplace.tenants.models import Agency
from marketplace.verification import kinds, queries, standing
from tests import factories
from tests.verification import support

WHY = "Its registration says that it is a school."


@pytest.fixture
def _lists_as_shipped() -> Iterator[None]:
    yield
    reference.use(-1, {}, {})
    freshness.forget()


def kind_is(slug: str, **cells: str) -> None:
    """An admin changes a kind of evidence at /admin/lists."""
    before = {row["slug"]: row for row in reference.rows("evidence_kinds")}
    values = {**before.get(slug, before["registration"]), "slug": slug, **cells}
    with open_session(factories.a_system()) as session:
        list_edit.save(
            session,
            support.ADMIN,
            list_edit.sheet("evidence_kinds"),
            values,
            retired=False,
            version=lists.version_of(session, "evidence_kinds", slug),
            reason="Asked by our insurer",
        )
    freshness.forget()
    freshness.refresh()
    support.work("verification.kinds_changed")


def kind_of_agency(market: factories.Market, kind: str) -> None:
    with open_session(factories.a_system()) as session:
        standing.set_kind(
            session, support.ADMIN, market.agency_id, kind, "It is the hospital itself."
        )


@pytest.mark.usefixtures("_lists_as_shipped")
def test_a_paper_is_asked_of_one_kind_of_agency(app: Flask) -> None:
    kind_is("tax-number", required="yes", agency_kinds="hospital|school")
    market = factories.market()
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).state = "new"
    agency = support.agency_of(market)
    assert "tax-number" not in [one.slug for one in kinds.required(agency)]
    shown = {one.kind.slug: one.kind.required for one in queries.by_kind(agency, ())}
    assert shown["tax-number"] is False  # on the checklist it is not asked for
    kind_of_agency(market, "hospital")
    agency = support.agency_of(market)
    assert "tax-number" in [one.slug for one in kinds.required(agency)]
    support.upload(market, "registration", None)
    support.upload(market)
    with pytest.raises(Invalid) as refused:
        support.send(market)
    assert "tax number letter" in refused.value.errors["send"]
    kind_of_agency(market, "practice")
    support.send(market)
    support.decide(market)
    assert support.agency_of(market).takes_bookings


@pytest.mark.usefixtures("_lists_as_shipped")
def test_the_end_of_a_paper_counts_where_it_is_asked(app: Flask) -> None:
    market = support.approved(until=20)
    support.pass_days(21)
    assert not support.agency_of(market).takes_bookings
    kind_is("insurance", agency_kinds="hospital")
    assert support.agency_of(market).takes_bookings  # with the change, not with the next paper
    kind_of_agency(market, "hospital")
    assert not support.agency_of(market).takes_bookings
    kind_of_agency(market, "agency")
    assert support.agency_of(market).takes_bookings


@pytest.mark.usefixtures("_lists_as_shipped")
@pytest.mark.parametrize("kind", ["site-letter", "site-permit"])
def test_a_site_paper_is_asked_in_its_settings(app: Flask, kind: str) -> None:
    market = support.approved()
    cells = {"subject": "site", "expiry": "required", "max_days": "1100", "label": "Site permit"}
    kind_is(kind, **cells, required="yes", settings="outpatient")
    assert standing_of_listing(market) == ["site-letter"]
    support.pass_days(0)
    assert support.rotation_of(market).withheld
    support.upload(market, kind, 60, site_id=market.site_id)
    support.send(market)
    support.decide(market)
    assert support.rotation_of(market).public and standing_of_listing(market) == []
    support.pass_days(62)
    assert support.rotation_of(market).withheld
    kind_is(kind, **cells, required="yes", settings="inpatient")
    support.pass_days(0)
    assert support.rotation_of(market).public  # nobody asks this setting for it any more
    kind_is(kind, **cells, required="yes", settings="outpatient", agency_kinds="school")
    support.pass_days(0)
    assert support.rotation_of(market).public
    kind_of_agency(market, "school")
    support.pass_days(0)
    assert support.rotation_of(market).withheld


def standing_of_listing(market: factories.Market) -> list[str]:
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.get_one(Rotation, market.rotation_id)
        return [stop.code for stop in stops(row, clock.today(row.site.time_zone))]


def test_who_may_say_what_an_agency_is(app: Flask) -> None:
    market = support.approved()
    with open_session(factories.a_system()) as session, pytest.raises(Forbidden):
        standing.set_kind(session, support.owner(market), market.agency_id, "school", WHY)
    for kind, why in (("bank", WHY), ("school", "short")):
        with open_session(factories.a_system()) as session, pytest.raises(Invalid):
            standing.set_kind(session, support.ADMIN, market.agency_id, kind, why)
