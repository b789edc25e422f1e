from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core import reference
from marketplace.listings.policies import custom_terms, preset, presets
from marketplace.listings.refunds import (
    Span,
    cooling_off_until,
    fault_of,
    refund_for,
    refund_table,
    unused_weeks,
)

START = date(2027, 6, 7)
FLEXIBLE = preset("flexible")
CAUSES = {line["slug"]: line for line in reference.rows("refund_causes")}
FULL_BACK = [s for s, c in CAUSES.items() if fault_of(s) in ("provider", "platform")]
DECIDED_ELSEWHERE = {"scope-drift", "goodwill", "price-error"}
PROVIDER = [s for s in FULL_BACK if s not in DECIDED_ELSEWHERE]

terms = st.sampled_from([*presets(), custom_terms("100:100|10:90|0:1")])
paid = st.integers(0, 1_000_000)
days = st.integers(-40, 200)


def at(day, cause="candidate-change-of-mind", paid_cents=165001, **more):
    return refund_for(
        more.pop("terms", FLEXIBLE),
        paid_cents,
        start_on=START,
        cancel_on=START - timedelta(days=day),
        cause=cause,
        **more,
    )


@pytest.mark.parametrize(
    ("day", "percent", "cents", "reason"),
    [
        (200, 100, 165001, "tier"),
        (30, 100, 165001, "tier"),
        (29, 50, 82501, "tier"),
        (14, 50, 82501, "tier"),
        (13, 0, 0, "too-late"),
        (0, 0, 0, "too-late"),
        (-1, 0, 0, "after-start"),
    ],
)
def test_a_change_of_mind_follows_the_tiers_with_inclusive_boundaries(day, percent, cents, reason):
    quote = at(day)
    assert (quote.percent, quote.refund_cents, quote.reason) == (percent, cents, reason)
    assert quote.kept_cents == 165001 - cents


@pytest.mark.parametrize("cause", PROVIDER)
@given(terms=terms, paid_cents=paid, day=days)
def test_provider_fault_gives_back_all_that_was_paid(cause, terms, paid_cents, day):
    quote = at(day, cause, paid_cents, terms=terms, hard_costs_cents=5000)
    assert (quote.percent, quote.refund_cents, quote.kept_cents) == (100, paid_cents, 0)
    assert quote.reason in ("provider-fault", "platform-fault")


@given(terms=terms, paid_cents=paid, day=days)
def test_refund_and_kept_are_exactly_what_was_paid(terms, paid_cents, day):
    quote = at(day, paid_cents=paid_cents, terms=terms)
    assert 0 <= quote.refund_cents <= paid_cents
    assert quote.refund_cents + quote.kept_cents == paid_cents


@given(terms=terms, paid_cents=paid, day=days)
def test_waiting_a_day_never_brings_more(terms, paid_cents, day):
    later = at(day - 1, paid_cents=paid_cents, terms=terms)
    assert later.refund_cents <= at(day, paid_cents=paid_cents, terms=terms).refund_cents


@given(terms=terms, paid_cents=paid, day=days)
def test_the_table_shows_what_the_refund_will_be(terms, paid_cents, day):
    cancel_on = START - timedelta(days=day)
    (span,) = [
        s
        for s in refund_table(terms, paid_cents, START)
        if (s.first_day is None or s.first_day <= cancel_on)
        and (s.last_day is None or cancel_on <= s.last_day)
    ]
    assert span.refund_cents == at(day, paid_cents=paid_cents, terms=terms).refund_cents


def test_the_table_has_real_dates():
    assert refund_table(FLEXIBLE, 200000, START) == (
        Span(100, None, date(2027, 5, 8), 200000),
        Span(50, date(2027, 5, 9), date(2027, 5, 24), 100000),
        Span(0, date(2027, 5, 25), None, 0),
    )


def test_the_table_leaves_out_what_is_over_and_counts_what_is_paid_by_then():
    spans = refund_table(
        FLEXIBLE, 200000, START, today=date(2027, 5, 9), paid_by=lambda day: 150000
    )
    assert [(s.percent, s.refund_cents) for s in spans] == [(50, 75000), (0, 0)]


