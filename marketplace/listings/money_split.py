"""Where the candidate's money goes: the shares a listing declares, shown on page and receipt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from marketplace.core.errors import Invalid
from marketplace.core.money import dollars, percent_of

Payee = Literal["attending", "site", "insurance", "checks", "card", "agency", "platform"]


@dataclass(frozen=True)
class DeclaredShare:
    """One share that the agency declares: an amount in cents, or a percent of the price."""

    payee: Payee
    cents: int = 0
    percent: int = 0


@dataclass(frozen=True)
class MoneyShare:
    """One line of the split, in cents."""

    payee: Payee
    cents: int


def where_money_goes(
    price_cents: int, declared: Sequence[DeclaredShare], platform_percent: int
) -> tuple[MoneyShare, ...]:
    """The split of a price, summing to it exactly; the agency keeps what is left.

    Declared shares come first in their order, then the agency, then the platform. Raises
    `Invalid` for field `money_split` when the shares exceed the price or are declared twice,
    negative, or for the agency or the platform, whose shares follow from the others.
    """
    payees = [share.payee for share in declared]
    if len(set(payees)) < len(payees) or {"agency", "platform"} & set(payees):
        raise Invalid({"money_split": "Name each receiver once. The agency's share follows."})
    if any(share.cents < 0 or share.percent < 0 for share in declared):
        raise Invalid({"money_split": "A share is not negative."})
    platform = percent_of(price_cents, platform_percent)
    lines = [
        MoneyShare(share.payee, share.cents + percent_of(price_cents, share.percent))
        for share in declared
    ]
    rest = price_cents - platform - sum(line.cents for line in lines)
    if rest < 0:
        raise Invalid({"money_split": f"The shares are {dollars(-rest)} more than the price."})
    return (*lines, MoneyShare("agency", rest), MoneyShare("platform", platform))
