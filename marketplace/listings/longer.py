"""What a week costs in a longer length: the discount that an agency fills in, and the saving that
candidates read. Nothing is stored but the prices; both are counted from them."""

from collections.abc import Mapping

from marketplace.core.errors import Invalid
from marketplace.listings.models import BLOCK_WEEKS

MAX_PERCENT = 50
WHOLE_DOLLARS_FROM = 10_000  # cents


def price_of(base_weeks: int, base_cents: int, weeks: int, percent: int) -> int:
    """The price in cents of `weeks` when a week costs `percent` less than in the base length.

    Rounded down, so that the saving is never less than was said: to whole dollars from $100 on, to
    whole cents below, and never to nothing.
    """
    cents = base_cents * weeks * (100 - percent) // (100 * base_weeks)
    if cents >= WHOLE_DOLLARS_FROM:
        return cents // 100 * 100
    return max(cents, 1)


def saving(base_weeks: int, base_cents: int, weeks: int, cents: int) -> int:
    """How many whole percent a week costs less than in the base length; 0 where it does not."""
    at_the_same_rate = base_cents * weeks
    return max(0, (at_the_same_rate - cents * base_weeks) * 100 // at_the_same_rate)


def savings(prices: Mapping[int, int]) -> dict[int, int]:
    """The saving of each length (weeks to cents) against the shortest one."""
    if not prices:
        return {}
    least = min(prices)
    return {weeks: saving(least, prices[least], weeks, cents) for weeks, cents in prices.items()}


def filled(prices: Mapping[int, int], since: int, percent: int) -> dict[int, int]:
    """The prices with a discount from `since` weeks on: that length gets a price, and each longer
    one that has a price gets a new one. A week of the shortest length is the measure.

    Invalid where no shorter length has a price.
    """
    least = min(prices, default=since)
    if least >= since:
        raise Invalid({"since": "Write the price of a shorter length first."})
    longer = [
        weeks for weeks in BLOCK_WEEKS if weeks == since or (weeks > since and weeks in prices)
    ]
    return dict(prices) | {
        weeks: price_of(least, prices[least], weeks, percent) for weeks in longer
    }
