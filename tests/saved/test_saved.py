"""Saved rotations and searches, as a browser uses them, and the digest about them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from datetime import timedelta
from email.message import EmailMessage
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from marketplace.accounts import passwords
from marketplace.accounts.models import Person
from marketplace.core import clock, context, mail
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from marketplace.listings.models import Block, Offering, Rotation
from marketplace.saved import digests, jobs, operations
from marketplace.saved.models import SavedMatch, SavedRotation, SavedSearch, SearchMail
from marketplace.search import finding
from marketplace.search import jobs as search_jobs
from tests import factories
from tests.search import shop

SYSTEM = context.system("test")
PASSWORD = "violet harbor lantern nine"
HASH = passwords.hashed(PASSWORD)
DAY = timedelta(days=1)


class Visitor:
    """A browser; signs in by the form."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str) -> TestResponse:
        return Context().run(self.client.get, path)

    def post(
        self, path: str, data: dict[str, str] | None = None, page: str = "", **headers: str
    ) -> TestResponse:
        sent = dict(data or {})
        if page:
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
            assert found is not None
            sent["csrf_token"] = found[1]
        known = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"} | headers
        return Context().run(lambda: self.client.post(path, data=sent, headers=known))

    def sign_in(self, email: str, next_url: str = "") -> TestResponse:
        return self.post("/sign-in", {"email": email, "password": PASSWORD, "next": next_url})


@pytest.fixture
def site(web_app: Flask) -> Iterator[Flask]:
    with web_app.app_context():
        shop.build()
    yield web_app


@pytest.fixture
def ana(site: Flask) -> factories.Candidate:
    with site.app_context():
        who = factories.candidate("Ana Silva")
        with open_session(SYSTEM) as session:
            session.get_one(Person, who.id).password_hash = HASH
        return who


@pytest.fixture
def browser(site: Flask, ana: factories.Candidate) -> Visitor:
    made = Visitor(site)
    assert made.sign_in(ana.email).status_code == 303
    return made


def count(site: Flask, model: type) -> int:
    with site.app_context(), open_session(SYSTEM, readonly=True) as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


# --- rotations ------------------------------------------------------------------------------------


def test_a_guest_signs_in_and_comes_back_with_it_saved(
    site: Flask, ana: factories.Candidate
) -> None:
    guest = Visitor(site)
    page = "http://localhost/rotations?specialty=cardiology"
    assert 'formaction="/rotations/listing-3/save"' in guest.get(page).text
    asked = guest.post("/rotations/listing-3/save", Referer=page)
    assert asked.status_code == 303
    assert asked.headers["Location"] == "/sign-in?next=%2Frotations%3Fspecialty%3Dcardiology"
    assert count(site, SavedRotation) == 0
    back = guest.sign_in(ana.email, "/rotations?specialty=cardiology")
    assert back.headers["Location"] == "/rotations?specialty=cardiology"
    text = guest.get(back.headers["Location"]).text
    assert 'formaction="/rotations/listing-3/unsave"' in text and "Saved. You find it" in text
    assert count(site, SavedRotation) == 1
    # the wish was done once: another sign-in does not do it again
    guest.post("/rotations/listing-3/unsave", Referer=page)
    guest.post("/sign-out")
    guest.sign_in(ana.email)
    assert count(site, SavedRotation) == 0


def test_hearts_on_card_and_listing_save_once(site: Flask, browser: Visitor) -> None:
    for _ in range(2):
        answer = browser.post("/rotations/listing-5/save", Referer="http://localhost/x")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/x")
    assert count(site, SavedRotation) == 1
    assert "heart--on" in browser.get("/rotations/listing-5").text
    assert "Vera Moss5" in browser.get("/me/saved").text
    part = browser.post("/rotations/listing-5/unsave", **{"HX-Request-Type": "partial"})
    assert 'formaction="/rotations/listing-5/save"' in part.text and "<html" not in part.text
    assert count(site, SavedRotation) == 0
    assert "Nothing saved yet" in browser.get("/me/saved").text


def test_a_button_pressed_many_times_at_once_saves_once(site: Flask, browser: Visitor) -> None:
    def press(number: int) -> int:
        path = "/rotations/listing-6/save" if number % 2 else "/rotations/saved-searches"
        return browser.post(path, {"query": "state=TX", "name": "Texas"}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(press, range(16))) == {303}
    assert [count(site, kind) for kind in (SavedRotation, SavedSearch, SearchMail)] == [1, 1, 1]


