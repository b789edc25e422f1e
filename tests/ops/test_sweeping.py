"""Files that nothing names go when they are a day old; a file that something names never does."""

import io
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import Uuid, delete, select, update
from sqlalchemy.exc import IntegrityError

from marketplace.archive import jobs as archive_jobs
from marketplace.archive import operations as archives
from marketplace.core import clock, context, jobs, storage, sweeping
from marketplace.core.context import Actor
from marketplace.core.db import Base, open_session
from marketplace.core.storage import StoredFile
from marketplace.invariants import violations
from marketplace.storefront import logos
from tests import factories
from tests.imports import support as imports
from tests.verification import support as papers

SYSTEM = context.system("test")
LONG = timedelta(days=4)
Stored = dict[str, UUID]


@pytest.fixture
def folder(app: Flask, tmp_path: Path) -> Iterator[Path]:
    storage.configure(tmp_path, "a key")
    yield tmp_path


@pytest.fixture
def stored(folder: Path) -> Stored:
    """A file in every place that names one, all of them old."""
    market = factories.market()
    papers.upload(market)
    imports.bring_in(market, "sites", imports.a_file(imports.a_site()))
    picture = io.BytesIO()
    Image.new("RGB", (200, 80), "#12365a").save(picture, "PNG")
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Maya", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        logos.save(session, owner, picture.getvalue(), "Waves")
        key = archives.ask(session, owner, "We move.").id
    archive_jobs.write(SYSTEM, str(key))
    age(folder)
    with open_session(SYSTEM, readonly=True) as session:
        found = {
            f"{table}.{place[-1] if len(place) == 1 else '.'.join(place)}": key
            for table, places in sweeping.NAMED.items()
            for place in places
            for key in session.scalars(select(sweeping._expression(table, place)))
        }
    return {name: UUID(str(key)) for name, key in found.items()}


def age(folder: Path) -> None:
    """All files and their rows were made days ago."""
    then = (clock.wall() - LONG).timestamp()
    for path in folder.glob("*/*"):
        os.utime(path, (then, then))
    with open_session(SYSTEM) as session:
        session.execute(update(StoredFile).values(created_at=clock.now() - LONG))


def put(content: bytes = b"nobody's") -> UUID:
    with open_session(SYSTEM) as session:
        return storage.put(session, content, name="x", media_type="text/plain")


def killed() -> UUID:
    """A file of somebody who was killed before the commit."""
    with open_session(SYSTEM) as session:
        key = storage.put(session, b"nobody's", name="x", media_type="text/plain")
        session.rollback()
    return key


def sweep() -> None:
    jobs.run_tick("core.sweep_files")


def wrong() -> list[str]:
    with open_session(SYSTEM, readonly=True) as session:
        return [line for line in violations(session) if line.startswith("I13")]


# --- what stays ---------------------------------------------------------------------------------


def test_what_is_named_stays(stored: Stored) -> None:
    assert len(set(stored.values())) == 5
    sweep()
    with open_session(SYSTEM, readonly=True) as session:
        assert all(storage.read(session, key) for key in stored.values())
    assert wrong() == []


@pytest.mark.parametrize("table", ["evidence", "csv_import", "agency_export"])
def test_a_column_that_is_forgotten_is_still_held_by_its_key(
    stored: Stored, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """The second wall: the database does not let a row go that a column names."""
    monkeypatch.delitem(sweeping.NAMED, table)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError):
        sweep()
    assert all(storage.exists(key) for key in stored.values())


def test_without_its_place_a_logo_would_go(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the list is what keeps it: inside JSON there is no key of the database."""
    monkeypatch.delitem(sweeping.NAMED, "agency")  # type: ignore[arg-type]
    sweep()
    assert not storage.exists(stored["agency.settings.logo.file_id"])


def test_nobody_judges_without_every_table(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sweeping.NAMED, "not_loaded", (("file_id",),))  # type: ignore[index]
    with pytest.raises(KeyError):
        sweep()
    assert all(storage.exists(key) for key in stored.values())


def test_every_column_that_names_a_file_is_listed() -> None:
    """Whatever points to a stored file, and whatever is called as if it did."""
    keys, called = set(), set()
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if any(key.column.table.name == "stored_file" for key in column.foreign_keys):
                keys.add((table.name, column.name))
            if isinstance(column.type, Uuid) and re.search(
                r"(file|journal|logo|picture|photo|image|document|attachment)_id$", column.name
            ):
                called.add((table.name, column.name))
    listed = {(table, place[0]) for table, ways in sweeping.NAMED.items() for place in ways}
    assert keys == listed - {("agency", "settings")}
    assert called <= keys


def test_every_row_that_mentions_a_file_is_listed(stored: Stored) -> None:
    """Also inside JSON, whatever it is called there."""
    with open_session(SYSTEM, readonly=True) as session:
        files = {str(key) for key in session.scalars(select(StoredFile.id))}
        rows = [
            json.dumps([str(value) for value in row]).replace("-", "")
            for table in Base.metadata.sorted_tables
            if table.name != "stored_file"
            for row in session.execute(select(table))
        ]
        listed = {str(key) for key in sweeping.named(session)}
    mentioned = {key for key in files if any(key.replace("-", "") in row for row in rows)}
    assert mentioned == listed == files


# --- what goes ----------------------------------------------------------------------------------


def test_content_without_a_row_goes_when_it_is_a_day_old(folder: Path) -> None:
    key = killed()
    half = folder / key.hex[-2:] / "0123.part"
    other = folder / key.hex[-2:] / "README"
    for path in (half, other):
        path.write_bytes(b"x")
    sweep()
    assert storage.exists(key) and half.exists()
    age(folder)
    assert any(str(key) in line for line in wrong())
    sweep()
    assert not storage.exists(key) and not half.exists()
    assert other.exists()  # nothing of ours
    assert wrong() == []


def test_a_row_that_nothing_names_goes_with_its_content(folder: Path) -> None:
    key = put()
    sweep()
    assert storage.exists(key)
    age(folder)
    young = put()
    sweep()
    assert not storage.exists(key) and storage.exists(young)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(StoredFile.id)).all() == [young]


def test_many_at_once_are_no_accident(
    stored: Stored, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of one installation with the database of another: nothing is removed, and the
    checks say so."""
    monkeypatch.setattr(sweeping, "MANY", 2)
    keys = [killed() for _ in range(3)]
    age(folder)
    sweep()
    assert all(storage.exists(key) for key in (*keys, *stored.values()))
    assert len(wrong()) == 3
    monkeypatch.setattr(sweeping, "MANY", 3)
    sweep()
    assert not any(storage.exists(key) for key in keys) and wrong() == []


def test_a_named_file_without_its_row_is_told(stored: Stored) -> None:
    logo = stored["agency.settings.logo.file_id"]
    with open_session(SYSTEM) as session:
        session.execute(delete(StoredFile).where(StoredFile.id == logo))
    told = " ".join(wrong())
    assert f"every file that something names is stored: {logo}" in told
