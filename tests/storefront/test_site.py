"""Logo and pages: what may come in, what goes out, who sees a draft."""

from io import BytesIO

import pytest
from flask import Flask
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select, update

from marketplace.core import context, storage
from marketplace.core.db import open_session
from marketplace.core.errors import Forbidden, Invalid, NotFound
from marketplace.storefront import logos, page_operations, pictures
from marketplace.storefront.models import StorefrontPage
from marketplace.tenants.models import Agency
from tests.contracts.shops import picture
from tests.storefront.conftest import SYSTEM, house, loaded, owner
from tests.support.rooms import Browser, words_of

# --- pictures -----------------------------------------------------------------------------------

SCRIPT = b"<script>alert(1)</script>"


def _with_place() -> bytes:
    """A photo that says where it was taken."""
    out, made = BytesIO(), Image.new("RGB", (200, 100), "#123456")
    exif = Image.Exif()
    exif[0x010E] = "zqplace 41.8781 N"
    made.save(out, "JPEG", exif=exif)
    return out.getvalue()


def _with_profile() -> bytes:
    """A colour profile is a place for anything, and PNG keeps it."""
    out = BytesIO()
    Image.new("RGB", (200, 100)).save(out, "PNG", icc_profile=b"zqplace " + SCRIPT)
    return out.getvalue()


def _with_text() -> bytes:
    out, told = BytesIO(), PngInfo()
    told.add_text("Comment", "zqplace " + SCRIPT.decode())
    Image.new("RGBA", (200, 100), (1, 2, 3, 4)).save(out, "PNG", pnginfo=told)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [picture(kind="JPEG"), _with_place(), _with_text(), _with_profile(), picture() + SCRIPT],
)
def test_what_goes_out_is_drawn_anew(content: bytes) -> None:
    made = pictures.logo(content)
    assert made.content.startswith(b"\x89PNG") and made.content != content
    assert b"zqplace" not in made.content and b"script" not in made.content
    assert set(Image.open(BytesIO(made.content)).info) <= {"transparency"}
    assert Image.open(BytesIO(made.content)).size == (made.width, made.height)


def test_it_is_made_smaller_and_keeps_its_shape() -> None:
    made = pictures.logo(picture(2400, 300))
    assert (made.width, made.height) == (480, 60)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7 a paper",
        b"GIF89a" + b"\0" * 40,
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<html><script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n" + SCRIPT,
        b"\xff\xd8\xff" + SCRIPT,
        picture()[:60],
        picture(8, 8),
        picture(4001, 30),
        picture() + b"\0" * pictures.MAX_BYTES,
    ],
    ids=str,
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        pictures.logo(content)
    assert "logo" in refused.value.errors


def test_a_picture_that_would_fill_the_memory_is_not_opened() -> None:
    """A PNG of 40,000 pixels a side in a few bytes: refused by its head."""
    small = bytearray(picture(100, 100))
    small[16:24] = (40_000).to_bytes(4, "big") * 2
    with pytest.raises(Invalid):
        pictures.logo(bytes(small))


def test_the_logo_has_an_address_for_ever_and_its_own_type(site: Flask) -> None:
    key = house(1)
    with open_session(context.agency(key)) as session:
        first = logos.save(session, owner(key), picture(), "Waves")
    page = Browser(site).get("/agencies/house-1").text
    assert f'src="/agencies/house-1/{first.name}"' in page and 'alt="Waves"' in page
    sent = Browser(site).get(f"/agencies/house-1/{first.name}")
    assert sent.mimetype == "image/png" and sent.data.startswith(b"\x89PNG")
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in sent.headers["Cache-Control"] and "Set-Cookie" not in sent.headers
    assert "default-src 'none'" in sent.headers["Content-Security-Policy"]
    again = Browser(site).get(
        f"/agencies/house-1/{first.name}", **{"If-None-Match": sent.headers["ETag"]}
    )
    assert again.status_code == 304
    with open_session(context.agency(key)) as session:
        second = logos.save(session, owner(key), picture(colour="#8a1538"), "")
        assert session.scalars(select(storage.StoredFile)).one().id.hex == second.file_id.replace(
            "-", ""
        )
    assert second.name != first.name
    for path in (first.name, "logo-0000000000000000.png"):
        assert Browser(site).get(f"/agencies/house-1/{path}").status_code == 404
    assert Browser(site).get(f"/agencies/house-2/{second.name}").status_code == 404
    assert 'alt="House 1"' in Browser(site).get("/agencies/house-1").text


def test_words_and_removal_of_the_logo(site: Flask) -> None:
    key = house(1)
    with open_session(context.agency(key)) as session:
        with pytest.raises(Invalid):
            logos.save(session, owner(key), b"", "Only words")  # there is no picture yet
        kept = logos.save(session, owner(key), picture(), "")
        worded = logos.save(session, owner(key), b"", "Two waves")
        assert (worded.file_id, worded.alt) == (kept.file_id, "Two waves")
        with pytest.raises(Invalid):
            logos.save(session, owner(key), b"", "Match guaranteed")
        for act in (lambda who: logos.save(session, who, picture(), ""),):
            with pytest.raises(Forbidden):
                act(owner(key, "coordinator"))
        with pytest.raises(Forbidden):
            logos.remove(session, owner(key, "read-only"))
        logos.remove(session, owner(key))
        assert logos.logo(session.get_one(Agency, key)) is None
        assert session.scalars(select(storage.StoredFile)).all() == []


