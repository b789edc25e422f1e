"""Each guard of an import, taken away: then something else shows that it stood there."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from marketplace.core.errors import Invalid
from marketplace.imports import operations
from marketplace.listings import availability, drafts, places
from tests import factories
from tests.imports import support
from tests.imports.support import a_doctor, a_file, a_site, a_start, check


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def twin(market: factories.Market) -> tuple[str, bytes]:
    [row] = support.rows_of(support.export(market, "sites"))
    return "sites", a_file(
        {"id": ""} | a_site(), row | {"name": "HARBOR GENERAL", "city": "boston-ma"}
    )


def moved(market: factories.Market) -> tuple[str, bytes]:
    factories.booking(market, factories.candidate(), "held")
    [row] = support.rows_of(support.export(market, "sites"))
    return "sites", a_file(row | {"city": "boston-ma"})


def bad_address(market: factories.Market) -> tuple[str, bytes]:
    return "attendings", a_file(a_doctor(1, email="nowhere"))


def same_address(market: factories.Market) -> tuple[str, bytes]:
    return "attendings", a_file(a_doctor(1), a_doctor(2, email="doctor1@hospital.example.org"))


def fewer_lengths(market: factories.Market) -> tuple[str, bytes]:
    return "listings", a_file({"external_id": market.slug, "prices": "4:1650"})


def near_start(market: factories.Market) -> tuple[str, bytes]:
    return "offerings", a_file(a_start(market, 1))


def too_many_seats(market: factories.Market) -> tuple[str, bytes]:
    return "offerings", a_file(a_start(market, 20, seats="21"))


def too_few_seats(market: factories.Market) -> tuple[str, bytes]:
    for name in ("Ana One", "Ana Two"):
        factories.booking(market, factories.candidate(name), "held")
    return "offerings", a_file(a_start(market, 20, seats="1"))


GUARDS: list[tuple[Callable[[factories.Market], tuple[str, bytes]], Any, str, str]] = [
    (twin, places, "check_place", "name"),
    (moved, places, "check_place", "city"),
    (same_address, places, "check_new", "email"),
    (fewer_lengths, drafts, "check_change", "prices"),
    (near_start, availability, "check_new_starts", "start"),
    (too_many_seats, availability, "check_seats", "seats"),
    (too_few_seats, availability, "check_seats", "seats"),
]


@pytest.mark.parametrize(("make", "room", "name", "column"), GUARDS)
def test_the_pages_own_rule_refuses_the_row(
    market: factories.Market,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[factories.Market], tuple[str, bytes]],
    room: Any,
    name: str,
    column: str,
) -> None:
    """With the rule the cell is named; without it nothing else would stop the row."""
    kind, content = make(market)
    assert column in {fault.column for fault in check(market, kind, content).faults}
    monkeypatch.setattr(room, name, lambda *a, **k: None)
    assert check(market, kind, content).faults == []


def test_an_address_is_an_address(market: factories.Market) -> None:
    kind, content = bad_address(market)
    [fault] = check(market, kind, content).faults
    assert (fault.column, fault.line) == ("email", 2)


def test_a_blackout_keeps_starts_out(market: factories.Market) -> None:
    from marketplace.core import context
    from marketplace.core.db import open_session

    day = factories.monday(30)
    with open_session(context.agency(market.agency_id)) as session:
        availability.black_out(
            session,
            market.staff_actor,
            market.agency_id,
            site_id=None,
            attending_id=None,
            first=day,
            last=day,
            reason="Move",
        )
    content = a_file(a_start(market, 30), a_start(market, 33))
    [fault] = check(market, "offerings", content).faults
    assert (fault.line, fault.column) == (2, "start") and "blackout: Move" in fault.reason


def test_a_closed_start_opens_only_when_it_may(market: factories.Market) -> None:
    made = support.bring_in(market, "offerings", a_file(a_start(market, 20, open="no")))
    assert made.updated == 1
    opened = a_file(a_start(market, 20, open="yes"))
    assert check(market, "offerings", opened).faults == []
    from datetime import timedelta

    from marketplace.core import clock

    clock.advance(timedelta(weeks=19, days=3))
    [fault] = check(market, "offerings", opened).faults
    assert "too near" in fault.reason


def test_another_address_of_a_known_attending_is_said(market: factories.Market) -> None:
    [row] = support.rows_of(support.export(market, "attendings"))
    [fault] = check(market, "attendings", a_file(row | {"email": "new@example.org"})).faults
    assert fault.column == "email" and "doctor@example.org" in fault.reason


def test_an_unknown_site_id_and_listing_are_said(market: factories.Market) -> None:
    [fault] = check(market, "sites", a_file(a_site() | {"id": "nobody"})).faults
    assert fault.column == "id"
    [fault] = check(market, "offerings", a_file(a_start(market, listing="nobody"))).faults
    assert fault.column == "listing"


def test_a_row_with_too_many_cells_is_named(market: factories.Market) -> None:
    content = a_file(a_site()) + b"Second,boston-ma,clinic,outpatient,none,extra\n"
    [fault] = check(market, "sites", content).faults
    assert (fault.line, fault.column) == (3, "") and "more cells" in fault.reason


def test_a_file_that_is_too_large_is_refused_before_it_is_read(market: factories.Market) -> None:
    with pytest.raises(Invalid, match="larger"):
        check(market, "sites", b"a" * (operations.planning.MAX_BYTES + 1))
