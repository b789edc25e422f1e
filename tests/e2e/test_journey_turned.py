"""The whole journey at the other width for each way of accepting, in a house of its own: the seeded
starts end after a year, and each journey takes four months of it."""

import pytest

from tests.e2e.conftest import House
from tests.e2e.test_journey import from_search_to_review
from tests.support.browser import DESK, PHONE

pytestmark = [pytest.mark.browser, pytest.mark.full]


@pytest.mark.parametrize(("way", "size"), [("dashboard", PHONE), ("link", DESK)])
def test_from_search_to_review(house: House, way: str, size: dict[str, int]) -> None:
    from_search_to_review(house, way, size)