# --- pages --------------------------------------------------------------------------------------


def _write(number: int, title: str, text: str = "Hello", slug: str = "") -> StorefrontPage:
    key = house(number)
    with open_session(context.agency(key)) as session:
        added = page_operations.add(session, owner(key), title=title, slug=slug, text=text).id
    return loaded(StorefrontPage, added)


def test_a_draft_is_as_good_as_missing_until_it_is_published(site: Flask) -> None:
    page = _write(1, "Housing and food", "Rooms **near** <script>")
    address = "/agencies/house-1/pages/housing-and-food"
    assert Browser(site).get(address).status_code == 404
    assert "Housing" not in Browser(site).get("/agencies/house-1").text
    key = house(1)
    with open_session(context.agency(key)) as session:
        page_operations.publish(session, owner(key), page.id)
    shown = Browser(site).get(address)
    assert (
        "<strong>near</strong>" in shown.text and "<script>" not in shown.text.split("</head>")[1]
    )
    assert f'href="{address}"' in Browser(site).get("/agencies/house-1").text
    assert Browser(site).get("/agencies/house-2/pages/housing-and-food").status_code == 404
    assert "Set-Cookie" not in shown.headers


def test_visitors_read_what_was_published_last(site: Flask) -> None:
    page, key = _write(1, "Housing", "First"), house(1)
    with open_session(context.agency(key)) as session:
        page_operations.publish(session, owner(key), page.id)
        page_operations.save(
            session, owner(key), page.id, title="Rooms", slug="housing", text="Second"
        )
    said = words_of(Browser(site).get("/agencies/house-1/pages/housing").text)
    assert "First" in said and "Second" not in said and "Rooms" not in said
    with open_session(context.agency(key)) as session:
        page_operations.publish(session, owner(key), page.id)
    assert "Second" in words_of(Browser(site).get("/agencies/house-1/pages/housing").text)
    with open_session(context.agency(key)) as session:
        page_operations.take_back(session, owner(key), page.id)
    assert Browser(site).get("/agencies/house-1/pages/housing").status_code == 404


def test_pages_of_a_hidden_agency_are_hidden_too(site: Flask) -> None:
    page, key = _write(1, "Housing"), house(1)
    with open_session(context.agency(key)) as session:
        page_operations.publish(session, owner(key), page.id)
        logo = logos.save(session, owner(key), picture(), "")
    with open_session(SYSTEM) as session:
        session.execute(update(Agency).where(Agency.id == key).values(is_public=False))
    for path in ("pages/housing", logo.name):
        assert Browser(site).get(f"/agencies/house-1/{path}").status_code == 404


def test_addresses_of_pages(site: Flask) -> None:
    _write(1, "Über uns")
    key = house(1)
    with open_session(context.agency(key)) as session:
        made = page_operations.pages(session, key)
        assert [one.slug for one in made] == ["uber-uns"]
        for slug in ("uber-uns", "new", "a b", "../x", "-a", "a--b", "x" * 49, "ü"):
            with pytest.raises(Invalid) as refused:
                page_operations.add(session, owner(key), title="Other", slug=slug, text="x")
            assert "slug" in refused.value.errors
        for number in range(page_operations.MOST_PAGES - 1):
            page_operations.add(session, owner(key), title=f"P {number}", slug="", text="")
        with pytest.raises(Invalid):
            page_operations.add(session, owner(key), title="One more", slug="", text="x")
        with pytest.raises(Invalid):
            page_operations.publish(session, owner(key), page_operations.pages(session, key)[1].id)
    other = house(2)
    with open_session(context.agency(other)) as session:
        page_operations.add(session, owner(other), title="Same", slug="uber-uns", text="x")


def test_the_order_and_who_may_change_anything(site: Flask) -> None:
    first, second, third = (_write(1, title) for title in ("A", "B", "C"))
    key, other = house(1), house(2)
    with open_session(context.agency(key)) as session:
        page_operations.move_up(session, owner(key), third.id)
        page_operations.move_up(session, owner(key), first.id)
        assert [one.title for one in page_operations.pages(session, key)] == ["A", "C", "B"]
        for role in ("coordinator", "finance", "read-only"):
            who = owner(key, role)
            for act in (
                page_operations.publish,
                page_operations.take_back,
                page_operations.remove,
                page_operations.move_up,
            ):
                with pytest.raises(Forbidden):
                    act(session, who, second.id)
            with pytest.raises(Forbidden):
                page_operations.add(session, who, title="D", slug="", text="")
            with pytest.raises(Forbidden):
                page_operations.save(session, who, second.id, title="D", slug="d", text="")
        page_operations.remove(session, owner(key), second.id)
        assert len(page_operations.pages(session, key)) == 2
    with open_session(context.agency(other)) as session, pytest.raises(NotFound):
        page_operations.publish(session, owner(other), first.id)


def test_words_that_no_listing_may_use_are_not_on_a_page_either(site: Flask) -> None:
    with pytest.raises(Invalid) as refused:
        _write(1, "Match guaranteed", "Residency is guaranteed")
    assert {"title", "text"} <= set(refused.value.errors)
