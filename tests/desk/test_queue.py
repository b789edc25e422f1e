"""Own views, several at once, notes, canned replies, the calendar."""

import csv
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.permissions import ALLOWED
from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock, context, ids
from marketplace.core.audit import AuditEntry
from marketplace.core.db import Base, open_session
from marketplace.core.mail import MailMessage
from marketplace.desk.models import BookingNote, CannedReply, SavedView
from marketplace.desk.operations import MOST_VIEWS
from tests import factories
from tests.desk.conftest import a_booking, base
from tests.support.rooms import Browser, words_of

CANARY = "zq-canary-note"


def rows(model: type) -> list:
    with open_session(factories.a_system(), readonly=True) as session:
        found = session.scalars(select(model)).all()
        for row in found:
            session.expunge(row)
        return list(found)


# --- notes --------------------------------------------------------------------------------------


def write_note(desk: Browser, market: factories.Market, made: factories.Made, note: str):
    page = base(market, f"/{made.reference}")
    return desk.post(f"{page}/notes", {"note": note}, page=page)


def test_a_note_says_who_and_when_and_only_the_team_reads_it(
    app: Flask, desk: Browser, market: factories.Market
) -> None:
    """On no page of the candidate or the attending, in no mail, in no scope of theirs."""
    made = a_booking(market, "approved")
    assert write_note(desk, market, made, f"Line one\n{CANARY}").status_code == 303
    team = Browser(app, market.staff["read-only"]).get(base(market, f"/{made.reference}"))
    said = words_of(team.text)
    assert CANARY in said and "Maya Clerk ·" in said
    others = {
        made.candidate.id: ("/me", "/me/bookings", f"/me/bookings/{made.reference}"),
        market.attending_id: ("/attending", f"/attending/bookings/{made.reference}"),
    }
    for person, paths in others.items():
        for path in paths:
            page = Browser(app, person).get(path)
            assert page.status_code == 200 and CANARY not in page.text
        for scope in (context.person(person), context.person(person, made.id), context.public()):
            with open_session(scope, readonly=True) as session:
                assert session.scalars(select(BookingNote)).all() == []
    factories.run_outbox()
    assert all(CANARY not in mail.text + mail.html for mail in rows(MailMessage))
    assert all(CANARY not in str(entry.detail) for entry in rows(AuditEntry))
    assert CANARY not in desk.get(base(market, ".csv?view=all")).text


def test_the_second_wall_hides_notes_too(market: factories.Market, desk: Browser) -> None:
    """PostgreSQL alone; on SQLite there is one wall only."""
    made = a_booking(market)
    write_note(desk, market, made, CANARY)
    from marketplace.tenants import scope

    scope.walls["orm"] = False
    try:
        with open_session(context.person(made.candidate.id), readonly=True) as session:
            found = session.scalars(select(BookingNote.text)).all()
            postgres = session.get_bind().dialect.name == "postgresql"
    finally:
        scope.walls["orm"] = True
    assert found == [] or not postgres


def test_an_empty_note_is_said_beside_it(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market)
    answer = write_note(desk, market, made, " a ")
    assert answer.status_code == 422 and 'id="note-err"' in answer.text
    assert rows(BookingNote) == []


# --- several at once ----------------------------------------------------------------------------


def test_declining_several_asks_for_one_reason_and_fills_in_each_name(
    desk: Browser, market: factories.Market
) -> None:
    one, two = a_booking(market), a_booking(market, name="Berta Solis")
    late = a_booking(market, "confirmed", "Late Gone")
    page, picked = base(market, "?view=all"), [one.reference, two.reference, late.reference]
    asked = desk.post(base(market, "/bulk"), {"reference": picked, "do": "decline"}, page=page)
    assert asked.status_code == 200 and "Nothing has changed yet" in asked.text
    assert one.state == "requested"
    sent = {"reference": picked, "do": "decline", "sure": "1", "message": "Sorry, {candidate}."}
    refused = desk.post(base(market, "/bulk"), sent, page=page)
    assert refused.status_code == 422 and "Sorry, {candidate}." in refused.text
    done = desk.post(base(market, "/bulk"), sent | {"reason": "dates"}, page=page)
    assert "2 declined, 1 cannot be: already answered" in words_of(done.text)
    assert (one.state, two.state, late.state) == ("declined", "declined", "confirmed")
    notes = {row.reference: row.reason_note for row in rows(Booking)}
    assert notes[one.reference] == "Sorry, Amara." and notes[two.reference] == "Sorry, Berta."


