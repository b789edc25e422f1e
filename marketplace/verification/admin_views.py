"""/admin/verification: what waits for an answer, how agencies stand, look-ups of attendings."""

from typing import Any
from uuid import UUID

from flask import flash, request
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import clock, web
from marketplace.core.db import db
from marketplace.core.deadlines import due
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.typed import long_text
from marketplace.listings import place_names
from marketplace.listings.models import Attending
from marketplace.tenants.models import Agency
from marketplace.verification import attendings as looking
from marketplace.verification import forms, kinds, operations, queries, sources, standing
from marketplace.verification import states as table
from marketplace.verification.page_views import file_answer
from marketplace.verification.queries import PaperView

office = web.Room("admin_verification", __name__, side="admin", url_prefix="/admin/verification")

Answer = str | tuple[str, int] | BaseResponse
CHANGES = {
    "limit": ("Put under watch", "Stays open; candidates read that reports differ"),
    "lift": ("End the watch", "Open as before"),
    "suspend": (
        "Suspend",
        "No new bookings, listings hidden. Those who booked keep their place and their pages",
    ),
    "reinstate": ("Reinstate", "Opens again what was open and still lacks nothing"),
}


def _frame() -> dict[str, Any]:
    return {"counts": {"verification": queries.waiting_count(db.session())}}


@office.get("")
def overview() -> Answer:
    """Agencies that wait for an answer, then all of them."""
    session, now = db.session(), clock.now()
    return web.render(
        "verification/admin_overview.html",
        **_frame(),
        queue=[(row, due(row.answer_by, now, "UTC")) for row in queries.queue(session)],
        standings=queries.standings(session),
        findings=len(queries.attendings_to_look_at(session)),
    )


@office.get("/agencies/<name>")
def review(name: str) -> Answer:
    """One agency: its papers beside the decision."""
    return _review_page(name, {}, {})


def _review_page(name: str, typed: dict[str, Any], errors: dict[str, str]) -> Answer:
    session, now = db.session(), clock.now()
    agency = queries.agency_by_slug(session, name)
    shown = queries.papers(session, agency.id, place_names.names_of(session, agency.id))
    waits = [paper for paper in shown if paper.state == "sent"]
    sent = min((paper.sent_at for paper in waits if paper.sent_at), default=None)
    line = [row.slug for row in queries.queue(session)]
    return web.render(
        "verification/admin_review.html",
        status=422 if errors else 200,
        **_frame(),
        a=agency,
        standing=queries.STANDING_WORDS[agency.state],
        papers=_in_order(shown),
        waits=waits,
        sent=sent,
        answer=due(queries.answer_by(sent), now, "UTC") if sent else None,
        place=line.index(name) + 1 if name in line else 0,
        waiting=len(line),
        next_one=_after(line, name),
        missing=standing.missing_kinds(session, agency.id),
        same=queries.same_people(session, agency),
        changes=[(event, *CHANGES[event]) for event in _possible(agency)],
        agency_kinds=[(one.slug, one.label) for one in kinds.agency_kinds()],
        reasons=forms.REASONS,
        history=queries.history(session, agency.id, for_admin=True),
        typed=typed,
        errors=errors,
    )


def _in_order(shown: tuple[PaperView, ...]) -> list[PaperView]:
    """What waits first, then what counts, then the rest; drafts are the agency's own business."""
    rank = {"sent": 0, "accepted": 1}
    seen = [paper for paper in shown if paper.state != "draft"]
    return sorted(seen, key=lambda paper: (rank.get(paper.state, 2), paper.label))


def _possible(agency: Agency) -> tuple[str, ...]:
    events = table.events_from(table.AGENCY, agency.state, "admin")
    found = ["reinstate" if event == "start_over" else event for event in events]
    return tuple(event for event in dict.fromkeys(found) if event in CHANGES)


def _after(line: list[str], name: str) -> str:
    others = [slug for slug in line if slug != name]
    if name in line:
        place = line.index(name)
        others = line[place + 1 :] + line[:place]
    return f"/admin/verification/agencies/{others[0]}" if others else ""


@office.post("/agencies/<name>/decide")
def decide(name: str) -> Answer:
    """Answer everything that the agency has sent."""
    session = db.session()
    agency = queries.agency_by_slug(session, name)
    seen, about = request.form.getlist("seen"), request.form.getlist("about")
    answer = forms.answer(request.form, seen, about)
    try:
        operations.decide(session, web.actor(), agency.id, answer)
    except Invalid as error:
        typed = {"event": answer.event, "reason": answer.reason, "about": about}
        return _review_page(name, typed, web.undone(error))
    flash(f"{agency.name} reads your answer by e-mail.", "good")
    return web.go(f"/admin/verification/agencies/{name}")


