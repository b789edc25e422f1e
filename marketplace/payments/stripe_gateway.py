"""The gateway on Stripe, and the only module that imports its library.

API version 2026-10-28.endive. What it knows about stripe 16.1 (measured): a client retries nothing
unless told to, its time-out is 80 s, `payment_method_types` is refused, and objects are not dicts.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import wraps
from typing import Concatenate, Literal, ParamSpec, TypeVar, cast

import stripe
from stripe.params import PaymentIntentCreateParams

from marketplace.core.errors import Unavailable
from marketplace.payments import gateway as port

API_VERSION = "2026-10-28.endive"
API_BASE = "https://api.stripe.com"
TIMEOUT_SECONDS = (3.05, 20.0)
"""To connect, to answer."""
RETRIES = 2
PAGE = 100
CARDS_ONLY: list[Literal["card"] | str] = ["card"]

BUGS = frozenset({"parameter_unknown", "parameter_missing", "parameter_invalid_integer"})
"""Refusals that no other amount, time or account would have avoided."""
CARD_GONE = frozenset({"customer", "payment_method"})
"""Parameters that, when missing at Stripe, mean that the candidate has to give a card again."""
NO_ANSWER = (stripe.APIConnectionError, stripe.APIError, stripe.RateLimitError)
"""Time-outs, 5xx, 409 and 429: it may or may not have happened."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _answered(
    method: Callable[Concatenate["StripeGateway", Arguments], Result],
) -> Callable[Concatenate["StripeGateway", Arguments], Result]:
    """For calls that move no money: raise `Unavailable` when Stripe does not answer."""

    @wraps(method)
    def call(self: "StripeGateway", /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(self, *args, **kwargs)
        except NO_ANSWER as error:
            message = "Payments are not working right now. Please try again."
            raise Unavailable(message, "payments_down") from error
        except stripe.StripeError as error:
            raise port.GatewayMisuse(str(error), error.code) from error

    return call


class StripeGateway:
    """`port.Gateway` on Stripe, or on the double by its address."""

    def __init__(
        self,
        secret_key: str,
        api_base: str = "",
        webhook_secret: str = "",
        timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        """`webhook_secret` may hold several, joined by commas (platform and Connect endpoints).

        Raises ValueError for a live key with an address that is not Stripe's.
        """
        base = api_base.rstrip("/") or API_BASE
        self._livemode = secret_key.startswith(("sk_live_", "rk_live_"))
        if self._livemode and base != API_BASE:
            raise ValueError("a live Stripe key must never be sent to another address")
        self._webhook_secrets = [part.strip() for part in webhook_secret.split(",") if part.strip()]
        self._api = stripe.StripeClient(
            secret_key,
            stripe_version=API_VERSION,
            base_addresses={"api": base},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout_seconds),
        ).v1

    @property
    def livemode(self) -> bool:
        """See the port."""
        return self._livemode

    @_answered
    def ensure_customer(self, person_id: str, email: str, *, key: str) -> str:
        """See the port."""
        customer = self._api.customers.create(
            {"email": email, "metadata": {"person_id": person_id}}, {"idempotency_key": key}
        )
        return customer.id

    @_answered
    def start_setup(self, customer: str, *, key: str) -> port.SetupSession:
        """See the port."""
        intent = self._api.setup_intents.create(
            {
                "customer": customer,
                "usage": "off_session",
                "allowed_payment_method_types": CARDS_ONLY,
            },
            {"idempotency_key": key},
        )
        return port.SetupSession(intent.id, intent.client_secret or "")

    @_answered
    def start_hosted_setup(
        self, customer: str, return_url: str, cancel_url: str, *, key: str
    ) -> port.HostedSetup:
        """See the port. A Checkout session in setup mode."""
        session = self._api.checkout.sessions.create(
            {
                "mode": "setup",
                "currency": "usd",
                "customer": customer,
                "allowed_payment_method_types": CARDS_ONLY,
                "success_url": return_url,
                "cancel_url": cancel_url,
            },
            {"idempotency_key": key},
        )
        return port.HostedSetup(session.id, session.url or "")

    @_answered
    def fetch_setup(self, setup_id: str) -> port.Setup:
        """See the port. Takes the id of a SetupIntent or of a Checkout session."""
        if setup_id.startswith("cs_"):
            setup_id = _id(self._api.checkout.sessions.retrieve(setup_id).setup_intent)
        intent = self._api.setup_intents.retrieve(setup_id, {"expand": ["payment_method"]})
        method = intent.payment_method
        card = method.card if isinstance(method, stripe.PaymentMethod) else None
        return port.Setup(
            intent.id,
            cast("port.SetupStatus", intent.status),
            _id(intent.customer) or None,
            _id(method) or None,
            port.Card(card.brand, card.last4, card.exp_month, card.exp_year) if card else None,
        )

    def charge_off_session(self, request: port.ChargeRequest, *, key: str) -> port.ChargeOutcome:
        """See the port."""
        params = _payment(request)
        params.update(
            {"payment_method": request.payment_method, "off_session": True, "confirm": True}
        )
        return self._charge(
            key, lambda: self._api.payment_intents.create(params, {"idempotency_key": key})
        )

    def start_on_session(self, request: port.ChargeRequest, *, key: str) -> port.ChargeOutcome:
        """See the port. The card that pays is saved for the later installments."""
        params = _payment(request)
        params["setup_future_usage"] = "off_session"
        return self._charge(
            key, lambda: self._api.payment_intents.create(params, {"idempotency_key": key})
        )

    def continue_payment(
        self, pi: str, return_url: str, payment_method: str, *, key: str
    ) -> port.ChargeOutcome:
        """See the port."""
        return self._charge(
            key,
            lambda: self._api.payment_intents.confirm(
                pi,
                {"payment_method": payment_method, "return_url": return_url},
                {"idempotency_key": key},
            ),
            existing=pi,
        )

    def cancel_payment(self, pi: str, *, key: str) -> port.ChargeOutcome:
        """See the port."""
        return self._charge(
            key,
            lambda: self._api.payment_intents.cancel(pi, {}, {"idempotency_key": key}),
            existing=pi,
        )

    @_answered
    def fetch_payment(self, pi: str) -> port.ChargeOutcome:
        """See the port."""
        return _outcome(self._api.payment_intents.retrieve(pi))

    @_answered
    def find_payment(
        self, customer: str, installment_id: str, attempt: int | None = None
    ) -> port.ChargeOutcome | None:
        """See the port. Lists instead of searching: Stripe's search lags behind by a minute."""
        wanted = {"installment_id": installment_id}
        if attempt is not None:
            wanted["attempt"] = str(attempt)
        payments = self._api.payment_intents.list({"customer": customer, "limit": PAGE})
        outcomes = [
            _outcome(payment)
            for payment in payments.auto_paging_iter()
            if _has(payment.metadata, wanted)
        ]
        paid = [outcome for outcome in outcomes if isinstance(outcome, port.Succeeded)]
        return next(iter([*paid, *outcomes]), None)

    def refund(self, refund_id: str, pi: str, amount_cents: int, *, key: str) -> port.RefundOutcome:
        """See the port."""
        return _money(
            key,
            lambda: _refunded(
                self._api.refunds.create(
                    {
                        "payment_intent": pi,
                        "amount": amount_cents,
                        "metadata": {"refund_id": refund_id},
                    },
                    {"idempotency_key": key},
                )
            ),
        )

    @_answered
    def fetch_refund(self, refund: str) -> port.Refunded:
        """See the port."""
        return _refunded(self._api.refunds.retrieve(refund))

    @_answered
    def find_refund(self, pi: str, refund_id: str) -> port.Refunded | None:
        """See the port."""
        refunds = self._api.refunds.list({"payment_intent": pi, "limit": PAGE})
        for refund in refunds.auto_paging_iter():
            if _has(refund.metadata, {"refund_id": refund_id}):
                return _refunded(refund)
        return None

    @_answered
    def create_account(self, agency_id: str, email: str, *, key: str) -> str:
        """See the port. The platform bears losses; Stripe collects what the law asks for."""
        account = self._api.accounts.create(
            {
                "country": "US",
                "email": email,
                "capabilities": {"transfers": {"requested": True}},
                "controller": {
                    "fees": {"payer": "application"},
                    "losses": {"payments": "application"},
                    "requirement_collection": "stripe",
                    "stripe_dashboard": {"type": "express"},
                },
                "metadata": {"agency_id": agency_id},
            },
            {"idempotency_key": key},
        )
        return account.id

    @_answered
    def onboarding_link(self, account: str, return_url: str, refresh_url: str, *, key: str) -> str:
        """See the port."""
        link = self._api.account_links.create(
            {
                "account": account,
                "type": "account_onboarding",
                "return_url": return_url,
                "refresh_url": refresh_url,
            },
            {"idempotency_key": key},
        )
        return link.url

    @_answered
    def fetch_account(self, account: str) -> port.Account:
        """See the port."""
        found = self._api.accounts.retrieve(account)
        due = found.requirements.currently_due if found.requirements else None
        return port.Account(
            found.id,
            found.capabilities is not None and _text(found.capabilities, "transfers") == "active",
            bool(found.payouts_enabled),
            bool(found.details_submitted),
            tuple(due or ()),
        )

    def transfer(self, request: port.TransferRequest, *, key: str) -> port.TransferOutcome:
        """See the port. Bound to the charge, so it needs no other money in the balance."""
        return _money(
            key,
            lambda: _transferred(
                self._api.transfers.create(
                    {
                        "amount": request.amount_cents,
                        "currency": request.currency,
                        "destination": request.account,
                        "source_transaction": request.charge,
                        "transfer_group": request.booking_reference,
                        "metadata": {"payout_id": request.payout_id},
                    },
                    {"idempotency_key": key},
                )
            ),
        )

    @_answered
    def find_transfer(self, booking_reference: str, payout_id: str) -> port.Transferred | None:
        """See the port."""
        transfers = self._api.transfers.list({"transfer_group": booking_reference, "limit": PAGE})
        for transfer in transfers.auto_paging_iter():
            if _has(transfer.metadata, {"payout_id": payout_id}):
                return _transferred(transfer)
        return None

    def reverse_transfer(
        self, transfer: str, reversal_id: str, amount_cents: int, *, key: str
    ) -> port.ReversalOutcome:
        """See the port."""
        return _money(
            key,
            lambda: _reversed(
                self._api.transfers.reversals.create(
                    transfer,
                    {"amount": amount_cents, "metadata": {"reversal_id": reversal_id}},
                    {"idempotency_key": key},
                )
            ),
        )

    @_answered
    def find_reversal(self, transfer: str, reversal_id: str) -> port.Reversed | None:
        """See the port."""
        reversals = self._api.transfers.reversals.list(transfer, {"limit": PAGE})
        for reversal in reversals.auto_paging_iter():
            if _has(reversal.metadata, {"reversal_id": reversal_id}):
                return _reversed(reversal)
        return None

    @_answered
    def fetch_dispute(self, dispute: str) -> port.Dispute:
        """See the port."""
        return _dispute(self._api.disputes.retrieve(dispute))

    @_answered
    def submit_dispute_evidence(self, dispute: str, text: str, *, key: str) -> port.Dispute:
        """See the port."""
        return _dispute(
            self._api.disputes.update(
                dispute,
                {"evidence": {"uncategorized_text": text}, "submit": True},
                {"idempotency_key": key},
            )
        )

    def parse_event(self, body: bytes, signature: str) -> port.EventEnvelope:
        """See the port. Signatures older than five minutes are refused."""
        event = _envelope(self._verified(body, signature), body.decode())
        if event.livemode != self.livemode:
            raise port.BadEvent("the event is from another mode")
        return event

    @_answered
    def list_events(self, since: datetime) -> Iterator[port.EventEnvelope]:
        """See the port."""
        events = self._api.events.list(
            {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        ).auto_paging_iter()
        return iter([_envelope(event, json.dumps(event.to_dict())) for event in events])

    @_answered
    def list_balance(self, since: datetime) -> Iterator[port.BalanceEntry]:
        """See the port."""
        entries = self._api.balance_transactions.list(
            {"created": {"gte": int(since.timestamp())}, "limit": PAGE}
        ).auto_paging_iter()
        return iter([_balance_entry(entry) for entry in entries])

    @_answered
    def balance_cents(self) -> int:
        """See the port."""
        balance = self._api.balance.retrieve()
        return sum(part.amount for part in balance.available) + sum(
            part.amount for part in balance.pending
        )

    def _charge(
        self, key: str, call: Callable[[], stripe.PaymentIntent], existing: str | None = None
    ) -> port.ChargeOutcome:
        """The outcome of a call on a payment; one that moved on meanwhile is read again."""
        try:
            return _outcome(call())
        except stripe.CardError as error:
            return _decline(error)
        except NO_ANSWER:
            return port.Unknown(key)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing" and error.param in CARD_GONE:
                return port.Declined(None, f"{error.param}_missing", None, hard=True)
            if error.code == "payment_intent_unexpected_state" and existing:
                return self.fetch_payment(existing)
            raise port.GatewayMisuse(str(error), error.code) from error
        except stripe.StripeError as error:
            raise port.GatewayMisuse(str(error), error.code) from error

    def _verified(self, body: bytes, signature: str) -> stripe.Event:
        for secret in self._webhook_secrets:
            try:
                event: stripe.Event = stripe.Webhook.construct_event(body, signature, secret)
                return event
            except stripe.SignatureVerificationError:
                continue
            except (ValueError, AttributeError) as error:  # no JSON, or JSON that is no object
                raise port.BadEvent("the body is not an event") from error
        raise port.BadEvent("the signature does not match or is too old")


def _money(key: str, call: Callable[[], Result]) -> Result | port.Refused | port.Unknown:
    """Run a call that moves money; a refusal is an answer, a lost answer is `Unknown`."""
    try:
        return call()
    except NO_ANSWER:
        return port.Unknown(key)
    except stripe.InvalidRequestError as error:
        if error.code in BUGS:
            raise port.GatewayMisuse(str(error), error.code) from error
        return port.Refused(error.code or f"{error.param}_refused", error.user_message or "")
    except stripe.StripeError as error:
        raise port.GatewayMisuse(str(error), error.code) from error


def _payment(request: port.ChargeRequest) -> PaymentIntentCreateParams:
    """A pure function of the stored attempt, so that its key always meets the same parameters."""
    return {
        "amount": request.amount_cents,
        "currency": request.currency,
        "customer": request.customer,
        "allowed_payment_method_types": CARDS_ONLY,
        "description": f"Rotation {request.booking_reference}",
        "transfer_group": request.booking_reference,
        "metadata": {
            "installment_id": request.installment_id,
            "attempt": str(request.attempt),
            "booking_reference": request.booking_reference,
        },
    }


def _outcome(payment: stripe.PaymentIntent) -> port.ChargeOutcome:
    match payment.status:
        case "succeeded":
            return port.Succeeded(payment.id, _id(payment.latest_charge), payment.amount_received)
        case "canceled":
            return port.Declined(payment.id, "canceled", None, hard=False)
        case "requires_action":
            return _needs_action(payment)
        case "requires_payment_method" | "requires_confirmation":
            error = payment.last_payment_error
            if error is None or error.code == "authentication_required":
                return _needs_action(payment)
            return _declined(payment.id, error)
        case _:  # processing: the webhook tells
            return port.Unknown(payment.id)


def _needs_action(payment: stripe.PaymentIntent) -> port.NeedsAction:
    action = payment.next_action
    redirect = action.redirect_to_url if action and "redirect_to_url" in action else None
    return port.NeedsAction(
        payment.id, payment.client_secret or "", redirect.url if redirect else None
    )


def _decline(error: stripe.CardError) -> port.ChargeOutcome:
    """The payment inside the error tells more than the error itself."""
    if error.error is None:
        return port.Declined(None, error.code or "card_declined", None, hard=False)
    if "payment_intent" in error.error and error.error.payment_intent is not None:
        return _outcome(error.error.payment_intent)
    return _declined(None, error.error)


def _declined(pi: str | None, error: stripe.StripeObject) -> port.Declined:
    code = _text(error, "decline_code") or _text(error, "code") or "card_declined"
    advice = _text(error, "advice_code")
    return port.Declined(pi, code, advice, port.is_hard(code, advice))


def _refunded(refund: stripe.Refund) -> port.Refunded:
    status: Literal["succeeded", "pending", "failed"] = "pending"
    if refund.status == "succeeded":
        status = "succeeded"
    elif refund.status in ("failed", "canceled"):
        status = "failed"
    return port.Refunded(refund.id, refund.amount, status)


def _transferred(transfer: stripe.Transfer) -> port.Transferred:
    return port.Transferred(transfer.id, transfer.amount, transfer.amount_reversed)


def _reversed(reversal: stripe.TransferReversal) -> port.Reversed:
    return port.Reversed(reversal.id, reversal.amount)


def _dispute(dispute: stripe.Dispute) -> port.Dispute:
    due_by = dispute.evidence_details.due_by
    return port.Dispute(
        dispute.id,
        _id(dispute.charge),
        _id(dispute.payment_intent) or None,
        dispute.amount,
        dispute.status,
        dispute.reason,
        datetime.fromtimestamp(due_by, UTC) if due_by else None,
    )


def _envelope(event: stripe.Event, payload: str) -> port.EventEnvelope:
    subject = event.data.object
    return port.EventEnvelope(
        event.id,
        event.type,
        _text(subject, "id") or "",
        _text(event, "account"),
        event.api_version,
        event.livemode,
        datetime.fromtimestamp(event.created, UTC),
        payload,
    )


def _balance_entry(entry: stripe.BalanceTransaction) -> port.BalanceEntry:
    return port.BalanceEntry(
        entry.id,
        entry.type,
        _id(entry.source) or None,
        entry.amount,
        entry.fee,
        entry.net,
        entry.currency,
        datetime.fromtimestamp(entry.created, UTC),
    )


def _id(reference: str | stripe.StripeObject | None) -> str:
    """The id of a reference that Stripe may have expanded."""
    if reference is None or isinstance(reference, str):
        return reference or ""
    return str(reference["id"])


def _text(obj: stripe.StripeObject, name: str) -> str | None:
    """A field that Stripe may leave out."""
    return str(obj[name]) if name in obj and obj[name] is not None else None


def _has(metadata: Mapping[str, str] | stripe.StripeObject | None, wanted: dict[str, str]) -> bool:
    return metadata is not None and all(
        name in metadata and metadata[name] == value for name, value in wanted.items()
    )
