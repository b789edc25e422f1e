"""The pages of an import: upload, dry run, correct, import, undo; and who may."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, jobs, progress
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.formats import day
from marketplace.imports import keeping, views
from marketplace.imports.models import CsvImport
from tests import factories
from tests.imports import support
from tests.imports.support import a_file, a_row, a_site, imported
from tests.support import rooms, valkey
from tests.support.rooms import Browser, words_of


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([views.room]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


@pytest.fixture
def desk(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.staff["coordinator"])


def base(market: factories.Market) -> str:
    return f"/agency/{market.agency_slug}/import"


def upload(
    desk: Browser, market: factories.Market, content: bytes, kind: str = "sites"
) -> tuple[int, str]:
    """Send a file; the status, and where it leads or what is said."""
    sent = {"kind": kind, "csv": (io.BytesIO(content), "my.csv")}
    answer = desk.post(base(market), sent, page=f"{base(market)}/{kind}")
    return answer.status_code, answer.headers.get("Location") or answer.text


def test_all_the_way_and_back(desk: Browser, market: factories.Market) -> None:
    status, url = upload(desk, market, a_file(a_site(), a_site(name="Second")))
    assert status == 303
    page = desk.get(url)
    assert "Dry run: nothing has changed yet" in page.text and "Import 2 sites" in page.text
    assert "Harbor General, Boston, MA" in page.text
    assert len(support.rows_of(support.export(market, "sites"))) == 1
    assert desk.post(url, page=url).status_code == 303
    waiting = desk.get(url).text
    assert "<progress" in waiting and 'hx-trigger="every 1s"' in waiting
    assert 'http-equiv="refresh"' in waiting  # without scripts
    factories.run_outbox("imports.run")
    done = desk.get(url).text
    assert "All 2 rows are in" in done and "every 1s" not in done and "refresh" not in done
    assert "my.csv" in desk.get(base(market)).text
    assert desk.post(f"{url}/undo", page=url).status_code == 303
    assert "Taking the import back" in desk.get(url).text
    factories.run_outbox("imports.undo")
    assert "Everything is as it was before" in desk.get(url).text
    assert len(support.rows_of(support.export(market, "sites"))) == 1
    with open_session(factories.a_system(), readonly=True) as session:
        acts = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.startswith("import."))
        ).all()
    assert sorted(acts) == ["import.done", "import.started", "import.undo_started", "import.undone"]


def test_a_poll_gets_the_part_and_how_far_it_is(
    desk: Browser, market: factories.Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = upload(desk, market, a_file(a_site()))
    desk.post(url, page=url)
    monkeypatch.setattr(progress, "read", lambda _: progress.Progress(700, 2_000))
    part = desk.get(url, **{"HX-Request-Type": "partial", "HX-Request": "true"}).text
    assert "<html" not in part and 'max="2000" value="700"' in part and "35% done" in part


def test_progress_is_told_in_redis_and_read_by_the_page(tmp_path: Path) -> None:
    with valkey.running(tmp_path) as url:
        progress.configure(url)
        tell = progress.teller("x", 2_000)
        tell(0)
        tell(1)  # too soon to be told
        assert progress.read("x") == progress.Progress(0, 2_000)
        tell(1_000)
        assert progress.read("x") == progress.Progress(1_000, 2_000)
        assert progress.read("y") is None
        progress.configure("")
    assert progress.read("x") is None


def test_without_redis_nothing_is_told_and_nothing_fails() -> None:
    progress.configure("redis://127.0.0.1:1/0")
    try:
        progress.teller("x", 10)(5)
        assert progress.read("x") is None
    finally:
        progress.configure("")


def test_bad_cells_are_named_and_corrected_on_the_page(
    desk: Browser, market: factories.Market
) -> None:
    rows = a_row(market, prices="<b>many</b>"), a_row(market, external_id="b", letter="discuss")
    names = dict.fromkeys(name for row in rows for name in row)
    _, url = upload(
        desk, market, a_file(*({n: r.get(n, "") for n in names} for r in rows)), "listings"
    )
    page = desk.get(url).text
    assert "One bad row stops the whole file" in page and "&lt;b&gt;many" in page
    assert 'name="c-2-prices"' in page and 'name="c-3-letterhead"' in page
    assert "Import 1" not in page and desk.post(url, page=url).status_code == 409
    sent = {"c-2-prices": "4:1650", "c-3-letterhead": "practice", "c-9-nonsense": "x"}
    answer = desk.post(f"{url}/fix", sent, page=url)
    assert answer.status_code == 303
    fixed = answer.headers["Location"]
    assert fixed != url and "Import 2 listings" in desk.get(fixed).text
    desk.post(fixed, page=fixed)
    factories.run_outbox("imports.run")
    assert [row.external_id for row in imported(market)] == ["b", "cardio-01"]
    assert imported(market)[0].letter_policy["letterhead"] == "practice"
    assert desk.post(f"{fixed}/fix", sent, page=url).status_code == 409


def test_the_file_with_notes_is_corrected_and_uploaded_again(
    desk: Browser, market: factories.Market
) -> None:
    rows = a_site(), a_site(name="=1+1 wing", kind="castle")
    _, url = upload(desk, market, a_file(*rows))
    notes = desk.get(f"{url}/notes.csv")
    assert notes.mimetype == "text/csv"
    good, bad = support.rows_of(notes.data)
    assert good["problem"] == "" and bad["problem"].startswith("kind: Use one of")
    assert bad["name"] == "'=1+1 wing"  # no spreadsheet runs it, and it comes back as it was
    bad["kind"] = "clinic"
    _, url = upload(desk, market, a_file(good, bad))
    assert "Import 2 sites" in desk.get(url).text
    desk.post(url, page=url)
    factories.run_outbox("imports.run")
    names = [row["name"] for row in support.rows_of(support.export(market, "sites"))]
    assert "'=1+1 wing" in names


def test_many_bad_cells_are_corrected_in_the_file(desk: Browser, market: factories.Market) -> None:
    rows = [a_site(name=f"Site {number}", kind="castle") for number in range(600)]
    _, url = upload(desk, market, a_file(*rows))
    page = desk.get(url).text
    assert "600 cells, below" in page and "And 100 more" in page and 'name="c-2-kind"' not in page
    assert len(support.rows_of(desk.get(f"{url}/notes.csv").data)) == 600


@pytest.mark.parametrize("content", [b"", b"\0\1", b"hello", b"a,b\n1,2\n", b"name\nx\n"])
def test_what_is_no_such_file_is_refused_in_words(
    desk: Browser, market: factories.Market, content: bytes
) -> None:
    status, said = upload(desk, market, content)
    assert status == 422 and 'id="csv-err"' in said


def test_an_export_is_a_file_with_a_name(desk: Browser, market: factories.Market) -> None:
    for kind in ("sites", "attendings", "listings", "offerings"):
        answer = desk.get(f"{base(market)}/{kind}/export.csv")
        named = answer.headers["Content-Disposition"]
        assert answer.mimetype == "text/csv" and f"{market.agency_slug}-{kind}-" in named
        help_page = words_of(desk.get(f"{base(market)}/{kind}").text)
        for name in next(iter(support.rows_of(answer.data))):
            assert name in help_page
        template = desk.get(f"{base(market)}/{kind}/template.csv")
        assert template.data.splitlines()[0] == answer.data.splitlines()[0]


def test_an_import_that_waits_for_long_may_be_asked_for_again(
    desk: Browser, market: factories.Market
) -> None:
    _, url = upload(desk, market, a_file(a_site()))
    desk.post(url, page=url)
    assert "Ask again" not in desk.get(url).text
    with open_session(factories.a_system()) as session:
        row = session.scalars(select(CsvImport)).one()
        row.queued_at = clock.wall().replace(year=2020)
    assert "Ask again" in desk.get(url).text
    assert desk.post(url, page=url).status_code == 303
    assert factories.run_outbox("imports.run") == 2  # the second finds it done
    assert len(support.rows_of(support.export(market, "sites"))) == 2


@pytest.mark.parametrize(
    ("role", "status"), [("coordinator", 200), ("finance", 403), ("read-only", 403)]
)
def test_who_may_import(app: Flask, market: factories.Market, role: str, status: int) -> None:
    browser = Browser(app, market.staff[role])
    for path in ("", "/sites", "/sites/template.csv", "/listings/export.csv"):
        assert browser.get(base(market) + path).status_code == status


def test_files_of_another_agency_are_missing(
    app: Flask, desk: Browser, market: factories.Market
) -> None:
    other = factories.market()
    rows = a_site(), a_site(name="x", kind="castle")
    theirs = [upload(Browser(app, other.staff["owner"]), other, a_file(row))[1] for row in rows]
    for url in theirs:
        key = re.search(r"[0-9a-f-]{36}$", url)
        assert key is not None
        mine = f"{base(market)}/{key[0]}"
        for path in ("", "/notes.csv"):
            assert desk.get(mine + path).status_code == 404
        for path in ("", "/undo", "/fix"):
            assert desk.post(mine + path, page=base(market)).status_code == 404
        assert desk.get(url).status_code == 404


def test_the_page_says_how_long_the_file_stays(desk: Browser, market: factories.Market) -> None:
    good, bad = (
        upload(desk, market, a_file(a_site()))[1],
        upload(desk, market, a_file(a_site(kind="x")))[1],
    )
    until = words_of(day((clock.now() + keeping.KEPT).date()))
    for url in (good, bad):
        assert f"We keep this file until {until}." in words_of(desk.get(url).text)
    assert f"We keep a file for {keeping.DAYS} days" in desk.get(base(market)).text
    clock.advance(keeping.KEPT)
    jobs.run_tick("imports.forget_due")
    for url, said in ((good, "This file was not imported"), (bad, "Some rows need you")):
        page = words_of(desk.get(url).text)
        assert said in page and "This one is gone" in page and "below" not in page
        assert desk.post(url, page=base(market) + "/sites").status_code == 410
    assert desk.get(f"{bad}/notes.csv").status_code == 410
    assert (
        desk.post(f"{bad}/fix", {"c-2-kind": "clinic"}, page=f"{base(market)}/sites").status_code
        == 410
    )
