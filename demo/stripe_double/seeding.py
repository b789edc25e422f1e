"""Objects that were there before the demo began: made by the double's own handlers, at past
times, with repeatable ids, and without a webhook for any of them."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from demo.stripe_double import (
    accounts,
    customers,
    payment_intents,
    refunds,
    setup_intents,
    transfers,
)
from demo.stripe_double.call import Call
from demo.stripe_double.errors import ApiError
from demo.stripe_double.objects import Json

MakeId = Callable[[str], str]
NOWHERE = "http://127.0.0.1:9"


@dataclass
class PastCall(Call):
    """A request that happened before the demo began."""

    make_id: MakeId = str

    def new(self, kind: str, prefix: str, account: str = "", /, **fields: object) -> Json:
        """Make and keep an object under a repeatable id."""
        obj: Json = {
            "id": self.make_id(prefix),
            "object": kind,
            "created": self.now,
            "livemode": False,
            "metadata": {},
            **fields,
        }
        return self.objects.insert(obj, account)

    def emit(self, event_type: str, obj: Json, account: str = "") -> None:
        """Say nothing: whoever seeds writes both sides."""


@dataclass(frozen=True)
class SavedCard:
    """A card kept for a customer."""

    customer: str
    setup: str
    payment_method: str
    brand: str
    last4: str
    exp: str


@dataclass(frozen=True)
class Paid:
    """A charge that succeeded; `fee` in cents is what the provider kept."""

    intent: str
    charge: str
    entry: str
    fee: int


@dataclass(frozen=True)
class NotPaid:
    """A charge that was refused; with `authentication_required` its holder may confirm it."""

    intent: str
    code: str


class Past:
    """What happened at the provider, told in any order."""

    def __init__(self, connection: sqlite3.Connection, make_id: MakeId) -> None:
        self._connection, self._make_id = connection, make_id

    def _at(self, when: datetime) -> PastCall:
        return PastCall(self._connection, int(when.timestamp()), NOWHERE, make_id=self._make_id)

    def account(self, when: datetime, agency_id: str, email: str) -> str:
        """An agency's account that may receive transfers."""
        call = self._at(when)
        made = accounts.create(
            call,
            {
                "country": "US",
                "email": email,
                "capabilities": {"transfers": {"requested": True}},
                "metadata": {"agency_id": agency_id},
            },
        )
        return str(accounts.onboard(call, made["id"])["id"])

    def customer(self, when: datetime, person_id: str, email: str) -> str:
        """A candidate who saved a card once."""
        params = {"email": email, "metadata": {"person_id": person_id}}
        return str(customers.create_customer(self._at(when), params)["id"])

    def save_card(self, when: datetime, customer: str, test_card: str) -> SavedCard:
        """A test card such as `pm_card_visa`, saved for later charges."""
        call = self._at(when)
        intent = setup_intents.create(
            call, {"customer": customer, "payment_method": test_card, "confirm": True}
        )
        if intent["status"] == "requires_action":
            intent = setup_intents.authenticate(call, intent, passed=True)
        method = call.objects.get(intent["payment_method"], "payment_method")
        card = method["card"]
        return SavedCard(
            customer,
            intent["id"],
            method["id"],
            card["brand"],
            card["last4"],
            f"{card['exp_month']:02d}/{card['exp_year'] % 100:02d}",
        )

    def refuse_from_now(self, when: datetime, payment_method: str, decline_code: str) -> None:
        """The bank refuses this card from here on."""
        call = self._at(when)
        method = call.objects.get(payment_method, "payment_method")
        method["_refusal"] = decline_code
        call.objects.save(method)

    def charge(
        self, when: datetime, card: SavedCard, cents: int, reference: str, metadata: dict[str, str]
    ) -> Paid | NotPaid:
        """Charge a saved card without its holder, as the product does."""
        call = self._at(when)
        try:
            intent = payment_intents.create(
                call,
                {
                    "amount": cents,
                    "currency": "usd",
                    "customer": card.customer,
                    "payment_method": card.payment_method,
                    "off_session": True,
                    "confirm": True,
                    "description": f"Rotation {reference}",
                    "transfer_group": reference,
                    "metadata": {**metadata, "booking_reference": reference},
                },
            )
        except ApiError as error:
            if not error.is_decline:
                raise
            details: Json = error.body["error"]
            code = details.get("decline_code") or details["code"]
            return NotPaid(details["payment_intent"]["id"], str(code))
        charge = call.objects.get(intent["latest_charge"], "charge")
        entry = call.objects.get(charge["balance_transaction"], "balance_transaction")
        return Paid(intent["id"], charge["id"], entry["id"], entry["fee"])

    def refund(self, when: datetime, intent: str, cents: int, refund_id: str) -> str:
        """Send money back to the card."""
        params = {"payment_intent": intent, "amount": cents, "metadata": {"refund_id": refund_id}}
        return str(refunds.create(self._at(when), params)["id"])

    def transfer(  # noqa: PLR0917
        self, when: datetime, paid: Paid, cents: int, account: str, reference: str, payout_id: str
    ) -> str:
        """Send a share of a charge to an agency's account."""
        params = {
            "amount": cents,
            "currency": "usd",
            "destination": account,
            "source_transaction": paid.charge,
            "transfer_group": reference,
            "metadata": {"payout_id": payout_id},
        }
        return str(transfers.create(self._at(when), params)["id"])
