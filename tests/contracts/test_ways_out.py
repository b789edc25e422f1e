"""Everything else that leaves a house: archive, mails, inbox, index, files, jobs, caches.

The answers of pages, CSV files, the API and the feed are walked in `test_matrix` and `test_walls`.
"""

import inspect
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import NoResultFound

from marketplace.accounts.models import Person
from marketplace.archive import leaving
from marketplace.core import context, jobs, outbox, storage
from marketplace.core.context import Scope
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.mail import MailMessage
from marketplace.core.outbox import OutboxMessage
from marketplace.core.storage import StoredFile
from marketplace.notifications.models import Notification
from marketplace.search.documents import document_from
from marketplace.search.listings import facts_in_batches, public_ids
from tests import factories
from tests.contracts import walk
from tests.contracts.callers import ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import PUBLIC, ROWS
from tests.support.counts import on_one_database

OTHER = walk.OTHER


@pytest.fixture
def inside(stage: Stage) -> Iterator[Stage]:
    """The world, for work without a request; put back afterwards."""
    with stage.app.app_context():
        yield stage
    stage.put_back()


# --- archive, index, files ----------------------------------------------------------------------


def test_an_archive_holds_one_house(inside: Stage) -> None:
    for key, other in OTHER.items():
        made = io.BytesIO()
        with open_session(factories.a_system(), readonly=True) as session:
            leaving.write(session, made, inside.world.house(key).market.agency_id)
        with zipfile.ZipFile(made) as packed:
            said = "".join(packed.read(one).decode(errors="replace") for one in packed.namelist())
        assert inside.canaries.found(key, said) != []
        assert inside.canaries.found(other, said) == []


def test_the_index_holds_what_is_public(inside: Stage) -> None:
    with open_session(factories.a_system(), readonly=True) as session:
        documents = [document_from(one) for one in facts_in_batches(session, public_ids(session))]
    assert len(documents) > 2
    for key in OTHER:
        assert inside.canaries.found(key, "".join(str(asdict(one)) for one in documents)) == []


def test_files_are_closed_to_others_and_unreadable_on_disk(inside: Stage) -> None:
    mine, theirs = inside.world.alpha, inside.world.beta
    with open_session(context.agency(theirs.market.agency_id), readonly=True) as session:
        files = session.scalars(select(StoredFile)).all()
        paper = next(one.id for one in files if one.media_type == "text/csv")
    for scope in (
        context.public(),
        context.agency(mine.market.agency_id),
        context.person(mine.candidate.id),
        context.person(theirs.candidate.id),
    ):
        with open_session(scope, readonly=True) as session, pytest.raises(NoResultFound):
            storage.read(session, paper)
    with open_session(context.agency(theirs.market.agency_id), readonly=True) as session:
        assert b"zqagencybeta" in storage.read(session, paper).lower()
    with open_session(factories.a_system(), readonly=True) as session:
        keys = session.scalars(select(StoredFile.id)).all()
    assert len(keys) > 4
    for key in keys:
        assert b"zqagency" not in storage._path(key).read_bytes().lower()


# --- mails and the inbox ------------------------------------------------------------------------


def test_mails_and_notices_go_to_their_house_only(inside: Stage) -> None:
    """Every message of the world is written now, with the canaries in its facts."""
    with open_session(factories.a_system(), readonly=True) as session:
        asked = select(OutboxMessage.topic).where(OutboxMessage.done_at.is_(None))
        telling = {one for one in session.scalars(asked) if one.startswith(("notif", "accounts."))}
    assert factories.run_outbox(*telling) > 20
    owners = inside.world.owners
    with open_session(factories.a_system(), readonly=True) as session:
        people = {row.email: row.id for row in session.execute(select(Person.email, Person.id))}
        mails = [
            (owners.get(people.get(row.to_address)), row)
            for row in session.scalars(select(MailMessage))
        ]
        notices = [
            (owners.get(row.agency_id or row.person_id), row)
            for row in session.scalars(select(Notification))
        ]
        wrong, read = [], 0
        for house, row in (*mails, *notices):
            if house is None:
                continue
            said = str({c.name: getattr(row, c.name) for c in row.__table__.columns})
            read += bool(inside.canaries.found(house, said))
            wrong += [f"{row.slug}: {one}" for one in inside.canaries.found(OTHER[house], said)]
    assert wrong == [] and read > 20


# --- jobs ---------------------------------------------------------------------------------------


def test_a_job_runs_in_the_scope_it_was_written_in(inside: Stage, monkeypatch: Any) -> None:
    seen: list[tuple[Scope, Scope | None]] = []

    def body(session: ScopedSession) -> None:
        seen.append((session.scope, context.current_scope()))

    monkeypatch.setitem(jobs._handlers, "test.scope", jobs.Handler(body, rows_only=True))
    written = [
        context.agency(inside.world.alpha.market.agency_id),
        context.person(inside.world.beta.candidate.id),
        context.person(inside.world.alpha.doctor, UUID(int=7)),
        context.public(),
    ]
    for scope in written:
        with open_session(scope) as session:
            key = outbox.enqueue(session, "test.scope", {})
        assert jobs.run_message(str(key)) == "done"
    assert seen == [(scope, scope) for scope in written]
    assert context.current_scope() is None


