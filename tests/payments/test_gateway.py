"""The Stripe gateway through the real library against the double over HTTP."""

import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from demo.stripe_double.store import Store
from demo.stripe_double.webhooks import Courier
from marketplace.core.errors import Unavailable
from marketplace.payments.gateway import (
    HARD_DECLINES,
    BadEvent,
    Card,
    ChargeOutcome,
    ChargeRequest,
    Declined,
    GatewayMisuse,
    NeedsAction,
    Refunded,
    Refused,
    Reversed,
    Succeeded,
    Transferred,
    TransferRequest,
    Unknown,
    is_hard,
)
from marketplace.payments.stripe_gateway import PAGE, StripeGateway
from tests.payments import double as stub
from tests.payments.double import StripeDouble, http, receiver, until

PRICE = 165_000
CREATE = "POST /v1/payment_intents"


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeDouble]:
    with StripeDouble(tmp_path_factory.mktemp("double")) as running:
        yield running


@pytest.fixture
def gateway(double: StripeDouble) -> StripeGateway:
    double.control("reset")
    return double.gateway()


def a_charge(customer: str, card: str, installment: str = "i1", attempt: int = 1) -> ChargeRequest:
    return ChargeRequest(installment, attempt, "RND-7F3K2M", PRICE, customer, card)


def charge(
    double: StripeDouble, gateway: StripeGateway, number: str = stub.GOOD
) -> tuple[str, ChargeOutcome]:
    customer, card = double.save_card(gateway, number)
    return customer, gateway.charge_off_session(a_charge(customer, card), key="i1:a1")


def paid(double: StripeDouble, gateway: StripeGateway, number: str = stub.GOOD) -> Succeeded:
    _, outcome = charge(double, gateway, number)
    assert isinstance(outcome, Succeeded)
    return outcome


def ready_account(double: StripeDouble, gateway: StripeGateway) -> str:
    account = gateway.create_account("agency-1", "agency@example.org", key="acct:1")
    double.control(f"accounts/{account}/onboard")
    return account


def a_transfer(account: str, charge_id: str, cents: int = 70_000) -> TransferRequest:
    return TransferRequest("p1", "RND-7F3K2M", cents, account, charge_id)


# saving a card


def test_a_saved_card_shows_brand_last4_and_expiry(double, gateway):
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    session = gateway.start_setup(customer, key="s1")
    before = gateway.fetch_setup(session.id)
    assert (before.status, before.payment_method, before.card) == (
        "requires_payment_method", None, None,
    )  # fmt: skip
    double.confirm(session.client_secret)
    after = gateway.fetch_setup(session.id)
    assert (after.status, after.customer) == ("succeeded", customer)
    assert after.card == Card("visa", "4242", 12, 2034)


def test_a_refused_card_leaves_the_setup_open_for_another(double, gateway):
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    session = gateway.start_setup(customer, key="s1")
    answer = double.confirm(session.client_secret, stub.DECLINED)
    assert answer["error"]["decline_code"] == "generic_decline"
    assert gateway.fetch_setup(session.id).status == "requires_payment_method"
    double.confirm(session.client_secret)
    assert gateway.fetch_setup(session.id).status == "succeeded"


def test_a_real_card_number_is_refused_and_not_kept(double, gateway):
    answer = double.make_card("4111111111111111")
    assert answer["error"]["decline_code"] == "test_mode_live_card"


def test_setup_can_need_the_bank_and_fail_there(double, gateway):
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    session = gateway.start_setup(customer, key="s1")
    double.confirm(session.client_secret, stub.ALWAYS_ASKS, passed=False)
    assert gateway.fetch_setup(session.id).status == "requires_payment_method"
    double.confirm(session.client_secret, stub.ALWAYS_ASKS)
    assert gateway.fetch_setup(session.id).status == "succeeded"


def test_the_same_person_and_key_give_the_same_customer(gateway):
    first = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    assert gateway.ensure_customer("p1", "ana@example.org", key="c1") == first


