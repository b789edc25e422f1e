"""Export, wipe, import: the same pages, the same invariants; hostile archives change nothing."""

import io
import json
import os
import re
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import func, select

from marketplace import invariants
from marketplace.accounts.models import Person
from marketplace.archive import arriving, container, leaving, tables
from marketplace.bookings import workspace_views as bookings_views
from marketplace.cli import cli
from marketplace.core import context, storage
from marketplace.core.audit import AuditEntry
from marketplace.core.db import Base, open_session
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.pages import ROOT
from marketplace.desk import queue_views
from marketplace.listings import workspace_views as listings_views
from marketplace.search.jobs import rebuild
from marketplace.storefront import views as storefront_views
from marketplace.tenants.models import Agency
from tests import factories
from tests.support import database, rooms
from tests.support.rooms import Browser, words_of

SYSTEM = context.system("test")


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(
        [
            listings_views.workspace,
            bookings_views.workspace,
            queue_views.queue,
            storefront_views.room,
        ]
    ) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    found = factories.market(capacity=4)
    with open_session(context.agency(found.agency_id)) as session:
        storage.put(
            session, b"%PDF site letter", name="letter.pdf", media_type="application/pdf",
            agency_id=found.agency_id,
        )  # fmt: skip
    return found


def wipe() -> None:
    """An installation without anything: no row, no file."""
    with open_session(SYSTEM, readonly=True) as session:
        keys = session.scalars(select(storage.StoredFile.id)).all()
    database.wipe()
    for key in keys:
        storage.erase(key)


def archive_of(market: factories.Market) -> bytes:
    out = io.BytesIO()
    with open_session(SYSTEM, readonly=True) as session:
        leaving.snapshot(session)
        leaving.write(session, out, leaving.agency_id_of(session, market.agency_slug))
    return out.getvalue()


def load(content: bytes) -> arriving.Loaded:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(content)
        with open_session(SYSTEM) as session:
            return arriving.load(session, context.SYSTEM, path)


def unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    return json.loads(members.pop("manifest.json")), members


def pages(app: Flask, market: factories.Market, made: list[factories.Made]) -> dict[str, str]:
    base = f"/agency/{market.agency_slug}"
    paths = [f"{base}/listings", f"{base}/bookings", f"/agencies/{market.agency_slug}"]
    paths += [f"{base}/listings/{market.slug}"]
    paths += [f"{base}/bookings/{one.reference}" for one in made]
    owner = Browser(app, market.staff["owner"])
    found = {path: owner.get(path) for path in paths}
    assert {path: page.status_code for path, page in found.items()} == dict.fromkeys(paths, 200)
    return {path: words_of(page.text) for path, page in found.items()}


def test_export_wipe_import_shows_the_same(app: Flask, market: factories.Market) -> None:
    made = [
        factories.booking(market, factories.candidate(f"Amara Nwosu {n}"), state)
        for n, state in enumerate(("requested", "approved"))
    ]
    rebuild(SYSTEM)
    before = pages(app, market, made)
    content = archive_of(market)
    with open_session(SYSTEM, readonly=True) as session:
        key = session.scalars(select(storage.StoredFile.id)).first()
        rules = {finding.check.code for finding in invariants.examine(session) if finding.rows}
    wipe()
    loaded = load(content)
    assert loaded.slug == market.agency_slug and len(loaded.files) == 1
    rebuild(SYSTEM)
    for path, said in pages(app, market, made).items():
        assert said.split() == before[path].split(), path
    with open_session(SYSTEM, readonly=True) as session:
        assert key is not None and storage.read(session, key) == b"%PDF site letter"
        after = {finding.check.code for finding in invariants.examine(session) if finding.rows}
    assert after <= rules
    # what was brought in goes out again, row for row
    first, second = (unpacked(one)[1] for one in (content, archive_of(market)))
    assert first.keys() == second.keys()
    for name in first.keys() - {"tables/audit_entry.jsonl"}:
        assert first[name] == second[name], name


def test_nothing_of_another_agency_or_of_a_candidate_is_inside(market: factories.Market) -> None:
    other = factories.market()
    who = factories.candidate("Amara Nwosu")
    factories.booking(market, who, "requested")
    factories.booking(other, factories.candidate("Zqcanary Person"), "requested")
    manifest, members = unpacked(archive_of(market))
    told = b"\n".join(members.values())
    assert str(other.agency_id).encode() not in told and other.slug.encode() + b'"' not in told
    assert b"Zqcanary" not in told and b"wrapped_key" not in told and b"password" not in told
    with open_session(SYSTEM, readonly=True) as session:
        address = session.get_one(Person, who.id).email
    people = [json.loads(line) for line in members["tables/person.jsonl"].splitlines()]
    assert address not in {row["email"] for row in people}
    assert manifest["agency"] == str(market.agency_id)


