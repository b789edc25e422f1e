import pytest

from marketplace.core import formats


@pytest.mark.parametrize("name", ["Zulema Zambralta", "Dr. Zulema Zambralta, MD, MPH"])
def test_a_doctor_is_called_without_degrees(name: str) -> None:
    assert formats.doctor(name) == "Dr. Zulema Zambralta"
    assert formats.doctor_short(name) == "Dr. Zambralta"


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("Alderquill Community Hospital, Brooklyn", "Alderquill Community Hospital, Brooklyn, NY"),
        ("Copperlark Practice", "Copperlark Practice, Brooklyn, NY"),
        ("Brooklyn", "Brooklyn, Brooklyn, NY"),  # nothing but the city is a name
        ("Harbor Clinic of Brooklyn", "Harbor Clinic of Brooklyn, Brooklyn, NY"),
    ],
)
def test_a_city_is_said_once(site: str, said: str) -> None:
    assert formats.site_at(site, "Brooklyn, NY") == said
