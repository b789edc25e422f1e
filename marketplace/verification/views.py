"""/agency/<slug>/verification: an agency's papers, and what was decided on them."""

from typing import Any
from uuid import UUID

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.desk.frame import frame
from marketplace.listings import place_names
from marketplace.tenants.models import Agency
from marketplace.verification import files, forms, kinds, operations, queries
from marketplace.verification.kinds import Kind
from marketplace.verification.operations import MAY
from marketplace.verification.page_views import file_answer

desk = web.Room("verification", __name__, side="agency", url_prefix="/agency/<slug>/verification")

Answer = str | tuple[str, int] | BaseResponse
START_BYTES = 40 * 1024 * 1024  # several papers in one form
_THERE = frozenset({"draft", "sent", "accepted"})


def _frame() -> dict[str, Any]:
    session = db.session()
    return {
        **frame(verification=queries.needs(session, _agency_id())),
        "may_edit": may(web.actor().role, MAY),
    }


def _agency_id() -> UUID:
    return web.membership().agency_id


@desk.get("")
def papers(slug: str) -> Answer:
    """Every kind of paper, what was decided, and what to do next."""
    return _papers_page({})


def _papers_page(errors: dict[str, str]) -> Answer:
    session = db.session()
    agency = session.get_one(Agency, _agency_id())
    shown = queries.papers(session, agency.id, place_names.names_of(session, agency.id))
    words, tone = queries.STANDING_WORDS[agency.state]
    return web.render(
        "verification/papers.html",
        status=422 if errors else 200,
        **_frame(),
        errors=errors,
        standing={
            "state": agency.state,
            "words": words if agency.in_date or not agency.is_approved else "Papers have ended",
            "tone": tone if agency.in_date or not agency.is_approved else "bad",
            "in_date": agency.in_date,
            "until": agency.verified_until,
            "reason": _last_reason(agency),
        },
        kinds=queries.by_kind(agency, shown),
        others=queries.others(session, shown),
        more=[one for one in kinds.asked_of(agency) if one.subject != "agency"],
        drafts=sum(paper.state == "draft" for paper in shown),
        waits=[paper for paper in shown if paper.state == "sent"],
        answer_by=queries.answer_by,
        history=queries.history(session, agency.id),
    )


def _last_reason(agency: Agency) -> str:
    """Why the agency is stopped or watched."""
    if agency.state not in ("suspended", "limited"):
        return ""
    steps = queries.history(db.session(), agency.id, limit=200)
    return next((step.reason for step in steps if step.icon in ("ban", "flag") and step.reason), "")


# --- the first papers, all in one form ----------------------------------------------------------


@desk.get("/start")
def start(slug: str) -> Answer:
    """Every paper about the agency that is not here yet, in one form."""
    require(web.actor(), MAY)
    wanted = _not_here()
    if not wanted and not _drafts():
        return web.go(f"/agency/{slug}/verification")
    return _start_page(wanted, {})


def _drafts() -> list[str]:
    """What is here and not sent yet; it goes along."""
    shown = queries.papers(db.session(), _agency_id(), {})
    return [paper.label for paper in shown if paper.state == "draft"]


def _not_here() -> list[Kind]:
    """The kinds about the agency of which nothing waits or counts; required ones first."""
    session = db.session()
    shown = queries.papers(session, _agency_id(), {})
    return [
        one.kind
        for one in queries.by_kind(session.get_one(Agency, _agency_id()), shown)
        if not any(paper.state in _THERE for paper in one.papers)
    ]


def _start_page(wanted: list[Kind], errors: dict[str, str]) -> Answer:
    return web.render(
        "verification/start.html",
        status=422 if errors else 200,
        **_frame(),
        required=[kind for kind in wanted if kind.required],
        optional=[kind for kind in wanted if not kind.required],
        drafts=_drafts(),
        f=request.form,
        errors=errors,
        hint=files.HINT,
        accept=files.ACCEPT,
    )


@desk.post("/start")
@web.takes(START_BYTES)
def send_first(slug: str) -> Answer:
    """Keep these papers and ask Rounds to look at them."""
    require(web.actor(), MAY)
    session, wanted = db.session(), _not_here()
    try:
        for paper, file in _sent_papers(wanted):
            operations.upload(session, web.actor(), paper, file)
        operations.send(session, web.actor())
    except Invalid as error:
        return _start_page(wanted, web.undone(error))
    flash("Your papers are with the Rounds team. They answer within 2 working days.", "good")
    return web.go(f"/agency/{slug}")


