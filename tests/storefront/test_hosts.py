"""Whose site a host shows: sub-domains, names that agencies proved, and nobody's."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import Client

from marketplace.app import own_hosts
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.storefront import domains
from marketplace.storefront.models import AgencyDomain
from marketplace.tenants import hostnames, hosts
from marketplace.tenants.models import Agency
from tests.storefront.conftest import SYSTEM, house, loaded, owner
from tests.support.rooms import Browser

BASE = "https://rounds.example"
OWN = "rotations.house-one.com"


@pytest.mark.parametrize(
    ("host", "slug"),
    [
        ("house-1.rounds.example", "house-1"),
        ("HOUSE-1.Rounds.Example", "house-1"),
        ("rounds.example", None),
        ("www.rounds.example", None),
        ("admin.rounds.example", None),
        ("a.house-1.rounds.example", None),
        ("house-1.rounds.example.evil.example", None),
        ("house-1.rounds.example:444", None),
        ("house-1rounds.example", None),
        ("-x.rounds.example", None),
        ("../x.rounds.example", None),
        ("", None),
    ],
)
def test_which_agency_a_host_names(host: str, slug: str | None) -> None:
    assert hostnames.agency_of(host, BASE) == slug


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("rounds.example", True),
        ("ROUNDS.example", True),
        ("www.rounds.example", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("web:8000", True),
        ("localhost", True),
        ("house-1.rounds.example", False),
        ("rounds.example.evil.example", False),
        ("evil.example", False),
        ("a.www.rounds.example", False),
    ],
)
def test_which_hosts_are_the_platforms(host: str, ours: bool) -> None:
    assert hostnames.is_platform(host, BASE) == ours


def test_every_page_beside_agencies_own_is_a_reserved_name(web_app: Flask) -> None:
    """`/agencies/new` is a form; an agency of that name would never be seen."""
    words = {
        rule.rule.split("/")[2]
        for rule in web_app.url_map.iter_rules()
        if rule.rule.startswith("/agencies/")
    }
    assert {one for one in words if "<" not in one} <= hostnames.RESERVED


@pytest.fixture
def shops(site: Flask) -> Iterator[Flask]:
    inside = site.wsgi_app
    site.wsgi_app = hosts.Storefronts(  # type: ignore[method-assign,assignment]
        inside, BASE, own_hosts(site), strict=True
    )
    yield site
    site.wsgi_app = inside  # type: ignore[method-assign]


def test_a_storefront_host_shows_its_agency_and_nothing_else(shops: Flask) -> None:
    browser = Browser(shops)
    host = {"Host": "house-1.rounds.example"}
    own = browser.get("/", **host)
    assert own.status_code == 200 and "House 1" in own.text and "Set-Cookie" not in own.headers
    assert browser.get("/theme.css", **host).status_code == 200
    assert browser.get("/agencies/house-1/theme.css", **host).status_code == 200
    for path in (
        "/sign-in",
        "/me",
        "/agencies/house-2",
        "/rotations/x?weeks=4",
        "/%5Cevil.example",
    ):
        answer = browser.get(path, **host)
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(f"{BASE}/")
        assert not answer.headers["Location"].startswith(f"{BASE}//")
    assert browser.get("/", Host="nobody.rounds.example").status_code == 404


def test_a_forwarded_host_changes_nothing(shops: Flask) -> None:
    sent = {"X-Forwarded-Host": "house-2.rounds.example", "Host": "house-1.rounds.example"}
    page = Browser(shops).get("/", **sent)
    assert "House 1" in page.text and "House 2" not in page.text


def test_a_storefront_host_takes_no_form_and_no_cookie(shops: Flask) -> None:
    def send(method: str) -> tuple[int, str]:
        answer = shops.test_client().open(
            "/", method=method, headers={"Host": "house-1.rounds.example", "Cookie": "theme=dark"}
        )
        return answer.status_code, answer.text

    assert send("POST")[0] == 405
    status, page = send("GET")
    assert status == 200 and 'data-theme="dark"' not in page
    assert "<form" not in page  # a form here would answer 405
    assert 'href="/sign-in?next=/agencies/house-1"' in page


def test_no_cookie_passes_a_storefront_host_in_either_direction() -> None:
    """Whatever the application behind it may do."""
    seen: list[bool] = []

    def careless(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.append("HTTP_COOKIE" in environ)
        start("200 OK", [("Set-Cookie", "session=1"), ("Content-Type", "text/plain")])
        return [b"hello"]

    led = hosts.Storefronts(careless, BASE, lambda host: None, strict=True)
    for host, seen_by_app in (("house-1.rounds.example", False), ("rounds.example", True)):
        answer = Client(led, use_cookies=False).get(
            "/", headers={"Host": host, "Cookie": "session=2"}
        )
        assert ("Set-Cookie" in answer.headers, seen.pop()) == (seen_by_app, seen_by_app)


def test_a_name_shows_the_site_from_its_proof_until_its_proof_is_gone(
    shops: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    browser = Browser(shops)
    assert browser.get("/", Host=OWN).status_code == 404
    domain = proved(1, OWN)
    page = browser.get("/", Host=f"{OWN}:443")
    assert page.status_code == 200 and "House 1" in page.text
    assert "Set-Cookie" not in page.headers
    assert f'<link rel="canonical" href="http://{OWN}"' in page.text
    away = browser.get("/sign-in", Host=OWN)
    assert away.headers["Location"] == f"{BASE}/sign-in"
    for _ in range(domains.LOST_AFTER):
        assert browser.get("/", Host=OWN).status_code == 200
        with open_session(SYSTEM) as session:
            domains.settle(session, domain.id, ())
    gone = browser.get("/", Host=OWN)
    assert gone.status_code == 404 and "House 1" not in gone.text and BASE in gone.text
    assert browser.get("/sign-in", Host=OWN).status_code == 404  # no page of the platform either


def test_a_suspended_agency_is_on_none_of_its_hosts(
    shops: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    proved(1, OWN)
    with open_session(SYSTEM) as session:
        session.execute(update(Agency).where(Agency.slug == "house-1").values(is_public=False))
    for host in (OWN, "house-1.rounds.example"):
        for path in ("/", "/theme.css", "/widget"):
            assert Browser(shops).get(path, Host=host).status_code == 404
        asked = Browser(shops).get(f"/hosts/certificate?domain={host}", Host="web:8000")
        assert asked.status_code == 404


def test_the_demo_runs_anywhere_and_production_does_not(site: Flask) -> None:
    def answer(strict: bool) -> int:
        inside = site.wsgi_app
        led = hosts.Storefronts(inside, BASE, lambda host: None, strict=strict)
        site.wsgi_app = led  # type: ignore[method-assign,assignment]
        try:
            return Browser(site).get("/agencies/house-1", Host="pc.lan.example").status_code
        finally:
            site.wsgi_app = inside  # type: ignore[method-assign]

    assert (answer(strict=False), answer(strict=True)) == (200, 404)


def test_certificates_only_for_hosts_that_show_something(
    shops: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    proved(1, OWN)
    with open_session(SYSTEM) as session:
        key = house(2)
        domains.add(session, owner(key), "waits.house-two.com", BASE)
    base = "http://localhost"  # the settings of the test
    with open_session(context.public(), readonly=True) as session:
        for name, may in {
            "localhost": True,
            "house-1.localhost": True,
            OWN: True,
            OWN.upper(): True,
            "waits.house-two.com": False,
            "nobody.localhost": False,
            "www.localhost": False,
            "evil.example": False,
            "": False,
        }.items():
            assert domains.may_have_certificate(session, name, base) == may, name
    asked = Browser(shops).get(f"/hosts/certificate?domain={OWN}", Host="web:8000")
    assert (asked.status_code, asked.text) == (200, "yes\n")
    asked = Browser(shops).get("/hosts/certificate?domain=evil.example", Host="web:8000")
    assert asked.status_code == 404


@pytest.fixture
def proved(site: Flask) -> Callable[[int, str], AgencyDomain]:
    """Add a name to a house and prove it."""

    def prove(number: int, host: str) -> AgencyDomain:
        key = house(number)
        with open_session(context.agency(key)) as session:
            domain = domains.add(session, owner(key), host, BASE)
            key_of, record = domain.id, domains.record_of(domain)[1]
        with open_session(SYSTEM) as session:
            domains.settle(session, key_of, (record,))
        return loaded(AgencyDomain, key_of)

    return prove


def test_a_token_of_another_agency_proves_nothing(
    site: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    """Nobody takes a name over by asking for it: the record names the agency that asked."""
    first = proved(1, OWN)
    key = house(2)
    with open_session(context.agency(key)) as session:
        added = domains.add(session, owner(key), OWN, BASE).id
    second = loaded(AgencyDomain, added)
    assert second.token != first.token
    with open_session(SYSTEM) as session:
        domains.settle(session, second.id, (domains.record_of(first)[1],))
    assert _state(second) == ("pending", False)


def test_one_name_one_agency_until_the_first_lost_it(
    site: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    first, second = proved(1, OWN), proved(2, OWN)
    assert (_state(first), _state(second)) == (("verified", True), ("failed", False))
    with open_session(context.public(), readonly=True) as session:
        assert domains.agency_at(session, OWN) == "house-1"
    for _ in range(domains.LOST_AFTER):
        with open_session(SYSTEM) as session:
            domains.settle(session, first.id, ())
    with open_session(SYSTEM) as session:
        domains.settle(session, second.id, (domains.record_of(second)[1],))
    assert (_state(first)[1], _state(second)[1]) == (False, True)


def _state(domain: AgencyDomain) -> tuple[str, bool]:
    found = loaded(AgencyDomain, domain.id)
    return found.state, found.is_verified


def test_a_dns_that_is_silent_takes_nothing_away(
    site: Flask, proved: Callable[[int, str], AgencyDomain]
) -> None:
    domain = proved(1, OWN)
    for _ in range(10):
        with open_session(SYSTEM) as session:
            domains.settle(session, domain.id, None)
    assert _state(domain) == ("verified", True)


def test_two_weeks_without_a_record_end_the_looking(site: Flask) -> None:
    key = house(1)
    with open_session(context.agency(key)) as session:
        added = domains.add(session, owner(key), OWN, BASE).id
    domain = loaded(AgencyDomain, added)
    for hours, state in ((1, "pending"), (30, "pending"), (15 * 24, "failed")):
        clock.reset()
        clock.advance(timedelta(hours=hours))
        with open_session(SYSTEM) as session:
            assert domains.due(session, 5) == [domain.id]
            domains.settle(session, domain.id, ("something else",))
            assert domains.due(session, 5) == []
        assert _state(domain)[0] == state
    clock.advance(timedelta(days=90))
    with open_session(SYSTEM) as session:
        assert domains.due(session, 5) == []
