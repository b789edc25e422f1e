import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.listings import cities

degrees_north = st.floats(-90, 90)
degrees_east = st.floats(-180, 180)


def test_all_cities_have_their_own_slug_and_a_real_zone():
    found = cities.cities()
    assert len(found) == 274
    assert len({c.slug for c in found}) == 274
    for city in found:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*-[a-z]{2}", city.slug)
        assert city.slug.endswith(f"-{city.state.lower()}")
        assert ZoneInfo(city.timezone)
        assert cities.city(city.slug) is city
    assert [c.population for c in found] == sorted((c.population for c in found), reverse=True)


def test_every_state_and_dc():
    assert len(cities.states()) == 51
    assert cities.states()["DC"].startswith("District")
    assert next(iter(cities.states())) == "AL"


@pytest.mark.parametrize(
    ("text", "slugs"),
    [
        ("New York", ["new-york-city-ny"]),
        ("NYC", ["new-york-city-ny"]),
        ("new york city", ["new-york-city-ny"]),
        ("New York City, NY", ["new-york-city-ny"]),
        ("new-york-city-ny", ["new-york-city-ny"]),
        ("Saint Louis", ["st-louis-mo"]),
        ("st louis", ["st-louis-mo"]),
        ("St. Louis, MO", ["st-louis-mo"]),
        ("Philly", ["philadelphia-pa"]),
        ("Portland, ME", ["portland-me"]),
        ("Kansas City", ["kansas-city-mo", "kansas-city-ks"]),
        ("Nowhere", []),
        ("", []),
    ],
)
def test_what_people_type(text, slugs):
    assert [c.slug for c in cities.find_cities(text)] == slugs


def test_every_city_is_found_by_its_own_name():
    for city in cities.cities():
        assert city in cities.find_cities(city.name)
        assert cities.find_cities(city.label) == (city,)
        assert cities.find_cities(city.slug) == (city,)


def test_nearby_is_sorted_and_bounded():
    boston = cities.city("boston-ma")
    found = cities.nearby(boston.lat, boston.lng, 80)
    assert found[0].city is boston
    assert found[0].km == 0
    assert [n.km for n in found] == sorted(n.km for n in found)
    assert all(n.km <= 80 for n in found)
    assert "worcester-ma" in [n.city.slug for n in found]
    assert "new-york-city-ny" not in [n.city.slug for n in found]


def test_a_known_distance():
    boston, new_york = cities.city("boston-ma"), cities.city("new-york-city-ny")
    km = cities.distance_km(boston.lat, boston.lng, new_york.lat, new_york.lng)
    assert km == pytest.approx(306, abs=2)


@given(degrees_north, degrees_east, degrees_north, degrees_east)
def test_distance_is_the_same_both_ways_and_never_more_than_half_around(a, b, c, d):
    km = cities.distance_km(a, b, c, d)
    assert 0 <= km <= 20016
    assert km == pytest.approx(cities.distance_km(c, d, a, b), abs=1e-6)


def test_an_unknown_slug_is_an_error():
    with pytest.raises(KeyError, match="atlantis-xx"):
        cities.city("atlantis-xx")
