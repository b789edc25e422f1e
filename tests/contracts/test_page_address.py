"""After a form the page may stand where only forms are sent to: what comes back finds a page."""

from marketplace.core.page_address import page_address
from tests.contracts.callers import ADMIN, ANONYMOUS, BY_KEY
from tests.contracts.conftest import Stage
from tests.contracts.routes import ROWS

_NOT_A_PAGE = ("/webhooks/", "/theme", "/news/", "/sign-out", "/view-as/", "/api/")
_SIDES = {
    "me": BY_KEY["candidate-alpha"],
    "attending": BY_KEY["attending-alpha"],
    "agency": BY_KEY["owner-alpha"],
    "admin": ADMIN,
}


def test_above_every_form_there_is_a_page(stage: Stage) -> None:
    wrong: list[str] = []
    for row in ROWS:
        if row.method != "POST" or row.path.startswith(_NOT_A_PAGE):
            continue
        path = row.path.format(**stage.world.alpha.names)
        with stage.app.test_request_context(path, method="POST"):
            found = page_address()
        who = _SIDES.get(path.split("/")[1], ANONYMOUS)
        answer = stage.call.send(who, "GET", found).status_code
        if found == "/" or not path.startswith(found) or answer not in (200, 303):
            wrong.append(f"{row.key}: {found} answers {answer}")
    assert not wrong, "\n".join(wrong)


def test_the_address_of_a_form_names_the_page_above_it(stage: Stage) -> None:
    job = stage.world.alpha.names["job"]
    answer = stage.call.send(ADMIN, "GET", f"/admin/jobs/{job}/retry?x=1")
    assert answer.status_code == 405
    assert 'href="/admin/jobs?x=1"' in answer.text
