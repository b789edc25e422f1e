"""Pages of the platform: overview, jobs, mail, audit log."""

from datetime import date
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import operations, queries
from marketplace.core import clock, web
from marketplace.core.db import db

room = web.Room("admin", __name__, side="admin", url_prefix="/admin")

Answer = str | tuple[str, int] | BaseResponse
MAIL_STATES = ("queued", "sending", "sent", "stored")


@room.get("")
def overview() -> Answer:
    """The platform in numbers, each counted now."""
    session = db.session()
    return web.render(
        "admin/overview.html",
        bookings=queries.bookings_by_state(session),
        balances=queries.balances(session),
        work=queries.work(session),
        mail=queries.mail_by_state(session),
        as_of=clock.wall(),
    )


@room.get("/jobs")
def jobs() -> Answer:
    """Work that waits, and work that needs a person."""
    session = db.session()
    return web.render(
        "admin/jobs.html",
        work=queries.work(session),
        rows=queries.jobs_to_look_at(session),
        as_of=clock.wall(),
    )


@room.post("/jobs/<uuid:message_id>/retry")
def retry_job(message_id: UUID) -> Answer:
    """Try a stopped job again."""
    operations.retry_job(db.session(), web.actor(), message_id)
    flash("The job is tried again.", "good")
    return web.go("/admin/jobs")


@room.post("/jobs/<uuid:message_id>/discard")
def discard_job(message_id: UUID) -> Answer:
    """Give up on a stopped job."""
    operations.discard_job(db.session(), web.actor(), message_id)
    flash("The job is discarded. Its row stays for the record.", "good")
    return web.go("/admin/jobs")


@room.get("/mail")
def mail() -> Answer:
    """What was sent to whom, without the texts."""
    asked = request.args.get("state", "")
    state = asked if asked in MAIL_STATES else ""
    session = db.session()
    return web.render(
        "admin/mail.html",
        rows=queries.mail(session, state),
        counts_by_state=queries.mail_by_state(session),
        state=state,
        states=MAIL_STATES,
    )


@room.get("/audit")
def audit() -> Answer:
    """Who did what, the newest first."""
    wanted = _audit_filter()
    session = db.session()
    found = queries.audit_entries(session, wanted)
    return web.render(
        "admin/audit.html",
        entries=found[: queries.PAGE],
        has_more=len(found) > queries.PAGE,
        total=queries.audit_count(session),
        actions=queries.audit_actions(session),
        wanted=wanted,
    )


def _audit_filter() -> queries.AuditFilter:
    """The filter in the address; what cannot be read filters nothing."""
    text = "".join(char for char in request.args.get("q", "")[:100] if char.isprintable())
    action = "".join(char for char in request.args.get("action", "")[:60] if char.isprintable())
    return queries.AuditFilter(text.strip(), action, _day(), _before())


def _day() -> date | None:
    try:
        found = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return None
    return found if date.min < found < date.max else None


def _before() -> UUID | None:
    try:
        return UUID(request.args.get("before", ""))
    except ValueError:
        return None
