"""Importing by the worker: all or nothing, once, and taken back exactly."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts.models import Membership
from marketplace.core import clock, context, jobs
from marketplace.core.audit import AuditEntry
from marketplace.core.db import Base, open_session
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.core.storage import StoredFile
from marketplace.imports import journal, operations, planning
from marketplace.listings import availability, drafts, places
from marketplace.listings import operations as listings
from marketplace.listings.draft_models import ListingDraft
from marketplace.listings.models import (
    Affiliation,
    Attending,
    Block,
    Offering,
    Rotation,
    ScopeSignature,
    Site,
)
from tests import factories
from tests.imports import support
from tests.imports.support import a_doctor, a_file, a_row, a_site, a_start, bring_in, check

Everything = dict[str, list[tuple[Any, ...]]]
TABLES = ("site", "affiliation", "rotation", "block", "offering", "listing_draft")


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def everything(market: factories.Market) -> Everything:
    """Every row that an import may write, whole."""
    with open_session(factories.a_system(), readonly=True) as session:
        return {
            name: sorted(
                (tuple(row) for row in session.execute(select(Base.metadata.tables[name]))),
                key=str,
            )
            for name in (*TABLES, "scope_signature")
        }


def count(model: type[Base]) -> int:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def files(market: factories.Market) -> dict[str, bytes]:
    """For each kind, a file that adds something and changes what can be changed."""
    [site] = support.rows_of(support.export(market, "sites"))
    [listing] = support.rows_of(support.export(market, "listings"))
    start = support.rows_of(support.export(market, "offerings"))[0]
    return {
        "sites": a_file(site | {"name": "New name", "kind": "hospital"}, a_site() | {"id": ""}),
        "attendings": a_file(a_doctor(1), a_doctor(2)),
        "listings": a_file(
            listing | {"title": "Changed", "prices": "2:1|4:2|8:3"},
            {name: a_row(market).get(name, "") for name in listing},
        ),
        "offerings": a_file(start | {"seats": "7", "open": "no"}, a_start(market)),
    }


# --- all or nothing -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sites", "attendings", "listings", "offerings"])
def test_a_dry_run_and_a_bad_row_change_nothing(market: factories.Market, kind: str) -> None:
    before = everything(market)
    good = files(market)[kind]
    support.upload(market, kind, good)
    assert everything(market) == before
    lines = good.decode().splitlines(keepends=True)
    names = lines[0].strip().split(",")
    bad = good + b",".join([b"x"] * len(names)) + b"\n"
    made = support.found(market, support.upload(market, kind, bad))
    assert (made.state, made.bad_rows) == ("faulty", 1)
    assert {fault["line"] for fault in made.faults} == {4}
    with pytest.raises(Conflict):
        support.start(market, made.id)
    assert everything(market) == before


def test_a_file_of_sites_is_linted_as_the_page_is(market: factories.Market) -> None:
    bad = a_file(
        a_site(name="Escrow Clinic"), a_site(affiliation="Write to dean@school.example.edu")
    )
    found = check(market, "sites", bad).faults
    assert [(fault.line, fault.column) for fault in found] == [(2, "name"), (3, "affiliation")]
    assert found[0].reason.startswith("“Escrow”: We hold money")


def test_the_world_may_move_between_check_and_import(market: factories.Market) -> None:
    """What was fine at the dry run is asked again; then all rows fall, the good ones too."""
    rows = a_site(name="First"), a_site(name="Second")
    key = support.upload(market, "sites", a_file(*rows))
    support.start(market, key)
    with open_session(context.agency(market.agency_id)) as session:
        places.save_site(
            session,
            market.staff_actor,
            market.agency_id,
            places.SiteFacts("Taken", "clinic", "outpatient", "Boston, MA"),
        )
        row = operations.own(session, key)
        row.file_id = replaced(session, market, a_file(rows[0], a_site(name="Second", kind="x")))
    before = everything(market)
    factories.run_outbox("imports.run")
    made = support.found(market, key)
    assert (made.state, made.bad_rows) == ("refused", 1)
    assert made.faults[0]["line"] == 3 and everything(market) == before


def replaced(session: Any, market: factories.Market, content: bytes) -> UUID:
    from marketplace.core import storage

    return storage.put(
        session, content, name="x.csv", media_type="text/csv", agency_id=market.agency_id
    )


def test_who_may_not_import_any_more_does_not(market: factories.Market) -> None:
    key = support.upload(market, "sites", a_file(a_site()))
    support.start(market, key)
    with open_session(factories.a_system()) as session:
        work = session.scalars(
            select(Membership).where(Membership.person_id == market.staff["manager"])
        ).one()
        work.role = "finance"
    before = everything(market)
    factories.run_outbox("imports.run")
    made = support.found(market, key)
    assert made.state == "refused" and "may not import" in made.faults[0]["reason"]
    assert everything(market) == before


# --- once, whatever happens ---------------------------------------------------------------------


def test_asking_twice_and_running_twice_imports_once(market: factories.Market) -> None:
    key = support.upload(market, "offerings", a_file(a_start(market)))
    support.start(market, key)
    support.start(market, key)
    with open_session(factories.a_system(), readonly=True) as session:
        [message] = session.scalars(
            select(OutboxMessage).where(OutboxMessage.topic == "imports.run")
        ).all()
    for _ in range(2):
        with open_session(context.agency(market.agency_id)) as session:
            operations.run(session, market.agency_id, key, demo=False)
    jobs.run_message(str(message.id))
    assert count(Offering) == 4
    with open_session(factories.a_system(), readonly=True) as session:
        done = select(func.count()).where(AuditEntry.action == "import.done")
        assert session.scalar(done) == 1


def _die(message: str, after: int) -> None:
    """A worker that is killed in the middle of writing."""
    written = {"rows": 0}
    write: Callable[..., None] = planning.write

    def killed(kind: Any, session: Any, desk: Any, made: Any, tell: Any = None) -> None:
        def told(done: int) -> None:
            written["rows"] += 1
            if written["rows"] > after:
                session.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        write(kind, session, desk, made, told)

    planning.write = killed
    jobs.run_message(message)


def test_a_worker_that_is_killed_begins_again(market: factories.Market) -> None:
    content = a_file(*(a_row(market, external_id=f"r-{number}") for number in range(20)))
    key = support.upload(market, "listings", content)
    support.start(market, key)
    before = everything(market)
    with open_session(factories.a_system(), readonly=True) as session:
        message = session.scalars(
            select(OutboxMessage.id).where(OutboxMessage.topic == "imports.run")
        ).one()
        Base.metadata  # noqa: B018
        engine = session.get_bind()
    engine.dispose()  # type: ignore[union-attr]
    worker = multiprocessing.get_context("fork").Process(target=_die, args=(str(message), 12))
    worker.start()
    worker.join(60)
    assert worker.exitcode == -signal.SIGKILL
    assert everything(market) == before
    assert support.found(market, key).state == "queued"
    assert jobs.run_message(str(message)) == "done"
    assert support.found(market, key).state == "done"
    assert len(support.imported(market)) == 20


def test_two_thousand_rows_are_one_import(market: factories.Market) -> None:
    """As many as the issue names, of the heaviest kind. Statements are counted, not seconds."""
    row = a_row(market)
    content = a_file(*(row | {"external_id": f"r-{number:04d}"} for number in range(2_000)))
    statements = counted(lambda: bring_in(market, "listings", content))
    assert statements < 2_000  # new listings are written together, not one by one
    assert (count(Rotation), count(Block), count(Offering)) == (2_001, 4_003, 4_003)
    again = check(market, "listings", content)
    assert (again.unchanged, again.changes, again.faults) == (2_000, [], [])


@pytest.mark.parametrize("live", [False, True])
def test_changed_listings_are_written_together(market: factories.Market, live: bool) -> None:
    """Each with new prices and another signed fact, while its attending is asked to sign: as many
    statements for 250 as for a few, and each listing as if it had been changed alone."""
    row, many = a_row(market), 250
    bring_in(
        market, "listings", a_file(*(row | {"external_id": f"r-{n:03d}"} for n in range(many)))
    )
    with open_session(factories.a_system()) as session:
        for one in session.scalars(select(Rotation).where(Rotation.external_id.is_not(None))):
            session.add(a_request(one))
            if live:
                one.published_at, one.state, one.public = clock.now(), "published", True
    changed = row | {"title": "Changed", "prices": "2:1|4:2|8:3", "hours_per_week": "31"}
    content = a_file(*(changed | {"external_id": f"r-{n:03d}"} for n in range(many)))
    assert counted(lambda: bring_in(market, "listings", content)) < many
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        rows = drafts.workings(session, Rotation.external_id.is_not(None))
        assert {(row.title, row.hours_per_week, row.version) for row in rows} == {
            ("Changed", 31, 2)
        }
        assert {tuple(b.weeks for b in row.blocks) for row in rows} == {(2, 4, 8)}
        own = ScopeSignature.rotation_id.in_([row.id for row in rows])
        asked = session.scalars(select(ScopeSignature).where(own)).all()
        # what is live stays as it was put before the attending; its draft is another version
        assert [row.outdated_at is None for row in asked] == [live] * many
        assert count(ListingDraft) == (many if live else 0)


def a_request(rotation: Rotation) -> ScopeSignature:
    """The attending is asked to sign the present version."""
    return ScopeSignature(
        agency_id=rotation.agency_id,
        rotation_id=rotation.id,
        attending_id=rotation.attending_id,
        version=rotation.version,
        declared=rotation.activities,
    )


def counted(work: Callable[[], object]) -> int:
    """How many statements are sent."""
    from sqlalchemy import Engine, event

    number = {"n": 0}

    def note(*_: Any) -> None:
        number["n"] += 1

    event.listen(Engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return number["n"]


# --- undo ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sites", "attendings", "listings", "offerings"])
def test_an_undone_import_leaves_every_row_as_it_was(market: factories.Market, kind: str) -> None:
    content = files(market)[kind]
    before = everything(market)
    made = bring_in(market, kind, content)
    assert made.state == "done" and everything(market) != before
    undone = support.undo(market, made.id)
    assert (undone.state, undone.undo_refused) == ("undone", [])
    assert everything(market) == before
    # and it can be imported again
    assert bring_in(market, kind, content).state == "done"


def test_a_draft_and_its_signature_come_back(market: factories.Market) -> None:
    """A draft listing that waits for its signature: the import retires the request, the undo
    brings it back with version, lengths and starts."""
    bring_in(market, "listings", a_file(a_row(market)))
    [row] = support.imported(market)
    with open_session(context.agency(market.agency_id)) as session:
        listings.ask_signature(session, market.staff_actor, row.id)
    before = everything(market)
    changed = a_row(market, activities="take-history:yes", prices="8:3000", title="Other")
    made = bring_in(market, "listings", a_file(changed))
    assert support.imported(market)[0].version == 2
    assert support.undo(market, made.id).state == "undone"
    assert everything(market) == before


def test_imports_are_undone_from_the_last_to_the_first(market: factories.Market) -> None:
    before = everything(market)
    first = bring_in(market, "sites", a_file(a_site()))
    second = bring_in(market, "offerings", a_file(a_start(market)))
    with pytest.raises(Conflict):
        support.undo(market, first.id)
    assert support.undo(market, second.id).state == "undone"
    assert support.undo(market, second.id).state == "undone"  # repeating it is harmless
    assert support.undo(market, first.id).state == "undone"
    assert everything(market) == before


def edit_site(market: factories.Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        row = session.scalars(select(Site).where(Site.name == "New name")).one()
        facts = places.SiteFacts("Newer name", "clinic", "outpatient", "Chicago, IL")
        places.save_site(session, market.staff_actor, market.agency_id, facts, row.slug)


def use_site(market: factories.Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        row = session.scalars(select(Site).where(Site.name == "Harbor General")).one()
        day = date(2027, 12, 1)
        availability.black_out(
            session, market.staff_actor, market.agency_id,
            site_id=row.id, attending_id=None, first=day, last=day, reason="Move",
        )  # fmt: skip


def list_attending(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        doctor = session.scalars(select(Attending).where(Attending.npi == support.new_npi(1))).one()
        factories.rotation(
            session, market.agency_id, market.site_id, doctor.id, state="draft", signed_version=None
        )


def edit_draft(market: factories.Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, {"summary": "Later."})


def add_start(market: factories.Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        row = session.scalars(select(Rotation).where(Rotation.external_id == "cardio-01")).one()
        availability.add_starts(session, market.staff_actor, row.id, [factories.monday(40)], 2)


def take_seat(market: factories.Market) -> None:
    with open_session(factories.a_system()) as session:
        row = session.scalars(
            select(Offering).where(Offering.start_on == factories.monday(30))
        ).one()
        row.taken = 1


def save_listing(market: factories.Market) -> None:
    """Somebody whose rows the agency never sees depends on it."""
    from marketplace.saved.models import SavedRotation

    who = factories.candidate()
    with open_session(factories.a_system()) as session:
        row = session.scalars(select(Rotation).where(Rotation.external_id == "cardio-01")).one()
        session.add(SavedRotation(person_id=who.id, rotation_id=row.id))


@pytest.mark.parametrize(
    ("kind", "later", "words"),
    [
        ("sites", edit_site, "was changed after the import"),
        ("sites", use_site, "has a blackout now"),
        ("attendings", list_attending, "has a listing now"),
        ("listings", edit_draft, "changed after the import"),
        ("listings", add_start, "has a start now"),
        ("listings", save_listing, "depends on what was imported"),
        ("offerings", take_seat, "was changed after the import"),
    ],
)
def test_an_undo_is_refused_in_words_when_something_has_happened(
    market: factories.Market, kind: str, later: Callable[[factories.Market], None], words: str
) -> None:
    made = bring_in(market, kind, files(market)[kind])
    later(market)
    before = everything(market)
    refused = support.undo(market, made.id)
    assert refused.state == "done" and words in " ".join(refused.undo_refused)
    assert everything(market) == before


def test_a_booking_keeps_an_imported_start(market: factories.Market) -> None:
    start = factories.monday(20)
    bring_in(market, "offerings", a_file(a_start(market, 30, seats="1")))
    made = bring_in(market, "offerings", a_file(a_start(market, 20, seats="4")))
    assert made.updated == 1
    factories.booking(market, factories.candidate(), "requested")
    # more seats than before are not in use: going back is fine
    assert support.undo(market, made.id).state == "undone"
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Offering).where(Offering.start_on == start)).one()
        assert (row.capacity, row.taken) == (2, 1)


def test_seats_that_are_taken_are_not_taken_back(market: factories.Market) -> None:
    made = bring_in(market, "offerings", a_file(a_start(market, 20, seats="4")))
    with open_session(factories.a_system()) as session:
        row = session.scalars(
            select(Offering).where(Offering.start_on == factories.monday(20))
        ).one()
        row.taken = 3
    refused = support.undo(market, made.id)
    assert refused.state == "done" and refused.undo_refused


# --- walls --------------------------------------------------------------------------------------


def test_another_agencys_import_is_missing(market: factories.Market) -> None:
    other = factories.market()
    key = support.upload(market, "sites", a_file(a_site()))
    steps: list[Callable[[], object]] = [
        lambda: support.start(other, key),
        lambda: support.undo(other, key),
        lambda: support.found(other, key),
    ]
    for step in steps:
        with pytest.raises(NotFound):
            step()
    with (
        pytest.raises(NotFound),
        open_session(context.system("import attendings")) as session,
    ):
        operations.run(session, other.agency_id, key, demo=False)


def test_a_file_of_attendings_sees_only_the_own_list(market: factories.Market) -> None:
    """It runs in a system session: what another agency wrote of a doctor stays there."""
    other = factories.market()
    with open_session(factories.a_system()) as session:
        row = session.scalars(
            select(Affiliation).where(Affiliation.agency_id == other.agency_id)
        ).one()
        row.email = "secret@example.org"
    doctor = {
        "npi": support.npi_of(other),
        "email": "mine@example.org",
        "name": "",
        "specialty": "",
    }
    found = check(market, "attendings", a_file(doctor))
    assert (found.created, found.faults) == (1, [])
    assert b"secret" not in support.export(market, "attendings")
    bring_in(market, "attendings", a_file(doctor))
    assert [row["npi"] for row in support.rows_of(support.export(other, "attendings"))] == [
        doctor["npi"]
    ]


def test_attendings_are_told_by_no_file_and_stay_known(market: factories.Market) -> None:
    made = bring_in(market, "attendings", a_file(a_doctor(1), a_doctor(2)))
    with open_session(factories.a_system(), readonly=True) as session:
        rows = session.scalars(select(OutboxMessage)).all()
    told = [row.payload["occasion"] for row in rows if row.topic == "notifications.tell"]
    assert told == []  # Send on the page of attendings does, or the first list to sign
    support.undo(market, made.id)
    assert count(Affiliation) == 1 and count(Attending) == 3


def test_the_journal_holds_rows_of_the_agency_only(market: factories.Market) -> None:
    made = bring_in(market, "attendings", a_file(a_doctor(1)))
    from marketplace.core import storage

    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert made.journal_id is not None
        assert session.get_one(StoredFile, made.journal_id).agency_id == market.agency_id
        entries = journal.entries_of(storage.read(session, made.journal_id))
    assert {entry.table for entry in entries} == {"affiliation", "attending_invitation"}
    assert ListingDraft.__tablename__ not in journal.NOT_FOLLOWED
