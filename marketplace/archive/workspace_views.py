"""/agency/<slug>/export: leave with everything. Owners only."""

from uuid import UUID

from flask import Response, flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import entry
from marketplace.accounts.forms import text
from marketplace.accounts.operations import Device
from marketplace.accounts.permissions import may, require
from marketplace.archive import operations
from marketplace.archive.models import UNDER_WAY
from marketplace.core import storage, web
from marketplace.core.db import db
from marketplace.core.errors import Conflict, Invalid
from marketplace.desk.frame import frame

workspace = web.Room("archive", __name__, side="agency", url_prefix="/agency/<slug>/export")

Answer = str | tuple[str, int] | BaseResponse


@workspace.get("")
def show(slug: str) -> Answer:
    """What there is, and the form to ask for a new one."""
    return _page(slug, "", {})


@workspace.post("")
def ask(slug: str) -> Answer:
    """Have an archive written. The password comes first: it holds every candidate's papers."""
    require(web.actor(), operations.MAY)
    reason = text(request.form, "reason", operations.REASON_LENGTH)
    try:
        _confirm(request.form.get("current", "")[:1000])
        operations.ask(db.session(), web.actor(), reason)
    except Invalid as error:
        return _page(slug, reason, error.errors)
    except Conflict as error:
        flash(error.message, "info")
        return web.go(f"/agency/{slug}/export")
    flash("We are writing your archive. You get an e-mail when it is ready.", "good")
    return web.go(f"/agency/{slug}/export")


@workspace.post("/<uuid:key>/download")
def download(slug: str, key: UUID) -> Answer:
    """The archive, for owners, as long as it is kept. A form, because it is written down."""
    found, file = operations.fetch(db.session(), web.actor(), key)
    name = f"{slug}-{found.created_at:%Y-%m-%d}.zip"
    answer = Response(storage.stream(file), mimetype="application/zip")
    answer.content_length = file.size
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _confirm(password: str) -> None:
    viewer = web.require_viewer()
    device = Device(request.remote_addr or "", request.user_agent.string[:200])
    entry.confirm(viewer.person_id, viewer.sign_in_id, viewer.email, password, device)


def _page(slug: str, reason: str, errors: dict[str, str]) -> Answer:
    session = db.session()
    owner = may(web.actor().role, operations.MAY)
    rows = operations.exports(session, web.membership().agency_id) if owner else []
    return web.render(
        "agency/export.html",
        "agency/_exports.html",
        status=422 if errors else 200,
        **frame(),
        rows=rows,
        running=any(one.state in UNDER_WAY for one in rows),
        may_export=owner,
        has_password=owner and entry.has_password(web.require_viewer().person_id),
        reason=reason,
        errors=errors,
        base=f"/agency/{slug}/export",
        gone=operations.GONE,
        size=operations.words_of,
    )
