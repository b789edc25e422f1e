"""What the frame of the agency's side needs on every page."""

from typing import Any

from marketplace.core import web
from marketplace.core.db import db
from marketplace.desk import needs_page


def frame(**counts: int) -> dict[str, Any]:
    """The membership, and how many things wait; `counts` are further rows of the menu."""
    member = web.membership()
    waiting = needs_page.waiting(db.session(), member.agency_id, member.role)
    return {"agency": member, "counts": {"home": waiting, **counts}}
