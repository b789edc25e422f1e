"""Attendings looked up in files: clear, a finding, silence; what follows, and when again."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask

from marketplace.bookings import operations as bookings
from marketplace.bookings.operations import Wanted
from marketplace.core import clock, context, jobs
from marketplace.core.context import GUEST
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Invalid, NotFound
from marketplace.listings.models import Attending
from marketplace.verification import attendings, sources
from marketplace.verification.models import AttendingCheck
from marketplace.verification.sources import FileSource, Found
from tests import factories
from tests.verification import support
from tests.verification.support import ADMIN

TODAY = date(2026, 11, 27)


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return support.approved()


@pytest.fixture
def folder(app: Flask, tmp_path: Path, market: factories.Market):
    yield support.lists(tmp_path, doctor(market).npi)
    sources.configure("")


def doctor(market: factories.Market) -> Attending:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Attending, market.attending_id)


def check(market: factories.Market, what: str) -> AttendingCheck:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(AttendingCheck, (market.attending_id, what))


def look(market: factories.Market) -> None:
    jobs.run_tick("listings.follow_checks")  # watches whom nobody looks up yet
    if not support.work(attendings.TOPIC):
        with open_session(factories.a_system()) as session:
            attendings.check_again(session, ADMIN, market.attending_id)
        support.work(attendings.TOPIC)


def test_clear(market: factories.Market, folder: Path) -> None:
    look(market)
    found = doctor(market)
    assert found.npi_checked_at and found.license_checked_at and found.exclusion_checked_at
    assert found.verified_until == (clock.now() + attendings.GOOD_FOR).date()
    assert found.checks["license"]["words"] == "Active in IL until Jan 1, 2090"
    assert found.checks["registry"]["source"] == "National provider registry"
    assert check(market, "exclusion").source_on == clock.wall().date()
    assert support.rotation_of(market).public


def test_a_license_that_ends_sooner_ends_the_rest(market: factories.Market, folder: Path) -> None:
    until = support.days(40)
    support.lists(folder, doctor(market).npi, until=until.isoformat())
    look(market)
    assert doctor(market).verified_until == until
    support.pass_days(42)  # over at the site, too, whose day may still be yesterday's
    assert support.rotation_of(market).withheld


def test_an_exclusion_closes_at_once_and_nothing_else(
    market: factories.Market, folder: Path
) -> None:
    look(market)
    made = factories.booking(market, factories.candidate(), "requested")
    listed = f"npi,name,excluded_on\n{doctor(market).npi},Isabel Fuentes,2026-05-20\n"
    (folder / "exclusions.csv").write_text(listed)
    look(market)
    found = doctor(market)
    assert found.excluded_at and found.verified_until is None
    assert support.rotation_of(market).withheld
    with open_session(factories.a_system()) as session:  # even a listing that stayed open
        row = session.get_one(type(support.rotation_of(market)), market.rotation_id)
        row.state, row.public, row.withheld = "published", True, False
    person = factories.candidate("Cy New")
    with pytest.raises(Conflict, match="new trainees"), open_session(person.scope) as session:
        wanted = Wanted(market.rotation_id, market.offerings[2], 4, "form")
        bookings.hold(session, person.actor, wanted)
    jobs.run_tick("listings.follow_checks")
    support.no_violations()
    assert made.state == "requested"
    (folder / "exclusions.csv").write_text("npi,name,excluded_on\n")
    look(market)
    assert doctor(market).excluded_at is None and support.rotation_of(market).public


@pytest.mark.parametrize("status", ["lapsed", "suspended"])
def test_a_bad_license_closes(market: factories.Market, folder: Path, status: str) -> None:
    support.lists(folder, doctor(market).npi, status=status)
    look(market)
    assert doctor(market).verified_until is None and not doctor(market).excluded_at
    assert status in check(market, "license").words
    assert support.rotation_of(market).withheld


def test_silence_changes_no_fact_until_it_is_too_long(
    market: factories.Market, folder: Path
) -> None:
    look(market)
    before = doctor(market)
    for name in ("registry", "licenses", "exclusions"):
        (folder / f"{name}.csv").write_text("no,such,columns\n1,2,3\n")
    clock.advance(timedelta(days=60))
    look(market)
    now = doctor(market)
    assert (now.verified_until, now.license_checked_at) == (
        before.verified_until,
        before.license_checked_at,
    )
    row = check(market, "exclusion")
    assert row.result == "clear" and row.tried_at is not None and row.clear_at is not None
    assert row.tried_at - row.clear_at > timedelta(days=59)
    assert row.next_at <= clock.now() + attendings.AFTER_FAILURE
    assert attendings.stale_since(row, clock.now()) == row.clear_at
    assert attendings.stale_since(check(market, "registry"), clock.now()) is None
    support.pass_days(310)
    assert support.rotation_of(market).withheld  # a year without a word


def test_without_a_source_nobody_becomes_verified(market: factories.Market) -> None:
    sources.configure("")
    with open_session(factories.a_system()) as session:
        session.get_one(Attending, market.attending_id).verified_until = None
    look(market)
    assert doctor(market).verified_until is None
    row = check(market, "registry")
    assert (row.result, row.words) == ("failed", "No list is set up on this installation.")


def test_by_hand(market: factories.Market) -> None:
    """An admin who read it at the source: same effect, with the name in the audit log."""
    look(market)
    found = {
        "registry": Found("registry", "clear", "Active, read on the registry's page", "By hand"),
        "license": Found(
            *("license", "clear", "Active in IL", "By hand"), valid_until=support.days(400)
        ),
        "exclusion": Found("exclusion", "clear", "Not on the list of November", "By hand"),
    }
    for one in found.values():
        with open_session(factories.a_system()) as session:
            attendings.record_by_hand(session, ADMIN, market.attending_id, one)
    assert doctor(market).verified_until == (clock.now() + attendings.GOOD_FOR).date()
    refusals = [
        (GUEST, market.attending_id, found["license"], Forbidden),
        (ADMIN, UUID(int=1), found["license"], NotFound),
        (ADMIN, market.attending_id, Found("license", "clear", "Active", "By hand"), Invalid),
        (ADMIN, market.attending_id, Found("registry", "clear", " ", "By hand"), Invalid),
    ]
    for actor, key, one, kind in refusals:
        with pytest.raises(kind), open_session(factories.a_system()) as session:
            attendings.record_by_hand(session, actor, key, one)


def test_due_rows_and_a_corrected_number(market: factories.Market, folder: Path) -> None:
    look(market)
    with open_session(factories.a_system(), readonly=True) as session:
        assert attendings.due(session) == []
    clock.advance(timedelta(days=31))
    with open_session(factories.a_system(), readonly=True) as session:
        assert [one.attending_id for one in attendings.due(session)] == [market.attending_id]
    jobs.run_tick("verification.check_due")
    with open_session(factories.a_system(), readonly=True) as session:
        assert attendings.due(session) == []
    with open_session(factories.a_system()) as session:
        assert attendings.watch(session, market.attending_id, "1234567893")
    late = Found("registry", "clear", "Active", "Old answer")
    with open_session(factories.a_system()) as session:  # an answer about the old number
        attendings.record(session, market.attending_id, "0", [late])
    assert check(market, "registry").result == "waiting"


def test_anybody_may_read_what_was_checked_and_nobody_may_write(
    market: factories.Market, folder: Path
) -> None:
    look(market)
    for scope in (context.public(), context.agency(market.agency_id)):
        with open_session(scope, readonly=True) as session:
            assert session.get(AttendingCheck, (market.attending_id, "license")) is not None
    with (
        pytest.raises(Exception, match=r"wall|scope|row-level"),
        open_session(context.person(market.attending_id)) as session,
    ):
        session.get_one(AttendingCheck, (market.attending_id, "license")).result = "clear!"
        session.flush()


@pytest.mark.parametrize(
    ("what", "line", "result"),
    [
        ("registry", "9,A B,IL,deactivated", "problem"),
        ("registry", "8,A B,IL,active", "problem"),
        ("license", "9,IL,1,active,not a date", "failed"),
        ("license", "9,IL,1,active,2026-11-26", "problem"),
        ("license", "9,IL,1,active,2026-11-27", "clear"),
        ("exclusion", "9,A B,2020-01-01", "problem"),
        ("exclusion", "8,A B,2020-01-01", "clear"),
    ],
)
def test_files(tmp_path: Path, what: sources.What, line: str, result: str) -> None:
    name, columns = {
        "registry": ("registry.csv", "npi,name,state,status"),
        "license": ("licenses.csv", "npi,state,number,status,expires_on"),
        "exclusion": ("exclusions.csv", "npi,name,excluded_on"),
    }[what]
    (tmp_path / name).write_text(f"{columns}\n{line}\n")
    assert FileSource(tmp_path).look_up(what, "9", TODAY).result == result
