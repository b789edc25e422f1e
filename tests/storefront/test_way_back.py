"""Who came from an agency's own site is led back to it, through sign-in, booking and payment."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, update

from marketplace.accounts import views as accounts_views
from marketplace.bookings import card_views, request_views
from marketplace.bookings import views as bookings_views
from marketplace.bookings.models import Booking
from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.listings import views as listings_views
from marketplace.storefront import domains
from marketplace.storefront import views as storefront_views
from marketplace.tenants.models import Agency
from tests import factories
from tests.storefront.conftest import SYSTEM, owner
from tests.support import rooms
from tests.support.rooms import Browser

BACK = "Back to the site of"
ROOMS = [
    listings_views.room,
    accounts_views.room,
    request_views.steps,
    card_views.cards,
    bookings_views.mine,
    storefront_views.room,
]


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market(capacity=4)


def _own_name(market: factories.Market, host: str) -> str:
    with open_session(context.agency(market.agency_id)) as session:
        domain = domains.add(session, owner(market.agency_id), host, "https://rounds.example")
        key, record = domain.id, domains.record_of(domain)[1]
    with open_session(SYSTEM) as session:
        domains.settle(session, key, (record,))
    return f"http://{host}"


def test_from_the_listing_to_the_booking(app: Flask, market: factories.Market) -> None:
    site = _own_name(market, "rotations.harbor-clinics.com")
    guest = Browser(app)
    page = guest.get(f"/rotations/{market.slug}?via=site").text
    assert f'href="{site}"' in page and BACK in page
    request = f"/me/request/{market.slug}?offering={market.offerings[0]}&amp;weeks=4&amp;via=site"
    assert request in page and "weeks=4&amp;via=site#dates" in page
    assert BACK not in guest.get(f"/rotations/{market.slug}").text
    for path in ("/sign-in?next=", "/sign-up?next="):
        target = f"/me/request/{market.slug}%3Fvia%3Dsite"
        assert f'href="{site}"' in guest.get(path + target).text
        assert f'href="{site}"' in guest.get(f"{path}/agencies/{market.agency_slug}").text
        assert BACK not in guest.get(f"{path}/me/request/{market.slug}").text

    who = factories.candidate("Amara Nwosu")
    browser, first = Browser(app, who.id), f"/me/request/{market.slug}?via=site"
    step = browser.get(first).text
    assert f'href="{site}"' in step and 'name="via" value="site"' in step
    sent = {"rotation": market.slug, "offering": str(market.offerings[0]), "weeks": "4"}
    held = browser.post("/me/requests", sent | {"via": "site"}, page=first)
    assert held.status_code == 303
    for path in (held.headers["Location"], held.headers["Location"].rsplit("/", 1)[0]):
        assert f'href="{site}"' in browser.get(path).text, path
    with open_session(SYSTEM) as session:
        session.execute(update(Agency).values(is_public=False))
    reference = held.headers["Location"].split("/")[3]
    assert BACK not in browser.get(f"/me/bookings/{reference}").text


def test_who_came_another_way_is_led_nowhere(app: Flask, market: factories.Market) -> None:
    who = factories.candidate("Amara Nwosu")
    browser, first = Browser(app, who.id), f"/me/request/{market.slug}"
    sent = {"rotation": market.slug, "offering": str(market.offerings[0]), "weeks": "4"}
    held = browser.post("/me/requests", sent | {"via": "https://evil.example"}, page=first)
    page = browser.get(held.headers["Location"].rsplit("/", 1)[0]).text
    assert BACK not in page and "evil.example" not in page
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(Booking.from_site)).one() is False


@pytest.mark.parametrize(
    "value", ["https://evil.example", "//evil.example", "site%0d%0aX:1", "SITE", "1", ""]
)
def test_no_address_comes_from_a_link(app: Flask, market: factories.Market, value: str) -> None:
    page = Browser(app).get(f"/rotations/{market.slug}?via={value}").text
    assert BACK not in page and not re.search(r'href="[^"]*//evil', page)
    for target in (f"/agencies/{value}", f"/me/request/{market.slug}%3Fvia%3D{value}"):
        assert BACK not in Browser(app).get(f"/sign-in?next={target}").text