def test_only_published_rotations_and_only_from_our_pages(site: Flask, browser: Visitor) -> None:
    with site.app_context(), open_session(SYSTEM) as session:
        hidden = session.scalars(select(Rotation).where(Rotation.slug == "listing-7")).one()
        hidden.state, hidden.public = "paused", False
    for slug in ("listing-7", "no-such-rotation", "a\x00b"):
        assert browser.post(f"/rotations/{slug}/save").status_code == 404
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert browser.post("/rotations/listing-1/save", **elsewhere).status_code == 403
    for outside in ("https://evil.example/x", "http://["):
        answer = browser.post("/rotations/listing-1/save", Referer=outside)
        assert answer.headers["Location"] == "/rotations"
    assert count(site, SavedRotation) == 1


def test_what_is_not_offered_any_more_can_be_removed(site: Flask, browser: Visitor) -> None:
    browser.post("/rotations/listing-2/save")
    with site.app_context(), open_session(SYSTEM) as session:
        row = session.scalars(select(Rotation).where(Rotation.slug == "listing-2")).one()
        row.state, row.public = "paused", False
        key = row.id
    page = browser.get("/me/saved").text
    assert "A rotation that is not offered now" in page
    browser.post(f"/me/saved/rotations/{key}/remove", page="/me/saved")
    assert count(site, SavedRotation) == 0
    gone = browser.post(f"/me/saved/rotations/{key}/remove", page="/me/saved")
    assert gone.status_code == 404


def test_the_list_has_an_end(
    site: Flask, browser: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_ROTATIONS", 1)
    monkeypatch.setattr(operations, "MOST_SEARCHES", 1)
    browser.post("/rotations/listing-1/save")
    refused = browser.post("/rotations/listing-2/save")
    assert refused.status_code == 409 and "Remove one first" in refused.text
    browser.post("/rotations/saved-searches", {"query": "state=IL"})
    browser.post("/rotations/saved-searches", {"query": "state=TX"})
    assert "You have saved 1 searches. Remove one first." in browser.get("/me/saved").text
    assert (count(site, SavedRotation), count(site, SavedSearch)) == (1, 1)


# --- searches -------------------------------------------------------------------------------------


def test_a_search_is_saved_run_renamed_and_deleted(site: Flask, browser: Visitor) -> None:
    page = browser.get("/rotations?specialty=cardiology&state=IL&page=1&view=list").text
    assert 'name="query" value="specialty=cardiology&amp;state=IL"' in page
    for _ in range(2):
        sent = {"query": "state=IL&specialty=cardiology&page=3&view=map", "name": " Hearts \x07 "}
        assert browser.post("/rotations/saved-searches", sent).headers["Location"] == "/me/saved"
    key = one_search(site).id
    assert one_search(site).query == "specialty=cardiology&state=IL"
    page = browser.get("/me/saved").text
    assert "<h3>Hearts</h3>" in page and "Cardiology, Illinois" in page
    at = f"/me/saved/searches/{key}"
    run = browser.post(f"{at}/look", page="/me/saved")
    assert run.headers["Location"] == "/rotations?specialty=cardiology&state=IL"
    refused = browser.post(f"{at}/rename", {"name": "  "}, page="/me/saved")
    assert refused.status_code == 422 and "Give it a name of 3 to 80" in refused.text
    browser.post(f"{at}/rename", {"name": "My hearts"}, page="/me/saved")
    assert one_search(site).name == "My hearts"
    for bad in ("hourly", ""):
        answer = browser.post("/me/saved/frequency", {"frequency": bad}, page="/me/saved")
        assert answer.status_code == 422
    browser.post("/me/saved/frequency", {"frequency": "weekly"}, page="/me/saved")
    assert '<option value="weekly" selected>' in browser.get("/me/saved").text
    browser.post(f"{at}/delete", page="/me/saved")
    assert count(site, SavedSearch) == 0


def test_a_guest_saves_an_empty_search_by_signing_in(site: Flask, ana: factories.Candidate) -> None:
    guest = Visitor(site)
    here = "/rotations?specialty=neurology&price_max=100"
    assert "E-mail me when one opens" in guest.get(here).text
    sent = {"query": "specialty=neurology&price_max=100", "name": "Neurology, cheap"}
    guest.post("/rotations/saved-searches", sent, Referer=f"http://localhost{here}")
    guest.sign_in(ana.email, here)
    assert one_search(site).name == "Neurology, cheap"


def test_nobody_touches_somebody_elses_search(site: Flask, browser: Visitor) -> None:
    browser.post("/rotations/saved-searches", {"query": "state=IL", "name": "Mine"})
    key = one_search(site).id
    with site.app_context():
        other = factories.candidate("Ben Okoro")
        with open_session(SYSTEM) as session:
            session.get_one(Person, other.id).password_hash = HASH
    thief = Visitor(site)
    thief.sign_in(other.email)
    for action in ("look", "rename", "delete"):
        sent = thief.post(f"/me/saved/searches/{key}/{action}", {"name": "x"}, page="/me/saved")
        assert sent.status_code == 404
    assert "Mine" not in thief.get("/me/saved").text
    assert one_search(site).name == "Mine"


def test_a_get_changes_nothing(site: Flask, browser: Visitor) -> None:
    browser.post("/rotations/saved-searches", {"query": "state=IL", "name": "Mine"})
    key = one_search(site).id
    paths = ("/rotations/listing-1/save", f"/me/saved/searches/{key}/look",
             f"/me/saved/searches/{key}/delete", "/rotations/saved-searches")  # fmt: skip
    for path in paths:
        assert browser.get(path).status_code in (404, 405)
    with site.app_context(), open_session(SYSTEM, readonly=True) as session:
        token = session.scalars(select(SearchMail.token)).one()
    assert Visitor(site).get(f"/unsubscribe/{token}").status_code == 200
    with site.app_context(), open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(SearchMail.frequency)).one() == "daily"
    assert count(site, SavedRotation) == 0 and count(site, SavedSearch) == 1


