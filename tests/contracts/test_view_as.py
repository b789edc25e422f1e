"""View-as over every route: an admin who looks as somebody reads pages; nothing else happens."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from marketplace.accounts.models import SignIn, ViewAs
from marketplace.core import clock
from marketplace.core.db import open_session
from tests import factories
from tests.contracts.callers import ADMIN
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS

QUIET = frozenset({200, 302, 303, 304, 403, 404, 410})


@pytest.fixture(params=["candidate", "owner", "attending"])
def looking(stage: Stage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The platform's admin looks as somebody of the first house."""
    house = stage.world.alpha
    who = {
        "candidate": house.candidate.id,
        "owner": house.market.staff["owner"],
        "attending": house.doctor,
    }[request.param]
    with stage.app.app_context(), open_session(factories.a_system()) as session:
        mine = select(SignIn.id).where(SignIn.person_id == stage.world.admin)
        session.add(
            ViewAs(
                admin_id=stage.world.admin,
                sign_in_id=session.scalars(mine).one(),
                person_id=UUID(str(who)),
                reason="Walk of every route",
                ends_at=clock.wall() + timedelta(minutes=30),
            )
        )
    stage.tables.moved()  # seen
    yield stage
    stage.put_back()


def test_every_form_is_refused_and_every_page_only_reads(looking: Stage) -> None:
    stage, wrong, pages = looking, [], 0
    for row in ROWS:
        path = row.path.format(**stage.world.alpha.names)
        if row.endpoint in ("accounts.end_view_as", "payment_hooks.stripe_event", "assets.static"):
            continue
        answer = stage.call.send(ADMIN, row.method, path, data={} if row.method == "POST" else None)
        if row.method == "POST" and answer.status_code != 403:
            wrong.append(f"{row.key}: {answer.status_code}, and nothing may be sent")
        if row.method == "GET":
            pages += answer.status_code == 200
            if answer.status_code not in QUIET:
                wrong.append(f"{row.key}: {answer.status_code}")
            inside = path.startswith(("/me", "/agency", "/attending"))
            if answer.status_code == 200 and inside:
                if answer.mimetype != "text/html":
                    wrong.append(f"{row.key}: a file of {answer.mimetype}")
                elif "You look as" not in answer.text:
                    wrong.append(f"{row.key}: no banner")
        if row.path.startswith("/admin") and answer.status_code not in (403, 404):
            wrong.append(f"{row.key}: {answer.status_code} on the platform's side")
        answer.close()
        if stage.tables.moved():
            wrong.append(f"{row.key}: something was written")
    assert wrong == [] and pages > 30
