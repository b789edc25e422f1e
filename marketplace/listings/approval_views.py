"""/admin/listing-approvals: agencies ask to take people beyond the default of a type."""

from typing import Any
from uuid import UUID

from flask import flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.typed import long_text
from marketplace.listings import catalog, wider
from marketplace.listings.draft_models import WiderRequest
from marketplace.listings.models import Rotation

approvals = web.Room("approvals", __name__, side="admin", url_prefix="/admin")

Answer = str | tuple[str, int] | BaseResponse
DECIDED_SHOWN = 20


@approvals.get("/listing-approvals")
def page() -> Answer:
    """What waits for an answer, and the latest answers."""
    return _page({})


def _page(errors: dict[str, str], status: int = 200, key: str = "") -> Answer:
    session = db.session()
    rows = select(WiderRequest)
    waiting = session.scalars(rows.where(WiderRequest.state == "open").order_by(WiderRequest.id))
    decided = session.scalars(
        rows.where(WiderRequest.state != "open")
        .order_by(WiderRequest.decided_at.desc())
        .limit(DECIDED_SHOWN)
    )
    return web.render(
        "admin/listing_approvals.html",
        status=status,
        waiting=[_row(one) for one in waiting],
        decided=[_row(one) for one in decided],
        wrong=key,
        note=request.form.get("note", ""),
        errors=errors,
    )


def _row(one: WiderRequest) -> dict[str, Any]:
    rotation = db.session().get_one(Rotation, one.rotation_id)
    return {
        "key": str(one.id),
        "title": rotation.title,
        "agency": rotation.agency.name,
        "site": rotation.site.name,
        "state": rotation.site.state,
        "doctor": rotation.attending.display_name,
        "type": catalog.rotation_type(str(one.wanted["type"])).label,
        "basis": one.wanted["basis"],
        "asked_by": one.asked_by,
        "asked_at": one.asked_at,
        "outcome": one.state,
        "note": one.note,
        "decided_by": one.decided_by,
        "decided_at": one.decided_at,
    }


@approvals.post("/listing-approvals/<uuid:key>")
def decide(key: UUID) -> Answer:
    """Yes or no, with a reason that the agency reads."""
    answer = request.form.get("answer", "")
    try:
        if answer not in ("yes", "no"):
            raise Invalid({f"note-{key}": "Choose: agree or decline."})
        note = long_text(request.form, "note", 2000)
        row = wider.decide(db.session(), web.actor(), key, approve=answer == "yes", note=note)
    except Invalid as error:
        db.session().rollback()
        return _page({f"note-{key}": next(iter(error.errors.values()))}, error.status, str(key))
    flash("Agreed. The listing may open." if row.state == "approved" else "Declined.", "good")
    return web.go("/admin/listing-approvals")
