"""Money, for reading: the ledger and payments that need a look."""

from uuid import UUID

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import forms, money_queries, queries
from marketplace.core import web
from marketplace.core.db import db

room = web.Room("admin_money", __name__, side="admin", url_prefix="/admin")

Answer = str | tuple[str, int] | BaseResponse
MOST_PAGES = 10_000


@room.get("/ledger")
def books() -> Answer:
    """Every account with its balance."""
    return web.render("admin/ledger.html", balances=money_queries.balances(db.session()))


@room.get("/ledger/<account>")
def account(account: str) -> Answer:
    """One account, of all agencies or of one, with its running balance."""
    agency = forms.text(request.args, "agency", 80)
    page = _page()
    session = db.session()
    found = money_queries.account(session, account, agency, page)
    return web.render(
        "admin/ledger_account.html",
        a=found,
        agency_slug=agency,
        agencies=queries.agency_names(session),
        number=page,
        pages=-(-found.total // money_queries.PAGE),
        size=money_queries.PAGE,
    )


def _page() -> int:
    given = request.args.get("page", "")[:6]
    number = int(given) if given.isascii() and given.isdigit() else 1
    return min(max(number, 1), MOST_PAGES)


@room.get("/ledger/transactions/<uuid:transaction_id>")
def transaction(transaction_id: UUID) -> Answer:
    """The lines of one transaction."""
    found = money_queries.transaction(db.session(), transaction_id)
    return web.render("admin/ledger_transaction.html", t=found)


@room.get("/payments")
def payments() -> Answer:
    """Charges, refunds and payouts that have not ended well yet."""
    session = db.session()
    return web.render(
        "admin/payments.html",
        rows=money_queries.open_payments(session),
        refunds=money_queries.refunded(session),
        installments=money_queries.installments_by_state(session),
    )
