import pytest

from marketplace.core import formats


@pytest.mark.parametrize("name", ["Zulema Zambralta", "Dr. Zulema Zambralta, MD, MPH"])
def test_a_doctor_is_called_without_degrees(name: str) -> None:
    assert formats.doctor(name) == "Dr. Zulema Zambralta"
    assert formats.doctor_short(name) == "Dr. Zambralta"