def test_what_one_refuses_leaves_nothing_and_stops_no_other(
    desk: Browser, market: factories.Market
) -> None:
    early, due = a_booking(market, "confirmed", "Ana Early"), a_booking(market, name="Not Yet")
    clock.advance(timedelta(hours=49))  # the request's time is over, the sweep has not come by
    picked = [early.reference, due.reference]
    for name, words in (("check-in", "check in from the first day"), ("approve", "is over")):
        answer = desk.post(
            base(market, "/bulk"), {"reference": picked, "do": name}, page=base(market)
        )
        assert words in words_of(answer.text)
    assert (early.state, due.state) == ("confirmed", "requested")


@pytest.mark.parametrize("do", ["", "explode", "approve"])
def test_nothing_picked_or_nothing_to_do(desk: Browser, market: factories.Market, do: str) -> None:
    answer = desk.post(base(market, "/bulk"), {"do": do, "next": "//evil.example"}, page="/me")
    assert answer.status_code == 303
    assert answer.headers["Location"] == base(market)


@pytest.mark.parametrize("role", ["finance", "read-only"])
@pytest.mark.parametrize("do", ["approve", "decline", "check-in"])
def test_bulk_needs_the_role_of_each_step(
    app: Flask, market: factories.Market, role: str, do: str
) -> None:
    made = a_booking(market)
    sent = {"reference": [made.reference], "do": do, "sure": "1", "reason": "dates"}
    page = Browser(app, market.staff[role])
    assert page.post(base(market, "/bulk"), sent, page=base(market)).status_code == 403
    taken = page.post(base(market, "/bulk"), sent | {"do": "csv"}, page=base(market))
    assert taken.mimetype == "text/csv"
    assert made.state == "requested"


# --- views --------------------------------------------------------------------------------------


def save(browser: Browser, market: factories.Market, name: str, query: str):
    sent = {"name": name, "query": query}
    return browser.post(base(market, "/views"), sent, page=base(market))


def test_an_own_view_is_an_address_that_only_its_member_sees(
    app: Flask, desk: Browser, market: factories.Market
) -> None:
    a_booking(market)
    query = "view=all&status=requested&q=amara&page=7&agency_id=x"
    answer = save(desk, market, "Amara's", query)
    assert answer.headers["Location"] == base(market, "?view=all&q=amara&status=requested")
    page = desk.get(answer.headers["Location"]).text
    assert 'aria-current="page">Amara&#39;s<span class="n">1</span>' in page
    key = rows(SavedView)[0].id
    boss = Browser(app, market.staff["owner"])
    assert "Amara&#39;s" not in boss.get(base(market)).text
    forget = base(market, f"/views/{key}/forget")
    assert boss.post(forget, page=base(market)).status_code == 404
    assert desk.post(forget, page=base(market)).status_code == 303
    assert rows(SavedView) == []


def test_the_same_name_replaces_and_there_is_an_end(
    desk: Browser, market: factories.Market
) -> None:
    for number in range(MOST_VIEWS):
        assert save(desk, market, f"View {number}", f"view=all&q={number}").status_code == 303
    assert save(desk, market, "View 3", "view=past").status_code == 303
    assert {row.name: row.query for row in rows(SavedView)}["View 3"] == "view=past"
    full = save(desk, market, "One more", "view=all&q=x")
    assert full.status_code == 422 and "Delete one first" in full.text


def test_the_month_filter(desk: Browser, market: factories.Market) -> None:
    a_booking(market, name="Ana First")
    month = f"{market.starts[0]:%Y-%m}"
    assert "Ana First" in desk.get(base(market, f"?view=all&starts={month}")).text
    assert "Ana First" not in desk.get(base(market, "?view=all&starts=2020-01")).text
    assert "Ana First" in desk.get(base(market, "?view=all&starts=2020-13'")).text  # ignored


def test_sort_links_say_how_the_table_is_sorted(desk: Browser, market: factories.Market) -> None:
    a_booking(market)
    page = desk.get(base(market, "?view=all&sort=-start")).text
    assert page.count("aria-sort=") == 1 and 'aria-sort="descending"' in page


