"""The agency's listings: publishing through the one guard, and the signature by link."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.permissions import ALLOWED, may
from marketplace.core import clock, context, events
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.errors import Conflict, Forbidden
from marketplace.listings import operations, signing_views, versions, workspace_views
from marketplace.listings.events import SignatureAsked
from marketplace.listings.models import Block, Offering, Rotation
from tests import factories
from tests.support import rooms
from tests.support.rooms import Browser, words_of

LINES = {f"s-{slug}": "y" for slug in factories.HANDS_ON}


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([workspace_views.workspace, signing_views.signing_room]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return factories.market()


@pytest.fixture
def desk(app: Flask, market: factories.Market) -> Browser:
    return Browser(app, market.staff["manager"])


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sent: list[str] = []

    def keep(session: ScopedSession, event: SignatureAsked) -> None:
        sent.append(event.token)

    known = events._subscribers[SignatureAsked]
    monkeypatch.setitem(events._subscribers, SignatureAsked, [*known, keep])
    return sent


def change(market: factories.Market, **values: object) -> None:
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, market.rotation_id)
        for name, value in values.items():
            setattr(row, name, value)


def draft(market: factories.Market, **values: object) -> None:
    change(market, state="draft", public=False, **values)


def listing(market: factories.Market) -> Rotation:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Rotation, market.rotation_id)


def base(market: factories.Market) -> str:
    return f"/agency/{market.agency_slug}/listings/{market.slug}"


# --- the guard ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_each_row_can_be_copied_by_those_who_edit(
    app: Flask, market: factories.Market, role: str
) -> None:
    page = Browser(app, market.staff[role]).get(f"/agency/{market.agency_slug}/listings")
    copy = f'action="/agency/{market.agency_slug}/listings/{market.slug}/copy"'
    assert (copy in page.text) is may(role, "listings.edit")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", {"seen", "draft"}),
        ("?q=cardIO", {"seen", "draft"}),  # a specialty by its label
        ("?q=fuentes&state=published", {"seen"}),
        ("?state=draft", {"draft"}),
        ("?q=%25", set()),  # no sign stands for anything
        ("?q=nobody%00", set()),
        ("?state=sold&page=9", {"seen", "draft"}),
    ],
)
def test_the_listings_are_searched(
    desk: Browser, market: factories.Market, asked: str, found: set[str]
) -> None:
    with open_session(factories.a_system()) as session:
        ids = market.agency_id, market.site_id, market.attending_id
        other = factories.rotation(session, *ids, state="draft", signed_version=None).slug
    factories.market()  # another agency's: never found
    home = f"/agency/{market.agency_slug}/listings"
    page = desk.get(home + asked)
    slugs = {"seen": market.slug, "draft": other}
    shown = {name for name, slug in slugs.items() if f'href="{home}/{slug}"' in page.text}
    assert (page.status_code, shown) == (200, found)
    assert page.text.count('role="rowheader"') == len(found)
    assert ("No listing matches" in page.text) is (not found)
    assert "1 live, 1 draft<" in page.text
    assert ("Missing: signature, price, free start" in page.text) is ("draft" in found)


def test_publish_and_pause(desk: Browser, market: factories.Market) -> None:
    draft(market)
    assert "Nothing is missing" in desk.get(base(market)).text
    assert desk.post(f"{base(market)}/publish", page=base(market)).status_code == 303
    assert listing(market).state == "published"
    with open_session(context.public(), readonly=True) as session:
        assert session.scalars(select(Offering)).all() and session.scalars(select(Block)).all()
    assert desk.post(f"{base(market)}/pause", page=base(market)).status_code == 303
    assert listing(market).state == "paused"
    with open_session(context.public(), readonly=True) as session:
        assert session.get(Rotation, market.rotation_id) is None
        assert session.scalars(select(Offering)).all() == []


def test_an_archived_listing_stays_closed(market: factories.Market) -> None:
    change(market, state="archived", public=False)
    with pytest.raises(Conflict), open_session(context.agency(market.agency_id)) as session:
        operations.publish(session, market.staff_actor, market.rotation_id)


@pytest.mark.parametrize("role", ["coordinator", "finance", "read-only"])
def test_only_those_who_answer_for_it_publish(
    app: Flask, market: factories.Market, role: str
) -> None:
    draft(market)
    page = Browser(app, market.staff[role])
    assert "/publish" not in page.get(base(market)).text
    home = f"/agency/{market.agency_slug}/listings"
    with pytest.raises(Forbidden), open_session(context.agency(market.agency_id)) as session:
        from marketplace.core.context import Actor

        actor = Actor("agency", market.staff[role], market.agency_id, role=role)
        operations.publish(session, actor, market.rotation_id)
    assert page.get(home).status_code == 200


def test_foreign_and_missing_listings_are_the_same_404(
    desk: Browser, market: factories.Market
) -> None:
    other = factories.market()  # published: everybody may read it, but not as one's own
    home = f"/agency/{market.agency_slug}/listings"
    for name in (other.slug, "nothing-here"):
        assert desk.get(f"{home}/{name}").status_code == 404
        for tail in ("publish", "pause", "ask-signature"):
            sent = desk.post(f"{home}/{name}/{tail}", page=base(market))
            assert sent.status_code == 404
    assert listing(other).state == "published"


# --- the signature by link ----------------------------------------------------------------------


@pytest.fixture
def path(desk: Browser, market: factories.Market, tokens: list[str]) -> str:
    draft(market, level="observership-outpatient")
    factories.unsign(market.rotation_id)
    assert desk.post(f"{base(market)}/ask-signature", page=base(market)).status_code == 303
    return f"/sign/{tokens[-1]}"


def test_reading_signs_nothing_and_a_post_signs_once(
    app: Flask, market: factories.Market, path: str
) -> None:
    nobody = Browser(app)
    for _ in range(2):
        page = nobody.get(path)
        assert page.status_code == 200 and "checked" not in page.text
    assert "Take a patient's history" in words_of(page.text).replace("’", "'")
    assert listing(market).signed_version is None
    sent = LINES | {"sure": "1", "full_name": "Isabel Fuentes"}
    assert nobody.post(path, LINES | {"full_name": "x"}).status_code == 422
    assert nobody.post(path, sent).status_code == 303
    factories.run_outbox("listings.signature_decided")
    assert (listing(market).signed_version, listing(market).level) == (1, "hands-on-outpatient")
    assert "You signed this list" in nobody.get(path).text
    assert nobody.post(path, sent).status_code == 409


def test_sent_back_by_link(app: Flask, market: factories.Market, path: str) -> None:
    nobody = Browser(app)
    assert nobody.post(f"{path}/return").status_code == 422
    note = {"comment": "No examination here."}
    assert nobody.post(f"{path}/return", note).status_code == 303
    assert "You sent this list back" in nobody.get(path).text
    page = Browser(app, market.staff["manager"]).get(base(market)).text
    assert "No examination here." in page and "/ask-signature" not in page


def test_ends_of_a_sign_link(
    app: Flask, desk: Browser, market: factories.Market, path: str, tokens: list[str]
) -> None:
    nobody = Browser(app)
    assert nobody.get("/sign/unknown").status_code == 404
    assert desk.get(path).status_code == 404  # signed in as somebody else
    desk.post(f"{base(market)}/ask-signature", page=base(market))
    assert nobody.get(path).status_code == 404  # replaced by a newer one
    newest = f"/sign/{tokens[-1]}"
    clock.advance(timedelta(days=31))
    assert nobody.get(newest).status_code == 410
    sent = LINES | {"sure": "1", "full_name": "Isabel Fuentes"}
    assert nobody.post(newest, sent).status_code == 410


def test_a_changed_list_ends_the_link(app: Flask, market: factories.Market, path: str) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        versions.set_values(versions.Requests(session, [row.id]), row, {"hours_per_week": 60})
    assert Browser(app).get(path).status_code == 410


def test_a_signature_of_an_older_version_does_not_count(
    market: factories.Market, path: str
) -> None:
    """Signed, and changed before the worker came by."""
    with open_session(context.person(market.attending_id)) as session:
        from marketplace.listings.models import ScopeSignature

        key = session.scalars(select(ScopeSignature)).one().id
        answers = dict.fromkeys(factories.HANDS_ON, "y")
        operations.sign(
            session,
            market.doctor_actor,
            key,
            answers=answers,
            sure=True,
            full_name="Isabel Fuentes",
        )
    with open_session(context.agency(market.agency_id)) as session:
        row = session.get_one(Rotation, market.rotation_id)
        versions.set_values(
            versions.Requests(session, [row.id]), row, {"activities": {"take-history": "yes"}}
        )
    factories.run_outbox("listings.signature_decided")
    assert listing(market).signed_version is None
