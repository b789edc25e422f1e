"""The signed-in person's own pages, and the life of a sign-in."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from marketplace.accounts import identity, jobs, operations, queries
from marketplace.accounts.models import CandidateProfile, OneTimeLink, Person, SignIn
from marketplace.core import clock, context
from marketplace.core.audit import AuditEntry
from marketplace.core.db import db, open_session
from marketplace.core.errors import NotFound
from marketplace.listings.rules import known_facts
from tests.accounts.conftest import PASSWORD, SYSTEM, Visitor, agency, mails, member, person

EMAIL = "ana@people.example"
NEW = "a quite different sentence"


@pytest.fixture
def ana(visitor: Visitor) -> UUID:
    who = person(EMAIL)
    visitor.sign_in(EMAIL)
    return who


def age(**values: timedelta) -> None:
    """Move every sign-in's times into the past."""
    with open_session(SYSTEM) as session:
        for row in session.scalars(select(SignIn)):
            for name, by in values.items():
                setattr(row, name, getattr(row, name) - by)


def seen() -> list[object]:
    with open_session(SYSTEM, readonly=True) as session:
        return list(session.scalars(select(SignIn.seen_at).order_by(SignIn.id)))


# --- the life of a sign-in ---


def test_idle_and_absolute_ends(visitor: Visitor, ana: UUID) -> None:
    age(seen_at=operations.IDLE - timedelta(minutes=5))
    assert visitor.is_in()
    age(seen_at=operations.IDLE + timedelta(minutes=5))
    assert not visitor.is_in()


def test_sixty_days_whatever_happens(visitor: Visitor, ana: UUID) -> None:
    age(expires_at=operations.LONGEST - timedelta(minutes=5))
    assert visitor.is_in()
    age(expires_at=timedelta(minutes=6))
    assert not visitor.is_in()


def test_moving_the_business_clock_signs_nobody_out(visitor: Visitor, ana: UUID) -> None:
    clock.advance(timedelta(days=365))
    try:
        assert visitor.is_in()
    finally:
        clock.reset()


def test_seen_is_written_every_ten_minutes(visitor: Visitor, ana: UUID) -> None:
    before = seen()
    assert visitor.is_in()
    assert seen() == before
    age(seen_at=timedelta(minutes=11))
    assert visitor.is_in()
    assert seen() > before


def test_a_closed_account_is_out(visitor: Visitor, ana: UUID) -> None:
    with open_session(SYSTEM) as session:
        session.execute(update(Person).values(closed_at=clock.now()))
    assert not visitor.is_in()


def test_a_dead_cookie_is_taken_away(visitor: Visitor, ana: UUID) -> None:
    with open_session(SYSTEM) as session:
        session.execute(update(SignIn).values(revoked_at=clock.wall()))
    answer = visitor.get("/reset")
    assert answer.headers["Set-Cookie"].startswith("rounds=;")
    assert "Set-Cookie" not in visitor.get("/reset").headers


def test_a_cookie_that_is_not_ours(site: Flask, visitor: Visitor, ana: UUID) -> None:
    real = visitor.client.get_cookie("rounds").value
    for value in (real[:-2] + "xx", "x", "", real.replace(".", "..", 1)):
        other = Visitor(site)
        other.client.set_cookie("rounds", value)
        assert not other.is_in()


def test_identify_takes_one_query_and_a_visitor_none(visitor: Visitor, ana: UUID) -> None:
    statements: list[str] = []
    token = visitor.cookie()["_user_id"]

    def note(conn, cursor, statement, *rest) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    assert identity.load(token)
    assert len(statements) == 1
    statements.clear()
    Visitor(visitor.client.application).get("/sign-in")
    assert statements == []


# --- devices ---


def test_devices_are_listed_and_ended(site: Flask, visitor: Visitor, ana: UUID) -> None:
    phone = Visitor(site, "10.0.0.7")
    phone.sign_in(EMAIL)
    page = visitor.get("/me/account").get_data(as_text=True)
    assert page.count("Firefox on Linux") >= 2 and "10.0.0.7" in page and "This device" in page
    with open_session(SYSTEM, readonly=True) as session:
        key = session.scalars(select(SignIn.id).where(SignIn.address == "10.0.0.7")).one()
    answer = visitor.post(f"/me/account/sign-ins/{key}/end", visitor.token())
    assert answer.headers["Location"] == "/me/account"
    assert not phone.is_in() and visitor.is_in()


def test_ending_the_own_device_leads_to_sign_in(visitor: Visitor, ana: UUID) -> None:
    token = visitor.token()
    with open_session(SYSTEM, readonly=True) as session:
        key = session.scalars(select(SignIn.id)).one()
    answer = visitor.post(f"/me/account/sign-ins/{key}/end", token)
    assert answer.headers["Location"] == "/sign-in"
    assert not visitor.is_in()