def test_the_hosted_page_saves_a_card_without_scripts(gateway):
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    back = "http://127.0.0.1:9/back?booking=1"
    hosted = gateway.start_hosted_setup(customer, back, "http://127.0.0.1:9/cancel", key="h1")
    assert "<script" not in http.request("GET", hosted.url).data.decode()
    address, _, query = hosted.url.partition("?")
    fields = {name: value[0] for name, value in parse_qs(query).items()}
    fields |= {"number": "4242 4242 4242 4242", "expiry": "12 / 34", "cvc": "123"}
    wrong = http.request("POST", address, fields={**fields, "number": stub.DECLINED})
    assert wrong.status == 422
    assert b'role="alert"' in wrong.data
    right = http.request("POST", address, fields=fields, redirect=False)
    assert right.status == 303
    assert right.headers["Location"].startswith(f"{back}&setup_intent=seti_")
    setup = gateway.fetch_setup(hosted.id)
    assert (setup.status, setup.customer) == ("succeeded", customer)


# charging


def test_a_good_card_is_charged_while_its_holder_is_away(double, gateway):
    _, outcome = charge(double, gateway)
    assert isinstance(outcome, Succeeded)
    assert outcome.amount_cents == PRICE
    assert gateway.fetch_payment(outcome.pi) == outcome
    [found] = double.charges(installment_id="i1", attempt="1", booking_reference="RND-7F3K2M")
    assert (found["id"], found["transfer_group"]) == (outcome.charge, "RND-7F3K2M")


def test_a_soft_decline_keeps_its_answer_under_its_key(double, gateway):
    customer, card = double.save_card(gateway, stub.FAILS_LATER)
    first = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    assert isinstance(first, Declined)
    assert (first.decline_code, first.advice, first.hard) == (
        "generic_decline", "try_again_later", False,
    )  # fmt: skip
    assert gateway.charge_off_session(a_charge(customer, card), key="i1:a1") == first
    assert first.pi is not None
    assert gateway.fetch_payment(first.pi) == first
    assert double.charges() == []


def test_a_card_can_be_refused_as_lost_after_it_was_saved(double, gateway):
    customer, card = double.save_card(gateway)
    double.control(f"payment_methods/{card}", {"decline": "lost_card"})
    outcome = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    assert isinstance(outcome, Declined)
    assert (outcome.decline_code, outcome.hard) == ("lost_card", True)


def test_insufficient_funds_after_a_setup_that_worked(double, gateway):
    _, outcome = charge(double, gateway, stub.INSUFFICIENT_FUNDS_LATER)
    assert isinstance(outcome, Declined)
    assert (outcome.decline_code, outcome.hard) == ("insufficient_funds", False)


def test_hard_declines_are_hard_and_advice_makes_any_decline_hard():
    assert all(is_hard(code, None) for code in HARD_DECLINES)
    assert is_hard("generic_decline", "do_not_try_again")
    assert not is_hard("generic_decline", "try_again_later")
    assert not is_hard("a_code_of_next_year", None)


def test_a_card_set_up_with_the_bank_needs_no_second_check(double, gateway):
    _, outcome = charge(double, gateway, stub.ASKS_UNLESS_SAVED)
    assert isinstance(outcome, Succeeded)


def test_authentication_required_goes_on_with_the_same_payment(double, gateway):
    customer, card = double.save_card(gateway, stub.ALWAYS_ASKS)
    away = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    assert isinstance(away, NeedsAction)
    assert gateway.fetch_payment(away.pi) == away
    back = "http://127.0.0.1:9/back"
    here = gateway.continue_payment(away.pi, back, card, key="i1:a1:on")
    assert isinstance(here, NeedsAction)
    assert here.redirect_url is not None
    assert b"$1,650.00" in http.request("GET", here.redirect_url).data
    double.answer_bank(here.client_secret)
    outcome = gateway.fetch_payment(away.pi)
    assert isinstance(outcome, Succeeded)
    assert [found["id"] for found in double.charges(installment_id="i1")] == [outcome.charge]


