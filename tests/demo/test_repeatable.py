"""The same moment gives the same market, row for row; another week gives another one."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from demo.seed import run
from marketplace.core.context import system
from marketplace.core.db import Base, open_session
from tests.support import database
from tests.support.counts import on_one_database

NOW = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
ROTATIONS = 800
SALTED = {"password_hash", "wrapped_key"}  # random by nature


def _digest(session: Session) -> str:
    """All rows of all tables, in the order of their keys."""
    whole = hashlib.sha256()
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if column.name not in SALTED]
        for row in session.execute(select(*columns).order_by(*table.primary_key.columns)):
            whole.update(json.dumps([table.name, *row], default=str, sort_keys=True).encode())
    return whole.hexdigest()


def _seeded(folder: Path, now: datetime) -> str:
    run.seed(folder / "stripe.db", ROTATIONS, now=now)
    with open_session(system("digest"), readonly=True) as session:
        found = _digest(session)
    database.wipe()
    return found


@on_one_database
def test_repeatable(app: Flask, tmp_path: Path) -> None:
    first = _seeded(tmp_path, NOW)
    assert _seeded(tmp_path, NOW) == first
    assert _seeded(tmp_path, NOW + timedelta(weeks=1)) != first