def test_every_other_device(site: Flask, visitor: Visitor, ana: UUID) -> None:
    others = [Visitor(site), Visitor(site)]
    for other in others:
        other.sign_in(EMAIL)
    visitor.post("/me/account/sign-ins/end-others", visitor.token())
    assert visitor.is_in() and not any(other.is_in() for other in others)


def test_somebody_elses_device_is_missing(site: Flask, visitor: Visitor, ana: UUID) -> None:
    person("bo@people.example")
    other = Visitor(site, "10.0.0.8")
    other.sign_in("bo@people.example")
    with open_session(SYSTEM, readonly=True) as session:
        key = session.scalars(select(SignIn.id).where(SignIn.address == "10.0.0.8")).one()
    token = visitor.token()
    foreign = visitor.post(f"/me/account/sign-ins/{key}/end", token)
    missing = visitor.post(f"/me/account/sign-ins/{uuid4()}/end", token)
    assert foreign.status_code == missing.status_code == 404
    assert len(foreign.data) == len(missing.data)
    assert other.is_in()


# --- the password ---


def test_change_password(site: Flask, visitor: Visitor, ana: UUID) -> None:
    phone = Visitor(site)
    phone.sign_in(EMAIL)
    token = visitor.token()
    wrong = visitor.post("/me/account/password", token, current="not it at all", password=NEW)
    assert wrong.status_code == 422
    assert 'id="current-err"' in wrong.get_data(as_text=True)
    weak = visitor.post("/me/account/password", token, current=PASSWORD, password="Ana Pop 123")
    assert weak.status_code == 422 and "Ana Pop 123" not in weak.get_data(as_text=True)
    same = visitor.post("/me/account/password", token, current=PASSWORD, password=PASSWORD)
    assert same.status_code == 422
    answer = visitor.post("/me/account/password", token, current=PASSWORD, password=NEW)
    assert answer.headers["Location"] == "/me/account"
    assert visitor.is_in() and not phone.is_in()
    assert phone.sign_in(EMAIL, PASSWORD).status_code == 422
    assert phone.sign_in(EMAIL, NEW).status_code == 303
    with open_session(SYSTEM, readonly=True) as session:
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions == ["password.changed"]


def test_guessing_the_present_password_is_limited(visitor: Visitor, ana: UUID) -> None:
    token = visitor.token()
    codes = [
        visitor.post(
            "/me/account/password", token, current=f"guess {n} of it", password=NEW
        ).status_code
        for n in range(9)
    ]
    assert codes == [422] * 8 + [429]


def test_without_a_password_a_link_sets_it(visitor: Visitor) -> None:
    person(EMAIL, password_hash=None)
    visitor.post("/sign-in/link", email=EMAIL)
    visitor.post(mails()[-1].path)
    page = visitor.get("/me/account").get_data(as_text=True)
    assert 'action="/reset"' in page and 'name="current"' not in page
    visitor.post("/reset", email=EMAIL)
    visitor.post(mails()[-1].path, password=NEW)
    assert visitor.sign_in(EMAIL, NEW).status_code == 303


PRIVATE = [
    "/me/profile",
    "/me/account/password",
    f"/me/account/sign-ins/{uuid4()}/end",
    "/me/account/sign-ins/end-others",
]


@pytest.mark.parametrize("path", PRIVATE)
def test_private_forms_need_their_token(
    site: Flask, visitor: Visitor, ana: UUID, path: str
) -> None:
    person("bo@people.example")
    other = Visitor(site)
    other.sign_in("bo@people.example")
    for token in ("", "x", other.token()):
        assert visitor.post(path, token, name="Changed").status_code == 400
    with open_session(SYSTEM, readonly=True) as session:
        assert "Changed" not in session.scalars(select(Person.name)).all()


# --- the profile ---

ANSWERS = {
    "name": "Ana Maria Pop",
    "school": "Carol Davila",
    "country": "Romania",
    "status": "graduate",
    "graduation_date": "2023-06-30",
    "birth_date": "1998-02-28",
    "usmle_step_1": "passed",
    "usmle_step_2_ck": "not-taken",
    "ecfmg": "in-progress",
    "entry_status": "none-yet",
    "needs_visa": "yes",
}


def test_profile_is_kept_and_becomes_facts(visitor: Visitor, ana: UUID) -> None:
    answer = visitor.post("/me/profile", visitor.token("/me/profile"), next="/me", **ANSWERS)
    assert answer.headers["Location"] == "/me"
    page = visitor.get("/me/profile").get_data(as_text=True)
    for value in ("Ana Maria Pop", "Carol Davila", "2023-06-30"):
        assert f'value="{value}"' in page
    assert 'value="passed" selected' in page
    with open_session(context.person(ana), readonly=True) as session:
        facts = queries.candidate_facts(session, ana, date(2027, 6, 29))
        summary = queries.candidate_summary(session, ana)
    assert known_facts(facts)
    assert facts["candidate.years_since_graduation"] == 3
    assert facts["candidate.age"] == 29
    assert facts["candidate.needs_visa"] is True
    assert summary == {
        "name": "Ana Maria Pop",
        "school": "Carol Davila",
        "country": "Romania",
        "status": "Graduate, 2023",
        "graduation_year": 2023,
        "exams": [
            "USMLE Step 1: passed",
            "USMLE Step 2 CK: not taken yet",
            "ECFMG: in progress",
        ],
        "visa": "No visa yet",
        "line": "Graduate, 2023, Carol Davila, Romania",
    }


