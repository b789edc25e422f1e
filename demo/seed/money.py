"""The money of a seeded booking, on both sides: our rows and the provider's objects.

The rules are those of payments.operations; the rows are written as its verbs would have.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from demo.seed.chance import Ids
from demo.seed.rows import Row, Rows
from demo.stripe_double.seeding import NotPaid, Paid, Past, SavedCard
from marketplace.core.money import percent_of
from marketplace.payments.models import (
    Charge,
    Customer,
    Installment,
    LedgerEntry,
    LedgerTransaction,
    PaymentPlan,
    Refund,
    Release,
    Transfer,
)
from marketplace.payments.operations import CHARGE_HOUR, GRACE, RETRY_DAYS
from marketplace.payments.plan import Plan, make_plan

GOOD_CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex")
DECLINES_LATER = "pm_card_chargeCustomerFail"
ASKS_ITS_BANK = "pm_card_authenticationRequired"
SHARE_PERCENT = 50
WAIT = timedelta(hours=72)


@dataclass(frozen=True)
class Deal:
    """What a plan is about: who pays whom how much, and from when."""

    agency_id: UUID
    person_id: UUID
    email: str
    reference: str
    price_cents: int
    deposit_percent: int
    wanted: int
    fee_percent: int
    zone: str
    start_on: date
    agreed_at: datetime
    mandate: Row


@dataclass
class Money:
    """A plan while its story is told."""

    deal: Deal
    plan: Row
    card: SavedCard
    installments: list[Row]
    paid: list[tuple[Row, Paid]] = field(default_factory=list)

    @property
    def paid_cents(self) -> int:
        """Charged so far."""
        return sum(charge["amount_cents"] for charge, _ in self.paid)


class Till:
    """Writes plans and everything that moves money."""

    def __init__(self, rows: Rows, ids: Ids, past: Past, now: datetime) -> None:
        self._rows, self._ids, self._past, self._now = rows, ids, past, now
        self._customers: dict[UUID, str] = {}

    def open(self, deal: Deal, test_card: str) -> Money:
        """The candidate accepted the schedule and saved a card; nothing is charged."""
        local_day = deal.agreed_at.astimezone(ZoneInfo(deal.zone)).date()
        plan = make_plan(
            deal.price_cents, deal.deposit_percent, deal.wanted, local_day, deal.start_on
        )
        customer = self._customer(deal)
        card = self._past.save_card(deal.agreed_at, customer, test_card)
        row = self._rows.add(PaymentPlan, self._plan(deal, card))
        return Money(deal, row, card, self._installments(deal, row, plan))

    def _customer(self, deal: Deal) -> str:
        if deal.person_id not in self._customers:
            made = self._past.customer(deal.agreed_at, str(deal.person_id), deal.email)
            self._customers[deal.person_id] = made
            self._rows.add(Customer, {"person_id": deal.person_id, "external_id": made})
        return self._customers[deal.person_id]

    def _plan(self, deal: Deal, card: SavedCard) -> Row:
        return {
            "id": self._ids.uuid(),
            "agency_id": deal.agency_id,
            "person_id": deal.person_id,
            "reference": deal.reference,
            "total_cents": deal.price_cents,
            "currency": "usd",
            "fee_percent": deal.fee_percent,
            "time_zone": deal.zone,
            "state": "ready",
            "customer_id": card.customer,
            "setup_id": card.setup,
            "setups": 1,
            "payment_method": card.payment_method,
            "card_brand": card.brand,
            "card_last4": card.last4,
            "card_exp": card.exp,
            "mandate": deal.mandate,
            "created_at": deal.agreed_at,
        }

    def _installments(self, deal: Deal, plan_row: Row, plan: Plan) -> list[Row]:
        parts: list[tuple[int, int, date | None]] = [(0, plan.deposit_cents, None)]
        parts += [(part.seq, part.amount_cents, part.due_on) for part in plan.parts]
        return [
            self._rows.add(
                Installment,
                {
                    "id": self._ids.uuid(),
                    "agency_id": deal.agency_id,
                    "person_id": deal.person_id,
                    "plan_id": plan_row["id"],
                    "seq": seq,
                    "amount_cents": cents,
                    "due_on": due_on,
                    "state": "scheduled",
                    "attempts": 0,
                    "next_try_at": None,
                    "paid_at": None,
                    "decline_code": None,
                    "pay_until": None,
                },
            )
            for seq, cents, due_on in parts
        ]

    def pay_deposit(self, money: Money, at: datetime) -> None:
        """The deposit is charged; the rest gets its times."""
        self._charge(money, money.installments[0], at)
        money.plan["state"] = "active"
        for row in money.installments[1:]:
            row["next_try_at"] = self._due_at(money, row)
        self._settle_plan(money)

    def fail_deposit(self, money: Money, at: datetime) -> None:
        """The bank refuses the deposit, or wants its customer to confirm it."""
        self._charge(money, money.installments[0], at)

    def pay_until(self, money: Money, until: datetime) -> None:
        """Charge every installment that was due by then."""
        for row in money.installments[1:]:
            due = self._due_at(money, row)
            if due <= until:
                self._charge(money, row, due + timedelta(minutes=2))
        self._settle_plan(money)

    def refuse_last_due(self, money: Money) -> None:
        """From now on the bank refuses: the next installment fails and will be tried again."""
        row = next(row for row in money.installments if row["state"] == "scheduled")
        at = self._now - timedelta(hours=6)
        row["due_on"] = min(row["due_on"], at.astimezone(ZoneInfo(money.deal.zone)).date())
        self._past.refuse_from_now(at, money.card.payment_method, "insufficient_funds")
        self._charge(money, row, at)

    def _due_at(self, money: Money, row: Row) -> datetime:
        return datetime.combine(row["due_on"], CHARGE_HOUR, ZoneInfo(money.deal.zone))

    def _charge(self, money: Money, row: Row, at: datetime) -> None:
        row["attempts"] += 1
        answer = self._past.charge(
            at,
            money.card,
            row["amount_cents"],
            money.deal.reference,
            {"installment_id": str(row["id"]), "attempt": str(row["attempts"])},
        )
        charge = self._rows.add(Charge, self._attempt(money, row, at, answer))
        if isinstance(answer, Paid):
            row.update(state="paid", paid_at=at, next_try_at=None)
            money.paid.append((charge, answer))
            cents = row["amount_cents"]
            self._post(
                money, "charge", answer.charge, at, stripe_clearing=cents, guest_funds=-cents
            )
            self._post(
                money, "fee", answer.entry, at, stripe_fees=answer.fee, stripe_clearing=-answer.fee
            )
            return
        row.update(pay_until=at + GRACE, next_try_at=None)
        if charge["state"] == "needs_action":
            row["state"] = "needs_action"
        elif row["seq"]:
            retry = at + timedelta(days=RETRY_DAYS[row["attempts"] - 1])
            row.update(state="scheduled", next_try_at=retry, decline_code=answer.code)
        else:
            row.update(state="declined", decline_code=answer.code)

    def _attempt(self, money: Money, row: Row, at: datetime, answer: Paid | NotPaid) -> Row:
        paid = isinstance(answer, Paid)
        waits = not paid and answer.code == "authentication_required"  # type: ignore[union-attr]
        return {
            "id": self._ids.uuid(),
            "agency_id": row["agency_id"],
            "person_id": row["person_id"],
            "plan_id": row["plan_id"],
            "installment_id": row["id"],
            "attempt": row["attempts"],
            "key": f"inst:{row['id']}:a{row['attempts']}",
            "amount_cents": row["amount_cents"],
            "currency": "usd",
            "payment_method": money.card.payment_method,
            "state": "succeeded" if paid else "needs_action" if waits else "declined",
            "intent_id": answer.intent,
            "external_id": answer.charge if isinstance(answer, Paid) else None,
            "decline_code": None if isinstance(answer, Paid) or waits else answer.code,
            "started_at": at,
            "settled_at": None if waits else at + timedelta(seconds=3),
        }

    def _settle_plan(self, money: Money) -> None:
        if all(row["state"] == "paid" for row in money.installments):
            money.plan["state"] = "paid"

    def stop(self, money: Money) -> None:
        """Charge nothing more."""
        for row in money.installments:
            if row["state"] != "paid":
                row.update(state="void", next_try_at=None)
        money.plan["state"] = "stopped"

    def refund(self, money: Money, cents: int, cause: str, at: datetime, *, fault: bool) -> None:
        """Send `cents` back, newest charge first."""
        left = cents
        for charge, paid in reversed(money.paid):
            part = min(left, charge["amount_cents"])
            if part <= 0:
                return
            key = self._ids.uuid()
            external = self._past.refund(at, paid.intent, part, str(key))
            self._rows.add(
                Refund,
                {
                    "id": key,
                    "agency_id": charge["agency_id"],
                    "person_id": charge["person_id"],
                    "plan_id": charge["plan_id"],
                    "charge_id": charge["id"],
                    "amount_cents": part,
                    "cause": cause,
                    "provider_fault": fault,
                    "key": f"refund:{charge['id']}:{cause}:{part}",
                    "state": "succeeded",
                    "external_id": external,
                    "next_try_at": None,
                    "created_at": at,
                    "settled_at": at + timedelta(minutes=1),
                },
            )
            self._post(money, "refund", external, at, guest_funds=part, stripe_clearing=-part)
            left -= part

    def release(self, money: Money, share: str, reached_at: datetime, account: str | None) -> None:
        """A milestone was reached: after 72 hours its share goes to the agency."""
        due_at = reached_at + WAIT
        done_at = due_at + timedelta(minutes=1)
        over = done_at <= self._now and account is not None
        self._rows.add(
            Release,
            {
                "id": self._ids.uuid(),
                "agency_id": money.plan["agency_id"],
                "plan_id": money.plan["id"],
                "share": share,
                "percent": SHARE_PERCENT,
                "due_at": due_at,
                "done_at": done_at if over else None,
                "stopped_at": None,
            },
        )
        if over and account is not None:
            for charge, paid in money.paid:
                self._transfer(money, charge, paid, share, done_at, account)

    def _transfer(  # noqa: PLR0917
        self, money: Money, charge: Row, paid: Paid, share: str, at: datetime, account: str
    ) -> None:
        gross, fee = _share(charge["amount_cents"], money.deal.fee_percent, share)
        key, net = self._ids.uuid(), gross - fee
        self._post(
            money,
            "release",
            f"release:{charge['id']}:{share}",
            at,
            guest_funds=gross,
            agency_payable=-net,
            platform_revenue=-fee,
        )
        external = self._past.transfer(at, paid, net, account, money.deal.reference, str(key))
        self._rows.add(
            Transfer,
            {
                "id": key,
                "agency_id": charge["agency_id"],
                "plan_id": charge["plan_id"],
                "charge_id": charge["id"],
                "share": share,
                "amount_cents": net,
                "fee_cents": fee,
                "destination": account,
                "key": f"transfer:{charge['id']}:{share}",
                "state": "succeeded",
                "external_id": external,
                "next_try_at": None,
                "blocked_by": None,
                "created_at": at,
                "settled_at": at + timedelta(seconds=5),
            },
        )
        self._post(money, "transfer", external, at, agency_payable=net, stripe_clearing=-net)

    def _post(self, money: Money, kind: str, source_key: str, at: datetime, **lines: int) -> None:
        """A balanced ledger transaction: account to cents, debit positive."""
        if sum(lines.values()):
            raise ValueError(f"unbalanced posting for {source_key}")
        key, agency_id = self._ids.uuid(), money.plan["agency_id"]
        self._rows.add(
            LedgerTransaction,
            {
                "id": key,
                "agency_id": agency_id,
                "source_key": source_key,
                "kind": kind,
                "at": at,
            },
        )
        for account, cents in lines.items():
            if cents:
                self._rows.add(
                    LedgerEntry,
                    {
                        "id": self._ids.uuid(),
                        "agency_id": agency_id,
                        "transaction_id": key,
                        "plan_id": money.plan["id"],
                        "account": account,
                        "amount_cents": cents,
                        "currency": "usd",
                    },
                )


def _share(cents: int, fee_percent: int, share: str) -> tuple[int, int]:
    """Gross and fee of one milestone's part of a charge; the last share takes the rest."""
    fee = percent_of(cents, fee_percent)
    first, first_fee = percent_of(cents, SHARE_PERCENT), percent_of(fee, SHARE_PERCENT)
    return (first, first_fee) if share == "start" else (cents - first, fee - first_fee)
