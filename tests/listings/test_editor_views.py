"""The editor's pages: what is said, what is kept, what is refused; sites and invitations."""

from collections.abc import Iterator
from contextvars import Context

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.core.errors import Invalid
from marketplace.listings import (
    approval_views,
    availability_views,
    drafts,
    editor_forms,
    editor_views,
    new_listing_views,
    place_views,
    wider,
    workspace_views,
)
from marketplace.listings.draft_models import ListingDraft, WiderRequest
from marketplace.listings.models import Attending, Rotation, Site
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, token_of, words_of

ROOMS = (
    workspace_views.workspace,
    editor_views.editor,
    new_listing_views.beginning,
    place_views.places_room,
    availability_views.calendar,
    approval_views.approvals,
)
NPI = "1234567893"


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site(ROOMS) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    return factories.market()


@pytest.fixture
def desk(app: Flask, market: Market) -> Browser:
    return Browser(app, market.staff["manager"])


def base(market: Market) -> str:
    return f"/agency/{market.agency_slug}/listings/{market.slug}"


def draft_of(market: Market) -> ListingDraft | None:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get(ListingDraft, market.rotation_id)


def form_of(market: Market, **more: str) -> dict[str, str]:
    return {
        "specialty": "cardiology",
        "type": "externship",
        "setting": "outpatient",
        "attending": str(market.attending_id),
        "site": str(market.site_id),
        "title": "Cardiology clinic externship",
        "summary": "Four days of clinic a week.",
        "ratio": "1",
        "hours": "40",
        "share": "",
    } | more


def autosave(desk: Browser, path: str, sent: dict[str, str]):
    """What htmx sends: the same form, for a part of the page."""
    sent = sent | {"csrf_token": token_of(desk.get(path).text)}
    headers = {
        "Origin": "http://localhost",
        "HX-Request": "true",
        "HX-Request-Type": "partial",
        rooms._PERSON: str(desk.person),
    }
    return Context().run(lambda: desk.client.post(path, data=sent, headers=headers))


# --- sections -----------------------------------------------------------------------------------