def one_search(site: Flask) -> SavedSearch:
    with site.app_context(), open_session(SYSTEM, readonly=True) as session:
        found = session.scalars(select(SavedSearch)).one()
        session.expunge(found)
        return found


# --- what is new, and the digest ------------------------------------------------------------------


@pytest.fixture
def inside(site: Flask, ana: factories.Candidate) -> Iterator[UUID]:
    """A saved search for cardiology, compared once; inside the app's context."""
    with site.app_context():
        with open_session(context.person(ana.id)) as session:
            operations.keep_search(session, ana.id, "specialty=cardiology", "Hearts")
        jobs.compare_due(SYSTEM)
        yield ana.id


def later(days: int = 0, minutes: int = 11) -> None:
    clock.advance(timedelta(days=days, minutes=minutes))


def refresh() -> None:
    """The index and the saved searches follow a change, eleven minutes later."""
    search_jobs.rebuild(SYSTEM)
    later()
    jobs.compare_due(SYSTEM)


def change(slug: str, **values: object) -> None:
    with open_session(SYSTEM) as session:
        session.execute(update(Rotation).where(Rotation.slug == slug).values(**values))
    refresh()


def news() -> dict[str, str]:
    with open_session(SYSTEM, readonly=True) as session:
        rows = session.execute(
            select(Rotation.slug, SavedMatch.news).where(
                Rotation.id == SavedMatch.rotation_id, SavedMatch.news != ""
            )
        )
        return {row.slug: row.news for row in rows}


def letters() -> list[MailMessage]:
    with open_session(SYSTEM, readonly=True) as session:
        found = session.scalars(
            select(MailMessage)
            .where(MailMessage.slug == "saved-search")
            .order_by(MailMessage.created_at)
        ).all()
        session.expunge_all()
        return list(found)


def test_what_was_there_before_is_no_news(inside: UUID) -> None:
    refresh()
    jobs.send_digests(SYSTEM)
    assert (news(), letters()) == ({}, [])


def test_a_new_match_a_lower_price_and_a_free_seat_are_news(inside: UUID) -> None:
    with open_session(SYSTEM) as session:
        ids = {row.slug: row.id for row in session.execute(select(Rotation.slug, Rotation.id))}
        session.execute(
            update(Block).where(Block.rotation_id == ids["listing-0"]).values(price_cents=90_000)
        )
        session.execute(
            update(Block).where(Block.rotation_id == ids["listing-2"]).values(price_cents=900_000)
        )
        session.execute(
            update(Offering)
            .where(Offering.rotation_id == ids["listing-4"])
            .values(taken=Offering.capacity)
        )
    change("listing-20", specialty="cardiology")
    assert news() == {"listing-0": "price", "listing-20": "new"}
    with open_session(SYSTEM) as session:
        session.execute(
            update(Offering).where(Offering.rotation_id == ids["listing-4"]).values(taken=0)
        )
    refresh()
    assert news() == {"listing-0": "price", "listing-20": "new", "listing-4": "seat"}
    jobs.send_digests(SYSTEM)
    (letter,) = letters()
    assert letter.subject == "3 new rotations for “Hearts”"
    assert "Price down from $1,000" in letter.text and "A seat is free again" in letter.text
    assert "Vera Moss20" in letter.html and "New, next start" in letter.text


def test_one_digest_a_day_and_never_the_same_news_twice(inside: UUID) -> None:
    change("listing-20", specialty="cardiology")
    for _ in range(3):
        jobs.send_digests(SYSTEM)
    assert len(letters()) == 1
    change("listing-21", specialty="cardiology")
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 1  # the second waits for tomorrow
    later(days=1)
    for _ in range(2):
        jobs.send_digests(SYSTEM)
    first, second = letters()
    assert "Vera Moss20" in first.text and "Vera Moss21" not in first.text
    assert "Vera Moss21" in second.text and "Vera Moss20" not in second.text


