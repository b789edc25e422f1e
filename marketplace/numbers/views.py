"""An agency's numbers."""

from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may
from marketplace.core import web
from marketplace.core.db import db
from marketplace.desk.frame import frame
from marketplace.numbers import market, page

room = web.Room("numbers", __name__, side="agency", url_prefix="/agency/<slug>/numbers")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def index(slug: str) -> Answer:
    """Twelve weeks, beside the anonymous middle of the market."""
    session = db.session()
    return web.render(
        "agency/numbers.html",
        **frame(),
        numbers=page.numbers(session, money=may(web.actor().role, "money.view")),
        fewest=market.FEWEST,
    )
