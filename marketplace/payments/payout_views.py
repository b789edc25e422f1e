"""/agency/<slug>/payouts: where the agency's money goes, and setting that up."""

from flask import flash, redirect
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Unavailable
from marketplace.desk.frame import frame
from marketplace.payments import payouts, queries
from marketplace.tenants.models import Agency

payouts_room = web.Room("payouts", __name__, side="agency", url_prefix="/agency/<slug>/payouts")

Answer = str | tuple[str, int] | BaseResponse


@payouts_room.get("")
def show(slug: str) -> Answer:
    """How the account stands, what is held and on its way, and the latest shares."""
    require(web.actor(), "money.view")
    standing = payouts.standing(web.membership().agency_id)  # before any transaction is open
    session = db.session()
    agency = session.get_one(Agency, web.membership().agency_id)
    return web.render(
        "agency/payouts.html",
        **frame(),
        standing=standing,
        stopped=agency.payouts_stopped or agency.state == "suspended",
        sums=queries.agency_sums(session),
        fee=agency.platform_fee_percent,
        shares=payouts.shares(session),
        may_set_up=may(web.actor().role, payouts.MAY),
    )


@payouts_room.post("/connect")
def connect(slug: str) -> Answer:
    """Open the account at the provider."""
    try:
        payouts.open_account(web.actor())
    except (Conflict, Unavailable) as error:
        flash(error.message, "warn")
    else:
        flash("Your account is open. Go on at Stripe to tell them about your bank.", "good")
    return web.go(f"/agency/{slug}/payouts")


@payouts_room.get("/stripe")
@web.own_eyes
def onboard(slug: str) -> Answer:
    """To the provider's own page, by a link for one visit."""
    here = f"/agency/{slug}/payouts"
    try:
        url = payouts.onboarding_url(web.actor(), f"{web.config().base_url}{here}")
    except Unavailable as error:
        flash(error.message, "warn")
        url = ""
    return redirect(url or here, 303)
