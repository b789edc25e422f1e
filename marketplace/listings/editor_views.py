"""/agency/<slug>/listings/<name>/...: writing a listing by sections, and what becomes of it.

Every section is a form that posts and comes back. With htmx it saves itself: the answer is then
the fragment that says so, with the section list and the preview beside it.
"""

from typing import Any

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may, require
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.formats import when
from marketplace.desk.frame import frame
from marketplace.discovery import listing_facts
from marketplace.listings import (
    availability,
    catalog,
    drafts,
    editor_forms,
    editor_page,
    making,
    notice,
    operations,
    page_views,
    policies,
    versions_page,
    wider,
)
from marketplace.listings import workspace_queries as reads
from marketplace.listings.availability_forms import (
    a_day,
    a_number,
    added_words,
    read_bulk,
    shown_bulk,
)
from marketplace.listings.editor_page import SECTIONS, Desk

editor = web.Room("editor", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


def _desk(slug: str, name: str) -> Desk:
    may_publish = may(web.actor().role, "listings.publish")
    return editor_page.desk(db.session(), slug, name, may_publish=may_publish)


# --- a copy -------------------------------------------------------------------------------------


@editor.post("/listings/<name>/copy")
def copy(slug: str, name: str) -> Answer:
    """A draft with everything of this one but its starts and its signature."""
    made = making.copy(db.session(), web.actor(), name)
    flash("Copied. Add start dates and ask for the signature; the rest is filled in.", "good")
    return web.go(f"/agency/{slug}/listings/{made.slug}/edit/dates")


# --- sections -----------------------------------------------------------------------------------


@editor.get("/listings/<name>/edit/<section>")
def section(slug: str, name: str, section: str) -> Answer:
    """One section of the editor."""
    require(web.actor(), "listings.edit")
    return _section(slug, name, _known(section), {})


@editor.get("/listings/<name>/check")
def check(slug: str, name: str) -> Answer:
    """What is missing, what changes, and the button."""
    require(web.actor(), "listings.edit")
    return _section(slug, name, "publish", {})


def _known(section: str) -> str:
    if section not in SECTIONS or section == "publish":
        raise NotFound
    return section


def _section(
    slug: str, name: str, key: str, errors: dict[str, str], status: int = 200
) -> tuple[str, int] | str:
    found = _desk(slug, name)
    sent = request.form if errors else None
    values = editor_page.values_of(db.session(), found, key, sent)
    if key == "cancellation":
        values |= _refund(found, str(values["f"]["preset"]))
    if key == "dates":
        values |= _dates(found, sent)
    return web.render(
        f"agency/edit_{key}.html",
        status=status,
        **frame(),
        **editor_page.frame(found, key),
        **values,
        errors=errors,
    )


def _refund(found: Desk, preset: str) -> dict[str, Any]:
    """The dates that the chosen policy gives for a start, tried out by a GET form."""
    shown = request.args.get("preset", preset)
    known = {one.slug: one for one in policies.presets()}
    stored = found.rotation.cancellation
    if shown in known:
        terms = known[shown]
    elif stored and "preset" not in stored:
        terms = policies.terms_from(stored)
    else:
        terms = known["moderate"]
    usual = editor_page.example_start(found.rotation)
    start = a_day(request.args.get("start", "")) or usual
    return {"refund": editor_page.refund_table(found.rotation, terms, start)}


def _dates(found: Desk, sent: Any) -> dict[str, Any]:
    return {
        "starts": versions_page.start_rows(db.session(), found.rotation, found.url),
        "add": shown_bulk(found.rotation, sent),
        "availability_url": found.url.rpartition("/listings/")[0] + "/availability",
    }


@editor.post("/listings/<name>/edit/<section>")
def save(slug: str, name: str, section: str) -> Answer:
    """Keep one section; the live version stays as it is."""
    require(web.actor(), "listings.edit")
    key = _known(section)
    found = _desk(slug, name)
    if key == "dates":
        return _save_dates(slug, name, found)
    try:
        written = editor_forms.SECTIONS[key](request.form, found.rotation)
        drafts.save(db.session(), web.actor(), found.rotation.id, written.values, written.prices)
    except Invalid as error:
        return _refused(slug, name, key, error)
    if web.is_fragment():
        return _saved(slug, name, key)
    to = request.form.get("to", "")
    if to not in SECTIONS:
        flash("Saved.", "good")
        to = key
    tail = "check" if to == "publish" else f"edit/{to}"
    _, _, group = request.form.get("use", "").partition("-")
    at = f"#g-{group}" if group in {one.slug for one in catalog.scope_groups()} else ""
    return web.go(f"/agency/{slug}/listings/{name}/{tail}{at}")


def _saved(slug: str, name: str, key: str) -> Answer:
    found = _desk(slug, name)
    return web.render(
        "agency/_edit_saved.html",
        **editor_page.frame(found, key),
        agency=web.membership(),
        problem="",
    )


def _refused(slug: str, name: str, key: str, error: Invalid) -> Answer:
    db.session().rollback()
    if web.is_fragment():
        said = next(iter(error.errors.values()))
        found = _desk(slug, name)
        return web.render(
            "agency/_edit_saved.html",
            status=error.status,
            **editor_page.frame(found, key),
            agency=web.membership(),
            problem=said,
        )
    return _section(slug, name, key, dict(error.errors), error.status)


def _save_dates(slug: str, name: str, found: Desk) -> Answer:
    """Starts in bulk, or the notice: both hold at once, also for the live version."""
    try:
        if request.form.get("do") == "notice":
            days = a_number(request.form, "notice")
            notice.set_notice(db.session(), web.actor(), found.rotation.id, days)
            flash(f"Starts close {days} days before they begin.", "good")
        else:
            wanted = read_bulk(request.form)
            added = availability.add_starts(
                db.session(), web.actor(), found.rotation.id, wanted.days, wanted.seats
            )
            flash(added_words(added), "good" if added.added else "info")
    except Invalid as error:
        return _refused(slug, name, "dates", error)
    on = "check" if request.form.get("do") == "add-and-check" else "edit/dates"
    return web.go(f"/agency/{slug}/listings/{name}/{on}")


# --- what becomes of it -------------------------------------------------------------------------


@editor.post("/listings/<name>/discard")
def discard(slug: str, name: str) -> Answer:
    """Throw the draft away."""
    rotation = reads.own(db.session(), name)
    drafts.discard(db.session(), web.actor(), rotation.id)
    flash("The changes are gone. The published version is as it was.", "info")
    return web.go(f"/agency/{slug}/listings/{name}")


@editor.post("/listings/<name>/archive")
def archive(slug: str, name: str) -> Answer:
    """Close the listing for good."""
    rotation = reads.own(db.session(), name)
    operations.archive(db.session(), web.actor(), rotation.id)
    flash("Archived. Bookings go on; nobody new can ask. You can still copy it.", "info")
    return web.go(f"/agency/{slug}/listings/{name}")


@editor.post("/listings/<name>/ask-wider")
def ask_wider(slug: str, name: str) -> Answer:
    """Put the wish to take graduates before the platform."""
    require(web.actor(), "listings.edit")
    try:
        wider.ask(db.session(), web.actor(), name)
    except Invalid as error:
        return _section(slug, name, "people", dict(error.errors), error.status)
    flash("Sent to Rounds. You read the answer on this page.", "good")
    return web.go(f"/agency/{slug}/listings/{name}/edit/people")


@editor.get("/listings/<name>/preview")
def preview(slug: str, name: str) -> Answer:
    """The page as candidates would read it, from the draft."""
    session = db.session()
    found = _desk(slug, name)
    rotation = found.rotation
    choice, block = page_views.chosen(session, rotation, None, None)
    return web.render(
        "agency/preview.html",
        back=f"{found.url}/check",
        version=rotation.version,
        c=choice,
        r=page_views.listing(session, rotation, block, choice),
        fit=page_views.verdict(rotation, choice),
        saved=False,
        crumbs=listing_facts.crumbs(rotation),
        compare_url="",
    )


@editor.get("/listings/<name>/versions/<int:number>")
def version(slug: str, name: str, number: int) -> Answer:
    """One published version: when, by whom, and what it changed."""
    found = versions_page.version_page(db.session(), reads.own(db.session(), name), number)
    return web.render(
        "agency/version.html",
        **frame(),
        v=found,
        published=when(found.published_at, found.time_zone),
        url=f"/agency/{slug}/listings/{name}",
    )
