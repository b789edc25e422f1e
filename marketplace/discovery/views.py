"""Pages by which people and search engines come in: places, specialties, the sitemap."""

from collections.abc import Callable

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.core import kept, web
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.discovery import attendings, indexes, landing, places, sitemap, structured
from marketplace.discovery.places import Area
from marketplace.search import api

room = web.Room("discovery", __name__, "public")


@room.get("/cities/<slug>")
def city(slug: str) -> BaseResponse:
    """What is listed in a city."""
    return _area(places.city, slug)


@room.get("/states/<slug>")
def state(slug: str) -> BaseResponse:
    """What is listed in a state."""
    return _area(places.state_of_slug, slug)


@room.get("/specialties/<slug>")
def specialty(slug: str) -> BaseResponse:
    """What is listed in a specialty."""
    return _area(places.specialty, slug)


@room.get("/attendings/<slug>")
def attending(slug: str) -> BaseResponse:
    """Who teaches, and what can be booked with them."""
    found = attendings.profile(db.session(), slug)
    told = attendings.facts(web.config().base_url, found)
    return kept.answer(
        found, lambda: web.render("discovery/attending.html", p=found, structured=told)
    )


@room.get("/places")
def all_places() -> BaseResponse:
    """Every state and city with listings."""
    blocks = indexes.all_places(db.session())
    return _index("Places with clinical rotations", places.PLACES, blocks)


@room.get("/specialties")
def all_specialties() -> BaseResponse:
    """Every specialty with listings."""
    blocks = indexes.all_specialties(db.session())
    return _index("Specialties with clinical rotations", places.SPECIALTIES, blocks)


@room.get("/robots.txt")
def robots() -> Response:
    """What is for everybody may be read; comparisons and parts of pages lead nowhere new."""
    lines = ["User-agent: *"]
    lines += [f"Disallow: {path}" for path in ("/me", "/agency/", "/attending/", "/admin")]
    lines += [f"Disallow: {path}" for path in ("/compare", "/rotations/cities", "/sign-in?")]
    lines += [f"Sitemap: {web.config().base_url}/sitemap.xml"]
    return Response("\n".join(lines) + "\n", mimetype="text/plain")


@room.get("/sitemap.xml")
def site_map() -> BaseResponse:
    """Every public page, or the index of the files that list them."""
    session, base = db.session(), web.config().base_url
    count = sitemap.parts(session)
    if count > 2:
        return _xml(lambda: sitemap.index(base, count))
    return _xml(lambda: sitemap.file(base, [*_pages(), *sitemap.listing_entries(session, 1)]))


@room.get("/sitemap-<int:number>.xml")
def site_map_part(number: int) -> BaseResponse:
    """One file of the index."""
    session = db.session()
    if number >= sitemap.parts(session):
        raise NotFound
    entries = sitemap.listing_entries(session, number) if number else _pages()
    return _xml(lambda: sitemap.file(web.config().base_url, entries))


def _pages() -> list[sitemap.Entry]:
    return sitemap.page_entries(db.session())


def _xml(make: Callable[[], str]) -> BaseResponse:
    """A file for machines, asked for again each time; its validator is known before it is made."""
    stamp = api.feed_stamp(db.session())
    answer = Response(mimetype="application/xml")
    answer.set_etag(f"{request.path.strip('/')}-{stamp}", weak=True)
    answer.headers["Cache-Control"] = "public, max-age=0, must-revalidate"
    if not request.if_none_match.contains_weak(answer.get_etag()[0] or ""):
        answer.set_data(make())
        return answer
    answer.status_code = 304
    return answer


def _area(find: Callable[[str], Area], slug: str) -> BaseResponse:
    """The page of an area; the same 404 for one that is none."""
    try:
        area = find(slug)
    except KeyError:
        if slug != slug.lower():
            return redirect(request.path.lower(), 301)
        raise NotFound from None
    found = landing.landing(db.session(), area)
    links = [(f"{one.specialty} with Dr. {one.doctor}", one.url) for one in found.cards]
    base = web.config().base_url
    told = structured.graph(
        structured.collection(base, area.heading, area.path, links),
        structured.crumbs(base, area.crumbs),
    )
    return kept.answer(
        found, lambda: web.render("discovery/landing.html", p=found, structured=told)
    )


def _index(title: str, here: places.Crumb, blocks: tuple[indexes.Block, ...]) -> BaseResponse:
    base = web.config().base_url
    links = [(line.label, line.url) for block in blocks for line in block.lines]
    told = structured.graph(
        structured.collection(base, title, here[1], links),
        structured.crumbs(base, (places.HOME, here)),
    )
    return kept.answer(
        blocks,
        lambda: web.render(
            "discovery/index.html", title=title, blocks=blocks, here=here, structured=told
        ),
    )
