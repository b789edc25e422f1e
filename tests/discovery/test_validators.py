"""A guest's browser that holds the page is told so before anything is rendered."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask, template_rendered

from tests.discovery.conftest import Get
from tests.search import shop

PART = {"HX_Request_Type": "partial"}
PAGES = (
    "/",
    "/rotations",
    "/rotations?q=clinic&state=IL&view=map",
    "/rotations/listing-3?weeks=4",
    "/attendings/vera-moss-3",
    "/cities/chicago-il",
    "/states/illinois",
    "/specialties/cardiology",
    "/places",
    "/specialties",
    "/compare?r=listing-1&r=listing-2",
)


@contextmanager
def templates(site: Flask) -> Iterator[list[str]]:
    """Every template rendered meanwhile."""
    seen: list[str] = []

    def note(sender: Flask, template: object, **more: object) -> None:
        seen.append(str(getattr(template, "name", "")))

    with template_rendered.connected_to(note, site):
        yield seen


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("part", [{}, PART], ids=["page", "part"])
def test_304_comes_without_rendering(
    site: Flask, get: Get, path: str, part: dict[str, str]
) -> None:
    with templates(site) as seen, shop.statements() as first:
        answer = get(path, **part)
    assert answer.status_code == 200 and seen and answer.headers["ETag"]
    tag = answer.headers["ETag"]
    with templates(site) as seen, shop.statements() as again:
        same = get(path, If_None_Match=tag, **part)
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert seen == []
    assert len(again) <= len(first)
    assert set(same.vary) == set(answer.vary)
    with templates(site) as seen:
        assert get(path, If_None_Match='W/"another"', **part).status_code == 200
    assert seen
