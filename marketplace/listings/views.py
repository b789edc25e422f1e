"""Home, one rotation, and the pages every visitor may read."""

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import request
from markdown_it import MarkdownIt
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import clock, kept, reference, web
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.discovery import compare, listing_facts, structured
from marketplace.discovery import home as home_page
from marketplace.listings import page_views, queries
from marketplace.listings.models import Rotation
from marketplace.numbers import counting
from marketplace.saved.queries import saved_of
from marketplace.search import works_for_me
from marketplace.search.state import SearchState
from marketplace.storefront import way_back
from marketplace.storefront.shop import CAME_FROM_SITE

room = web.Room("listings", __name__, side="public")

HOME_SECONDS = 60
_home: dict[str, object] = {}


@room.get("/")
def home() -> BaseResponse:
    """The start page; its counts are at most a minute old."""
    slot = int(clock.wall().timestamp()) // HOME_SECONDS
    key = (slot, web.config().database_url)
    if _home.get("key") != key:
        _home.update(key=key, values=home_page.home(db.session()))
    values = _home["values"]
    assert isinstance(values, dict)
    return kept.answer(
        values,
        lambda: web.render(
            "listings/home.html",
            structured=structured.graph(structured.website(web.config().base_url)),
            **values,
        ),
    )


@room.get("/rotations/<slug>")
def show(slug: str) -> BaseResponse:
    """One rotation. Drafts, foreign and missing ones are the same 404."""
    session = db.session()
    rotation = queries.page_of(session, slug)
    if rotation is None:
        raise NotFound
    start, weeks = _day(request.args.get("start")), _weeks(request.args.get("weeks"))
    answers = SearchState.parse(request.args).bare
    led = way_back.came_from_site(request.args)
    if led:
        way_back.of_agency(rotation.agency_id)
    choice, block = page_views.chosen(
        session, rotation, start, weeks, answers, led=CAME_FROM_SITE if led else ""
    )
    viewer = web.viewer()
    _count_view(rotation)
    person = viewer.person_id if viewer else None
    who = works_for_me.who(person, answers, choice.start if choice else None)
    shown: dict[str, Any] = {
        "c": choice,
        "r": page_views.listing(session, rotation, block, choice),
        "fit": page_views.verdict(rotation, choice, who, answers),
    }
    starts = (
        tuple(one.date for _, month in choice.months for one in month if one.left) if choice else ()
    )
    shown |= {
        "crumbs": listing_facts.crumbs(rotation),
        "compare_url": compare.link(answers, slug, rotation.specialty),
        "structured": listing_facts.facts(
            web.config().base_url, rotation, starts, block.weeks if block else None, bool(choice)
        ),
    }
    return kept.answer(shown, lambda: _shown(shown, person, rotation.id))


def _shown(shown: dict[str, Any], person: UUID | None, rotation_id: UUID) -> tuple[str, int] | str:
    return web.render("listings/show.html", saved=rotation_id in saved_of(person), **shown)


def _count_view(rotation: Rotation) -> None:
    """A visitor opened the listing; its own agency's people do not count."""
    found = web.viewer()
    own = found is not None and any(one.agency_id == rotation.agency_id for one in found.agencies)
    if not own and counting.counts(request.method, request.path, dict(request.headers)):
        counting.note(rotation.id)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _weeks(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 3 else None


@room.get("/guides")
def guides() -> str | tuple[str, int]:
    """All guides."""
    return web.render("pages/guides.html", guides=_guides().values())


@room.get("/guides/<slug>")
def guide(slug: str) -> str | tuple[str, int]:
    """One guide."""
    found = _guides().get(slug)
    if found is None:
        raise NotFound
    return web.render("pages/guide.html", guide=found)


@cache
def _guides() -> dict[str, dict[str, str]]:
    """The guides of data/guides: front matter and HTML from our own Markdown (no raw HTML)."""
    found = {}
    for path in sorted((reference.DATA / "guides").glob("*.md")):
        _, head, body = path.read_text().split("---", 2)
        meta = dict(line.split(":", 1) for line in head.strip().splitlines() if ":" in line)
        values = {key.strip(): value.strip().strip('"') for key, value in meta.items()}
        html = MarkdownIt("js-default", {"html": False}).render(body)
        found[Path(path).stem] = {**values, "slug": Path(path).stem, "html": html}
    return found


@room.get("/fees")
@room.get("/privacy")
@room.get("/accessibility")
def text_page() -> str | tuple[str, int]:
    """Short pages of plain text."""
    return web.render(f"pages/{request.path.strip('/')}.html")
