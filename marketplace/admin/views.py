"""Pages of the platform: overview, jobs, mail, audit log."""

import json
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import forms, health, money_queries, operations, queries
from marketplace.core import audit as audit_log
from marketplace.core import clock, spreadsheets, web
from marketplace.core.db import db
from marketplace.core.errors import Invalid

room = web.Room("admin", __name__, side="admin", url_prefix="/admin")

Answer = str | tuple[str, int] | BaseResponse
MAIL_STATES = ("queued", "sending", "sent", "stored", "discarded")


@room.get("")
def overview() -> Answer:
    """The platform in numbers, each counted now."""
    session = db.session()
    return web.render(
        "admin/overview.html",
        bookings=queries.bookings_by_state(session),
        balances=money_queries.balances(session),
        needs=queries.needs_you(session),
        work=queries.work(session),
        mail=queries.mail_by_state(session),
        as_of=clock.wall(),
    )


@room.get("/jobs")
def jobs() -> Answer:
    """Work that waits, work that needs a person, and how the parts are."""
    return _jobs_page()


def _jobs_page(refused: str = "", error: str = "") -> Answer:
    session = db.session()
    return web.render(
        "admin/jobs.html",
        status=422 if error else 200,
        work=queries.work(session),
        rows=queries.jobs_to_look_at(session),
        parts=health.parts(session, web.config()),
        refused=refused,
        error=error,
        typed=forms.text(request.form, "reason", 2000) if error else "",
        as_of=clock.wall(),
    )


@room.post("/jobs/<uuid:message_id>/retry")
def retry_job(message_id: UUID) -> Answer:
    """Try a stopped job again."""
    try:
        reason = forms.reason(request.form)
    except Invalid as error:
        return _jobs_page(f"r-{message_id}", error.errors["reason"])
    operations.retry_job(db.session(), web.actor(), message_id, reason)
    flash("The job is tried again.", "good")
    return web.go("/admin/jobs")


@room.post("/jobs/<uuid:message_id>/hurry")
def hurry_job(message_id: UUID) -> Answer:
    """Try a waiting job now."""
    operations.hurry_job(db.session(), web.actor(), message_id)
    flash("The job is tried now.", "good")
    return web.go("/admin/jobs")


@room.post("/jobs/<uuid:message_id>/discard")
def discard_job(message_id: UUID) -> Answer:
    """Give up on a stopped job."""
    try:
        reason = forms.reason(request.form)
    except Invalid as error:
        return _jobs_page(f"d-{message_id}", error.errors["reason"])
    operations.discard_job(db.session(), web.actor(), message_id, reason)
    flash("The job is discarded. Its row stays for the record.", "good")
    return web.go("/admin/jobs")


@room.get("/mail")
def mail() -> Answer:
    """What was sent to whom, without the texts."""
    return _mail_page()


def _mail_page(refused: str = "", error: str = "") -> Answer:
    state = forms.choice(request.args, "state", MAIL_STATES)
    text = forms.text(request.args, "q", 100)
    session = db.session()
    return web.render(
        "admin/mail.html",
        status=422 if error else 200,
        rows=queries.mail(session, state, text),
        counts_by_state=queries.mail_by_state(session),
        state=state,
        q=text,
        states=MAIL_STATES,
        refused=refused,
        error=error,
        typed=forms.text(request.form, "reason", 2000) if error else "",
        query=_mail_query(),
    )


def _mail_query() -> str:
    """The filter of the address, for the forms and the way back: '' or '?...'."""
    kept = {name: request.args[name][:100] for name in ("q", "state") if request.args.get(name)}
    return f"?{urlencode(kept)}" if kept else ""


@room.post("/mail/<uuid:message_id>/send-again")
def resend_mail(message_id: UUID) -> Answer:
    """Send a message once more."""
    try:
        reason = forms.reason(request.form)
    except Invalid as error:
        return _mail_page(f"s-{message_id}", error.errors["reason"])
    operations.resend_mail(db.session(), web.actor(), message_id, reason)
    flash("The message is sent once more.", "good")
    return web.go(f"/admin/mail{_mail_query()}")


@room.post("/mail/<uuid:message_id>/discard")
def discard_mail(message_id: UUID) -> Answer:
    """Do not send a message that waits."""
    try:
        reason = forms.reason(request.form)
    except Invalid as error:
        return _mail_page(f"m-{message_id}", error.errors["reason"])
    operations.discard_mail(db.session(), web.actor(), message_id, reason)
    flash("The message is discarded. It stays here for the record.", "good")
    return web.go(f"/admin/mail{_mail_query()}")


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
        chain=audit_log.chain(session),
        actions=queries.audit_actions(session),
        agencies=queries.agency_names(session),
        wanted=wanted,
        query=_kept_query(),
    )


@room.get("/audit.csv")
def audit_csv() -> Answer:
    """The entries of this view as a file, the newest first."""
    rows = queries.audit_entries(db.session(), _audit_filter(), queries.CSV_MOST)
    lines: list[list[object]] = [
        ["at_utc", "who", "kind", "did", "to_what", "detail", "request", "number", "seal"]
    ]
    lines += [
        [
            row.at.isoformat(),
            row.actor_name,
            row.actor_kind,
            row.action,
            row.subject,
            json.dumps(row.detail, sort_keys=True, default=str),
            row.request_id,
            row.seq or "",
            row.seal or "",
        ]
        for row in rows
    ]
    return Response(
        spreadsheets.write(lines),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=audit-log.csv"},
    )


def _audit_filter() -> queries.AuditFilter:
    """The filter in the address; what cannot be read filters nothing."""
    args = request.args
    return queries.AuditFilter(
        text=forms.text(args, "q", 100),
        action=forms.text(args, "action", 60),
        actor=forms.key(args, "actor"),
        agency=forms.text(args, "agency", 80),
        first=forms.day(args, "from"),
        last=forms.day(args, "to"),
        before=forms.key(args, "before"),
    )


def _kept_query() -> dict[str, str]:
    """The filters of the address, for the links of the page."""
    names = ("q", "action", "actor", "agency", "from", "to")
    return {name: request.args[name][:100] for name in names if request.args.get(name)}
