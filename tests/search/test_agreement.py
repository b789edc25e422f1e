"""Page, JSON and oracle over a seeded market: the same total, order and count of every facet."""

import gzip
import random
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from demo.seed import run
from marketplace.core import clock
from marketplace.core.db import open_session
from marketplace.listings.eligibility import fit
from marketplace.listings.models import Rotation
from marketplace.listings.queries import offered_facts
from marketplace.search import jobs, views
from marketplace.search.answers import PASSED, STATUSES
from marketplace.search.documents import document_from
from marketplace.search.facets import COUNTED, FOLDED
from marketplace.search.listings import facts_of, public_ids
from marketplace.search.port import Query, Sort
from marketplace.search.state import FACET_PARAMS, SearchState
from marketplace.search.works_for_me import day_of
from tests.search import oracle, shop
from tests.search.shop import Get
from tests.support import rooms

ROTATIONS = 300
STATES = 60
_OPTION = re.compile(
    r'<input class="(?:check|radio)" type="(?:checkbox|radio)" name="(\w+)" value="([^"]+)"'
    r'(?:(?!</label>).)*?option__n">(\d+)<',
    re.S,
)


@pytest.fixture(scope="module")
def market(
    migrated: None, engine_settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Get, list[dict[str, Any]]]]:
    """The demo's market behind the search room, and every document that must be in the index."""
    with rooms.site([views.room], **engine_settings) as app:
        run.seed(tmp_path_factory.mktemp("seed") / "stripe.db", ROTATIONS)
        jobs.rebuild(shop.SYSTEM)
        with open_session(shop.SYSTEM, readonly=True) as session:
            facts = facts_of(session, public_ids(session))
        yield shop.getter(app), [document_from(one).as_dict() for one in facts]


def test_random_states_agree(market: tuple[Get, list[dict[str, Any]]]) -> None:
    _agree(*market, random.Random(31), STATES)


@pytest.mark.full
def test_many_random_states_agree(market: tuple[Get, list[dict[str, Any]]]) -> None:
    _agree(*market, random.Random(32), 500)


def _agree(get: Get, documents: list[dict[str, Any]], dice: random.Random, count: int) -> None:
    slugs, fits = _slugs(), _Fits()
    narrowed = hidden = 0
    for _ in range(count):
        asked = _question(dice, documents)
        state = SearchState.parse(MultiDict(parse_qsl(asked)))
        open_ones = [d for d in documents if fits.may_have(d["id"], state)]
        hidden += len(open_ones) < len(documents)
        expected = oracle.expect(open_ones, state.to_query(highlight=False))
        narrowed += 0 < expected.total < len(documents)
        told = get(f"/api/v1/rotations?{asked}&per_page=100").get_json()
        assert told["total"] == expected.total, asked
        assert told["facets"] == expected.facets, asked
        assert _bars(told["price"]) == expected.price, asked
        ids = [hit["id"] for hit in told["hits"]]
        wanted = expected.ids[:100]
        if state.q and state.sort is Sort.BEST:
            assert set(ids) <= set(expected.ids) and len(ids) == len(wanted), asked
        else:
            assert ids == wanted, asked
        page = get(
            f"/rotations?{asked}&per_page=100&{urlencode([('more', key) for key in FOLDED])}"
        ).text
        assert f"<strong>{expected.total:,}</strong>" in page, asked
        part = get(f"/rotations?{asked}&per_page=20", HX_Request_Type="partial")
        assert len(gzip.compress(part.data, 6)) < 10_240, asked
        cards = re.findall(r'class="card__title"><a href="/rotations/([^"?]+)', page)
        assert [slugs[slug] for slug in cards] == ids, asked
        _counts_agree(page, expected, asked)
    assert narrowed > count // 2 and hidden > count // 10


class _Fits:
    """What the rules alone say about each listing of the database and a guest's answers."""

    def __init__(self) -> None:
        with open_session(shop.SYSTEM, readonly=True) as session:
            self._facts = {
                str(row.id): offered_facts(row, row.site.state)
                for row in session.scalars(select(Rotation).where(Rotation.public))
            }
        self._known: dict[tuple[object, ...], set[str]] = {}

    def may_have(self, listing: str, state: SearchState) -> bool:
        """Whether the search may show the listing at all: it does unless `fits` hides it."""
        told = state.told(day_of(state))
        if not (state.fits and told):
            return True
        key = tuple(sorted(told.items()))
        if key not in self._known:
            self._known[key] = {
                id_ for id_, facts in self._facts.items() if fit(told, facts).kind != "does_not_fit"
            }
        return listing in self._known[key]


def _counts_agree(page: str, expected: oracle.Expected, asked: str) -> None:
    """Every number beside a value is the oracle's, 0 where it names none."""
    shown: dict[str, dict[str, int]] = {}
    for name, value, number in _OPTION.findall(page):
        shown.setdefault(name, {})[unescape(value)] = int(number)
    shown["rating"] = shown.pop("rating_min")
    assert set(shown) == set(COUNTED)
    for facet, counts in shown.items():
        right = {value: expected.facets[facet].get(value, 0) for value in counts}
        assert counts == right, (facet, asked)
        if facet != "city":  # folded: the rest is listed by another address
            assert set(expected.facets[facet]) <= set(counts), (facet, asked)


def _bars(price: dict[str, Any]) -> tuple[int, int, dict[int, int]] | None:
    bins = {bar["from"]: bar["count"] for bar in price["histogram"]}
    return (price["min"], price["max"], bins) if bins else None


def _slugs() -> dict[str, str]:
    with open_session(shop.SYSTEM, readonly=True) as session:
        rows = session.execute(select(Rotation.slug, Rotation.id))
        return {row.slug: str(row.id) for row in rows}


def _question(dice: random.Random, documents: list[dict[str, Any]]) -> str:
    """A query string whose values come from the listings, so that most of them find something."""
    pairs: list[tuple[str, object]] = []
    model = dice.choice(documents)
    for facet in FACET_PARAMS:
        if dice.random() < 0.16:
            some = [model, *dice.sample(documents, 0 if facet == "included" else 2)]
            values = [v for d in some for v in oracle.values_of(d, facet, Query())]
            pairs += [(facet, value) for value in dict.fromkeys(values[:3])]
    today = clock.now().date()
    for name, share, value in (
        ("q", 0.3, dice.choice((*str(model["title"]).split(), "clinic", "peds", "san", "wrad"))),
        ("weeks", 0.3, dice.choice(model["weeks"])),
        ("price_min", 0.15, model["price_any"] - dice.randrange(0, 60_000)),
        ("price_max", 0.3, model["price_any"] + dice.randrange(0, 150_000)),
        ("start_from", 0.2, today + timedelta(days=dice.randrange(120))),
        ("start_to", 0.2, today + timedelta(days=dice.randrange(30, 300))),
        ("near", 0.2, model["city"] or "chicago-il"),
        ("within_km", 0.1, dice.choice((25, 160, 500))),
        ("rating_min", 0.15, dice.choice((3, 4, 4.5))),
        ("status", 0.3, dice.choice(tuple(STATUSES))),
        ("graduated", 0.25, today.year - dice.choice((1, 4, 7, 14))),
        ("passed", 0.25, dice.choice(tuple(PASSED))),
        ("fits", 0.7, "1"),
    ):
        if dice.random() < share:
            pairs.append((name, max(value, 0) if isinstance(value, int) else value))
    pairs.append(("sort", dice.choice([sort.value for sort in Sort])))
    return urlencode(pairs)
