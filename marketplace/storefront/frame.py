"""What every page of "Your site" in the workspace needs."""

from typing import Any

from marketplace.accounts.permissions import may
from marketplace.core import web
from marketplace.desk.frame import frame as workspace_frame
from marketplace.storefront.operations import MAY


def frame(slug: str) -> dict[str, Any]:
    """The agency, its counts, where this part is, and whether the member may change it."""
    return workspace_frame() | {
        "base": f"/agency/{slug}/storefront",
        "may_write": may(web.actor().role, MAY),
    }
