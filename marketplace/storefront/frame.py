"""What every page of "Your site" in the workspace needs."""

from typing import Any

from marketplace.accounts.permissions import may
from marketplace.bookings import workspace_queries
from marketplace.core import web
from marketplace.core.db import db
from marketplace.storefront.operations import MAY


def frame(slug: str) -> dict[str, Any]:
    """The agency, its counts, where this part is, and whether the member may change it."""
    return {
        "agency": web.membership(),
        "counts": workspace_queries.waiting(db.session()),
        "base": f"/agency/{slug}/storefront",
        "may_write": may(web.actor().role, MAY),
    }