def _sent_papers(wanted: list[Kind]) -> list[tuple[operations.Paper, files.Upload]]:
    """What was sent, kind by kind; Invalid with the messages of all of them."""
    found: list[tuple[operations.Paper, files.Upload]] = []
    errors: dict[str, str] = {}
    for kind in wanted:
        mark = f"-{kind.slug}"
        typed = any(request.form.get(f"{name}{mark}", "").strip() for name in forms.PAPER_FIELDS)
        sent = request.files.get(f"file{mark}")
        if not kind.required and not typed and not (sent and sent.filename):
            continue
        try:
            found.append(_sent_paper(kind, mark))
        except Invalid as error:
            errors |= {f"{name}{mark}": said for name, said in error.errors.items()}
    if errors:
        raise Invalid(errors)
    return found


# --- one paper ----------------------------------------------------------------------------------


@desk.get("/add")
def add(slug: str) -> Answer:
    """The form for one paper."""
    require(web.actor(), MAY)
    kept = {name: request.args.get(name, "")[:60] for name in ("site", "attending")}
    asked = request.args.get("kind") or kinds.required()[0].slug
    return _add_page(kinds.kind(asked), kept, {})


def _add_page(kind: Kind, kept: dict[str, str], errors: dict[str, str]) -> Answer:
    session = db.session()
    sites = place_names.site_choices(session) if kind.subject == "site" else []
    doctors = place_names.attending_choices(session) if kind.subject == "attending" else []
    return web.render(
        "verification/add.html",
        status=422 if errors else 200,
        **_frame(),
        kind=kind,
        f=kept,
        errors=errors,
        sites=sites,
        attendings=doctors,
        hint=files.HINT,
        accept=files.ACCEPT,
    )


@desk.post("/add")
def upload(slug: str) -> Answer:
    """Keep a paper; it is sent with the others."""
    require(web.actor(), MAY)
    session = db.session()
    wanted = kinds.kind(request.form.get("kind", ""))
    try:
        operations.upload(session, web.actor(), *_sent_paper(wanted))
    except Invalid as error:
        kept = {name: request.form.get(name, "")[:100] for name in forms.PAPER_FIELDS}
        return _add_page(wanted, kept, web.undone(error))
    flash(f"{wanted.label} added. Send it when everything is here.", "good")
    return web.go(f"/agency/{slug}/verification")


def _sent_paper(kind: Kind, mark: str = "") -> tuple[operations.Paper, files.Upload]:
    """The facts and the file, with the messages of both when both are wrong."""
    errors: dict[str, str] = {}
    paper = file = None
    try:
        paper = forms.paper(request.form, kind, mark)
        errors |= operations.complaints(kind, paper)
        _only_own(paper)
    except Invalid as error:
        errors |= error.errors
    sent = request.files.get(f"file{mark}")
    try:
        content = sent.read(files.MAX_BYTES + 1) if sent else b""
        file = files.checked(content, (sent.filename or "") if sent else "")
    except Invalid as error:
        errors |= error.errors
    if errors or paper is None or file is None:
        raise Invalid(errors)
    return paper, file


def _only_own(paper: operations.Paper) -> None:
    """A site or attending of somebody else is as good as a missing one."""
    session = db.session()
    known = {str(paper.site_id): "site", str(paper.attending_id): "attending"}
    choices = {
        "site": {key for key, _ in place_names.site_choices(session)},
        "attending": {key for key, _ in place_names.attending_choices(session)},
    }
    for key, name in known.items():
        if key != "None" and key not in choices[name]:
            raise Invalid({name: "Choose one from the list."})


@desk.post("/send")
def send(slug: str) -> Answer:
    """Ask Rounds to look at everything new."""
    try:
        number = operations.send(db.session(), web.actor())
    except Invalid as error:
        return _papers_page(error.errors)
    what = "Your paper is" if number == 1 else f"Your {number} papers are"
    flash(f"{what} with the Rounds team. They answer within 2 working days.", "good")
    return web.go(f"/agency/{slug}/verification")


@desk.post("/<uuid:key>/remove")
def remove(slug: str, key: UUID) -> Answer:
    """Take away a paper that was not sent."""
    operations.remove(db.session(), web.actor(), key)
    flash("Removed. Nobody has looked at it.", "info")
    return web.go(f"/agency/{slug}/verification")


@desk.post("/<uuid:key>/take-back")
def take_back(slug: str, key: UUID) -> Answer:
    """Take back a paper that nobody has decided yet."""
    operations.take_back(db.session(), web.actor(), key)
    flash("Taken back. You can remove it, replace it or send it again.", "info")
    return web.go(f"/agency/{slug}/verification")


@desk.get("/<uuid:key>/file")
def file(slug: str, key: UUID) -> Answer:
    """The file of a paper, for those who may send papers."""
    require(web.actor(), MAY)
    return file_answer(key)