def test_failing_the_bank_check_declines_and_another_card_can_pay(double, gateway):
    customer, card = double.save_card(gateway, stub.ALWAYS_ASKS)
    away = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    assert isinstance(away, NeedsAction)
    gateway.continue_payment(away.pi, "http://127.0.0.1:9/", card, key="i1:a1:on")
    double.answer_bank(away.client_secret, passed=False)
    assert isinstance(gateway.fetch_payment(away.pi), Declined)
    double.confirm(away.client_secret)
    assert isinstance(gateway.fetch_payment(away.pi), Succeeded)
    assert len(double.charges(installment_id="i1")) == 1


def test_a_payment_with_its_holder_present_saves_the_new_card(double, gateway):
    customer, _ = double.save_card(gateway)
    request = a_charge(customer, "")
    started = gateway.start_on_session(request, key="i1:a2")
    assert isinstance(started, NeedsAction)
    double.confirm(started.client_secret, stub.ASKS_UNLESS_SAVED)
    assert isinstance(gateway.fetch_payment(started.pi), Succeeded)
    new_card = double.charges(installment_id="i1")[0]["payment_method"]
    later = gateway.charge_off_session(a_charge(customer, new_card, "i2"), key="i2:a1")
    assert isinstance(later, Succeeded)


def test_a_cancelled_payment_can_never_be_paid(double, gateway):
    customer, _ = double.save_card(gateway)
    started = gateway.start_on_session(a_charge(customer, ""), key="i1:a1")
    assert isinstance(started, NeedsAction)
    cancelled = gateway.cancel_payment(started.pi, key="i1:cancel")
    assert isinstance(cancelled, Declined)
    assert cancelled.decline_code == "canceled"
    assert "error" in double.confirm(started.client_secret)
    assert double.charges() == []


def test_cancelling_a_paid_payment_answers_that_it_was_paid(double, gateway):
    outcome = paid(double, gateway)
    assert gateway.cancel_payment(outcome.pi, key="i1:cancel") == outcome


def test_a_customer_or_card_gone_at_stripe_asks_for_a_card(double, gateway):
    _, card = double.save_card(gateway)
    outcome = gateway.charge_off_session(a_charge("cus_gone", card), key="i1:a1")
    assert outcome == Declined(None, "customer_missing", None, hard=True)


# idempotency and lost answers


def test_the_same_key_charges_once(double, gateway):
    customer, card = double.save_card(gateway)
    request = a_charge(customer, card)
    first = gateway.charge_off_session(request, key="i1:a1")
    assert gateway.charge_off_session(request, key="i1:a1") == first
    assert len(double.charges(installment_id="i1")) == 1


def test_the_same_key_with_other_parameters_is_a_bug(double, gateway):
    customer, card = double.save_card(gateway)
    gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    with pytest.raises(GatewayMisuse):
        gateway.charge_off_session(a_charge(customer, card, "other"), key="i1:a1")


def test_a_lost_answer_is_unknown_and_the_same_key_finds_the_one_payment(double, gateway):
    customer, card = double.save_card(gateway)
    request = a_charge(customer, card)
    double.fault("lost", CREATE)
    assert gateway.charge_off_session(request, key="i1:a1") == Unknown("i1:a1")
    assert isinstance(gateway.charge_off_session(request, key="i1:a1"), Succeeded)
    assert len(double.charges(installment_id="i1")) == 1


def test_the_library_itself_tries_again_after_a_lost_answer(double, gateway):
    customer, card = double.save_card(gateway)
    double.fault("lost", CREATE)
    patient = double.gateway(retries=2)
    outcome = patient.charge_off_session(a_charge(customer, card), key="i1:a1")
    assert isinstance(outcome, Succeeded)
    assert len(double.charges(installment_id="i1")) == 1


@pytest.mark.parametrize("kind", ["dropped", "500", "429", "409"])
def test_nothing_happened_yet_the_answer_is_unknown(double, gateway, kind):
    customer, card = double.save_card(gateway)
    request = a_charge(customer, card)
    double.fault(kind, CREATE)
    assert gateway.charge_off_session(request, key="i1:a1") == Unknown("i1:a1")
    assert double.charges() == []
    assert isinstance(gateway.charge_off_session(request, key="i1:a1"), Succeeded)


