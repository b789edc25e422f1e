"""An owner asks for everything: job, progress, mail, download, and the end of its days."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts import passwords
from marketplace.accounts.models import Person
from marketplace.archive import jobs as bodies
from marketplace.archive import leaving, operations
from marketplace.archive import workspace_views as archive_views
from marketplace.archive.models import AgencyExport
from marketplace.core import audit, clock, context, jobs, outbox, storage
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Forbidden, Gone, Invalid, NotFound
from marketplace.core.outbox import LEASE, OutboxMessage
from tests import factories
from tests.notifications import sent
from tests.support import rooms
from tests.support.rooms import Browser, words_of

SYSTEM = context.system("test")
PASSWORD = "violet harbor lantern nine"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([archive_views.workspace]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    found = factories.market()
    with open_session(context.agency(found.agency_id)) as session:
        storage.put(
            session, b"%PDF letter", name="l.pdf", media_type="application/pdf",
            agency_id=found.agency_id,
        )  # fmt: skip
    with open_session(SYSTEM) as session:
        session.get_one(Person, found.staff["owner"]).password_hash = passwords.hashed(PASSWORD)
    return found


def owner(market: factories.Market, role: str = "owner") -> Actor:
    return Actor("agency", market.staff[role], market.agency_id, "Maya", role)


def ask(market: factories.Market) -> UUID:
    with open_session(context.agency(market.agency_id)) as session:
        return operations.ask(session, owner(market), "We move.").id


def loaded(key: UUID) -> AgencyExport:
    with open_session(SYSTEM, readonly=True) as session:
        return session.get_one(AgencyExport, key)


def write(key: UUID) -> None:
    bodies.write(context.system("test"), str(key))


def test_from_the_form_to_the_file(app: Flask, market: factories.Market) -> None:
    page = f"/agency/{market.agency_slug}/export"
    browser = Browser(app, market.staff["owner"])
    assert "No archive yet" in browser.get(page).text
    wrong = browser.post(page, {"reason": "We move.", "current": "no"}, page=page)
    assert wrong.status_code == 422 and "We move." in wrong.text
    assert "not your present password" in words_of(wrong.text)
    assert browser.post(page, {"reason": "", "current": PASSWORD}, page=page).status_code == 422
    done = browser.post(page, {"reason": "We move.", "current": PASSWORD}, page=page)
    assert done.status_code == 303
    assert "Waiting" in browser.get(page).text and 'hx-trigger="every 3s"' in browser.get(page).text
    factories.run_outbox("archive.write")
    sent.run()
    mail = sent.mails("export-ready")
    assert [one.to_address for one in mail] == [_email(market, "owner")]
    said = browser.get(page).text
    assert "Ready" in said and "hx-trigger" not in said
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(select(AgencyExport)).one()
    got = browser.post(f"{page}/{row.id}/download", {}, page=page)
    assert got.status_code == 200 and got.mimetype == "application/zip"
    assert got.headers["Content-Length"] == str(row.size) == str(len(got.data))
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "no-store" in got.headers["Cache-Control"]
    assert hashlib.sha256(got.data).hexdigest() == row.sha256
    with zipfile.ZipFile(io.BytesIO(got.data)) as packed:
        assert packed.testzip() is None
        assert any(packed.read(one) == b"%PDF letter" for one in packed.namelist())
        assert b"We move." not in packed.read("tables/agency.jsonl")
    with open_session(SYSTEM, readonly=True) as session:
        acts = session.scalars(
            select(audit.AuditEntry.action).where(audit.AuditEntry.action.like("agency.export%"))
        ).all()
    assert sorted(acts) == ["agency.export_ask", "agency.export_fetch", "agency.export_ready"]
    assert "Fetched 1 time" in words_of(browser.get(page).text)


def _email(market: factories.Market, role: str) -> str:
    with open_session(SYSTEM, readonly=True) as session:
        return session.get_one(Person, market.staff[role]).email


def test_it_is_on_the_disk_in_cipher_only(market: factories.Market) -> None:
    key = ask(market)
    write(key)
    file = storage._path(loaded(key).file_id or key).read_bytes()
    assert b"PK\x03\x04" not in file and b"jsonl" not in file


def test_owners_only_and_only_their_own(app: Flask, market: factories.Market) -> None:
    key, other = ask(market), factories.market()
    write(key)
    for role in ("manager", "coordinator", "finance", "read-only"):
        with open_session(context.agency(market.agency_id)) as session:
            with pytest.raises(Forbidden):
                operations.ask(session, owner(market, role), "x")
            with pytest.raises(Forbidden):
                operations.fetch(session, owner(market, role), key)
        page = Browser(app, market.staff[role]).get(f"/agency/{market.agency_slug}/export")
        assert page.status_code == 200
        assert "<textarea" not in page.text and "Download" not in page.text
        assert "We move" not in page.text
    with open_session(context.agency(other.agency_id)) as session, pytest.raises(NotFound):
        operations.fetch(session, owner(other), key)


def test_one_at_a_time(market: factories.Market) -> None:
    key = ask(market)
    with pytest.raises(Conflict):
        ask(market)
    write(key)
    ask(market)


def test_a_second_worker_leaves_it_alone(market: factories.Market) -> None:
    key = ask(market)
    with open_session(SYSTEM) as session:
        assert operations.claim(session, key) == market.agency_id
    write(key)
    assert loaded(key).state == "running"
    with open_session(SYSTEM) as session:  # the first one died long ago
        session.get_one(AgencyExport, key).claimed_until = clock.wall() - timedelta(seconds=1)
    write(key)
    assert loaded(key).state == "ready"
    write(key)  # sent again by the relay: nothing happens
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(storage.StoredFile)) == 2


def test_a_failure_is_said_tried_again_and_leaves_no_file(
    market: factories.Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ask(market)
    before = _files()
    with monkeypatch.context() as patched:
        patched.setattr(leaving, "_every_file", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(key)
    assert (loaded(key).state, loaded(key).file_id) == ("failed", None)
    assert "try again" in loaded(key).error and _files() == before
    write(key)
    assert loaded(key).state == "ready"


def _files() -> set[str]:
    root = storage._settings["root"]
    return {str(path) for path in root.rglob("*") if path.is_file()}  # type: ignore[attr-defined]


def test_after_its_days_it_is_gone_and_says_so(app: Flask, market: factories.Market) -> None:
    key = ask(market)
    write(key)
    file_id = loaded(key).file_id
    assert file_id is not None and storage.exists(file_id)
    clock.advance(operations.KEPT)
    with open_session(context.agency(market.agency_id)) as session, pytest.raises(Gone):
        operations.fetch(session, owner(market), key)  # before the ticker comes
    jobs.run_tick("archive.expire_due")
    assert not storage.exists(file_id) and loaded(key).state == "expired"
    page = f"/agency/{market.agency_slug}/export"
    browser = Browser(app, market.staff["owner"])
    assert operations.GONE in words_of(browser.get(page).text)
    assert "<textarea" in browser.get(page).text  # ask again
    gone = browser.post(f"{page}/{key}/download", {}, page=page)
    assert gone.status_code == 410 and "7 days" in words_of(gone.text)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(storage.StoredFile)) == 1


def test_an_archive_holds_no_archive(market: factories.Market) -> None:
    first = ask(market)
    write(first)
    second = ask(market)
    write(second)
    assert abs(loaded(first).size - loaded(second).size) < 3000
    with open_session(SYSTEM, readonly=True) as session:
        file = storage.sealed(session.get_one(storage.StoredFile, loaded(second).file_id))
    with zipfile.ZipFile(io.BytesIO(b"".join(storage.stream(file)))) as packed:
        names = packed.namelist()
        assert sum(one.startswith("files/") for one in names) == 1
        assert str(loaded(first).file_id).encode() not in packed.read("tables/stored_file.jsonl")


def test_the_relay_gives_it_its_time(app: Flask, market: factories.Market) -> None:
    """Its lease is longer than its limit: it is never sent twice while it may run."""
    ask(market)
    assert jobs._seconds(operations.TOPIC) == operations.SECONDS
    with open_session(SYSTEM) as session:
        row = next(
            one for one in outbox.take_due(session, jobs._seconds) if one.topic == operations.TOPIC
        )
        assert row.sent_at is not None
        assert row.next_at - row.sent_at > max(LEASE, timedelta(seconds=operations.SECONDS))
        assert isinstance(row, OutboxMessage)


def test_who_has_no_password_signs_in_again(app: Flask, market: factories.Market) -> None:
    with open_session(SYSTEM) as session:
        session.get_one(Person, market.staff["owner"]).password_hash = None
    page = f"/agency/{market.agency_slug}/export"
    browser = Browser(app, market.staff["owner"])  # its sign-in is no row: never a moment ago
    refused = browser.post(page, {"reason": "We move."}, page=page)
    assert refused.status_code == 422 and "within 15 minutes" in refused.text
    assert "We move." in refused.text
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(AgencyExport)) == 0


def test_a_reason_is_needed(market: factories.Market) -> None:
    with open_session(context.agency(market.agency_id)) as session, pytest.raises(Invalid):
        operations.ask(session, owner(market), "")
