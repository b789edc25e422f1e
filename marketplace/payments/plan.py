"""The payment plan: a deposit and at most four interest-free installments, or one charge.

The limits are data (`installment_rules.csv`): no interest, no fee, never more than four
installments, the last one at least 28 days before the start.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from marketplace.core import reference
from marketplace.core.money import percent_of, split_evenly
from marketplace.core.reference import derived


@dataclass(frozen=True)
class PlanRules:
    """The limits of a plan. Amounts in cents, gaps in whole calendar days."""

    max_installments: int
    deposit_min_percent: int
    deposit_max_percent: int
    deposit_default_percent: int
    deposit_min_cents: int
    deposit_min_from_price_cents: int
    single_charge_days: int
    last_due_days: int
    first_gap_days: int
    min_gap_days: int
    min_installment_cents: int
    small_price_cents: int


@dataclass(frozen=True)
class Part:
    """One installment: its number from 1, its amount in cents, its site-local due date."""

    seq: int
    amount_cents: int
    due_on: date


@dataclass(frozen=True)
class Plan:
    """What is charged when. Without parts the deposit is the whole price."""

    deposit_cents: int
    parts: tuple[Part, ...]

    @property
    def total_cents(self) -> int:
        """The price: deposit and all parts."""
        return self.deposit_cents + sum(part.amount_cents for part in self.parts)


@derived
def plan_rules() -> PlanRules:
    """The rules of `installment_rules.csv`."""
    deposit_min = reference.row("installment_rules", "deposit-min-cents", "code")
    return PlanRules(
        max_installments=_number("max-installments"),
        deposit_min_percent=_number("deposit-min-percent"),
        deposit_max_percent=_number("deposit-max-percent"),
        deposit_default_percent=_number("deposit-default-percent"),
        deposit_min_cents=int(deposit_min["value"]),
        deposit_min_from_price_cents=_price_from(deposit_min["applies_when"]),
        single_charge_days=_number("single-charge-near-start"),
        last_due_days=_number("last-due-before-start"),
        first_gap_days=_number("first-gap-days"),
        min_gap_days=_number("min-gap-days"),
        min_installment_cents=_number("min-installment-cents"),
        small_price_cents=_number("small-price-single"),
    )


def make_plan(
    price_cents: int,
    deposit_percent: int,
    wanted_installments: int,
    deposit_date: date,
    start_date: date,
    *,
    rules: PlanRules | None = None,
) -> Plan:
    """The plan for a price, at most `wanted_installments` parts after the deposit.

    Dates are days at the site; `deposit_date` is the day the deposit is charged. There are fewer
    parts than wanted, or one single charge, where the rules leave no room. `rules` are those of
    `installment_rules.csv` unless given. Raises `ValueError` for a price below one cent, a
    negative wish, a deposit percent outside the limits or a deposit after the start.
    """
    rules = rules or plan_rules()
    _require_possible(price_cents, deposit_percent, wanted_installments, rules)
    days_to_start = (start_date - deposit_date).days
    if days_to_start < 0:
        raise ValueError("the deposit is charged before the start")
    if price_cents <= rules.small_price_cents or days_to_start < rules.single_charge_days:
        return Plan(price_cents, ())
    deposit_cents = _deposit(price_cents, deposit_percent, rules)
    rest_cents = price_cents - deposit_cents
    last_day = start_date - timedelta(days=rules.last_due_days)
    for count in range(min(wanted_installments, rules.max_installments), 0, -1):
        due = _due_dates(deposit_date, last_day, count, rules)
        if due and rest_cents // count >= rules.min_installment_cents:
            amounts = split_evenly(rest_cents, count)
            parts = zip(range(1, count + 1), amounts, due, strict=True)
            return Plan(deposit_cents, tuple(Part(*part) for part in parts))
    return Plan(price_cents, ())


def _require_possible(price: int, percent: int, wanted: int, rules: PlanRules) -> None:
    if price < 1:
        raise ValueError(f"no plan for a price of {price} cents")
    if wanted < 0:
        raise ValueError(f"no plan with {wanted} installments")
    if not rules.deposit_min_percent <= percent <= rules.deposit_max_percent:
        raise ValueError(f"the deposit may not be {percent} percent")


def _deposit(price_cents: int, percent: int, rules: PlanRules) -> int:
    deposit = percent_of(price_cents, percent)
    if price_cents >= rules.deposit_min_from_price_cents:
        deposit = max(deposit, rules.deposit_min_cents)
    return deposit


def _due_dates(first: date, last_day: date, count: int, rules: PlanRules) -> tuple[date, ...]:
    """Monthly dates; where those end too late, equal gaps; none where a gap is too short."""
    # Each month is counted from the first date, so that the 31st comes back after February.
    monthly = tuple(first + relativedelta(months=step) for step in range(1, count + 1))
    if monthly[-1] <= last_day:
        return monthly
    gap = (last_day - first).days // count
    if gap < max(rules.first_gap_days, rules.min_gap_days):
        return ()
    return tuple(first + timedelta(days=gap * step) for step in range(1, count + 1))


def _number(code: str) -> int:
    return int(reference.row("installment_rules", code, "code")["value"])


def _price_from(condition: str) -> int:
    field, operator, cents = condition.split()
    if (field, operator) != ("price_cents", "gte"):
        raise ValueError(f"cannot read the condition {condition!r} of deposit-min-cents")
    return int(cents)