def test_a_time_out_is_unknown_even_though_the_charge_happens(double, gateway):
    customer, card = double.save_card(gateway)
    double.fault("slow", CREATE, seconds=1)
    hurried = double.gateway(timeout_seconds=(3, 0.3))
    assert hurried.charge_off_session(a_charge(customer, card), key="k") == Unknown("k")
    until(lambda: double.charges(installment_id="i1"))


def test_a_500_kept_under_its_key_is_answered_by_looking_up(double, gateway):
    customer, card = double.save_card(gateway)
    request = a_charge(customer, card)
    double.fault("500_after", CREATE)
    for _ in range(2):
        assert gateway.charge_off_session(request, key="i1:a1") == Unknown("i1:a1")
    found = gateway.find_payment(customer, "i1")
    assert isinstance(found, Succeeded)
    assert found.charge == double.charges(installment_id="i1")[0]["id"]


def test_a_500_kept_without_effect_finds_nothing(double, gateway):
    customer, card = double.save_card(gateway)
    double.fault("500_kept", CREATE)
    for _ in range(2):
        outcome = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
        assert outcome == Unknown("i1:a1")
    assert gateway.find_payment(customer, "i1") is None
    assert isinstance(
        gateway.charge_off_session(a_charge(customer, card, attempt=2), key="i1:a2"), Succeeded
    )


def test_finding_prefers_the_paid_attempt_and_can_ask_for_one(double, gateway):
    customer, card = double.save_card(gateway)
    double.control(f"payment_methods/{card}", {"decline": "generic_decline"})
    declined = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    double.control(f"payment_methods/{card}", {"decline": None})
    outcome = gateway.charge_off_session(a_charge(customer, card, attempt=2), key="i1:a2")
    assert gateway.find_payment(customer, "i1") == outcome
    assert gateway.find_payment(customer, "i1", attempt=1) == declined
    assert gateway.find_payment(customer, "i2") is None


def test_a_key_older_than_a_day_is_a_new_request(double, gateway):
    customer, card = double.save_card(gateway)
    first = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    later = {"offset_seconds": timedelta(hours=25).total_seconds()}
    double.clock_file.write_text(json.dumps(later))
    try:
        second = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
    finally:
        double.clock_file.unlink()
    assert isinstance(second, Succeeded)
    assert second != first, "this is why an old key is looked up, never sent again"


def test_calls_that_move_no_money_are_unavailable_when_stripe_is(double, gateway):
    double.fault("500", "POST /v1/customers")
    with pytest.raises(Unavailable):
        gateway.ensure_customer("p1", "ana@example.org", key="c1")


def test_an_unknown_object_is_a_bug(gateway):
    with pytest.raises(GatewayMisuse) as caught:
        gateway.fetch_payment("pi_never")
    assert caught.value.code == "resource_missing"


# refunds


def test_refunds_add_up_to_the_charge_and_no_more(double, gateway):
    pi = paid(double, gateway).pi
    part = gateway.refund("r1", pi, 100_000, key="r1")
    assert isinstance(part, Refunded)
    assert (part.amount_cents, part.status) == (100_000, "succeeded")
    too_much = gateway.refund("r2", pi, 65_001, key="r2")
    assert isinstance(too_much, Refused)
    assert isinstance(gateway.refund("r3", pi, 65_000, key="r3"), Refunded)
    nothing_left = gateway.refund("r4", pi, 1, key="r4")
    assert isinstance(nothing_left, Refused)
    assert nothing_left.code == "charge_already_refunded"


def test_a_lost_refund_happens_once_and_is_found_by_our_id(double, gateway):
    pi = paid(double, gateway).pi
    double.fault("lost", "POST /v1/refunds")
    assert gateway.refund("r1", pi, 500, key="r1") == Unknown("r1")
    found = gateway.find_refund(pi, "r1")
    assert gateway.refund("r1", pi, 500, key="r1") == found
    assert gateway.find_refund(pi, "r2") is None


def test_a_refund_can_fail_days_later(double, gateway):
    pi = paid(double, gateway).pi
    refund = gateway.refund("r1", pi, 500, key="r1")
    assert isinstance(refund, Refunded)
    double.control(f"refunds/{refund.id}/fail")
    assert gateway.fetch_refund(refund.id).status == "failed"


# agencies


