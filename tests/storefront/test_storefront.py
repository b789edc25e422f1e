"""An agency's own site: what it shows, what it may say, whose hosts it answers on."""

import random
import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import update

from marketplace.core import context
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid
from marketplace.storefront import colours, operations, prose
from marketplace.storefront.operations import Storefront
from marketplace.tenants.models import Agency
from tests import factories
from tests.search import shop
from tests.storefront.conftest import ROOMS, SYSTEM, house, owner
from tests.support import rooms
from tests.support.rooms import Browser, words_of

GOOD = "#1f5f8f"


def _write(slug: str, told: Storefront, role: str = "owner") -> None:
    key = house(int(slug.removeprefix("house-")))
    with open_session(context.agency(key)) as session:
        operations.save(session, owner(key, role), told)


def test_it_shows_its_text_and_only_its_rotations(site: Flask) -> None:
    _write("house-1", Storefront("By the lake", "We **meet** you.", GOOD))
    page = Browser(site).get("/agencies/house-1")
    said = words_of(page.text)
    assert "By the lake" in said and "<strong>meet</strong>" in page.text
    assert "Vera Moss0" in said and "Vera Moss1 " not in said
    assert f">See all {shop.LISTINGS // 2} rotations<" in page.text
    assert "via=site" in page.text
    asked = words_of(Browser(site).get("/agencies/house-1?agency=house-2&q=Moss1").text)
    assert "Vera Moss1 " not in asked


def test_one_that_is_not_public_is_a_missing_one(site: Flask) -> None:
    with open_session(SYSTEM) as session:
        session.execute(update(Agency).where(Agency.slug == "house-2").values(is_public=False))
    for tail in ("", "/theme.css", "/widget"):
        hidden = Browser(site).get(f"/agencies/house-2{tail}")
        missing = Browser(site).get(f"/agencies/house-9{tail}")
        assert hidden.status_code == missing.status_code == 404
        plain = [
            re.sub(r"mention [0-9a-f]{16}", "", words_of(one.text)) for one in (hidden, missing)
        ]
        assert plain[0] == plain[1]


def test_it_sets_no_cookie_and_only_the_widget_may_be_framed(site: Flask) -> None:
    for path, framed in (("", "'none'"), ("/theme.css", "'none'"), ("/widget", "*")):
        answer = Browser(site).get(f"/agencies/house-1{path}")
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        policy = answer.headers["Content-Security-Policy"]
        assert f"frame-ancestors {framed};" in f"{policy};"
        assert "default-src 'none'" in policy and "script-src 'self';" in policy
    script = Browser(site).get("/embed.js")
    assert script.mimetype == "text/javascript" and "data-rounds" in script.text


def test_the_colours_have_a_validator_and_follow_the_agency(site: Flask) -> None:
    first = Browser(site).get("/agencies/house-1/theme.css")
    _write("house-1", Storefront(accent="#8a1538"))
    second = Browser(site).get(
        "/agencies/house-1/theme.css", **{"If-None-Match": first.headers["ETag"]}
    )
    assert second.status_code == 200 and "#8a1538" in second.text
    same = Browser(site).get(
        "/agencies/house-1/theme.css", **{"If-None-Match": second.headers["ETag"]}
    )
    assert same.status_code == 304
    assert "#8a1538" not in Browser(site).get("/agencies/house-2/theme.css").text


@pytest.mark.parametrize("wrong", ["#ffff00", "#fff", "red", "#12345g", "#1f5f8f;}", "#9ad0ff"])
def test_a_colour_that_cannot_be_read_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid) as refused:
        colours.check(wrong)
    assert "accent" in refused.value.errors


ACCENTS = ["#000000", "#1f5f8f", "#8a1538", "#0b5d1e", "#5a2ca0", "#6f6f6f", "#b33c00", "#00707a"]
TEXT = 4.5  # WCAG 2.2, 1.4.3


