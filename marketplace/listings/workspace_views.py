"""/agency/<slug>/listings: what the agency offers, and the one way to open it."""

from dataclasses import asdict
from urllib.parse import urlencode

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts.permissions import may
from marketplace.core import web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.formats import doctor, site_at
from marketplace.core.typed import long_text
from marketplace.desk.frame import frame
from marketplace.listings import catalog, cities, drafts, operations, place_queries, twins
from marketplace.listings import workspace_queries as reads
from marketplace.listings.models import Rotation

workspace = web.Room("listings_workspace", __name__, side="agency", url_prefix="/agency/<slug>")

Answer = str | tuple[str, int] | BaseResponse


# --- the table and one listing ------------------------------------------------------------------


@workspace.get("/listings")
def listings(slug: str) -> Answer:
    """The agency's listings, all or those that are wanted."""
    session = db.session()
    state = request.args.get("state", "")
    wanted = reads.Wanted(
        " ".join(long_text(request.args, "q", 100).split()),
        state if state in reads.STATE_WORDS else "",
    )
    shelf = reads.shelf(session, wanted)
    pages = max(1, -(-shelf.found // reads.PER_PAGE))
    kept = {name: value for name, value in asdict(wanted).items() if value}
    asked = request.args.get("page", "1")
    number = min(max(1, int(asked)), pages) if asked.isascii() and asked.isdecimal() else 1
    return web.render(
        "agency/listings.html",
        **frame(),
        lead=f"{shelf.live} live, {shelf.drafts} draft{'' if shelf.drafts == 1 else 's'}",
        may_edit=may(web.actor().role, "listings.edit"),
        rows=reads.rows(session, slug, number, wanted),
        wanted=wanted,
        states=[(key, words) for key, (words, _) in reads.STATE_WORDS.items()],
        number=number,
        pages=pages,
        page_url=lambda n: f"/agency/{slug}/listings?{urlencode(kept | {'page': n})}",
        first=(number - 1) * reads.PER_PAGE + 1 if shelf.found else 0,
        last=min(number * reads.PER_PAGE, shelf.found),
        total=shelf.found,
        has_any=bool(shelf.total),
    )


@workspace.get("/listings/<name>")
def show(slug: str, name: str) -> Answer:
    """One listing: what is missing, and the steps to open or close it."""
    session, role = db.session(), web.actor().role
    rotation = drafts.working(session, name)
    draft = drafts.draft_of(session, rotation.id)
    url = f"/agency/{slug}/listings/{rotation.slug}"
    signature = reads.signature(session, rotation)
    may_publish, may_edit = may(role, "listings.publish"), may(role, "listings.edit")
    waits = rotation.state in ("draft", "paused") or draft is not None
    missing = operations.missing_for_publish(session, rotation) if waits else ()
    state, tone = reads.STATE_WORDS[rotation.state]
    return web.render(
        "agency/listing.html",
        **frame(),
        l={
            "title": rotation.title,
            "specialty": catalog.specialty(rotation.specialty).label,
            "doctor": rotation.attending.display_name,
            "state": state,
            "tone": tone,
            "level": catalog.level(rotation.level).label,
            "version": rotation.version,
            "draft": draft is not None,
            "archived": rotation.state == "archived",
            "public_url": f"/rotations/{rotation.slug}" if rotation.public else "",
            "url": url,
        },
        may_edit=may_edit,
        twins=twins.live_twins(session, rotation) if waits else (),
        listings_url=f"/agency/{slug}/listings",
        missing=[
            {"text": m.message, "url": f"{url}/edit/{m.section}" if m.section and may_edit else ""}
            for m in missing
        ],
        signature={
            "words": signature.words,
            "tone": signature.tone,
            "comment": signature.comment,
            "ask_url": f"{url}/ask-signature" if signature.may_ask and may_edit else "",
        },
        publish_url=f"{url}/publish" if waits and may_publish else "",
        pause_url=f"{url}/pause" if rotation.state == "published" and may_publish else "",
        archive_url=f"{url}/archive" if rotation.state != "archived" and may_publish else "",
        facts=_facts(rotation),
        tasks=[
            (catalog.scope_activity(key).label, answer.capitalize())
            for key, answer in rotation.activities.items()
        ],
        blocks=[{"weeks": b.weeks, "cents": b.price_cents} for b in rotation.blocks],
        starts=[
            {
                "date": o.start_on,
                "capacity": o.capacity,
                "taken": o.taken,
                "closed": o.closed_at is not None,
            }
            for o in rotation.offerings
        ],
    )


def _facts(rotation: Rotation) -> list[tuple[str, str]]:
    return [
        ("Type", catalog.rotation_type(rotation.type).label),
        ("Setting", rotation.setting.capitalize()),
        ("Site", site_at(rotation.site.name, cities.city(rotation.site.city).label)),
        ("Accepts", " and ".join(f"{who}s" for who in rotation.accepts) or "nobody yet"),
        ("Hours a week", str(rotation.hours_per_week)),
        ("Trainees per attending", str(rotation.trainees_per_attending)),
        ("Cancellation", str(rotation.cancellation.get("label") or "by your agency's policy")),
        ("Your id", rotation.external_id or "none"),
    ]


@workspace.post("/listings/<name>/publish")
def publish(slug: str, name: str) -> Answer:
    """Open the listing, if the guard lets it."""
    rotation = reads.own(db.session(), name)
    try:
        operations.publish(db.session(), web.actor(), rotation.id)
    except Invalid as error:
        db.session().rollback()  # the level was derived anew; nothing is kept of a refusal
        for message in list(error.errors.values())[:5]:
            flash(message, "warn")
        return web.go(f"/agency/{slug}/listings/{name}")
    flash("Published. It shows in search within a minute.", "good")
    return web.go(f"/agency/{slug}/listings/{name}")


@workspace.post("/listings/<name>/pause")
def pause(slug: str, name: str) -> Answer:
    """Close the listing to new requests."""
    rotation = reads.own(db.session(), name)
    operations.pause(db.session(), web.actor(), rotation.id)
    flash("Paused. Bookings go on; nobody new can ask.", "info")
    return web.go(f"/agency/{slug}/listings/{name}")


@workspace.post("/listings/<name>/ask-signature")
def ask_signature(slug: str, name: str) -> Answer:
    """Send the attending the list to sign."""
    rotation = reads.own(db.session(), name)
    opens = request.form.get("opens") == "1"
    operations.ask_signature(db.session(), web.actor(), rotation.id, opens=opens)
    then = " The listing goes live by itself after that." if opens else ""
    called = doctor(rotation.attending.display_name)
    where = place_queries.asked_words(db.session(), rotation)
    flash(f"{where or f'{called} gets a link to read and sign.'}{then}", "good")
    return web.go(f"/agency/{slug}/listings/{name}/check")


@workspace.post("/listings/<name>/keep-closed")
def keep_closed(slug: str, name: str) -> Answer:
    """The listing does not go live by itself."""
    rotation = reads.own(db.session(), name)
    operations.keep_closed(db.session(), web.actor(), rotation.id)
    flash("It stays a draft until you publish it.", "info")
    return web.go(f"/agency/{slug}/listings/{name}/check")
