"""The agency's account at the payment provider: opened, looked at, set up on the provider's page.

Each call to the provider happens outside every transaction; sessions here are short and carry the
agency's scope. Shares wait as blocked transfers until the account takes them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, context, ids
from marketplace.core.context import Actor
from marketplace.core.db import open_session
from marketplace.core.errors import Conflict, Unavailable
from marketplace.payments.gateway import Account, GatewayMisuse
from marketplace.payments.gateways import gateway
from marketplace.payments.models import PaymentPlan, Transfer
from marketplace.tenants.models import Agency

MAY = "money.payouts"
Kind = Literal["none", "unfinished", "checking", "ready", "unknown", "lost"]
SHARES = {"start": "First half, after the start", "completion": "Second half, after the end"}
STATES: dict[str, tuple[str, str]] = {
    "scheduled": ("On its way", "info"),
    "sending": ("On its way", "info"),
    "unknown": ("Being looked up", "warn"),
    "succeeded": ("Sent", "good"),
    "failed": ("Failed", "bad"),
    "blocked": ("Waits", "warn"),
    "void": ("Not due any more", ""),
}
_ASKED = {
    "external_account": "A bank account",
    "business_profile": "What the business does",
    "representative": "The person who acts for it",
    "individual": "The person who acts for it",
    "company": "Name, address and tax number of the company",
    "owners": "Who owns it",
    "directors": "Who directs it",
    "tos_acceptance": "Agreement to Stripe's terms",
}


@dataclass(frozen=True)
class Standing:
    """Where the account stands. `asked`: what the provider still wants to know, in words."""

    kind: Kind
    account: str = ""
    asked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Share:
    """One share that went, or goes, to the agency. Amount in cents."""

    reference: str
    words: str
    amount_cents: int
    state: str
    tone: str
    at: datetime


def account_of(agency_id: UUID) -> str:
    """The id of the agency's account, or ''."""
    with open_session(context.agency(agency_id), readonly=True) as session:
        return session.get_one(Agency, agency_id).payout_account or ""


def standing(agency_id: UUID) -> Standing:
    """Ask the provider how the account stands. `unknown` while the provider does not answer,
    `lost` when it does not know the account."""
    account = account_of(agency_id)
    if not account:
        return Standing("none")
    try:
        return _standing(gateway().fetch_account(account))
    except Unavailable:
        return Standing("unknown", account)
    except GatewayMisuse:
        return Standing("lost", account)


def _standing(found: Account) -> Standing:
    if found.transfers_active and found.payouts_enabled:
        return Standing("ready", found.id)
    asked = tuple(
        dict.fromkeys(_ASKED.get(one.split(".")[0], "More details") for one in found.currently_due)
    )
    if found.details_submitted and not asked:
        return Standing("checking", found.id)
    return Standing("unfinished", found.id, asked)


def open_account(actor: Actor) -> str:
    """Open the agency's account, once. Forbidden by role; Conflict without an e-mail address.

    The key is the agency's, so that a crash or a second click finds the same account.
    """
    require(actor, MAY)
    assert actor.agency_id is not None
    with open_session(context.agency(actor.agency_id), readonly=True) as session:
        agency = session.get_one(Agency, actor.agency_id)
        known, email = agency.payout_account, agency.email
    if known:
        return known
    if not email:
        raise Conflict("Your agency needs an e-mail address first.", "no_email")
    key = f"account-{actor.agency_id}"
    account = gateway().create_account(str(actor.agency_id), email, key=key)
    with open_session(context.agency(actor.agency_id)) as session:
        agency = session.get_one(Agency, actor.agency_id, with_for_update=True)
        if agency.payout_account is None:
            agency.payout_account = account
            audit.record(session, actor, "payouts.account_opened", f"agency:{agency.slug}")
            try_again(session, agency.id)
    return account


def onboarding_url(actor: Actor, here: str) -> str:
    """The provider's page for this one visit; '' without an account. `here`: our page to return to.
    Forbidden by role."""
    require(actor, MAY)
    assert actor.agency_id is not None
    account = account_of(actor.agency_id)
    if not account:
        return ""
    return gateway().onboarding_link(account, here, here, key=f"onboard-{ids.uuid7()}")


def try_again(session: Session, agency_id: UUID) -> None:
    """Let the shares that wait for the account leave with the next tick."""
    session.execute(
        update(Transfer)
        .where(Transfer.agency_id == agency_id, Transfer.state == "blocked")
        .values(next_try_at=None)
    )


def account_changed(account: str) -> None:
    """The provider says that an account has changed: what waits for it is tried again."""
    with open_session(context.system("account changed"), readonly=True) as session:
        agency_id = session.scalar(select(Agency.id).where(Agency.payout_account == account))
    if agency_id is not None:
        with open_session(context.agency(agency_id)) as session:
            try_again(session, agency_id)


def shares(session: Session, limit: int = 30) -> tuple[Share, ...]:
    """The latest shares of the agency of this scope; what left together is one line."""
    at = func.max(func.coalesce(Transfer.settled_at, Transfer.created_at)).label("at")
    rows = session.execute(
        select(
            PaymentPlan.reference,
            Transfer.share,
            Transfer.state,
            func.sum(Transfer.amount_cents).label("cents"),
            at,
        )
        .join(PaymentPlan, PaymentPlan.id == Transfer.plan_id)
        .group_by(PaymentPlan.reference, Transfer.share, Transfer.state)
        .order_by(at.desc(), PaymentPlan.reference)
        .limit(limit)
    )
    return tuple(
        Share(
            reference=row.reference,
            words=SHARES.get(row.share, row.share),
            amount_cents=int(row.cents),
            state=STATES[row.state][0],
            tone=STATES[row.state][1],
            at=row.at,
        )
        for row in rows
    )