def test_an_agency_is_paid_only_after_onboarding(double, gateway):
    charge_id = paid(double, gateway).charge
    account = gateway.create_account("agency-1", "agency@example.org", key="acct:1")
    assert not gateway.fetch_account(account).transfers_active
    assert gateway.fetch_account(account).currently_due
    refused = gateway.transfer(a_transfer(account, charge_id), key="t1")
    assert isinstance(refused, Refused)
    assert refused.code == "insufficient_capabilities_for_transfer"
    link = gateway.onboarding_link(
        account, "http://127.0.0.1:9/done", "http://127.0.0.1:9/again", key="l1"
    )
    address, _, query = link.partition("?")
    ticket = parse_qs(query)["ticket"][0]
    assert b"Set up payouts" in http.request("GET", link).data
    done = http.request(
        "POST", address, fields={"ticket": ticket, "outcome": "complete"}, redirect=False
    )
    assert done.headers["Location"] == "http://127.0.0.1:9/done"
    assert gateway.fetch_account(account).transfers_active
    assert isinstance(gateway.transfer(a_transfer(account, charge_id), key="t2"), Transferred)


def test_transfers_never_exceed_their_charge(double, gateway):
    charge_id = paid(double, gateway).charge
    account = ready_account(double, gateway)
    assert isinstance(
        gateway.transfer(a_transfer(account, charge_id, 165_000), key="t1"), Transferred
    )
    assert isinstance(gateway.transfer(a_transfer(account, charge_id, 1), key="t2"), Refused)


def test_a_lost_transfer_happens_once_and_is_found(double, gateway):
    charge_id = paid(double, gateway).charge
    account = ready_account(double, gateway)
    double.fault("lost", "POST /v1/transfers")
    assert gateway.transfer(a_transfer(account, charge_id), key="t1") == Unknown("t1")
    found = gateway.find_transfer("RND-7F3K2M", "p1")
    assert gateway.transfer(a_transfer(account, charge_id), key="t1") == found
    assert gateway.find_transfer("RND-7F3K2M", "p2") is None


def test_a_transfer_is_taken_back_in_parts(double, gateway):
    charge_id = paid(double, gateway).charge
    account = ready_account(double, gateway)
    transfer = gateway.transfer(a_transfer(account, charge_id), key="t1")
    assert isinstance(transfer, Transferred)
    back = gateway.reverse_transfer(transfer.id, "v1", 30_000, key="v1")
    assert isinstance(back, Reversed)
    assert gateway.find_reversal(transfer.id, "v1") == back
    assert gateway.find_reversal(transfer.id, "v2") is None
    assert isinstance(gateway.reverse_transfer(transfer.id, "v2", 40_001, key="v2"), Refused)
    found = gateway.find_transfer("RND-7F3K2M", "p1")
    assert found is not None
    assert found.reversed_cents == 30_000


def test_a_reversal_needs_money_in_the_account(double, gateway):
    charge_id = paid(double, gateway).charge
    account = ready_account(double, gateway)
    transfer = gateway.transfer(a_transfer(account, charge_id), key="t1")
    assert isinstance(transfer, Transferred)
    double.control(f"accounts/{account}/payout", {"amount": 70_000})
    refused = gateway.reverse_transfer(transfer.id, "v1", 1, key="v1")
    assert isinstance(refused, Refused)
    assert refused.code == "balance_insufficient"


def test_the_balance_is_the_sum_of_its_movements(double, gateway):
    start = datetime.now(UTC) - timedelta(minutes=1)
    outcome = paid(double, gateway)
    account = ready_account(double, gateway)
    gateway.transfer(a_transfer(account, outcome.charge), key="t1")
    gateway.refund("r1", outcome.pi, 500, key="r1")
    entries = list(gateway.list_balance(start))
    assert [entry.type for entry in entries] == ["refund", "transfer", "charge"]
    assert [entry.amount_cents for entry in entries] == [-500, -70_000, PRICE]
    assert entries[-1].source == outcome.charge
    assert entries[-1].fee_cents == 4_815  # 2.9% and 30 cents
    assert sum(entry.net_cents for entry in entries) == gateway.balance_cents()