def tokens(accent: str) -> dict[str, tuple[colours.Rgb, colours.Rgb]]:
    """The tokens of a site: by day, by night."""
    text = colours.stylesheet(colours.check(accent))
    found = re.findall(r"(--[a-z-]+): light-dark\((#\w{6}), (#\w{6})\);", text)
    return {name: (colours.read(day), colours.read(night)) for name, day, night in found}


@pytest.mark.parametrize("accent", ACCENTS)
def test_derived_colours_can_be_read_in_both_themes(accent: str) -> None:
    """Links on grounds, panels and their own tint; words on buttons, also under the pointer."""
    known = tokens(accent)
    assert set(known) == {"--accent", "--accent-hi", "--on-accent", "--accent-soft"}
    grounds = ((colours.WHITE, colours.PALE), (colours.NIGHT, colours.NIGHT_SOFT))
    for theme in (0, 1):
        link, strong, on, soft = (
            known[name][theme]
            for name in ("--accent", "--accent-hi", "--on-accent", "--accent-soft")
        )
        for ground in (*grounds[theme], soft):
            assert colours.contrast(link, ground) >= TEXT, (accent, theme, ground)
            assert colours.contrast(strong, ground) >= TEXT, (accent, theme, ground)
        assert colours.contrast(on, link) >= TEXT and colours.contrast(on, strong) >= TEXT


@pytest.mark.parametrize("seed", range(3))
def test_no_colour_that_is_taken_or_offered_derives_one_that_cannot_be_read(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(400):
        rgb = chance.randrange(256), chance.randrange(256), chance.randrange(256)
        accent = colours.written(rgb)
        try:
            colours.check(accent)
        except Invalid as refused:
            accent = refused.errors["accent"].split("works: ")[1].rstrip(".")
        test_derived_colours_can_be_read_in_both_themes(accent)


def test_the_refusal_names_a_colour_that_works() -> None:
    with pytest.raises(Invalid) as refused:
        colours.check("#ff8800")
    offered = refused.value.errors["accent"].split("works: ")[1].rstrip(".")
    assert colours.check(offered) == offered


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScript:alert(1))",
        "[x](data:text/html,hi)",
        "[x](//evil.example)",
        "![x](https://evil.example/pixel.png)",
        "<javascript:alert(1)>",
        '[x](https://a.example "\\" onmouseover=\\"x")',
    ],
)
def test_no_text_becomes_anything_but_text(typed: str) -> None:
    made = prose.html(typed)
    assert "<script" not in made and "<img" not in made and ' onmouseover="' not in made
    assert 'href="javascript' not in made.lower() and 'href="data' not in made
    assert 'href="//' not in made


def test_links_vouch_for_nothing_and_headings_have_one_level() -> None:
    made = prose.html("# One\n\n[site](https://a.example)")
    assert made == (
        '<h3>One</h3>\n<p><a href="https://a.example" rel="nofollow noopener">site</a></p>\n'
    )


def test_who_may_change_it_and_what_may_not_be_said(site: Flask) -> None:
    for role in ("coordinator", "finance", "read-only"):
        with pytest.raises(Forbidden):
            _write("house-1", Storefront(accent=GOOD), role)
    with pytest.raises(Invalid) as refused:
        _write("house-1", Storefront("Match guaranteed", "Residency is guaranteed", GOOD))
    assert set(refused.value.errors) == {"headline", "about"}


def test_the_editor_keeps_what_was_typed(app_market: tuple[Flask, factories.Market]) -> None:
    app, market = app_market
    page = f"/agency/{market.agency_slug}/storefront"
    owner = Browser(app, market.staff["owner"])
    typed = {"headline": "Near the lake", "about": "Hello", "accent": "#ffff00"}
    wrong = owner.post(page, typed, page=page)
    assert wrong.status_code == 422 and "Near the lake" in wrong.text and "#ffff00" in wrong.text
    assert owner.post(page, typed | {"accent": GOOD}, page=page).status_code == 303
    assert "Near the lake" in Browser(app).get(f"/agencies/{market.agency_slug}").text


@pytest.fixture
def app_market(migrated: None) -> Iterator[tuple[Flask, factories.Market]]:
    with rooms.site(ROOMS) as app:
        yield app, factories.market()