def test_an_untold_profile_asks_everything(visitor: Visitor, ana: UUID) -> None:
    with open_session(context.person(ana), readonly=True) as session:
        facts = queries.candidate_facts(session, ana)
        assert set(facts.values()) == {None}
        assert queries.candidate_summary(session, ana)["line"] == ""


def test_further_answers_have_their_fields_type(ana: UUID) -> None:
    extra = {
        "school_state_approved": ["NY", "FL"],
        "passport_expires": "2030-01-31",
        "insurance_covers": True,
        "usmle_step_2_ck_score": 245,
        "english": "call",
    }
    with open_session(SYSTEM) as session:
        session.add(CandidateProfile(person_id=ana, extra=extra, status="student"))
    with open_session(context.person(ana), readonly=True) as session:
        facts = queries.candidate_facts(session, ana)
    assert facts["candidate.school_state_approved"] == frozenset({"NY", "FL"})
    assert facts["candidate.passport_expires"] == date(2030, 1, 31)
    assert facts["candidate.years_since_graduation"] == 0
    assert known_facts(facts)


@pytest.mark.parametrize(
    "field, value",
    [
        ("name", "  \x00 "),
        ("status", "professor"),
        ("usmle_step_1", "<script>"),
        ("graduation_date", "30.06.2023"),
        ("graduation_date", "2023-02-30"),
        ("graduation_date", "٢٠٢٣-٠٦-٣٠"),
        ("graduation_date", "9999-12-31"),
        ("birth_date", "2050-01-01"),
        ("birth_date", "0001-01-01"),
        ("needs_visa", "maybe"),
    ],
)
def test_a_faulty_answer_is_marked_and_the_rest_kept(
    visitor: Visitor, ana: UUID, field: str, value: str
) -> None:
    token = visitor.token("/me/profile")
    answer = visitor.post("/me/profile", token, **(ANSWERS | {field: value}))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{field}-err"' in page and f'href="#{field}"' in page
    assert 'value="Carol Davila"' in page and "<script>" not in page.split("<main", 1)[1]
    with open_session(SYSTEM, readonly=True) as session:
        assert session.get(CandidateProfile, ana) is None


def test_hostile_text_is_shown_as_text(visitor: Visitor, ana: UUID) -> None:
    hostile = "\"><img src=x onerror=alert(1)>{{7*7}}'\x00\x1b[31m" + "x" * 5000
    token = visitor.token("/me/profile")
    answer = visitor.post("/me/profile", token, **(ANSWERS | {"school": hostile, "name": hostile}))
    assert answer.status_code == 303
    page = visitor.get("/me/profile").get_data(as_text=True)
    assert "<img" not in page and "{{7*7}}" in page and "\x1b" not in page


def test_nobody_reads_the_profile_of_another(visitor: Visitor, ana: UUID) -> None:
    bo = person("bo@people.example")
    for scope in (context.person(bo), context.agency(uuid4()), context.public()):
        with open_session(scope, readonly=True) as session:
            assert queries.profile(session, ana).school == ""
            with pytest.raises(NotFound):
                queries.candidate_summary(session, ana)


@pytest.mark.parametrize(
    "agent, words",
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130 Safari/537 Edg/130", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/130 Mobile Safari/537", "Chrome on Android"),
        ("curl/8", "Unknown device"),
        ("", "Unknown device"),
    ],
)
def test_a_device_has_a_name(agent: str, words: str) -> None:
    assert queries.device_words(agent) == words


# --- upkeep, and roles ---


def test_ended_things_are_forgotten_and_live_ones_kept(
    visitor: Visitor, ana: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.post("/sign-in/link", email=EMAIL)
    mails()
    jobs.clean(SYSTEM)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(SignIn)).all() and session.scalars(select(OneTimeLink)).all()
    later = clock.wall() + operations.LONGEST + timedelta(days=31)
    monkeypatch.setattr(clock, "wall", lambda: later)
    jobs.clean(SYSTEM)
    with open_session(SYSTEM, readonly=True) as session:
        assert not session.scalars(select(SignIn)).all()
        assert not session.scalars(select(OneTimeLink)).all()


def test_the_account_shortcut(visitor: Visitor, ana: UUID) -> None:
    assert visitor.get("/account").headers["Location"] == "/me/account"


def test_staff_have_an_account_page_too(visitor: Visitor) -> None:
    member(agency(), person(EMAIL), "finance")
    visitor.sign_in(EMAIL)
    assert visitor.is_in()
