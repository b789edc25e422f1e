"""What an agency has to do about its payouts."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.deadlines import Todo
from marketplace.core.money import dollars
from marketplace.payments.models import Transfer

_STOPPED = ("blocked", "failed")


def payouts(session: Session) -> list[Todo]:
    """Shares that are free and do not reach the agency's account, since the oldest of them."""
    rows = session.execute(
        select(Transfer.blocked_by, func.min(Transfer.created_at), func.sum(Transfer.amount_cents))
        .where(Transfer.state.in_(_STOPPED))
        .group_by(Transfer.blocked_by)
        .order_by(func.min(Transfer.created_at))
    )
    found = []
    for why, since, cents in rows:
        if why == "payouts stopped":
            continue  # by the platform: nothing that the agency could do
        money = dollars(int(cents))
        if why == "no payout account":
            title, action = f"{money} waits for a payout account", "Connect it"
            line = "Your shares are kept until there is one"
        else:
            title, action = f"A payout of {money} did not go through", "Look at the account"
            line = "We try again by ourselves as soon as the account takes payouts"
        found.append(Todo(since, title, line, action, "/payouts"))
    return found
