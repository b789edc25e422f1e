from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.listings import seasons

TODAY = date(2026, 11, 22)
REVIEW_2028 = date(2027, 9, 22)


def test_seasons_and_their_milestones():
    assert seasons.seasons() == (2026, 2027, 2028)
    found = seasons.milestones(2027)
    assert len(found) == 27
    assert [m.day for m in found] == sorted(m.day for m in found)


def test_the_next_review_is_that_of_the_coming_autumn():
    review = seasons.next_review(TODAY)
    assert (review.season, review.day, review.certain) == (2028, REVIEW_2028, False)
    assert seasons.next_review(REVIEW_2028) == review
    assert seasons.next_review(REVIEW_2028 + timedelta(days=1)) is None


@pytest.mark.parametrize(
    ("end", "days", "kind"),
    [
        (date(2027, 8, 11), 28, "in-time"),
        (date(2027, 8, 12), 28, "tight"),
        (date(2027, 8, 25), 28, "tight"),
        (date(2027, 8, 26), 28, "late"),
        (date(2027, 8, 26), 7, "in-time"),
        (date(2027, 9, 22), 0, "tight"),
    ],
)
def test_letters(end, days, kind):
    verdict = seasons.letter_in_time(end, days, TODAY)
    assert (verdict.kind, verdict.review.season) == (kind, 2028)
    assert verdict.ready_on == end + timedelta(days=days)


@pytest.mark.parametrize("season", seasons.seasons())
def test_the_rules_of_thumb_in_the_table_agree(season):
    comfortable = seasons.milestone(season, "last-comfortable-rotation-end").day
    latest = seasons.milestone(season, "latest-rotation-end").day
    before = seasons.milestone(season, "eras-opens").day
    assert seasons.letter_in_time(comfortable, 28, before).kind == "in-time"
    assert seasons.letter_in_time(comfortable + timedelta(days=1), 28, before).kind == "tight"
    assert seasons.letter_in_time(latest, 28, before).kind == "tight"
    assert seasons.letter_in_time(latest + timedelta(days=1), 28, before).kind == "late"


def test_beyond_the_data_nothing_is_claimed():
    verdict = seasons.letter_in_time(date(2029, 1, 5), 28, date(2029, 1, 1))
    assert (verdict.kind, verdict.review) == ("unknown", None)


ORDER = ["in-time", "tight", "late"]


@given(st.dates(TODAY, date(2028, 12, 31)), st.integers(0, 90))
def test_ending_or_writing_later_is_never_better(end, days):
    kind = ORDER.index(seasons.letter_in_time(end, days, TODAY).kind)
    later_end = seasons.letter_in_time(end + timedelta(days=1), days, TODAY)
    slower = seasons.letter_in_time(end, days + 1, TODAY)
    assert ORDER.index(later_end.kind) >= kind
    assert ORDER.index(slower.kind) >= kind


def test_dates_are_shown_no_more_exactly_than_known():
    assert seasons.milestone(2028, "vslo-catalogs-open").shown == "February 2027"
    assert seasons.milestone(2028, "img-tokens").shown == "week of June 23, 2027"
    assert seasons.milestone(2028, "programs-review").shown == "September 22, 2027"


def test_upcoming_knows_its_audience_and_keeps_a_running_month():
    slugs = [m.slug for m in seasons.upcoming(date(2027, 2, 10), "student", 2)]
    assert "vslo-catalogs-open" in [
        m.slug for m in seasons.upcoming(date(2027, 2, 28), "student", 9)
    ]
    assert len(slugs) == 2
    everybody = seasons.upcoming(date(2027, 2, 10), "all", 99)
    assert {m.audience for m in everybody} == {"all"}
    assert {m.audience for m in seasons.upcoming(date(2027, 2, 10), "img", 99)} == {"all", "img"}


def test_unknown_names_are_errors():
    with pytest.raises(KeyError, match="2035"):
        seasons.milestones(2035)
    with pytest.raises(KeyError, match="party"):
        seasons.milestone(2027, "party")