IDS = {
    "booking_id": "booking",
    "plan_id": "payment_plan",
    "charge_id": "charge",
    "refund_id": "refund",
    "signature_id": "scope_signature",
    "domain_id": "agency_domain",
    "delegate_id": "delegate",
    "invitation_id": "invitation",
    "import_id": "csv_import",
}


def forgeable() -> list[str]:
    """The topics whose arguments name a row of an agency."""
    return [
        topic
        for topic in jobs.topics()
        if any(name in IDS for name in inspect.signature(jobs._handlers[topic].body).parameters)
    ]


def forged(stage: Stage, topic: str) -> Iterator[dict[str, Any]]:
    """Arguments for a topic, with each row of the second house that they could name."""
    wanted = list(inspect.signature(jobs._handlers[topic].body).parameters)[1:]
    table = IDS[next(name for name in wanted if name in IDS)]
    rest = {
        "share": "start",
        "percent": 50,
        "due_at": "2027-01-01T00:00:00+00:00",
        "token": "x",
        "sending": 1,
        "demo": True,
        "agency_id": str(stage.world.beta.market.agency_id),
        "person_id": str(stage.world.beta.market.staff["owner"]),
    }
    for key, row in stage.base[table].items():
        if stage.world.owners.get(row.get("agency_id") or row.get("attending_id")) == "beta":
            yield {name: str(key[0]) if name in IDS else rest[name] for name in wanted}


def test_a_forged_job_finds_nothing(inside: Stage) -> None:
    """Written in one agency's scope about another one's row: refused or done in vain."""
    market, without = inside.world.alpha.market, []
    for topic in forgeable():
        payloads = list(forged(inside, topic))[:3]
        if not payloads:
            without.append(topic)
        for payload in payloads:
            for scope in (context.agency(market.agency_id), context.person(market.attending_id)):
                with open_session(scope) as session:
                    key = outbox.enqueue(session, topic, payload)
                jobs.run_message(str(key))
    assert inside.canaries.foreign("beta", inside.tables.state()) == []
    assert without == ["payments.send_refund"]  # nobody in the world waits for money back


def test_arguments_of_jobs_hold_no_texts(inside: Stage) -> None:
    """Ids, states and days: whoever reads the queue learns nothing of what people wrote."""
    with open_session(factories.a_system(), readonly=True) as session:
        said = "".join(str(row.payload) for row in session.scalars(select(OutboxMessage)))
    assert len(said) > 1000
    assert not re.search(r"zq(candidate|staff|doctor|agency)(alpha|beta)", said.lower())


# --- caches -------------------------------------------------------------------------------------


@on_one_database
def test_a_validator_of_one_person_is_worth_nothing_to_another(stage: Stage) -> None:
    """Signed-in pages have none; a guest's says nothing about a signed-in person's page."""
    wrong = []
    for row in ROWS:
        if row.method != "GET" or row.who != PUBLIC or row.ok != 200:
            continue
        path = row.path.format(**stage.world.alpha.names)
        guest = stage.call.send(ANONYMOUS, "GET", path)
        tag = guest.headers.get("ETag")
        if guest.mimetype == "text/html" and not {"Cookie", "HX-Request-Type"} <= set(guest.vary):
            wrong.append(f"{path}: varies by {guest.vary}")
        for key in ("candidate-alpha", "owner-beta", "admin"):
            headers = {"If-None-Match": tag} if tag else {}
            answer = stage.call.send(BY_KEY[key], "GET", path, headers=headers)
            if answer.mimetype == "text/html" and (
                answer.status_code == 304 or answer.headers.get("ETag")
            ):
                wrong.append(f"{path} as {key}: {answer.status_code}")
            for_all = "public" in answer.headers.get("Cache-Control", "")
            if for_all and answer.status_code != 304 and answer.data != guest.data:
                wrong.append(f"{path} as {key}: kept for everybody, and not the same")
            answer.close()
        guest.close()
    assert wrong == []


@on_one_database
def test_private_pages_are_not_kept(stage: Stage) -> None:
    kept = []
    for row in ROWS:
        if row.method != "GET" or row.who == PUBLIC:
            continue
        actor = BY_KEY.get(walk.owner_of(row, "alpha"), ANONYMOUS)
        answer = stage.call.send(actor, "GET", row.path.format(**stage.world.alpha.names))
        if "no-store" not in answer.headers.get("Cache-Control", "") and answer.status_code == 200:
            kept.append(row.key)
        answer.close()
    stage.put_back()
    assert kept == []


@on_one_database
def test_what_a_process_remembers_is_for_everybody(stage: Stage) -> None:
    """The same pages for one house, then the other, then the street: nothing stays behind."""
    wrong = []
    for row in ROWS:
        if row.method != "GET" or row.who not in (PUBLIC, "staff"):
            continue
        for key in ("owner-alpha", "owner-beta", "anonymous", "owner-alpha"):
            actor = BY_KEY.get(key, ANONYMOUS)
            cell = walk.Cell(row, actor, "own")
            answer = stage.call.send(actor, "GET", row.path.format(**walk.names(stage, cell)))
            if not walk.LINKS & {*row.objects}:
                wrong += walk.check_canaries(stage, cell, answer)
            answer.close()
    assert wrong == []
