"""Papers: upload, send, decide, replace, end. Each refusal changes nothing."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context, freshness, jobs, lists, reference, storage
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from marketplace.core.outbox import OutboxMessage
from marketplace.listings import operations as listings
from marketplace.listings.models import Site
from marketplace.verification import files, kinds, operations, standing, states
from marketplace.verification.models import Evidence, VerificationStep
from marketplace.verification.operations import Answer, Paper
from tests import factories
from tests.verification import support
from tests.verification.support import ADMIN, PDF, PNG, WHY, days, decide, evidence, send, upload


@pytest.fixture
def market(app: Flask) -> factories.Market:
    return support.new_agency()


def test_the_way_of_a_new_agency(market: factories.Market) -> None:
    """Nothing opens before the approval; a revision names the paper; the approval opens."""
    with pytest.raises(Invalid) as refused, open_session(factories.a_system()) as session:
        listings.publish(session, ADMIN, market.rotation_id)
    assert "approved" in refused.value.errors["agency"]
    registration, insurance = upload(market, "registration", None), upload(market)
    assert send(market) == 2
    decide(market, "ask_revision", (insurance,), "Page 2 of 3 is missing. Please send all three.")
    assert (evidence(registration).state, evidence(insurance).state) == ("accepted", "revision")
    assert evidence(insurance).reason.startswith("Page 2")
    assert support.agency_of(market).state == "new"
    again = upload(market)
    assert evidence(insurance).state == "replaced"
    send(market)
    decide(market)
    agency = support.agency_of(market)
    assert (agency.state, agency.is_public, agency.verified_until) == ("verified", True, days(200))
    assert agency.approved_at is not None and agency.takes_bookings
    row = evidence(again)
    assert (row.decided_by, row.decided_name, row.reason) == (ADMIN.person_id, ADMIN.name, WHY)
    with open_session(context.agency(market.agency_id)) as session:
        listings.publish(session, support.owner(market), market.rotation_id)
    support.no_violations()


def test_a_waiting_paper_is_rejected_with_a_reason(market: factories.Market) -> None:
    """It does not count, its owner is told why, and the agency stays closed until a better one is
    accepted. What a rejection says stays with the paper and in the log."""
    registration, insurance = upload(market, "registration", None), upload(market)
    send(market)
    why = "This policy is of another company."
    decide(market, "reject", (insurance,), why)
    row = evidence(insurance)
    assert (row.state, row.reason, row.decided_name) == ("rejected", why, ADMIN.name)
    assert evidence(registration).state == "accepted"
    agency = support.agency_of(market)
    assert (agency.state, agency.is_public, agency.takes_bookings) == ("new", False, False)
    with open_session(factories.a_system(), readonly=True) as session:
        steps = session.execute(
            select(VerificationStep.event, VerificationStep.reason).where(
                VerificationStep.evidence_id == insurance, VerificationStep.event == "reject"
            )
        ).all()
        told = [body for body in session.scalars(select(OutboxMessage.payload)) if why in str(body)]
    assert steps == [("reject", why)] and told
    with pytest.raises(Invalid) as refused:  # nothing new: a rejected paper cannot be sent again
        send(market)
    assert "nothing new" in refused.value.errors["send"]
    upload(market)
    assert evidence(insurance).state == "replaced"
    send(market)
    decide(market)
    assert support.agency_of(market).state == "verified"
    support.no_violations()


def test_a_file_is_told_by_its_bytes_and_stored_encrypted(market: factories.Market) -> None:
    for content, name, message in (
        (b"", "a.pdf", "Choose a file"),
        (b"<html>", "a.pdf", "PDF, JPEG and PNG"),
        (PDF + b"0" * files.MAX_BYTES, "a.pdf", "10 MB"),
    ):
        with pytest.raises(Invalid, match="check") as refused:
            files.checked(content, name)
        assert message in refused.value.errors["file"]
    assert files.checked(PNG, "../..\\C:\\a\nb.pdf").name == "ab.png"
    assert files.checked(PDF, "\0\n").name == "paper.pdf"
    key = upload(market)
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        file = session.get_one(Evidence, key).file_id
        assert storage.read(session, file) == PDF
        assert PDF not in storage._path(file).read_bytes()


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("insurance", {}, "valid_until"),
        ("insurance", {"valid_until": 0}, "valid_until"),
        ("insurance", {"valid_until": 5000}, "valid_until"),
        ("insurance", {"valid_until": 9, "issued_on": 1}, "issued_on"),
        ("site-letter", {"valid_until": 9}, "site"),
        ("license-copy", {"valid_until": 9}, "attending"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    market: factories.Market, kind: str, more: dict[str, int], field: str
) -> None:
    paper = Paper(kind, **{name: days(count) for name, count in more.items()})
    with (
        pytest.raises(Invalid) as refused,
        open_session(context.agency(market.agency_id)) as session,
    ):
        operations.upload(session, support.owner(market), paper, files.checked(PDF, "a.pdf"))
    assert set(refused.value.errors) == {field}


def test_sending_needs_the_required_papers(market: factories.Market) -> None:
    for expected in ("nothing new", "business registration"):
        with pytest.raises(Invalid) as refused:
            send(market)
        assert expected in refused.value.errors["send"]
        if expected == "nothing new":
            upload(market)
    upload(market, "registration", None)
    assert send(market) == 2


def test_roles(market: factories.Market) -> None:
    clerk = Actor("agency", uuid4(), market.agency_id, "Col", "coordinator")
    key = upload(market)
    acts = (
        lambda s: operations.upload(s, clerk, Paper("tax-number"), files.checked(PDF, "a.pdf")),
        lambda s: operations.send(s, clerk),
        lambda s: operations.remove(s, clerk, key),
        lambda s: operations.take_back(s, clerk, key),
        lambda s: operations.decide(
            s, support.owner(market), market.agency_id, Answer("accept", WHY, frozenset())
        ),
        lambda s: operations.revoke(s, support.owner(market), key, WHY),
        lambda s: standing.change(s, support.owner(market), market.agency_id, "suspend", WHY),
    )
    for act in acts:
        with pytest.raises(Forbidden), open_session(context.agency(market.agency_id)) as session:
            act(session)
    other = factories.market()
    with pytest.raises(NotFound), open_session(context.agency(other.agency_id)) as session:
        operations.remove(session, support.owner(other), key)
    assert evidence(key).state == "draft"


def test_a_decision_needs_a_reason_and_what_was_seen(market: factories.Market) -> None:
    first = upload(market)
    upload(market, "registration", None)
    send(market)
    seen = support.waiting(market)
    refusals: list[tuple[Answer, type[DomainError], str]] = [
        (Answer("accept", "  ok  ", seen), Invalid, "reason"),
        (Answer("dance", WHY, seen), Invalid, "event"),
        (Answer("reject", WHY, seen), Invalid, "about"),
        (Answer("accept", WHY, seen, frozenset({first})), Invalid, "about"),
        (Answer("accept", WHY, frozenset({first})), Conflict, ""),
    ]
    for answer, kind, field in refusals:
        with pytest.raises(kind) as refused, open_session(factories.a_system()) as session:
            operations.decide(session, ADMIN, market.agency_id, answer)
        assert not field or field in refused.value.errors  # type: ignore[attr-defined]
    assert support.waiting(market) == seen
    decide(market)
    with pytest.raises(Conflict):  # it was decided meanwhile
        decide(market)


def test_an_ended_paper_cannot_be_accepted(market: factories.Market) -> None:
    upload(market, "registration", None)
    upload(market, "insurance", 3)
    send(market)
    clock.advance(timedelta(days=5))
    with pytest.raises(Invalid) as refused:
        decide(market)
    assert "ended" in refused.value.errors["about"]


@pytest.fixture(autouse=True)
def _lists_as_shipped() -> Iterator[None]:
    yield
    reference.use(-1, {}, {})
    freshness.forget()


def new_kind(**cells: str) -> None:
    """A required kind that an admin adds at /admin/lists."""
    first = dict(reference.default_rows("evidence_kinds")[0])
    values = first | {"expiry": "none", "max_days": "", "required": "yes", "since": ""} | cells
    with open_session(factories.a_system()) as session:
        lists.save(
            session,
            support.ADMIN,
            name="evidence_kinds",
            values=values,
            retired=False,
            version=lists.version_of(session, "evidence_kinds", values["slug"]),
            reason="Asked by our insurer",
        )
    freshness.forget()
    freshness.refresh()


def test_a_kind_can_be_asked_of_those_who_join_later(market: factories.Market) -> None:
    tomorrow = support.days(1).isoformat()
    new_kind(slug="w-9", label="Form W-9", since=tomorrow)
    agency = support.agency_of(market)
    assert "w-9" in [one.slug for one in kinds.required()]
    assert "w-9" not in [one.slug for one in kinds.required(agency)]
    upload(market, "registration", None)
    upload(market)
    send(market)
    decide(market)
    assert support.agency_of(market).state == "verified"
    new_kind(slug="w-9", label="Form W-9", since="")
    assert "w-9" in [one.slug for one in kinds.required(support.agency_of(market))]
    assert support.agency_of(market).takes_bookings  # a new kind closes nobody


def test_approval_needs_every_required_paper(market: factories.Market) -> None:
    """A kind that an admin adds counts with the next request, also for what waits already."""
    upload(market, "registration", None)
    upload(market)
    send(market)
    new_kind(slug="w-9", label="Form W-9")
    assert kinds.required()[-1].slug == "w-9"
    with pytest.raises(Invalid) as refused:
        decide(market)
    assert "form w-9" in refused.value.errors["event"]
    assert support.agency_of(market).state == "new"


def test_take_back_and_remove(market: factories.Market) -> None:
    key = upload(market)
    upload(market, "registration", None)
    send(market)
    with pytest.raises(Conflict):
        upload(market)  # it waits
    scope, who = context.agency(market.agency_id), support.owner(market)
    with pytest.raises(Conflict), open_session(scope) as session:
        operations.remove(session, who, key)
    with open_session(scope) as session:
        operations.take_back(session, who, key)
    with open_session(scope) as session:
        operations.remove(session, who, key)
    assert (evidence(key).state, evidence(key).sent_at) == ("removed", None)
    support.no_violations()


def test_a_renewal_takes_the_place_of_the_old_one(app: Flask) -> None:
    market = support.approved(until=20)
    newer = upload(market, until=300)
    send(market)
    assert support.agency_of(market).verified_until == days(20)
    decide(market)
    assert support.agency_of(market).verified_until == days(300)
    with open_session(factories.a_system(), readonly=True) as session:
        found = session.execute(
            select(Evidence.id, Evidence.state).where(Evidence.kind == "insurance")
        )
        assert {state for key, state in found if key != newer} == {"replaced"}
    support.no_violations()


def test_a_site_letter_sets_the_sites_last_day(app: Flask) -> None:
    market = support.approved()
    key = upload(market, "site-letter", 90, site_id=market.site_id)
    send(market)
    decide(market)

    def letter() -> object:
        with open_session(factories.a_system(), readonly=True) as session:
            return session.get_one(Site, market.site_id).letter_until

    assert letter() == days(90)
    support.no_violations()
    with open_session(factories.a_system()) as session:
        operations.revoke(session, ADMIN, key, "The hospital does not know of this letter.")
    assert letter() is None and evidence(key).state == "rejected"
    other = factories.market()
    with pytest.raises(Exception, match=r"(?i)foreign key|wall"):
        upload(other, "site-letter", 90, site_id=market.site_id)


def test_history_is_append_only_and_complete(app: Flask) -> None:
    market = support.approved()
    with open_session(factories.a_system(), readonly=True) as session:
        steps = session.scalars(select(VerificationStep).order_by(VerificationStep.id)).all()
    assert [step.event for step in steps] == [
        *("upload", "upload", "send", "send", "accept", "accept", "approve")
    ]
    with (
        pytest.raises(Exception, match=r"append-only|permission denied"),
        open_session(factories.a_system()) as session,
    ):
        session.get_one(VerificationStep, steps[0].id).reason = "changed"
        session.flush()
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        assert len(session.scalars(select(VerificationStep)).all()) == 7
    other = factories.market()
    with open_session(context.agency(other.agency_id), readonly=True) as session:
        assert session.scalars(select(VerificationStep)).all() == []
        assert session.scalars(select(Evidence)).all() == []


def test_warnings_come_once_each(app: Flask) -> None:
    market = support.approved(until=40)
    key = next(key for key in _accepted(market) if evidence(key).kind == "insurance")
    found = []
    for passed in (0, 11, 0, 23, 0):
        clock.advance(timedelta(days=passed))
        jobs.run_tick("verification.expire_due")
        found.append(evidence(key).warned_days)
    assert found == [None, 30, 30, 7, 7]


def _accepted(market: factories.Market) -> list[object]:
    with open_session(factories.a_system(), readonly=True) as session:
        return list(session.scalars(select(Evidence.id).where(Evidence.state == "accepted")))


def test_the_tables_hold_together() -> None:
    """Each event leads to one place; what a person with power decides needs a reason."""
    for table in (states.EVIDENCE, states.AGENCY):
        keys = [(move.source, move.event) for move in table]
        assert len(keys) == len(set(keys))
        for move in table:
            if "admin" in move.actors and move.event != "replace":
                assert move.event in states.NEEDS_REASON
    with pytest.raises(Conflict):
        states.next_state(states.EVIDENCE, "sent", "accept", "agency")