def test_the_file_of_a_view_is_safe_for_spreadsheets(
    desk: Browser, market: factories.Market
) -> None:
    made = a_booking(market, name="=1+1 Evil")
    body = desk.get(base(market, ".csv?view=needs")).get_data().decode("utf-8-sig")
    head, row = list(csv.reader(body.splitlines()))
    assert row[0] == made.reference and row[1] == "'=1+1 Evil"
    assert dict(zip(head, row, strict=True))["next"] == "You answer"


# --- canned replies -----------------------------------------------------------------------------


def replies_of(market: factories.Market) -> str:
    return f"/agency/{market.agency_slug}/replies"


def add(browser: Browser, market: factories.Market, **fields: str):
    sent = {"title": "Dates", "text": "Hello {candidate}, {start} is taken."} | fields
    return browser.post(replies_of(market), sent, page=replies_of(market))


def test_a_reply_is_taken_into_the_decline_and_reaches_the_candidate(
    app: Flask, desk: Browser, market: factories.Market
) -> None:
    assert add(desk, market).status_code == 303
    made, key = a_booking(market), rows(CannedReply)[0].id
    page = base(market, f"/{made.reference}")
    filled = desk.get(f"{page}?reply={key}").text
    assert "Hello Amara, " in filled and 'class="panel is-open" id="decline-box"' in filled
    sent = {"reason": "dates", "message": "Hello Amara, look at March."}
    assert desk.post(f"{page}/decline", sent, page=page).status_code == 303
    seen = words_of(Browser(app, made.candidate.id).get(f"/me/bookings/{made.reference}").text)
    assert "These dates are no longer free" in seen and "look at March" in seen
    factories.run_outbox()
    letter = next(mail for mail in rows(MailMessage) if mail.slug == "declined")
    assert "look at March" in letter.text and "look at March" in letter.html


def test_an_attendings_private_words_do_not_reach_the_candidate(
    app: Flask, market: factories.Market
) -> None:
    made = a_booking(market, "approved")
    from marketplace.bookings import operations

    with open_session(context.person(market.attending_id)) as session:
        operations.decline(session, market.doctor_actor, made.id, reason="fit", note=CANARY)
    seen = words_of(Browser(app, made.candidate.id).get(f"/me/bookings/{made.reference}").text)
    factories.run_outbox()
    letters = [mail for mail in rows(MailMessage) if mail.slug == "declined"]
    assert letters and "Not the right background" not in seen and CANARY not in seen
    assert all(CANARY not in one.text and "right background" not in one.text for one in letters)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "title-err"),
        ({"text": "short"}, "text-err"),
        ({"text": "Dear {surname}, no."}, "We cannot fill in {surname}"),
        ({"text": "Write me on WhatsApp instead, please."}, "text-err"),
        ({"text": "Write me on Signal instead, please."}, "text-err"),
        ({"text": "We guarantee a letter of recommendation."}, "text-err"),
    ],
)
def test_refused_replies(
    desk: Browser, market: factories.Market, fields: dict[str, str], said: str
) -> None:
    answer = add(desk, market, **fields)
    assert answer.status_code == 422 and said in answer.text
    assert rows(CannedReply) == []


def test_replies_are_the_agencys_own(app: Flask, desk: Browser, market: factories.Market) -> None:
    add(desk, market)
    key = rows(CannedReply)[0].id
    assert add(desk, market, title="DATES").status_code == 422
    other = factories.market()
    there = Browser(app, other.staff["owner"])
    home = replies_of(other)
    assert there.get(f"{home}/{key}").status_code == 404
    assert there.post(f"{home}/{key}/delete", page=home).status_code == 404
    made = a_booking(other)
    page = there.get(base(other, f"/{made.reference}?reply={key}"))
    assert page.status_code == 200 and "is taken" not in page.text
    assert desk.post(f"{replies_of(market)}/{key}/delete", page=replies_of(market))
    assert rows(CannedReply) == []


def test_a_decline_message_may_not_lead_away(desk: Browser, market: factories.Market) -> None:
    made = a_booking(market)
    page = base(market, f"/{made.reference}")
    sent = {"reason": "dates", "message": "Call +1 312 555 0188 and pay by Zelle."}
    answer = desk.post(f"{page}/decline", sent, page=page)
    assert answer.status_code == 422 and "Zelle" in answer.text and made.state == "requested"


