"""Names of an agency's own: what may be asked for, and what a real name server says."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, jobs
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.storefront import domains, resolver
from marketplace.storefront.models import AgencyDomain
from tests.storefront.conftest import SYSTEM, house, loaded, owner
from tests.storefront.nameserver import NameServer, name_server

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
