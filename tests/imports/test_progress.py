"""The bar of the waiting page moves while a real worker writes the file."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from marketplace.core import jobs
from marketplace.core.pages import ROOT
from marketplace.imports import views
from tests import factories
from tests.imports.support import a_file, a_row, imported
from tests.imports.test_views import base, upload
from tests.support import database, rooms, valkey
from tests.support.counts import on_one_database
from tests.support.rooms import Browser, words_of

ROWS = 250
PART = {"HX-Request-Type": "partial", "HX-Request": "true"}
WORKER = [sys.executable, "-m", "marketplace.cli", "worker", "--burst"]


@on_one_database
def test_the_page_follows_the_worker(migrated: None, tmp_path: Path) -> None:
    with valkey.running(tmp_path) as redis, rooms.site([views.room], REDIS_URL=redis) as app:
        market = factories.market()
        row = a_row(market)
        desk = Browser(app, market.staff["coordinator"])
        content = a_file(*(row | {"external_id": f"r-{number}"} for number in range(ROWS)))
        status, url = upload(desk, market, content, "listings")
        assert status == 303 and url.startswith(base(market))
        desk.post(url, page=url)
        assert jobs.relay(redis) == 1
        environment = os.environ | database.settings(REDIS_URL=redis)
        seen = []
        with subprocess.Popen(WORKER, cwd=ROOT, env=environment) as worker:
            while worker.poll() is None:
                page = desk.get(url, **PART).text
                seen += re.findall(r'<progress[^>]*max="(\d+)" value="(\d+)"', page)
                with suppress(subprocess.TimeoutExpired):
                    worker.wait(0.05)
        assert worker.returncode == 0
        assert f"All {ROWS} rows are in" in words_of(desk.get(url).text)
        assert len(imported(market)) == ROWS
    assert {of for of, _ in seen} == {str(2 * ROWS)}  # each row is checked, then written
    done = [int(value) for _, value in seen]
    between = {value for value in done if 0 < value < 2 * ROWS}
    assert done == sorted(done) and len(between) >= 2, done
