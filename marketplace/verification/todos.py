"""What an agency has to do about its papers."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.deadlines import Todo, end_of
from marketplace.core.formats import day
from marketplace.tenants.models import Agency
from marketplace.verification import kinds
from marketplace.verification.kinds import Kind
from marketplace.verification.models import Evidence

WARN = timedelta(days=30)  # so many days before its last one a paper is asked for anew
_BACK = frozenset({"revision", "rejected"})
_PATH = "/verification"
_LINE = 120


def papers(session: Session, agency_id: UUID, names: Mapping[UUID, str]) -> list[Todo]:
    """Papers that were sent back, have ended or end soon, and those that nobody has sent yet.

    `names` are the agency's sites and attendings. A paper whose successor is with Rounds waits for
    nobody here.
    """
    rows = session.scalars(
        select(Evidence)
        .where(Evidence.agency_id == agency_id, Evidence.state.not_in(("replaced", "removed")))
        .order_by(Evidence.id)
    ).all()
    known = {one.slug: one for one in kinds.asked_of(session.get_one(Agency, agency_id))}
    newer = {_place(row) for row in rows if row.state in ("sent", "draft")}
    soon = clock.today("UTC") + WARN
    found = []
    for row in rows:
        ends = row.valid_until is not None and row.valid_until <= soon
        acts = row.state in _BACK or row.state == "expired" or (row.state == "accepted" and ends)
        if not acts or row.kind not in known or _place(row) in newer:
            continue
        found.append(_todo(row, known[row.kind], names))
    drafts = sum(row.state == "draft" for row in rows)
    if drafts:
        number = f"{drafts} paper is" if drafts == 1 else f"{drafts} papers are"
        line = "Nobody has looked at what was not sent"
        found.append(Todo(None, f"{number} here and not sent", line, "Send", f"{_PATH}#send"))
    return found


def _place(row: Evidence) -> tuple[str, UUID | None]:
    return row.kind, row.site_id or row.attending_id


def _todo(row: Evidence, kind: Kind, names: Mapping[UUID, str]) -> Todo:
    about = names.get(row.site_id or row.attending_id or row.id, "")
    what = f"{kind.label}, {about}" if about else kind.label
    path = f"{_PATH}/add?kind={row.kind}"
    if row.site_id:
        path += f"&site={row.site_id}"
    if row.attending_id:
        path += f"&attending={row.attending_id}"
    if row.state in _BACK:
        return Todo(None, f"Send again: {what}", row.reason[:_LINE], "Send again", path)
    assert row.valid_until is not None
    over = row.state == "expired" or row.valid_until < clock.today("UTC")
    closes = kind.required
    line = f"{'It ended' if over else 'It ends'} {day(row.valid_until)}"
    if closes:
        line += " · new bookings are stopped" if over else " · after that new bookings stop"
    return Todo(end_of(row.valid_until), f"Renew: {what}", line, "Send the new one", path)