def test_autosave_says_so_and_keeps_a_draft(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/basics"
    answer = autosave(desk, path, form_of(market, title="New words"))
    assert answer.status_code == 200
    assert "Saved" in answer.text and 'hx-swap-oob="true"' in answer.text
    assert "<html" not in answer.text and "Draft of version 2" in answer.text
    kept = draft_of(market)
    assert kept and kept.values == {"title": "New words"}


def test_autosave_says_why_not(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/basics"
    answer = autosave(desk, path, form_of(market, hours="many"))
    assert answer.status_code == 422 and "Not saved yet: Write a whole number" in answer.text
    assert draft_of(market) is None


def test_what_was_typed_is_kept_beside_its_message(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/basics"
    sent = form_of(market, title="Kept <i>title</i>", hours="many")
    answer = desk.post(path, sent, page=path)
    assert answer.status_code == 422 and 'id="hours-err"' in answer.text
    assert "Kept &lt;i&gt;title&lt;/i&gt;" in answer.text


def test_the_check_names_the_words_and_their_section(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/basics"
    promise = "A guaranteed letter. Hands-on from day one. Ask on WhatsApp: +1 555 010 2030."
    assert desk.post(path, form_of(market, summary=promise), page=path).status_code == 303
    page = desk.get(f"{base(market)}/check").text
    words = words_of(page)
    assert "“guaranteed letter” in the summary" in words
    assert f'href="{base(market)}/edit/basics"' in page
    assert "“WhatsApp”" in words and "hands-on" in words.lower()
    assert desk.post(f"{base(market)}/publish", page=f"{base(market)}/check").status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.get_one(Rotation, market.rotation_id)
        assert (row.summary, row.state) == ("Four days of clinic a week.", "published")


@pytest.mark.parametrize(
    ("tiers", "fine"),
    [
        ({"days-1": "30", "back-1": "100", "days-2": "14", "back-2": "50"}, True),
        ({"days-1": "30", "back-1": "0"}, False),  # no "no refunds"
        ({"days-1": "150", "back-1": "100"}, False),  # too far away
        ({"days-1": "14", "back-1": "50", "days-2": "30", "back-2": "100"}, False),
        ({}, False),
    ],
)
def test_own_steps_keep_the_floor(
    desk: Browser, market: Market, tiers: dict[str, str], fine: bool
) -> None:
    path = f"{base(market)}/edit/cancellation"
    answer = desk.post(path, {"preset": "custom"} | tiers, page=path)
    assert answer.status_code == (303 if fine else 422)
    kept = draft_of(market)
    assert (kept is not None) == fine
    if fine and kept:
        assert kept.values["cancellation"]["tiers"] == [[30, 100], [14, 50]]


@pytest.mark.parametrize(
    ("text", "cents"),
    [("1650", 165_000), ("$1,650.50", 165_050), (" 99.9 ", 9_990)],
)
def test_dollars(text: str, cents: int) -> None:
    assert editor_forms.cents(text) == cents


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3x", "NaN", "1.005", "9999999", "٣"])
def test_what_is_no_price(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        editor_forms.cents(text)


def test_shares_fit_into_the_price(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/price"
    prices = {"price-2": "1100", "price-4": "1650", "price-8": "3000"}
    plan = {"deposit": "20", "installments": "4"}
    sent = prices | plan | {"share-attending": "60", "share-site": "40"}
    answer = desk.post(path, sent, page=path)
    assert answer.status_code == 422 and "more than the price" in answer.text
    sent |= {"share-site": "10"}
    assert desk.post(path, sent, page=path).status_code == 303
    page = words_of(desk.get(path).text)
    assert "Where your money goes, 4 weeks" in page and "$990" in page and "Installment 1" in page


def test_graduates_stay_out_of_types_that_refuse_them(desk: Browser, market: Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        drafts.save(session, market.staff_actor, market.rotation_id, {"type": "clerkship"})
    path = f"{base(market)}/edit/people"
    sent = {"accepts": "graduate", "min_student_year": "", "max_years": ""}
    answer = desk.post(path, sent, page=path)
    assert answer.status_code == 422 and 'id="accepts-err"' in answer.text


def test_scope_shows_what_was_signed_and_the_state_notices(desk: Browser, market: Market) -> None:
    path = f"{base(market)}/edit/scope"
    sent = {f"a-{slug}": level for slug, level in factories.HANDS_ON.items()}
    assert desk.post(path, sent | {"a-vital-signs": "yes"}, page=path).status_code == 303
    page = words_of(desk.get(path).text)
    assert "1 line differs from what Dr. Fuentes signed: Measure vital signs" in page
    assert "not legal advice" in page and "Visa facts" in page


def test_a_version_page_says_what_changed(desk: Browser, market: Market) -> None:
    for title in ("First words", "Second words"):
        with open_session(context.agency(market.agency_id)) as session:
            drafts.save(session, market.staff_actor, market.rotation_id, {"title": title})
        desk.post(f"{base(market)}/publish", page=f"{base(market)}/check")
    page = words_of(desk.get(f"{base(market)}/versions/3").text)
    assert "What changed since version 2" in page
    assert "First words" in page and "Second words" in page
    assert desk.get(f"{base(market)}/versions/9").status_code == 404


def test_the_preview_is_the_draft(desk: Browser, market: Market) -> None:
    with open_session(context.agency(market.agency_id)) as session:
        words = {"summary": "Words of the draft."}
        drafts.save(session, market.staff_actor, market.rotation_id, words)
    page = desk.get(f"{base(market)}/preview").text
    assert "Preview of version 2" in page and "Words of the draft." in page


def begun(market: Market, kind: str) -> dict[str, str]:
    """What a new listing begins with, of the agency's own site and attending."""
    own = {"attending": str(market.attending_id), "site": str(market.site_id)}
    return own | {"specialty": "cardiology", "type": kind}


def test_a_new_listing_has_the_defaults_of_its_type(desk: Browser, market: Market) -> None:
    home = f"/agency/{market.agency_slug}/listings/new"
    sent = begun(market, "sub-internship")
    answer = desk.post(home, sent, page=home)
    assert answer.status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()
    assert row and (row.accepts, row.eligibility) == (["student"], {"min_student_year": "final"})
    assert row.cancellation["slug"] == "moderate" and "school-approval" in row.required_documents
    other = factories.market()
    assert desk.post(home, sent | {"site": str(other.site_id)}, page=home).status_code == 422


@pytest.mark.parametrize("typed", ["free", "0", "-5", "1,650.555", "9999999"])
def test_a_new_listing_begins_with_its_price(desk: Browser, market: Market, typed: str) -> None:
    home = f"/agency/{market.agency_slug}/listings/new"
    sent = begun(market, "externship")
    refused = desk.post(home, sent | {"price": typed}, page=home)
    assert refused.status_code == 422 and 'id="price-err"' in refused.text
    assert f'value="{typed}"' in refused.text
    assert desk.post(home, sent | {"price": "$1,650"}, page=home).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()
        assert row and [(b.weeks, b.price_cents) for b in row.blocks] == [(4, 165_000)]
        assert not any(block.public for block in row.blocks)


A_NEW_ONE = {
    "specialty": "cardiology",
    "type": "externship",
    "attending": "new",
    "doctor_npi": "1234567893",
    "doctor_email": "nora@example.org",
    "doctor_name": "Dr. Nora Vale",
    "site": "new",
    "site_name": "Harbor Street Clinic",
    "site_city": "Denver, CO",
    "site_kind": "clinic",
    "site_setting": "outpatient",
}


def test_site_and_attending_are_made_with_the_listing(desk: Browser, market: Market) -> None:
    home = f"/agency/{market.agency_slug}/listings/new"
    bad = A_NEW_ONE | {"doctor_npi": "1234567890", "site_city": "Nowhere", "type": ""}
    refused = desk.post(home, bad, page=home)
    assert refused.status_code == 422
    assert "<title>Error: New listing" in refused.text  # the first thing that is read out
    for said in ("its last digit does not fit", "Choose a city", "Choose the type", "Nora Vale"):
        assert said in refused.text
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalar(select(Attending.id).where(Attending.npi == "1234567893")) is None
    assert desk.post(home, A_NEW_ONE, page=home).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Rotation).order_by(Rotation.id.desc())).first()
        assert row and (row.site.time_zone, row.attending.npi) == ("America/Denver", "1234567893")
        assert row.title == "Cardiology externship with Dr. Vale"
    # the same doctor again is simply chosen; the same place is refused by its name
    again = desk.post(home, A_NEW_ONE, page=home)
    assert again.status_code == 422 and "a site of this name" in again.text
    assert desk.post(home, A_NEW_ONE | {"site": str(row.site_id)}, page=home).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        doctors = session.scalars(select(Attending.id).where(Attending.npi == "1234567893")).all()
        assert len(doctors) == 1


# --- sites and attendings -----------------------------------------------------------------------


def site_form(**more: str) -> dict[str, str]:
    return {
        "name": "Harbor Street Clinic",
        "kind": "clinic",
        "setting": "outpatient",
        "city": "Denver, CO",
        "affiliation": "",
    } | more


def test_a_site_takes_the_time_of_its_city(desk: Browser, market: Market) -> None:
    path = f"/agency/{market.agency_slug}/sites/new"
    assert desk.post(path, site_form(), page=path).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        row = session.scalars(select(Site).where(Site.name == "Harbor Street Clinic")).one()
    assert (row.state, row.time_zone, row.letter_until) == ("CO", "America/Denver", None)
    twice = desk.post(path, site_form(), page=path)
    assert twice.status_code == 422 and 'id="name-err"' in twice.text
    nowhere = desk.post(path, site_form(city="Atlantis"), page=path)
    assert nowhere.status_code == 422 and 'id="city-err"' in nowhere.text


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("name", "Guaranteed Letter Clinic", "“Guaranteed Letter”: A letter depends"),
        ("name", "Harbor Clinic +1 312 555 0142", "“+1 312 555 0142”: Contact details"),
        ("name", "Harbor Clinic on WhatsApp", "“WhatsApp”: Payment or contact outside"),
        ("affiliation", "Pay by Venmo", "“Venmo”: Payment or contact outside"),
        ("affiliation", "No refunds University", "“No refunds”: Every booking"),
        ("affiliation", "ask@harbor.example.org", "“ask@harbor.example”: Contact"),
    ],
)
def test_a_site_says_no_more_than_a_listing_may(
    desk: Browser, market: Market, field: str, text: str, said: str
) -> None:
    with open_session(factories.a_system(), readonly=True) as session:
        slug = session.get_one(Site, market.site_id).slug
    home = f"/agency/{market.agency_slug}/sites"
    for path in (f"{home}/new", f"{home}/{slug}"):
        answer = desk.post(path, site_form(**{field: text}), page=path)
        assert answer.status_code == 422 and f'id="{field}-err"' in answer.text
        assert said in words_of(answer.text) and f'value="{text}"' in answer.text
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.scalars(select(Site).where(getattr(Site, field) == text)).all() == []


def test_a_site_may_have_the_name_of_its_town(desk: Browser, market: Market) -> None:
    path = f"/agency/{market.agency_slug}/sites/new"
    sent = site_form(name="Signal Hill Medical Center", city="Long Beach, CA")
    assert desk.post(path, sent, page=path).status_code == 303


def test_a_site_can_be_added_from_the_editor(desk: Browser, market: Market) -> None:
    path = f"/agency/{market.agency_slug}/sites/new"
    asked = f"{path}?then={market.slug}"
    assert asked in desk.get(f"{base(market)}/edit/basics").text
    wrong = desk.post(path, site_form(city="Nowhere", then=market.slug), page=asked)
    assert wrong.status_code == 422 and f'name="then" value="{market.slug}"' in wrong.text
    made = desk.post(path, site_form(then=market.slug), page=asked)
    assert made.location.endswith(f"/listings/{market.slug}/edit/basics")
    other = site_form(name="Another Clinic", then="//evil.example")
    assert desk.post(path, other, page=path).location.endswith("/sites")


def test_a_site_with_seats_taken_keeps_its_city(desk: Browser, market: Market) -> None:
    factories.booking(market, factories.candidate(), "requested")
    with open_session(factories.a_system(), readonly=True) as session:
        slug = session.get_one(Site, market.site_id).slug
    path = f"/agency/{market.agency_slug}/sites/{slug}"
    answer = desk.post(path, site_form(), page=path)
    assert answer.status_code == 422 and 'id="city-err"' in answer.text


# --- the platform's answer ----------------------------------------------------------------------


def test_the_platform_answers_with_a_reason(app: Flask, market: Market, monkeypatch) -> None:
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, market.rotation_id)
        row.type, row.state, row.public = "sub-internship", "draft", False
        row.eligibility = {"graduate_legal_basis": "The hospital's own program takes them."}
        admin = factories.person(session, "Pat Admin", is_admin=True).id
    with open_session(context.agency(market.agency_id)) as session:
        key = wider.ask(session, market.staff_actor, market.slug).id
    with open_session(context.system("admin test")) as session:
        from marketplace.core.context import Actor

        actor = Actor("admin", admin, name="Pat Admin")
        with pytest.raises(Invalid):
            wider.decide(session, actor, key, approve=True, note="")
        wider.decide(session, actor, key, approve=False, note="The state board says no.")
    page = words_of(Browser(app, market.staff["manager"]).get(f"{base(market)}/edit/people").text)
    assert "Declined" in page and "The state board says no." in page
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(WiderRequest, key).decided_by == "Pat Admin"
