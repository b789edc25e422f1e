"""An uploaded file stays as long as somebody can use it, and no longer."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, jobs, storage
from marketplace.core.db import open_session
from marketplace.core.errors import Gone
from marketplace.core.storage import StoredFile
from marketplace.imports import keeping
from tests import factories
from tests.imports import support
from tests.imports.support import a_file, a_site, bring_in, upload


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


def later(days: int) -> None:
    clock.advance(timedelta(days=days))
    jobs.run_tick("imports.forget_due")


def contents(market: factories.Market, key: UUID) -> list[bool]:
    row = support.found(market, key)
    return [storage.exists(one) for one in (row.file_id, row.journal_id) if one is not None]


def test_a_file_goes_when_its_days_are_over(market: factories.Market) -> None:
    """With its journal, their rows, their content, and what was quoted; the numbers stay."""
    made = bring_in(market, "sites", a_file(a_site()))
    stored = [made.file_id, made.journal_id]
    later(keeping.DAYS - 1)
    assert contents(market, made.id) == [True, True]
    later(1)
    row = support.found(market, made.id)
    assert (row.file_id, row.journal_id, row.faults, row.changes) == (None, None, [], [])
    assert (row.state, row.rows, row.created) == ("done", 1, 1)
    assert not any(storage.exists(key) for key in stored if key)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalars(select(StoredFile)).all() == []
    with pytest.raises(Gone):
        support.undo(market, made.id)


def test_what_is_done_with_a_file_begins_its_days_anew(market: factories.Market) -> None:
    key = upload(market, "sites", a_file(a_site()))
    later(keeping.DAYS - 1)
    support.start(market, key)
    factories.run_outbox("imports.run")
    later(keeping.DAYS - 1)
    assert support.undo(market, key).state == "undone"
    later(keeping.DAYS - 1)
    assert contents(market, key) == [True, True]
    later(1)
    assert contents(market, key) == []


def test_an_import_under_way_keeps_its_file(market: factories.Market) -> None:
    """However long the worker was away."""
    key = upload(market, "sites", a_file(a_site()))
    support.start(market, key)
    later(keeping.DAYS * 2)
    factories.run_outbox("imports.run")
    assert support.found(market, key).state == "done"


@pytest.mark.parametrize("cells", [{}, {"kind": "castle"}])
def test_a_file_that_is_gone_is_not_used(market: factories.Market, cells: dict[str, str]) -> None:
    key = upload(market, "sites", a_file(a_site(**cells)))
    later(keeping.DAYS)
    with pytest.raises(Gone):
        support.start(market, key)


def test_many_files_go_in_parts(market: factories.Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "AT_ONCE", 2)
    for number in range(5):
        upload(market, "sites", a_file(a_site(name=f"Site {number}")))
    later(keeping.DAYS)
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalars(select(StoredFile)).all() == []