def test_more_events_than_one_page_are_all_listed(gateway):
    for number in range(PAGE + 5):
        gateway.ensure_customer(f"p{number}", "a@example.org", key=f"c{number}")
    listed = list(gateway.list_events(datetime.now(UTC) - timedelta(minutes=5)))
    assert len({event.id for event in listed}) == PAGE + 5


def test_a_dispute_takes_the_money_and_can_be_answered(double, gateway):
    outcome = paid(double, gateway, stub.DISPUTED)
    [event] = [
        event
        for event in gateway.list_events(datetime.now(UTC) - timedelta(minutes=1))
        if event.type == "charge.dispute.created"
    ]
    dispute = gateway.fetch_dispute(event.object_id)
    assert (dispute.charge, dispute.amount_cents, dispute.status) == (
        outcome.charge, PRICE, "needs_response",
    )  # fmt: skip
    assert isinstance(gateway.refund("r1", outcome.pi, 1, key="r1"), Refused)
    assert gateway.submit_dispute_evidence(dispute.id, "They came.", key="d1").status == (
        "under_review"
    )
    before = gateway.balance_cents()
    double.control(f"disputes/{dispute.id}/close", {"status": "won"})
    assert gateway.balance_cents() == before + PRICE


# events


def signed(body: bytes, secret: str = stub.WEBHOOK_SECRET, age_seconds: int = 0) -> str:
    moment = int(time.time()) - age_seconds
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def an_event(livemode: bool = False) -> bytes:
    event = {
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1,
        "livemode": livemode, "api_version": "2026-10-28.endive", "pending_webhooks": 1,
        "request": None, "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
    }  # fmt: skip
    return json.dumps(event).encode()


def test_a_signed_event_is_read(gateway):
    body = an_event()
    event = gateway.parse_event(body, signed(body))
    assert (event.id, event.type, event.object_id, event.account) == (
        "evt_1", "payment_intent.succeeded", "pi_1", None,
    )  # fmt: skip
    assert event.payload == body.decode()


def test_each_of_several_secrets_is_accepted(double):
    body = an_event()
    gateway = StripeGateway("sk_test_x", double.url, "whsec_connect, whsec_platform")
    for secret in ("whsec_connect", "whsec_platform"):
        assert gateway.parse_event(body, signed(body, secret)).id == "evt_1"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (an_event(), signed(an_event(), "whsec_forged")),
        (an_event(), signed(an_event(), age_seconds=301)),
        (an_event() + b" ", signed(an_event())),
        (an_event(), ""),
        (b"no json", signed(b"no json")),
        (an_event(livemode=True), signed(an_event(livemode=True))),
    ],
    ids=["forged", "old", "changed", "unsigned", "nonsense", "other mode"],
)
def test_a_bad_event_is_refused(gateway, body, signature):
    with pytest.raises(BadEvent):
        gateway.parse_event(body, signature)


def test_webhooks_arrive_signed_and_are_listed(tmp_path):
    with receiver() as inbox, StripeDouble(tmp_path, inbox.url) as double:
        gateway = double.gateway()
        pi = paid(double, gateway).pi
        until(lambda: "payment_intent.succeeded" in inbox.types())
        events = [gateway.parse_event(body, signature) for body, signature in inbox.received]
        assert pi in {event.object_id for event in events}
        listed = list(gateway.list_events(datetime.now(UTC) - timedelta(minutes=1)))
        assert {event.id for event in events} <= {event.id for event in listed}


def test_webhooks_are_sent_again_until_accepted_even_after_kill9(tmp_path):
    with receiver() as inbox, StripeDouble(tmp_path, inbox.url) as double:
        inbox.status = 500
        double.gateway().ensure_customer("p1", "ana@example.org", key="c1")
        until(lambda: len(inbox.received) == 1)
        double.kill9()
        inbox.status = 200
        double.start()
        until(lambda: len(inbox.received) >= 2)
        until(lambda: double.read("webhooks")["data"][0]["state"] == "delivered")
        assert len({body for body, _ in inbox.received}) == 1


