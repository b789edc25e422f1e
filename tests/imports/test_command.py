"""The commands: what they print, what they write, and how they end."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from marketplace import cli
from marketplace.core import logs
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.listings.models import Attending, Offering, Site
from marketplace.search import jobs as search
from marketplace.search.engines import engine
from tests import factories
from tests.imports import support
from tests.imports.support import a_file, a_row, imported

Command = Callable[..., Result]


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`bin/marketplace`, in this process on the test's database."""
    monkeypatch.setattr(cli, "core_app", lambda: app)
    monkeypatch.setattr(logs, "configure", lambda *_: None)

    def invoke(*words: object) -> Result:
        return CliRunner().invoke(cli.cli, [str(word) for word in words])

    return invoke


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """A file with these rows."""

    def write(*rows: dict[str, str], content: bytes = b"") -> Path:
        path = tmp_path / "rows.csv"
        path.write_bytes(content or a_file(*rows))
        return path

    return write


def counts(agency_id: UUID) -> tuple[int, int]:
    """Sites and starts of the agency."""
    with open_session(factories.a_system(), readonly=True) as session:
        return (
            len(session.scalars(select(Site.id).where(Site.agency_id == agency_id)).all()),
            len(session.scalars(select(Offering.id).where(Offering.agency_id == agency_id)).all()),
        )


# --- import-listings ----------------------------------------------------------------------------


def test_listings_come_in_as_drafts_and_once(
    run: Command, market: factories.Market, file: Callable[..., Path]
) -> None:
    path = file(a_row(market), a_row(market, external_id="cardio-02"))
    done = run("import-listings", path, "--agency", market.agency_slug)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "2 rows: 2 new, 0 changed, 0 the same, 0 with faults.\n"
    assert [(row.external_id, row.state) for row in imported(market)] == [
        ("cardio-01", "draft"),
        ("cardio-02", "draft"),
    ]
    again = run("import-listings", path, "--agency", market.agency_slug)
    assert again.stdout == "2 rows: 0 new, 0 changed, 2 the same, 0 with faults.\n"
    path = file(a_row(market, title="Cardiology clinic and ward"))
    changed = run("import-listings", path, "--agency", market.agency_slug)
    assert changed.stdout == "1 rows: 0 new, 1 changed, 0 the same, 0 with faults.\n"
    assert imported(market)[0].title == "Cardiology clinic and ward"
    with open_session(factories.a_system(), readonly=True) as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.actor_kind == "system")).all()
    assert {row.agency_id for row in acts if row.action.startswith("import")} == {market.agency_id}


def test_a_dry_run_says_the_same_and_writes_nothing(
    run: Command, market: factories.Market, file: Callable[..., Path]
) -> None:
    before = counts(market.agency_id)
    path = file(a_row(market))
    done = run("import-listings", path, "--agency", market.agency_slug, "--dry-run")
    assert done.exit_code == 0
    assert done.stdout == (
        "1 rows: 1 new, 0 changed, 0 the same, 0 with faults. Nothing was written.\n"
    )
    assert imported(market) == [] and counts(market.agency_id) == before


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)], ids=["for-real", "dry-run"])
def test_every_fault_is_told_by_line_column_and_reason_and_stops_the_file(
    run: Command, market: factories.Market, file: Callable[..., Path], dry_run: tuple[str, ...]
) -> None:
    before = counts(market.agency_id)
    path = file(
        a_row(market),
        a_row(market, external_id="cardio-02", specialty="Alchemy", capacity="many"),
        a_row(market, external_id="cardio-03", attending_npi="1234567890"),
    )
    done = run("import-listings", path, "--agency", market.agency_slug, *dry_run)
    assert done.exit_code == 1
    told = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in told] == [
        ["line 3, specialty", "'Alchemy'"],
        ["line 3, capacity", "'many'"],
        ["line 4, attending_npi", "'1234567890'"],
    ]
    assert all(len(line.split(": ", 2)[2]) > 10 for line in told)
    assert done.stdout.endswith("2 with faults. Nothing was written.\n")
    assert imported(market) == [] and counts(market.agency_id) == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\x00\x01\x02", "This is not a text file."),
        (b"title;price\nx;1\n", "The column external_id is missing"),
        (b"\n", "This file is empty."),
    ],
    ids=["no-text", "other-columns", "nothing"],
)
def test_a_file_that_is_no_list_of_listings(
    run: Command, market: factories.Market, file: Callable[..., Path], content: bytes, reason: str
) -> None:
    path = file(content=content)
    done = run("import-listings", path, "--agency", market.agency_slug)
    assert done.exit_code == 1 and imported(market) == []
    assert done.stderr.startswith(f"Error: {reason}")


def test_who_and_what_is_not_there(
    run: Command, market: factories.Market, file: Callable[..., Path], tmp_path: Path
) -> None:
    path = file(a_row(market))
    nobody = run("import-listings", path, "--agency", "nobody")
    assert (nobody.exit_code, nobody.stderr) == (1, "Error: There is no agency 'nobody'.\n")
    missing = run("import-listings", tmp_path / "no.csv", "--agency", market.agency_slug)
    assert missing.exit_code == 2 and "does not exist" in missing.stderr
    assert run("import-listings", path).exit_code == 2  # for whom?
    kind = run("import", "people", path, "--agency", market.agency_slug)
    assert kind.exit_code == 2 and "'sites', 'attendings', 'listings', 'offerings'" in kind.stderr


# --- import -------------------------------------------------------------------------------------


def test_every_kind_of_file_comes_in(
    run: Command, market: factories.Market, file: Callable[..., Path]
) -> None:
    sites, starts = counts(market.agency_id)
    doctor = support.a_doctor(7)
    for kind, row in (
        ("sites", support.a_site()),
        ("attendings", doctor),
        ("listings", a_row(market)),
        ("offerings", support.a_start(market)),
    ):
        for words, told in ((("--dry-run",), "1 new"), ((), "1 new"), ((), "1 the same")):
            done = run("import", kind, file(row), "--agency", market.agency_slug, *words)
            assert done.exit_code == 0, done.output
            assert told in done.stdout, (kind, done.stdout)
    # the listing brought a site and two starts along
    assert counts(market.agency_id) == (sites + 2, starts + 3)
    with open_session(factories.a_system(), readonly=True) as session:
        known = select(Attending).where(Attending.npi == doctor["npi"])
        assert session.scalars(known).one().display_name == doctor["name"]


# --- reindex ------------------------------------------------------------------------------------


def test_the_index_is_made_anew(
    run: Command, app: Flask, market: factories.Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is public and nothing else, told with its number; how far it is goes to the bar."""
    factories.market(state="draft", signed_version=None)
    steps: list[int] = []
    rebuild = search.rebuild

    def counted(scope: object, step: Callable[[int], None]) -> int:
        def noted(number: int) -> None:
            steps.append(number)
            step(number)

        return rebuild(scope, noted)  # type: ignore[arg-type]

    monkeypatch.setattr(cli, "rebuild", counted)
    done = run("reindex")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("1 listings indexed\n") and "Indexing" in done.output
    assert len(steps) == 1
    assert {row["id"] for row in engine().documents()} == {str(market.rotation_id)}
