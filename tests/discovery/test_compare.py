"""Up to four listings side by side; the address is the state."""

import re
from html import unescape
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace.core.db import open_session
from marketplace.listings.models import Rotation
from tests.discovery.conftest import Get
from tests.search import shop
from tests.support.rooms import words_of

NAMES = ("rotation", "same", "compare", "status", "weeks", "graduated", "passed", "q", "sort")
VALUES = ("", "0", "-1", "4", "99999999999999999999", "hide", "%00", "\x00", "'; --", "a" * 3000,
          '"><script>alert(1)</script>', "é", "listing-1", "٣")  # fmt: skip
TWO = "/compare?rotation=listing-0&rotation=listing-1"


def table(answer: TestResponse) -> dict[str, tuple[bool, list[str]]]:
    """Label to (marked as different, what the cells say)."""
    found = {}
    for mark, label, cells in re.findall(
        r'<tr( class="is-diff")?><th scope="row">([^<]+).*?</th>(.*?)</tr>', answer.text, re.S
    ):
        said = [words_of(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells, re.S)]
        found[unescape(label)] = (bool(mark), said)
    return found


def test_differences_are_marked(get: Get) -> None:
    rows = table(get(TWO))
    assert rows["Total, all fees"] == (True, ["$1,000", "$1,050"])
    assert rows["Hours a week"][0] is False
    assert rows["Level"] == (True, ["Hands-on, hospital", "Hands-on, clinic"])
    assert rows["Hospital or clinic"][1] == ["Alder Clinic 0", "Alder Clinic 1"]
    for marked, cells in rows.values():
        assert len(cells) == 2 and all(cells)
        assert marked == (len(set(cells)) > 1)
    only = table(get(f"{TWO}&same=hide"))
    assert only and all(marked for marked, _ in only.values())
    assert set(only) == {label for label, (marked, _) in rows.items() if marked}


def test_price_dates_and_refund_belong_to_one_length(get: Get) -> None:
    rows = table(get("/compare?rotation=listing-1&rotation=listing-2&weeks=2"))
    assert rows["Total, all fees"][1] == ["$650", "Not for this length"]
    assert rows["Next start"][1][1] == "Not for this length"
    answer = get("/compare?rotation=listing-1&rotation=listing-3")
    assert "What it costs, 4 weeks" in words_of(answer.text)
    shown = get("/rotations/listing-1?weeks=4")
    full = table(answer)["Full refund until"][1][0].rpartition(",")[0]
    assert full.replace("\N{NO-BREAK SPACE}", " ") in words_of(shown.text)


def test_each_can_be_removed_and_others_added(get: Get) -> None:
    answer = get("/compare?rotation=listing-0&rotation=listing-1&rotation=listing-2&weeks=4")
    removes = [
        unescape(link)
        for link in re.findall(
            r'<a class="icon-btn" href="([^"]+)" aria-label="Remove', answer.text
        )
    ]
    assert removes[1] == "/compare?rotation=listing-0&rotation=listing-2&weeks=4"
    assert "Compare 2 rotations" in words_of(get(removes[1]).text)
    one = get("/compare?rotation=listing-0")
    assert "Choose at least one more" in words_of(one.text)
    assert "compare=listing-0" in one.text
    assert "Choose two or more rotations to compare" in words_of(get("/compare").text)


def test_at_most_four_and_only_what_is_public(get: Get) -> None:
    asked = "&".join(f"rotation=listing-{n}" for n in (0, 0, 1, 2, 3, 4))
    assert "Compare 4 rotations" in words_of(get(f"/compare?{asked}").text)
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(select(Rotation).where(Rotation.slug == "listing-1")).one()
        listed.state, listed.public = "paused", False
    answer = get(f"{TWO}&rotation=listing-2")
    assert answer.status_code == 200
    assert "One rotation that you chose is no longer listed" in words_of(answer.text)
    assert "Alder Clinic 1" not in answer.text
    assert "noindex" in answer.text


def test_cards_put_listings_aside_and_the_search_goes_on(get: Get) -> None:
    answer = get("/rotations?state=IL&page=1")
    links = dict(re.findall(r'id="cmp-(listing-\d+)" href="([^"]+)"', answer.text))
    first = unescape(links["listing-0"])
    assert first == "/rotations?state=IL&compare=listing-0"
    page = get(first)
    assert "1 of 4 to compare" in words_of(page.text)
    assert '<input type="hidden" name="compare" value="listing-0">' in page.text
    assert '<link rel="canonical" href="http://localhost/rotations?state=IL">' in page.text
    back = dict(re.findall(r'id="cmp-(listing-\d+)" href="([^"]+)"', page.text))
    assert back["listing-0"] == "/rotations?state=IL"
    both = get(unescape(back["listing-4"]))
    to = re.search(r'href="(/compare\?[^"]+)"', both.text)
    assert to and parse_qsl(unescape(to[1]).partition("?")[2]) == [
        ("rotation", "listing-0"),
        ("rotation", "listing-4"),
    ]
    # the filters, the chips and the page of a listing keep what is put aside
    chip = re.search(r'id="chip-clear" href="([^"]+)"', both.text)
    assert chip and "compare=listing-0&amp;compare=listing-4" in chip[1]
    listing = get("/rotations/listing-8?compare=listing-0")
    assert "/compare?rotation=listing-0&amp;rotation=listing-8" in listing.text
    alone = get("/rotations/listing-8")
    assert "/rotations?specialty=internal-medicine&amp;compare=listing-8" in alone.text
    full = "&".join(f"compare=listing-{n}" for n in range(4))
    assert 'id="cmp-listing-8"' not in get(f"/rotations?{full}").text


def test_what_a_guest_told_decides_whether_it_fits(get: Get) -> None:
    told = "status=graduate&graduated=2024&passed=step-2"
    assert "Does it fit you?" not in table(get(TWO))
    assert "Does it fit you?" in table(get(f"{TWO}&{told}"))


def test_a_comparison_costs_the_same_reads_however_many(get: Get) -> None:
    def reads(path: str) -> int:
        get(path)
        with shop.statements() as seen:
            assert get(path).status_code == 200
        return len([line for line in seen if line.lstrip().upper().startswith("SELECT")])

    four = "&".join(f"rotation=listing-{n}" for n in range(4))
    assert reads(TWO) == reads(f"/compare?{four}") <= 10


def test_a_guest_keeps_the_comparison_until_it_changes(get: Get) -> None:
    tag = get(TWO).headers["ETag"]
    assert get(TWO, If_None_Match=tag).status_code == 304
    with open_session(shop.SYSTEM) as session:
        session.scalars(
            select(Rotation).where(Rotation.slug == "listing-1")
        ).one().hours_per_week = 50
    assert get(TWO, If_None_Match=tag).status_code == 200


def test_any_address_gets_an_answer(get: Get) -> None:
    for name in NAMES:
        for value in VALUES:
            asked = urlencode({name: value.encode("utf-8", "ignore"), "rotation": "listing-1"})
            answer = get(f"/compare?{asked}")
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text


def test_two_listings_of_one_doctor_are_told_apart(get: Get) -> None:
    with open_session(shop.SYSTEM) as session:
        listed = session.scalars(
            select(Rotation).where(Rotation.slug.in_(["listing-1", "listing-3"]))
        ).all()
        listed[1].attending_id = listed[0].attending_id
    page = get("/compare?rotation=listing-1&rotation=listing-3&rotation=listing-5").text
    assert {"Moss1 (1)", "Moss1 (2)", "Moss5"} == set(re.findall(r'data-c="([^"]+)"', page))
