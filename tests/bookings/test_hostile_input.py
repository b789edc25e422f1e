"""Whatever is sent to a form: no crash, no step taken that was not asked for."""

import pytest

from tests import factories
from tests.bookings.conftest import Browser, Page

NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "x" * 20_000,
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "' OR 1=1 --",
    "\u202e\ufeff\u0000é𝒳",
    "-1",
    "9" * 400,
    "NaN",
    "٣",
    "2027-02-30",
    "0001-01-01",
    "../../etc/passwd",
    "00000000-0000-0000-0000-000000000000",
]
FORMS = [
    ("held", "/me/request/{slug}?weeks=4", "/me/requests"),
    ("held", "/me/bookings/{ref}/eligibility", "/eligibility"),
    ("answered", "/me/bookings/{ref}/agree", "/agree"),
    ("confirmed", "/me/bookings/{ref}/cancel", "/cancel"),
    ("terms", "/me/bookings/{ref}/card", "/card"),
]


def opened(site, state: str, path: str) -> tuple[Browser, factories.Made, Page]:
    market = factories.market()
    who = factories.candidate(profile=state != "held")
    browser = Browser(site, who)
    made = factories.booking(market, who, "held" if state == "answered" else state)
    if state == "answered":
        page = browser.get(f"/me/bookings/{made.reference}/eligibility")
        browser.send(page, "/eligibility", read_advisory="1")
    page = browser.get(path.format(slug=market.slug, ref=made.reference))
    assert page.status == 200
    return browser, made, page


@pytest.mark.parametrize(("state", "path", "end"), FORMS)
def test_nasty_values_in_every_field(site, state, path, end):
    browser, made, page = opened(site, state, path)
    before = made.state
    names = [name for name in dict.fromkeys(page.form(end).names) if name != "csrf_token"]
    for nasty in NASTY:
        answer = browser.send(page, end, **dict.fromkeys(names, nasty))
        assert answer.status < 500, (nasty, answer.text[:300])
        assert "<script>alert" not in answer.html
        if answer.status == 303 and end != "/me/requests":
            break  # the form was valid after all: it is done
    if end != "/agree":
        assert made.state in (before, "held", "withdrawn")


@pytest.mark.parametrize("nasty", NASTY)
def test_nasty_addresses(site, nasty):
    from urllib.parse import quote

    browser = Browser(site, factories.candidate())
    for path in ("/me/bookings/{}", "/me/bookings/{}/card", "/me/request/{}"):
        answer = browser.get(path.format(quote(nasty, safe="")))
        assert answer.status in (200, 303, 308, 404), answer.status
    market = factories.market()
    for name in ("offering", "weeks", "start", "form_key"):
        assert browser.get(f"/me/request/{market.slug}?{name}={quote(nasty)}").status == 200