def test_webhooks_go_on_after_another_process_held_the_file(tmp_path):
    """As the seed does while the demo starts."""
    path = tmp_path / "stripe.db"
    with receiver() as inbox, closing(sqlite3.connect(path, isolation_level=None)) as other:
        store = Store(path, patience_seconds=0.02)
        courier = Courier(store, inbox.url, "whsec_tests")
        other.execute("INSERT INTO delivery (event_id, body, due) VALUES ('evt_1', '{}', 0)")
        other.execute("BEGIN IMMEDIATE")
        courier.start()
        courier.join(0.3)
        assert inbox.received == []
        other.execute("COMMIT")
        until(lambda: len(inbox.received) == 1)
        courier.stop()
        courier.join()
        store.close()


def test_webhooks_can_be_doubled_reordered_and_lost(tmp_path):
    with receiver() as inbox, StripeDouble(tmp_path, inbox.url) as double:
        gateway = double.gateway()
        double.control("webhooks", {"duplicate": True})
        gateway.ensure_customer("p1", "a@example.org", key="c1")
        until(lambda: inbox.types() == ["customer.created"] * 2)
        double.control("webhooks", {"duplicate": False, "reorder": True, "paused": True})
        paid(double, gateway)
        double.control("webhooks", {"paused": False})
        until(lambda: len(inbox.received) >= 9)
        types = inbox.types()
        assert types.index("payment_intent.succeeded") < types.index("payment_intent.created")
        double.control("webhooks", {"enabled": False})
        sent = len(double.read("webhooks")["data"])
        gateway.ensure_customer("p2", "b@example.org", key="c2")
        assert len(double.read("webhooks")["data"]) == sent
        newest = next(gateway.list_events(datetime.now(UTC) - timedelta(minutes=1)))
        assert newest.type == "customer.created"


# the double itself


def test_what_was_answered_survives_kill9(tmp_path):
    with StripeDouble(tmp_path) as double:
        gateway = double.gateway()
        customer, card = double.save_card(gateway)
        first = gateway.charge_off_session(a_charge(customer, card), key="i1:a1")
        double.kill9()
        double.start()
        assert gateway.charge_off_session(a_charge(customer, card), key="i1:a1") == first
        assert len(double.charges(installment_id="i1")) == 1
        assert isinstance(first, Succeeded)
        assert gateway.fetch_payment(first.pi) == first


def test_a_live_key_never_meets_another_address():
    with pytest.raises(ValueError, match="live Stripe key"):
        StripeGateway("sk_live_x", "http://127.0.0.1:1")
    assert StripeGateway("sk_live_x").livemode


def test_the_double_refuses_live_keys_and_unknown_parameters(double):
    def post(path: str, **fields: str) -> tuple[int, str]:
        answer = http.request_encode_body(
            "POST", f"{double.url}/v1/{path}", fields=fields, encode_multipart=False,
            headers={"Authorization": f"Bearer {fields.pop('as_', 'sk_test_x')}"},
        )  # fmt: skip
        return answer.status, answer.json().get("error", {}).get("code", "")

    assert post("customers", as_="sk_live_x")[0] == 401
    assert post("customers", naem="x") == (400, "parameter_unknown")
    assert post("payment_intents", amount="100") == (400, "parameter_missing")
    old = {"amount": "100", "currency": "usd", "payment_method_types[]": "card"}
    assert post("payment_intents", **old)[1] == "payment_method_types_no_longer_supported"


def test_a_publishable_key_reads_only_what_it_has_the_secret_of(double, gateway):
    customer = gateway.ensure_customer("p1", "ana@example.org", key="c1")
    session = gateway.start_setup(customer, key="s1")
    url = f"{double.url}/v1/setup_intents/{session.id}"
    key = {"key": stub.PUBLISHABLE_KEY}
    good = http.request("GET", url, fields={**key, "client_secret": session.client_secret})
    assert good.json()["id"] == session.id
    assert good.headers["Access-Control-Allow-Origin"] == "*"
    assert http.request("GET", url, fields={**key, "client_secret": "guess"}).status == 401
    assert http.request("GET", f"{double.url}/v1/customers/{customer}", fields=key).status == 403


def test_a_page_in_a_browser_cannot_reach_the_controls(double):
    assert http.request("POST", f"{double.url}/_test/reset", fields={}).status == 415
