"""Names of an agency's own: what may be asked for, and what a real name server says."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.accounts.models import Membership
from marketplace.core import clock, context, jobs
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.storefront import domains, pointing, resolver
from marketplace.storefront.models import AgencyDomain
from tests import factories
from tests.storefront.conftest import SYSTEM, house, loaded, owner
from tests.storefront.nameserver import NameServer, name_server
from tests.support.rooms import Browser, words_of

BASE = "https://rounds.example"
OWN = "rotations.house-one.com"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "house",
        "localhost",
        "printer.local",
        "127.0.0.1",
        "10.0.0.1:80",
        "[::1]",
        "http://[",
        "169.254.169.254",
        "0x7f.1",
        "*.house-one.com",
        "a_b.com",
        "-a.com",
        "a..com",
        "a.com:8080",
        "user@a.com",
        "http://",
        "file:///etc/passwd",
        "a b.com",
        "x" * 64 + ".com",
        ".".join(["abcdefgh"] * 40),
        "rounds.example",
        "ROUNDS.example.",
        "shop.rounds.example",
        "house-2.rounds.example",
        "https://rounds.example/x",
        "example",
        "\u0000.com",
    ],
)
def test_names_that_nobody_can_have(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        domains.host_of(typed, BASE)
    assert "host" in refused.value.errors


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("Rotations.House-One.com", OWN),
        (" rotations.house-one.com. ", OWN),
        ("https://rotations.house-one.com/about?x=1", OWN),
        ("bücher.example", "xn--bcher-kva.example"),
        ("myrounds.example", "myrounds.example"),
    ],
)
def test_names_as_people_paste_them(typed: str, host: str) -> None:
    assert domains.host_of(typed, BASE) == host


def test_a_name_above_the_platforms_is_the_platforms() -> None:
    with pytest.raises(Invalid, match="check the form"):
        domains.host_of("rounds.example", "https://app.rounds.example")


@pytest.fixture
def server() -> Iterator[NameServer]:
    with name_server() as found:
        resolver.configure(found.address)
        yield found
    resolver.configure("")


def test_what_a_real_server_answers(server: NameServer) -> None:
    server.records = {"a.example.com": ["one", "two"], "empty.example.com": []}
    server.broken = {"bad.example.com"}
    assert set(resolver.texts("a.example.com") or ()) == {"one", "two"}
    assert resolver.texts("empty.example.com") == ()
    assert resolver.texts("missing.example.com") == ()
    assert resolver.texts("bad.example.com") is None
    server.silent = True
    resolver._resolver(server.address).lifetime = 0.3
    assert resolver.texts("a.example.com") is None


def _added(number: int, host: str = OWN) -> tuple[UUID, AgencyDomain]:
    key = house(number)
    with open_session(context.agency(key)) as session:
        added = domains.add(session, owner(key), host, BASE).id
    return key, loaded(AgencyDomain, added)


def _now(domain: AgencyDomain) -> AgencyDomain:
    return loaded(AgencyDomain, domain.id)


def test_the_ticker_proves_a_name_and_takes_it_away(site: Flask, server: NameServer) -> None:
    key, domain = _added(1)
    name, value = domains.record_of(domain)
    jobs.run_tick("storefront.check_domains")
    assert server.asked == []  # not due: the team has just read what to do
    clock.advance(domains.SOON)
    jobs.run_tick("storefront.check_domains")
    assert server.asked == [name]  # never the host itself
    assert (_now(domain).state, name in _now(domain).found) == ("pending", True)

    server.records[name] = ["v=spf1 -all", value]
    clock.advance(domains.SOON)
    jobs.run_tick("storefront.check_domains")
    assert _now(domain).state == "verified"

    server.broken = {name}
    clock.advance(domains.DAILY)
    for _ in range(5):
        jobs.run_tick("storefront.check_domains")
        clock.advance(timedelta(hours=2))
    assert _now(domain).state == "verified"

    server.broken, server.records = set(), {name: ["another value"]}
    for _ in range(domains.LOST_AFTER):
        jobs.run_tick("storefront.check_domains")
        clock.advance(timedelta(hours=2))
    assert (_now(domain).state, _now(domain).is_verified) == ("failed", False)
    with open_session(SYSTEM, readonly=True) as session:
        told = session.scalars(select(AuditEntry.action).where(AuditEntry.agency_id == key)).all()
    assert [one for one in told if one.startswith("storefront.domain")] == [
        "storefront.domain_add",
        "storefront.domain_verified",
        "storefront.domain_lost",
    ]


def test_look_now_is_a_job_and_not_a_flood(site: Flask, server: NameServer) -> None:
    key, domain = _added(1)
    with open_session(context.agency(key)) as session:
        assert domains.look_again(session, owner(key), domain.id)
    with open_session(SYSTEM, readonly=True) as session:
        row = session.scalars(
            select(OutboxMessage).where(OutboxMessage.topic == domains.TOPIC)
        ).one()
    jobs.run_message(str(row.id))
    assert len(server.asked) == 1
    with open_session(context.agency(key)) as session:
        assert not domains.look_again(session, owner(key), domain.id)


def test_who_may_ask_and_for_how_many(site: Flask) -> None:
    key, domain = _added(1)
    other = house(2)
    with open_session(context.agency(key)) as session:
        for role in ("coordinator", "finance", "read-only"):
            with pytest.raises(Forbidden):
                domains.add(session, owner(key, role), "b.house-one.com", BASE)
            with pytest.raises(Forbidden):
                domains.remove(session, owner(key, role), domain.id)
        for host in (OWN, "rounds.example"):
            with pytest.raises(Invalid):
                domains.add(session, owner(key), host, BASE)
        for number in range(domains.MOST - 1):
            domains.add(session, owner(key), f"n{number}.house-one.com", BASE)
        with pytest.raises(Invalid):
            domains.add(session, owner(key), "more.house-one.com", BASE)
    with open_session(context.agency(other)) as session:
        for act in (domains.remove, domains.look_again):
            with pytest.raises(NotFound):
                act(session, owner(other), domain.id)


def test_a_name_given_up_is_gone_at_once(site: Flask, server: NameServer) -> None:
    key, domain = _added(1)
    with open_session(SYSTEM) as session:
        domains.settle(session, domain.id, (domains.record_of(domain)[1],))
    with open_session(context.agency(key)) as session:
        domains.remove(session, owner(key), domain.id)
    with open_session(context.public(), readonly=True) as session:
        assert domains.agency_at(session, OWN) is None
    jobs.run_tick("storefront.check_domains")
    assert server.asked == []


# --- where it leads -----------------------------------------------------------------------------

OURS = ["198.51.100.7", "2001:db8::7"]
FOREIGN = "203.0.113.9"


@pytest.fixture
def public_name(site: Flask, server: NameServer) -> Iterator[None]:
    """This installation has a name of its own in DNS."""
    pointing.configure(BASE)
    server.numbers["rounds.example"] = list(OURS)
    yield
    pointing.configure("")


def test_where_a_real_server_says_that_a_name_leads(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.numbers = {"a.example.com": list(OURS), "end.example.com": ["192.0.2.1"]}
    server.aliases = {"www.example.com": "mid.example.com", "mid.example.com": "end.example.com"}
    server.records = {"text.example.com": ["only"]}
    assert resolver.addresses("a.example.com") == resolver.Addresses((), tuple(OURS))
    chain = ("mid.example.com", "end.example.com")
    assert resolver.addresses("www.example.com") == resolver.Addresses(chain, ("192.0.2.1",))
    for nowhere in ("missing.example.com", "text.example.com"):
        assert resolver.addresses(nowhere) == resolver.Addresses((), ())
    server.broken = {"bad.example.com"}
    assert resolver.addresses("bad.example.com") is None
    server.silent = True
    monkeypatch.setattr(resolver, "ADDRESS_SECONDS", 0.2)
    assert resolver.addresses("a.example.com") is None


def _verified(number: int, server: NameServer) -> AgencyDomain:
    _, domain = _added(number)
    name, value = domains.record_of(domain)
    server.records[name] = [value]
    return domain


@pytest.mark.parametrize(
    ("numbers", "alias", "points", "said"),
    [
        (OURS, "", "here", "Leads to us 198.51.100.7, 2001:db8::7"),
        (OURS[:1], "", "here", "Leads to us"),
        ([], "rounds.example", "here", "Leads to us"),
        ([FOREIGN], "", "elsewhere", f"This name leads to {FOREIGN} , not to us."),
        ([OURS[0], FOREIGN], "", "partly", f"Remove the records with {FOREIGN}"),
        ([], "", "nowhere", "There is no address behind this name yet"),
    ],
)
def test_the_page_says_where_a_proved_name_leads(
    site: Flask,
    server: NameServer,
    public_name: None,
    numbers: list[str],
    alias: str,
    points: str,
    said: str,
) -> None:
    domain = _verified(1, server)
    if numbers:
        server.numbers[OWN] = numbers
    if alias:
        server.aliases[OWN] = alias
    clock.advance(domains.SOON)
    jobs.run_tick("storefront.check_domains")
    assert (_now(domain).state, _now(domain).points) == ("verified", points)
    page = page_of(site)
    assert said in page
    told = "A and AAAA records with 198.51.100.7, 2001:db8::7" in page
    assert told == (points in {"elsewhere", "nowhere"})


def page_of(site: Flask) -> str:
    """What the owner of house 1 reads."""
    with open_session(SYSTEM) as session:
        mia = factories.person(session, "Mia Owner").id
        session.add(Membership(agency_id=house(1), person_id=mia, role="owner"))
    return words_of(Browser(site, mia).get("/agency/house-1/storefront/address").text)


def test_a_dns_that_does_not_answer_says_nothing_of_where_it_leads(
    site: Flask, server: NameServer, public_name: None
) -> None:
    """Neither for the name, nor for ours; and what is not proved any more is not asked about."""
    domain = _verified(1, server)
    server.numbers[OWN] = list(OURS)
    for broken, points in ((set(), "here"), ({OWN}, "unknown"), ({"rounds.example"}, "unknown")):
        server.broken = broken
        with open_session(SYSTEM) as session:
            row = session.get_one(AgencyDomain, domain.id)
            row.next_check_at = clock.now()
        jobs.run_tick("storefront.check_domains")
        assert (_now(domain).state, _now(domain).points) == ("verified", points)
    assert "DNS did not answer when we asked where this name leads" in page_of(site)
    server.records = {}
    for _ in range(domains.LOST_AFTER):
        clock.advance(domains.DAILY)
        jobs.run_tick("storefront.check_domains")
    server.asked.clear()
    with open_session(SYSTEM) as session:
        session.get_one(AgencyDomain, domain.id).next_check_at = clock.now()
    jobs.run_tick("storefront.check_domains")
    assert OWN not in server.asked and _now(domain).points == ""


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://localhost", "http://10.0.0.8"])
def test_without_a_public_name_there_is_nothing_to_compare(
    site: Flask, server: NameServer, base: str
) -> None:
    pointing.configure(base)
    domain = _verified(1, server)
    clock.advance(domains.SOON)
    jobs.run_tick("storefront.check_domains")
    assert (_now(domain).state, _now(domain).points) == ("verified", "")
    assert server.asked == [domains.record_of(domain)[0]]


def test_our_name_is_asked_once_for_all(site: Flask, server: NameServer, public_name: None) -> None:
    for number in (1, 2):
        _, domain = _added(number, f"n{number}.house.com")
        server.records[domains.record_of(domain)[0]] = [domains.record_of(domain)[1]]
    clock.advance(domains.SOON)
    jobs.run_tick("storefront.check_domains")
    assert server.asked.count("rounds.example") == 2  # one for each kind of address