def test_every_owned_table_is_taken_along_or_left_out_with_a_reason() -> None:
    assert set(tables.LEFT_OUT).isdisjoint(tables.order())
    for name in tables.order():
        table = Base.metadata.tables[name]
        needed = {c.name for c in table.columns if not c.nullable and c.default is None}
        hidden = needed - {c.name for c in tables.columns(table)}
        assert hidden <= {"wrapped_key", "framed"}, name


def test_the_document_names_all_that_stays_behind() -> None:
    """`docs/agency-archive.md` and the code say the same."""
    text = (ROOT / "docs" / "agency-archive.md").read_text()
    table = text.split("## What stays behind")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert set(tables.LEFT_OUT) <= named
    hidden = {"attending_check", *tables.HIDDEN["attending"], "taken"}
    assert named - {"taken"} <= set(tables.LEFT_OUT) | hidden
    assert named.isdisjoint(tables.order())
    written = re.search(r"## Format, version (\d+)", text)
    assert written and int(written[1]) == container.VERSION and container.FORMAT in text


def test_by_hand_it_goes_out_and_in(
    app: Flask, market: factories.Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in database.settings().items():
        monkeypatch.setenv(name, value)
    run, file = CliRunner(), tmp_path / "house.zip"
    done = run.invoke(cli, ["export", market.agency_slug, "--to", str(file)])
    assert done.exit_code == 0, done.output
    assert file.stat().st_mode & 0o077 == 0 and "bytes" in done.output
    assert list(tmp_path.iterdir()) == [file]
    with open_session(SYSTEM, readonly=True) as session:
        acts = session.scalars(select(AuditEntry.action)).all()
    assert acts.count("agency.export") == 1
    refused = run.invoke(cli, ["import-archive", str(file)])
    assert refused.exit_code == 1 and "empty installation" in refused.output
    nobody = run.invoke(cli, ["export", "nobody", "--to", str(tmp_path / "none.zip")])
    assert nobody.exit_code == 1 and "Traceback" not in nobody.output
    assert list(tmp_path.iterdir()) == [file]
    wipe()
    came = run.invoke(cli, ["import-archive", str(file)])
    assert came.exit_code == 0, came.output
    assert came.output.startswith(f"{market.agency_slug}: ") and "1 files" in came.output
    with open_session(SYSTEM, readonly=True) as session:
        assert leaving.agency_id_of(session, market.agency_slug) == market.agency_id
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    wipe()
    broken = run.invoke(cli, ["import-archive", str(file)])
    assert broken.exit_code == 1 and "Traceback" not in broken.output


def test_an_installation_with_an_agency_takes_no_archive(market: factories.Market) -> None:
    with pytest.raises(Invalid, match="empty installation"):
        load(archive_of(market))
    with pytest.raises(NotFound), open_session(SYSTEM, readonly=True) as session:
        leaving.agency_id_of(session, "nobody")


def test_hostile_archives_change_nothing(app: Flask, market: factories.Market) -> None:
    content = archive_of(market)
    wipe()
    for name, hostile in attacks(content).items():
        with pytest.raises(Invalid) as refused:
            load(hostile)
        assert "archive" in refused.value.errors, name
        with open_session(SYSTEM, readonly=True) as session:
            for model in (Agency, Person, storage.StoredFile):
                assert session.scalar(select(func.count()).select_from(model)) == 0, name
    load(content)


def attacks(content: bytes) -> dict[str, bytes]:
    manifest, members = unpacked(content)
    head = {name: manifest[name] for name in ("agency", "slug", "made_at")}

    def packed(changed: dict[str, bytes], **more: object) -> bytes:
        out = io.BytesIO()
        container.pack(out, head | more, [(n, [c]) for n, c in (members | changed).items()])
        return out.getvalue()

    def edited(table: str, **values: object) -> bytes:
        name = f"tables/{table}.jsonl"
        rows = [json.loads(line) | values for line in members[name].splitlines()]
        return packed({name: "".join(json.dumps(row) + "\n" for row in rows).encode()})

    def raw(
        extra: dict[str, bytes], swap: tuple[bytes, bytes] | None = None, leave: str = "-"
    ) -> bytes:
        out = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for one in old.namelist():
                if one.startswith(leave):
                    continue
                data = old.read(one)
                new.writestr(one, data.replace(*swap) if swap and one != "manifest.json" else data)
            for one, data in extra.items():
                new.writestr(one, data)
        return out.getvalue()

    other = "00000000-0000-7000-8000-000000000001"
    return {
        "no zip": b"hello",
        "empty": b"",
        "no manifest": raw({}, leave="manifest.json"),
        "manifest no JSON": raw({"manifest.json": b"{"}, leave="manifest.json"),
        "manifest a list": raw({"manifest.json": b"[1]"}, leave="manifest.json"),
        "manifest without members": raw({"manifest.json": _head(members=5)}, leave="manifest.json"),
        "members of a wrong shape": raw(
            {"manifest.json": _head(members={"tables/site.jsonl": 1})}, leave="manifest.json"
        ),
        "deep": raw({"manifest.json": b"[" * 100_000}, leave="manifest.json"),
        "file missing": raw({}, leave="files/"),
        "no agency named": packed({}, agency=None),
        "a line that is no row": packed({"tables/site.jsonl": b"[1]\n"}),
        "damaged": content[:400] + bytes(200) + content[600:],
        "another file": packed({one: b"other" for one in members if one.startswith("files/")}),
        "cut off": content[: len(content) // 2],
        "zip slip": raw({"../../etc/passwd": b"x"}),
        "absolute": raw({"/etc/passwd": b"x"}),
        "unlisted": raw({"files/" + "0" * 32: b"x"}),
        "bomb": packed({"files/" + "0" * 32: b"\0" * 30_000_000}),
        "checksum": raw({}, (b"Harbor", b"Barbor")),
        "unknown table": packed({"tables/sign_in.jsonl": b"{}\n"}),
        "left over file": packed({"files/" + "0" * 32: b"x"}),
        "no JSON": packed({"tables/site.jsonl": b"nonsense\n"}),
        "unknown column": edited("person", is_admin=True),
        "foreign row": edited("site", agency_id=other),
        "other agency": edited("agency", id=other),
        "broken link": edited("rotation", site_id=other),
        "wrong value": edited("rotation", id="x"),
        "wrong version": packed({}, agency=other),
    }


def _head(**more: object) -> bytes:
    return json.dumps({"format": container.FORMAT, "version": 1} | more).encode()


def test_own_mistakes_are_not_taken_for_a_damaged_archive(
    market: factories.Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = archive_of(market)
    wipe()

    def broken(*args: object) -> None:
        raise TypeError("ours")

    monkeypatch.setattr(tables, "from_json", broken)
    with pytest.raises(TypeError, match="ours"):
        load(content)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(Agency)) == 0


def test_a_file_that_is_here_is_neither_written_over_nor_erased(market: factories.Market) -> None:
    """An archive may name any key; a candidate's paper of this installation stays."""
    content = archive_of(market)
    with open_session(SYSTEM, readonly=True) as session:
        key = session.scalars(select(storage.StoredFile.id)).one()
    wipe()
    with open_session(SYSTEM) as session:
        storage.put(session, b"mine", name="x", media_type="text/plain", key=key)
    with pytest.raises(Invalid):
        load(content)
    with open_session(SYSTEM, readonly=True) as session:
        assert storage.read(session, key) == b"mine"


def test_memory_does_not_grow_with_the_files(market: factories.Market) -> None:
    """Out and in: a file of 40 MB costs a few parts of 256 kB."""
    large = 40 * 1024 * 1024
    writer = storage.Writer()
    for number in range(large // 1024**2):
        writer.write(os.urandom(1024) * 1024 if number else bytes(1024**2))
    with open_session(context.agency(market.agency_id)) as session:
        storage.keep(session, writer.close(), name="l", media_type="x", agency_id=market.agency_id)
    tracemalloc.start()
    path = database.FOLDER / "large.zip"
    try:
        with open_session(SYSTEM, readonly=True) as session, path.open("wb") as out:
            leaving.write(session, out, market.agency_id)
        wipe()
        with open_session(SYSTEM) as session:
            arriving.load(session, context.SYSTEM, path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        path.unlink(missing_ok=True)
    assert peak < large / 3


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("../../etc/passwd", b"x", "does not belong in it"),
        ("tables/../x.jsonl", b"x", "does not belong in it"),
        ("files/" + "0" * 32, b"\0" * 30_000_000, "unpacks to far more than it should"),
    ],
)
def test_the_directory_is_refused_before_anything_is_unpacked(
    tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as out:
        container.pack(out, {"agency": "x"}, [(name, [content])])
    with pytest.raises(Invalid, match=why), container.opened(path):
        pass