def test_the_database_refuses_a_second_digest_of_a_day(inside: UUID) -> None:
    change("listing-20", specialty="cardiology")
    jobs.send_digests(SYSTEM)
    with open_session(SYSTEM) as session:
        session.execute(update(SearchMail).values(sent_on=None))
        session.execute(update(SavedMatch).values(mailed_at=None))
    jobs.send_digests(SYSTEM)  # logs the refusal and goes on
    assert len(letters()) == 1


def test_weekly_and_off(inside: UUID) -> None:
    with open_session(context.person(inside)) as session:
        operations.choose_frequency(session, inside, "off")
    change("listing-20", specialty="cardiology")
    jobs.send_digests(SYSTEM)
    assert letters() == []
    with open_session(context.person(inside)) as session:
        operations.choose_frequency(session, inside, "weekly")
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 1
    change("listing-21", specialty="cardiology")
    later(days=2)
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 1
    later(days=5)
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 2


def test_the_page_counts_what_is_new_until_one_looks(inside: UUID, site: Flask) -> None:
    change("listing-20", specialty="cardiology")
    with open_session(SYSTEM, readonly=True) as session:
        email = session.get_one(Person, inside).email
    browser = Visitor(site)
    browser.sign_in(email)
    assert "1 new" in browser.get("/me/saved").text
    key = one_search(site).id
    browser.post(f"/me/saved/searches/{key}/look", page="/me/saved")
    assert "Nothing new" in browser.get("/me/saved").text


def test_nothing_is_compared_with_half_an_answer(
    inside: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setattr(finding, "engine", shop.Away)
        later()
        jobs.compare_due(SYSTEM)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(SavedMatch.open)).all().count(False) == 0
    change("listing-20", specialty="cardiology")
    assert news() == {"listing-20": "new"}


def test_a_failing_person_stops_nobody_else(inside: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    other = factories.candidate("Ben Okoro")
    with open_session(context.person(other.id)) as session:
        operations.keep_search(session, other.id, "specialty=cardiology", "Ben's")
    jobs.compare_due(SYSTEM)
    change("listing-20", specialty="cardiology")
    write = digests.write

    def sometimes(session: object, person_id: UUID) -> bool:
        if person_id == inside:
            raise RuntimeError("no")
        return write(session, person_id)  # type: ignore[arg-type]

    monkeypatch.setattr(digests, "write", sometimes)
    jobs.send_digests(SYSTEM)
    assert [letter.to_address for letter in letters()] == [other.email]
    monkeypatch.setattr(digests, "write", write)
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 2


# --- the end of the e-mails -----------------------------------------------------------------------


def test_one_click_ends_the_emails(
    inside: UUID, site: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    change("listing-20", specialty="cardiology")
    jobs.send_digests(SYSTEM)
    (letter,) = letters()
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<http://localhost(/unsubscribe/\S+)>", letter.headers["List-Unsubscribe"])
    assert link is not None and link[1] in letter.text and link[1] in letter.html
    assert (
        sent_headers(letter, monkeypatch)["List-Unsubscribe"] == letter.headers["List-Unsubscribe"]
    )
    machine = site.test_client(use_cookies=False)
    seen = Context().run(machine.get, link[1])
    assert "Stop these e-mails" in seen.text
    for _ in range(2):  # no origin, no cookie, no token: a mail program
        answer = Context().run(
            lambda: machine.post(link[1], data={"List-Unsubscribe": "One-Click"})
        )
        assert answer.status_code == 200 and "no more of these e-mails" in answer.text
    assert "no more of these e-mails" in Context().run(machine.get, link[1]).text
    change("listing-21", specialty="cardiology")
    later(days=2)
    jobs.send_digests(SYSTEM)
    assert len(letters()) == 1
    for wrong in ("/unsubscribe/x", "/unsubscribe/%00", f"{link[1]}x"):
        assert Context().run(machine.get, wrong).status_code == 404
        assert Context().run(machine.post, wrong).status_code == 404


def sent_headers(letter: MailMessage, monkeypatch: pytest.MonkeyPatch) -> EmailMessage:
    """The message as it goes to a mail server."""
    sent: list[EmailMessage] = []

    class Server:
        def __init__(self, *_: object, **__: object) -> None: ...
        def __enter__(self) -> "Server":
            return self

        def __exit__(self, *_: object) -> None: ...
        def send_message(self, message: EmailMessage) -> None:
            sent.append(message)

    monkeypatch.setitem(mail._settings, "url", "smtp://127.0.0.1")
    monkeypatch.setattr(mail.smtplib, "SMTP", Server)
    mail._send(letter)
    return sent[0]