# --- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_notes_and_replies_by_role(app: Flask, market: factories.Market, role: str) -> None:
    made, page = a_booking(market), Browser(app, market.staff[role])
    show = base(market, f"/{made.reference}")
    noted = page.post(f"{show}/notes", {"note": "Called."}, page=base(market))
    assert (noted.status_code == 303) is ("notes.write" in ALLOWED[role])
    assert (f"{show}/notes" in page.get(show).text) is ("notes.write" in ALLOWED[role])
    written = page.post(
        replies_of(market), {"title": "Dates", "text": "These are taken."}, page=base(market)
    )
    assert (written.status_code == 303) is ("messages.write" in ALLOWED[role])


# --- calendar -----------------------------------------------------------------------------------


def test_a_month_has_arrivals_last_days_and_deadlines(
    desk: Browser, market: factories.Market
) -> None:
    made = a_booking(market, "confirmed", "Ana Comes")
    a_booking(market, "requested", "Rita Asks")
    a_booking(market, "declined", "Dora Declined")
    address = f"/agency/{market.agency_slug}/calendar"
    month = desk.get(f"{address}?month={market.starts[0]:%Y-%m}")
    said = words_of(month.text)
    assert "Ana Comes" in said and "Arrives" in said and "May arrive: new request" in said
    assert "Dora Declined" not in said
    with open_session(factories.a_system(), readonly=True) as session:
        end = session.get_one(Booking, made.id).end_on
    last = words_of(desk.get(f"{address}?month={end:%Y-%m}").text)
    assert "Last day" in last
    now = words_of(desk.get(address).text)
    deadline = clock.now() + timedelta(hours=48)
    if deadline.month == clock.now().month:
        assert "Answer by" in now
    for odd in ("2027-13", "x", "2027-1", "%00", "9999-99"):
        assert desk.get(f"{address}?month={odd}").status_code == 200


# --- many ---------------------------------------------------------------------------------------


def copies(made: factories.Made, number: int) -> None:
    """Many bookings like this one by other candidates, with their histories."""
    with open_session(factories.a_system()) as session:
        source = session.get_one(Booking, made.id)
        history = session.scalars(
            select(BookingTransition).where(BookingTransition.booking_id == made.id)
        ).all()
        for n in range(number):
            who = factories.person(session, f"Copy {n}").id
            key = ids.uuid7()
            own = {"id": key, "reference": f"RND-{n:06d}", "form_key": str(key)}
            own |= {"candidate_id": who, "decide_token_hash": None}
            session.add(Booking(**_values(source) | own))
            session.flush()
            for step in history:
                own = {"id": ids.uuid7(), "booking_id": key, "candidate_id": who}
                session.add(BookingTransition(**_values(step) | own))


def _values(row: Base) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _pages(market: factories.Market, made: factories.Made) -> list[str]:
    home = f"/agency/{market.agency_slug}"
    return [home, base(market, "?view=all"), f"{home}/calendar", base(market, f"/{made.reference}")]


def test_pages_ask_as_little_for_many_bookings_as_for_one(
    desk: Browser, market: factories.Market, statements: list[str]
) -> None:
    """Reads are bounded, and home shows a bounded list with the way to the rest."""
    wanted = a_booking(market)
    for number in range(3):
        save(desk, market, f"View {number}", f"view=all&q={number}")
    before = {}
    for path in _pages(market, wanted):
        statements.clear()
        assert desk.get(path).status_code == 200
        before[path] = len(statements)
    copies(wanted, 60)
    for path in _pages(market, wanted):
        statements.clear()
        assert desk.get(path).status_code == 200
        assert len(statements) <= before[path], path
        assert len(statements) <= 22, (path, len(statements))
    home = words_of(desk.get(f"/agency/{market.agency_slug}").text)
    assert "31 more: all bookings that wait" in home


# --- timeline -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "sees"), [("finance", True), ("coordinator", False)])
def test_the_timeline_has_payments_for_those_who_may_see_money(
    app: Flask, market: factories.Market, role: str, sees: bool
) -> None:
    made = a_booking(market, "confirmed")
    page = words_of(Browser(app, market.staff[role]).get(base(market, f"/{made.reference}")).text)
    assert "sent the request with a saved card" in page
    assert ("Deposit charged, $330" in page) is sees
