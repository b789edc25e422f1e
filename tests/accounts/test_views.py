"""Coming in, as a browser does it."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from marketplace.accounts import identity, throttle
from marketplace.accounts.models import Attempt, OneTimeLink, Person, SignIn
from marketplace.accounts.throttle import Limit, Limits
from marketplace.core import clock
from marketplace.core.db import Base, open_session
from marketplace.core.outbox import OutboxMessage
from tests.accounts.conftest import (
    PASSWORD,
    SYSTEM,
    Visitor,
    agency,
    mails,
    member,
    person,
)

HOUR = timedelta(hours=1)


def shape(answer) -> tuple[int, str, str, str]:
    """All that a stranger can compare: status, address, body, length."""
    body = re.sub(r"[0-9a-f]{16}", "", answer.get_data(as_text=True))
    return answer.status_code, answer.headers.get("Location", ""), body, str(len(body))


# --- signing in ---


def test_password_and_back_out(visitor: Visitor) -> None:
    person()
    assert not visitor.is_in()
    answer = visitor.sign_in("  Ana@People.example ")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Expires=" in cookie
    assert visitor.is_in()
    assert visitor.get("/sign-in").headers["Location"] == "/me"
    assert visitor.post("/sign-out").headers["Location"] == "/"
    assert not visitor.is_in()


def test_old_cookie_is_dead_after_sign_out(site: Flask, visitor: Visitor) -> None:
    person()
    visitor.sign_in("ana@people.example")
    stolen = visitor.client.get_cookie("rounds")
    visitor.post("/sign-out")
    thief = Visitor(site)
    thief.client.set_cookie("rounds", stolen.value)
    assert not thief.is_in()


def test_a_new_sign_in_drops_what_the_cookie_held(visitor: Visitor) -> None:
    person()

    def plant() -> None:
        with visitor.client.session_transaction() as planted:
            planted["csrf_token"] = "known to somebody else"

    Context().run(plant)
    visitor.sign_in("ana@people.example")
    assert "csrf_token" not in visitor.cookie()


def test_only_hashes_are_stored(visitor: Visitor) -> None:
    person()
    visitor.sign_in("ana@people.example")
    token = visitor.cookie()["_user_id"]
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(select(SignIn)).one()
        assert token.encode() not in row.token_hash and len(row.token_hash) == 32
        assert row.address == "10.0.0.1" and "Firefox" in row.agent


def test_missing_fields_stand_beside_them(visitor: Visitor) -> None:
    answer = visitor.post("/sign-in", email="ana@people.example", password=" ")
    body = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="password-err"' in body and 'id="email-err"' not in body
    assert 'value="ana@people.example"' in body


def test_a_password_is_never_sent_back(visitor: Visitor) -> None:
    answer = visitor.sign_in("ana@people.example", "my typed password")
    assert answer.status_code == 422
    assert "my typed password" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "make, home",
    [
        (lambda: person(is_admin=True), "/admin"),
        (lambda: member(agency(), person(), "coordinator"), "/agency/lakeshore"),
        (lambda: _attending(person()), "/attending"),
        (person, "/me"),
    ],
)
def test_everyone_goes_home(visitor: Visitor, make, home: str) -> None:
    make()
    assert visitor.sign_in("ana@people.example").headers["Location"] == home


def _attending(person_id, *, joined: bool = True) -> None:
    from marketplace.listings.models import Attending

    with open_session(SYSTEM) as session:
        session.add(
            Attending(
                id=person_id,
                slug="pop",
                npi="1234567893",
                display_name="Dr. Pop",
                specialty="internal-medicine",
                joined_at=clock.now() if joined else None,
            )
        )


def test_who_was_only_invited_stays_a_candidate(site: Flask, visitor: Visitor) -> None:
    _attending(person(), joined=False)
    visitor.sign_in("ana@people.example")
    viewer = identity.load(visitor.cookie()["_user_id"])
    assert viewer is not None and viewer.is_candidate and not viewer.is_attending


def test_an_attending_may_open_attending_pages(site: Flask, visitor: Visitor) -> None:
    _attending(person())
    visitor.sign_in("ana@people.example")
    viewer = identity.load(visitor.cookie()["_user_id"])
    assert viewer is not None and viewer.is_attending and not viewer.is_candidate


@pytest.mark.parametrize("target", ["/rotations?q=a%20b", "/me/profile", "/"])
def test_next_inside_is_followed(visitor: Visitor, target: str) -> None:
    person()
    page = visitor.send("GET", "/sign-in", query_string={"next": target}).get_data(as_text=True)
    assert f'name="next" value="{target}"' in page
    assert visitor.sign_in("ana@people.example", next=target).headers["Location"] == target


OUTSIDE = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    " //evil.example",
    "https://evil.example",
    "https:evil.example",
    "http:///evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "?next=//evil.example",
    "#//evil.example",
    ".//evil.example",
    "/a\\b",
    "/\x00/evil.example",
    "/" + "a" * 3000,
]


@pytest.mark.parametrize("target", OUTSIDE)
def test_next_outside_is_dropped(visitor: Visitor, target: str) -> None:
    person()
    found = visitor.sign_in("ana@people.example", next=target).headers["Location"]
    assert found == "/me" or (found == target[:500] and target.startswith("/aaa"))
    assert visitor.cookie()  # really signed in


# --- nobody learns who has an account ---


def test_wrong_password_and_unknown_account_are_the_same(site: Flask) -> None:
    person()
    person("link.only@people.example", password_hash=None)
    person("closed@people.example", closed_at=clock.now())
    answers = set()
    for number, email in enumerate(
        ["ana@people.example", "no.body@people.example", "link.only@people.example"]
    ):
        answer = Visitor(site, f"10.0.1.{number}").sign_in(email, "wrong password, long enough")
        answers.add(
            tuple(part.replace(email, "") for part in shape(answer)[:3] if isinstance(part, str))
        )
        assert answer.status_code == 422
    assert len(answers) == 1
    right = Visitor(site, "10.0.1.9").sign_in("closed@people.example")
    assert right.status_code == 422


@pytest.mark.parametrize("path", ["/sign-in/link", "/reset", "/sign-up"])
def test_asking_for_mail_tells_nothing(site: Flask, path: str) -> None:
    person()
    seen, work = [], []
    for number, email in enumerate(["ana@people.example", "new@people.example"]):
        answer = Visitor(site, f"10.0.2.{number}").post(path, email=email, name="Ana Pop")
        seen.append((shape(answer), dict(answer.headers, **{"X-Request-Id": ""})))
        with open_session(SYSTEM, readonly=True) as session:
            row = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc())).first()
            assert row is not None
            work.append((row.topic, row.payload | {"email": ""}, row.scope))
    assert seen[0] == seen[1]
    assert seen[0][0][:2] == (303, "/sign-in/sent")
    assert work[0] == work[1]


def test_mail_goes_only_where_an_account_is(visitor: Visitor) -> None:
    person()
    for path in ("/sign-in/link", "/reset"):
        visitor.post(path, email="new@people.example")
        visitor.post(path, email="ana@people.example")
    assert [(m.slug, m.to) for m in mails()] == [
        ("sign-in-link", "ana@people.example"),
        ("reset", "ana@people.example"),
    ]


@pytest.mark.parametrize("path", ["/sign-in/link", "/reset", "/sign-up"])
@pytest.mark.parametrize(
    "email", ["", "ana", "ana@", "a b@x.example", "x@y.example\x00", "@" * 300]
)
def test_a_malformed_address_is_said_so(visitor: Visitor, path: str, email: str) -> None:
    answer = visitor.post(path, email=email, name="Ana Pop")
    if "\x00" in email:  # dropped: what is left is well formed
        assert answer.status_code == 303
        return
    assert answer.status_code == 422
    assert 'id="email-err"' in answer.get_data(as_text=True)
    assert mails() == []


# --- links ---


def test_sign_in_by_link(site: Flask, visitor: Visitor) -> None:
    person()
    visitor.post("/sign-in/link", email="Ana@people.example", next="/rotations?q=x")
    (mail,) = mails()
    assert mail.subject == "Your sign-in link"
    assert mail.path in mail.html and "once, for 15 minutes" in mail.text
    page = visitor.get(mail.path)
    assert page.status_code == 200 and not visitor.is_in()
    assert "ana@people.example" in page.get_data(as_text=True)
    assert visitor.get(mail.path).status_code == 200  # looking uses nothing up
    answer = visitor.post(mail.path)
    assert answer.headers["Location"] == "/rotations?q=x"
    assert visitor.is_in()

    again = Visitor(site)
    assert again.post(mail.path).status_code == 410
    assert "already used" in again.post(mail.path).get_data(as_text=True)
    assert again.get(mail.path).status_code == 410
    assert not again.is_in()


def test_a_link_has_one_winner(site: Flask) -> None:
    person()
    Visitor(site).post("/sign-in/link", email="ana@people.example")
    (mail,) = mails()

    def use(number: int) -> int:
        return Visitor(site, f"10.1.{number}.1").post(mail.path).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(use, range(12)))
    assert codes == [303] + [410] * 11
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 1


def test_an_expired_link(visitor: Visitor) -> None:
    person()
    visitor.post("/sign-in/link", email="ana@people.example")
    (mail,) = mails()
    with open_session(SYSTEM) as session:
        session.execute(update(OneTimeLink).values(expires_at=clock.wall()))
    assert visitor.get(mail.path).status_code == 410
    answer = visitor.post(mail.path)
    assert answer.status_code == 410 and "too old" in answer.get_data(as_text=True)
    assert not visitor.is_in()


def test_a_link_dies_with_the_address_or_the_account(visitor: Visitor) -> None:
    who = person()
    for change in ({"email": "other@people.example"}, {"closed_at": clock.now()}):
        with open_session(SYSTEM) as session:
            session.execute(update(Person).values(email="ana@people.example", closed_at=None))
        visitor.post("/sign-in/link", email="ana@people.example")
        mail = mails()[-1]
        with open_session(SYSTEM) as session:
            session.execute(update(Person).where(Person.id == who).values(**change))
        assert visitor.post(mail.path).status_code == 410


def test_a_link_is_for_one_purpose(visitor: Visitor) -> None:
    person()
    visitor.post("/reset", email="ana@people.example")
    visitor.post("/sign-in/link", email="ana@people.example")
    reset, entry = (mail.path.rpartition("/")[2] for mail in mails())
    assert visitor.post(f"/sign-in/link/{reset}").status_code == 410
    assert visitor.get(f"/reset/{entry}").status_code == 410
    assert visitor.post(f"/reset/{entry}", password=PASSWORD + "!").status_code == 410
    assert visitor.post("/sign-in/link/" + "x" * 43).status_code == 410


def test_links_follow_the_settings_not_the_host(site: Flask, visitor: Visitor) -> None:
    person()
    visitor.send(
        "POST",
        "/sign-in/link",
        data={"email": "ana@people.example"},
        headers={"Host": "evil.example", "Origin": "http://evil.example"},
    )
    assert all("evil" not in mail.text + mail.html for mail in mails())


def test_a_reset_ends_every_link_that_was_sent_before(site: Flask, visitor: Visitor) -> None:
    """Who resets because somebody reads their mail is alone afterwards."""
    person()
    for path in ("/sign-in/link", "/reset", "/reset"):
        visitor.post(path, email="ana@people.example")
    entry, first, second = mails()
    assert visitor.post(second.path, password="quiet meadow copper seventeen").status_code == 303
    stranger = Visitor(site)
    assert stranger.post(entry.path).status_code == 410
    assert stranger.post(first.path, password="violet harbor lantern nine").status_code == 410
    assert not stranger.is_in() and visitor.is_in()


# --- signing up ---


def test_sign_up(visitor: Visitor) -> None:
    answer = visitor.post(
        "/sign-up", name=" Ana  Pop\x00 ", email="NEW@People.example", next="/rotations"
    )
    assert answer.headers["Location"] == "/sign-in/sent"
    assert visitor.get("/sign-in/sent").status_code == 200
    (mail,) = mails()
    assert (mail.slug, mail.to) == ("verify-email", "new@people.example")
    assert "Ana Pop" in mail.text
    refused = visitor.post(mail.path, password="password1234")
    assert refused.status_code == 422 and not visitor.is_in()
    answer = visitor.post(mail.path, password=PASSWORD)  # the link is still good
    assert answer.headers["Location"] == "/rotations"
    assert visitor.is_in()
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(select(Person)).one()
        assert row.email_verified_at and row.name == "Ana Pop" and not row.is_admin
    visitor.post("/sign-out")
    assert visitor.sign_in("new@people.example").status_code == 303


def test_signing_up_with_the_address_of_somebody_else_gives_nothing(visitor: Visitor) -> None:
    who = person()
    visitor.post(
        "/sign-up", name="Mallory", email="ana@people.example", password="mine now, ha ha ha"
    )
    (mail,) = mails()
    assert (mail.slug, mail.to) == ("sign-in-link", "ana@people.example")
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(select(Person)).one()
        assert (row.id, row.name) == (who, "Ana Pop")
    assert visitor.sign_in("ana@people.example", "mine now, ha ha ha").status_code == 422


def test_a_stranger_cannot_plant_a_password(visitor: Visitor) -> None:
    """The password is chosen behind the link, so signing up for somebody leaves no back door."""
    visitor.post(
        "/sign-up", name="Ana", email="new@people.example", password="planted long password"
    )
    (mail,) = mails()
    visitor.post(mail.path)
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(Person.password_hash)).one() is None


def test_extra_fields_change_nothing(visitor: Visitor) -> None:
    visitor.post(
        "/sign-up", name="Ana", email="new@people.example", is_admin="1", role="owner", id="1"
    )
    mails()
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalars(select(Person.is_admin)).one() is False


# --- a forgotten password ---


def test_reset_ends_every_sign_in(site: Flask, visitor: Visitor) -> None:
    person()
    visitor.sign_in("ana@people.example")
    other = Visitor(site)
    other.post("/reset", email="ana@people.example")
    (mail,) = mails()
    assert other.get(mail.path).status_code == 200
    weak = other.post(mail.path, password="ana@people1")
    assert weak.status_code == 422 and 'id="password-err"' in weak.get_data(as_text=True)
    assert other.post(mail.path).status_code == 422
    answer = other.post(mail.path, password="a quite different sentence")
    assert answer.headers["Location"] == "/me"
    assert other.is_in()
    assert not visitor.is_in()
    assert visitor.sign_in("ana@people.example").status_code == 422
    assert visitor.sign_in("ana@people.example", "a quite different sentence").status_code == 303
    assert other.post(mail.path, password="yet another long sentence").status_code == 410


# --- limits ---


def test_too_many_wrong_passwords(
    site: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        throttle.LIMITS, "sign-in", Limits(Limit(3, HOUR), Limit(30, HOUR), Limit(30, HOUR))
    )
    person()
    for email in ("ana@people.example", "no.body@people.example"):
        for _ in range(3):
            assert visitor.sign_in(email, "wrong password").status_code == 422
        answer = visitor.sign_in(email, PASSWORD)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 3000
        assert "Please wait 60 minutes" in answer.get_data(as_text=True)
    assert Visitor(site, "10.9.9.9").sign_in("ana@people.example").status_code == 303


def test_failures_are_counted_although_nothing_else_is_written(visitor: Visitor) -> None:
    visitor.sign_in("ana@people.example", "wrong password")
    with open_session(SYSTEM, readonly=True) as session:
        assert session.scalar(select(func.count()).select_from(Attempt)) == 3


@pytest.mark.parametrize("path", ["/sign-in/link", "/reset", "/sign-up"])
def test_a_mailbox_is_not_flooded(visitor: Visitor, path: str) -> None:
    codes = [
        visitor.post(path, email="ana@people.example", name="Ana").status_code for _ in range(7)
    ]
    assert codes == [303] * 5 + [429] * 2


# --- what public pages may and may not do ---


PUBLIC = ["/sign-in", "/sign-in?next=/me", "/sign-up", "/reset", "/sign-in/sent"]


@pytest.mark.parametrize("path", [*PUBLIC, "/no-such-page", "/me/account"])
def test_a_visitor_gets_no_cookie(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert "Set-Cookie" not in answer.headers
    assert "csrf_token" not in answer.get_data(as_text=True)


def test_looking_changes_nothing(visitor: Visitor) -> None:
    person()
    visitor.post("/sign-in/link", email="ana@people.example")
    (mail,) = mails()
    before = _everything()
    for path in (*PUBLIC, mail.path):
        assert visitor.get(path).status_code == 200
        visitor.send("HEAD", path)
    assert _everything() == before


def _everything() -> dict[str, list[tuple[object, ...]]]:
    with open_session(SYSTEM, readonly=True) as session:
        return {
            name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for name, table in Base.metadata.tables.items()
        }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/reset", "/sign-out", "/theme"])
def test_forms_of_other_sites_are_refused(visitor: Visitor, path: str, headers) -> None:
    person()
    data = {"email": "ana@people.example", "password": PASSWORD, "theme": "dark", "name": "A"}
    answer = visitor.send("POST", path, data=data, headers=headers)
    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_theme(visitor: Visitor) -> None:
    answer = visitor.post("/theme", theme="dark", next="/reset")
    assert answer.headers["Location"] == "/reset"
    assert answer.headers["Set-Cookie"].startswith("theme=dark;")
    assert 'data-theme="dark"' in visitor.get("/reset").get_data(as_text=True)
    assert visitor.post("/theme", theme="<script>").status_code == 400
    assert visitor.post("/theme", theme="light", next="//evil.example").headers["Location"] == "/"


def test_a_private_page_sends_to_sign_in_and_back(visitor: Visitor) -> None:
    person()
    answer = visitor.get("/me/profile?next=/rotations")
    assert answer.headers["Location"] == "/sign-in?next=/me/profile%3Fnext%3D/rotations"
    page = visitor.get(answer.headers["Location"]).get_data(as_text=True)
    assert 'name="next" value="/me/profile?next=/rotations"' in page