@pytest.mark.parametrize(
    ("day", "hours", "reason"),
    [
        (15, 48, "cooling-off"),
        (15, 48.01, "tier"),
        (14, 1, "tier"),
        (3, 1, "too-late"),
    ],
)
def test_cooling_off_needs_both_the_hours_and_the_distance(day, hours, reason):
    assert at(day, since_payment=timedelta(hours=hours)).reason == reason


def test_the_cause_cooling_off_alone_gives_nothing_more():
    assert at(20, "cooling-off").percent == 50
    assert at(20, "cooling-off", since_payment=timedelta(hours=1)).percent == 100


@pytest.mark.parametrize("cause", ["candidate-no-show", "false-statement"])
def test_causes_without_a_refund(cause):
    assert at(100, cause).refund_cents == 0


def test_hard_costs_come_off_a_refused_visa_up_to_a_tenth():
    assert at(5, "visa-refused", 100000, hard_costs_cents=7000).refund_cents == 93000
    quote = at(5, "visa-refused", 100000, hard_costs_cents=70000)
    assert (quote.refund_cents, quote.hard_costs_cents) == (90000, 10000)


def test_illness_gives_at_least_half():
    assert at(3, "illness-candidate", 100001).refund_cents == 50001
    assert at(40, "illness-candidate", 100001).refund_cents == 100001


NO_FAULT = ["visa-refused", "entry-refused", "disaster", "illness-candidate", "bereavement"]


@pytest.mark.parametrize("cause", NO_FAULT)
@given(terms=terms, paid_cents=paid, day=days, hard=st.integers(0, 50000))
def test_no_fault_is_never_worse_than_a_change_of_mind(cause, terms, paid_cents, day, hard):
    quote = at(day, cause, paid_cents, terms=terms, weeks=4, hard_costs_cents=hard)
    assert quote.refund_cents >= at(day, paid_cents=paid_cents, terms=terms).refund_cents
    assert quote.refund_cents + quote.kept_cents == paid_cents
    assert quote.kept_cents >= 0


@pytest.mark.parametrize(
    ("day", "unused"), [(0, 4), (2, 4), (3, 3), (9, 3), (10, 2), (24, 0), (60, 0)]
)
def test_a_week_is_used_from_its_third_day(day, unused):
    assert unused_weeks(START, START + timedelta(days=day), 4) == unused
    quote = at(-day, "disaster", 100000, weeks=4)
    assert quote.refund_cents == 25000 * unused


def test_after_the_start_the_length_is_needed():
    with pytest.raises(ValueError, match="length"):
        at(-3, "disaster")


@pytest.mark.parametrize("cause", sorted(DECIDED_ELSEWHERE))
def test_some_amounts_are_decided_elsewhere(cause):
    with pytest.raises(ValueError, match="elsewhere"):
        at(10, cause)


@pytest.mark.parametrize("cause", sorted(set(CAUSES) - DECIDED_ELSEWHERE))
def test_every_other_cause_can_be_quoted_before_and_after_the_start(cause):
    for day in (100, 0, -10):
        quote = at(day, cause, weeks=4)
        assert quote.refund_cents + quote.kept_cents == 165001


def test_wrong_input_is_refused():
    with pytest.raises(KeyError, match="bad-luck"):
        at(1, "bad-luck")
    with pytest.raises(ValueError, match="negative"):
        at(1, paid_cents=-1)


def test_cooling_off_ends_after_48_hours():
    paid_at = datetime(2027, 1, 4, 12, tzinfo=UTC)
    until = cooling_off_until(FLEXIBLE, paid_at, START, "America/Chicago")
    assert until == paid_at + timedelta(hours=48)


def test_cooling_off_ends_early_at_midnight_of_the_site_before_the_start_is_near():
    paid_at = datetime(2027, 5, 23, 3, tzinfo=UTC)  # 22 May, 20:00 in Los Angeles, 16 days away
    until = cooling_off_until(FLEXIBLE, paid_at, START, "America/Los_Angeles")
    assert until == datetime(2027, 5, 24, 7, tzinfo=UTC)


def test_no_cooling_off_when_the_start_is_near():
    paid_at = datetime(2027, 5, 24, 8, tzinfo=UTC)
    assert cooling_off_until(FLEXIBLE, paid_at, START, "America/Los_Angeles") is None