@office.post("/agencies/<name>/standing")
def change_standing(name: str) -> Answer:
    """Suspend, reinstate, watch, or end the watch."""
    session = db.session()
    agency = queries.agency_by_slug(session, name)
    event, why = request.form.get("change", ""), long_text(request.form, "why", 1000)
    try:
        standing.change(session, web.actor(), agency.id, event, why)
    except Invalid as error:
        wrong = {
            {"event": "change", "reason": "why"}[key]: text
            for key, text in web.undone(error).items()
        }
        return _review_page(name, {"change": event, "why": why}, wrong)
    flash("Done. It counts with the next request, and the agency reads why.", "good")
    return web.go(f"/admin/verification/agencies/{name}")


@office.post("/agencies/<name>/kind")
def change_kind(name: str) -> Answer:
    """Say what an agency is, and so which papers it needs."""
    session = db.session()
    agency = queries.agency_by_slug(session, name)
    kind, why = request.form.get("kind", ""), long_text(request.form, "kind_why", 1000)
    try:
        standing.set_kind(session, web.actor(), agency.id, kind, why)
    except Invalid as error:
        return _review_page(name, {"kind": kind, "kind_why": why}, web.undone(error))
    flash("Saved. The papers that it needs follow with the next request.", "good")
    return web.go(f"/admin/verification/agencies/{name}")


@office.post("/evidence/<uuid:key>/revoke")
def revoke(key: UUID) -> Answer:
    """Take back an acceptance."""
    session = db.session()
    row, _ = queries.own_paper(session, key)
    name = session.get_one(Agency, row.agency_id).slug
    why = long_text(request.form, "why", 1000)
    try:
        operations.revoke(session, web.actor(), key, why)
    except Invalid as error:
        field = f"why-{key}"
        return _review_page(name, {field: why}, {field: web.undone(error)["reason"]})
    flash("Taken back. What depended on it is closed now.", "good")
    return web.go(f"/admin/verification/agencies/{name}")


@office.get("/evidence/<uuid:key>/file")
def file(key: UUID) -> Answer:
    """The file of a paper."""
    return file_answer(key)


# --- attendings ---------------------------------------------------------------------------------


@office.get("/attendings")
def attendings() -> Answer:
    """Attendings with a finding, without an answer, or with an old one; or those searched for."""
    session = db.session()
    text = "".join(char for char in request.args.get("q", "")[:80] if char.isprintable()).strip()
    wanted = select(Attending).order_by(Attending.display_name).limit(60)
    keys: tuple[UUID, ...] = ()
    if text:
        wanted = wanted.where(
            Attending.display_name.icontains(text, autoescape=True)
            | Attending.npi.icontains(text, autoescape=True)
        )
    else:
        keys = queries.attendings_to_look_at(session)
        wanted = wanted.where(Attending.id.in_(keys))
    rows = session.scalars(wanted).all()
    if keys:
        rows = sorted(rows, key=lambda row: keys.index(row.id))
    return web.render(
        "verification/admin_attendings.html",
        **_frame(),
        q=text,
        rows=[(row, _line(row)) for row in rows],
    )


def _line(doctor: Attending) -> tuple[str, str]:
    """Standing of an attending in words, and its tone."""
    if doctor.excluded_at:
        return "On the exclusion list", "bad"
    if doctor.verified_until is None:
        return "Not verified", "bad"
    if doctor.verified_until < clock.today("UTC"):
        return "Checks have ended", "bad"
    return "Verified", "good"


@office.get("/attendings/<name>")
def attending(name: str) -> Answer:
    """One attending: what was looked up where and when."""
    return _attending_page(name, {}, {})


def _attending_page(name: str, typed: dict[str, str], errors: dict[str, str]) -> Answer:
    session = db.session()
    doctor = _doctor(name)
    return web.render(
        "verification/admin_attending.html",
        status=422 if errors else 200,
        **_frame(),
        d=doctor,
        line=_line(doctor),
        checks=queries.checks_of(session, [doctor.id]).get(doctor.id, ()),
        labels=sources.LABELS,
        agencies=place_names.agencies_of(session, doctor.id),
        f=typed,
        errors=errors,
    )


def _doctor(name: str) -> Attending:
    found = db.session().scalars(select(Attending).where(Attending.slug == name)).one_or_none()
    if found is None:
        raise NotFound
    return found


@office.post("/attendings/<name>/check")
def check_again(name: str) -> Answer:
    """Look the attending up now."""
    doctor = _doctor(name)
    looking.watch(db.session(), doctor.id, doctor.npi)
    looking.check_again(db.session(), web.actor(), doctor.id)
    flash("Looked up within a minute. Load this page again then.", "info")
    return web.go(f"/admin/verification/attendings/{name}")


@office.post("/attendings/<name>/by-hand")
def by_hand(name: str) -> Answer:
    """Write down what an admin found at the source's own page."""
    session, doctor = db.session(), _doctor(name)
    try:
        found = forms.by_hand(request.form, web.actor().name)
        looking.record_by_hand(session, web.actor(), doctor.id, found)
    except Invalid as error:
        fields = ("what", "result", "words", "valid_until")
        typed = {field: request.form.get(field, "")[:300] for field in fields}
        return _attending_page(name, typed, web.undone(error))
    flash("Written down, with your name. It counts now.", "good")
    return web.go(f"/admin/verification/attendings/{name}")
