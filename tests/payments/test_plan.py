import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.plan import Part, make_plan, plan_rules

EXAMPLES = Path(__file__).parent.parent / "data" / "installment_examples.csv"
with EXAMPLES.open(encoding="utf-8", newline="") as file:
    ORACLE = list(csv.DictReader(file))

RULES = plan_rules()


def of(row):
    return make_plan(
        int(row["price_cents"]),
        int(row["deposit_percent"]),
        int(row["wanted_installments"]),
        date.fromisoformat(row["deposit_date"]),
        date.fromisoformat(row["start_date"]),
        rules=RULES,
    )


@pytest.mark.parametrize("row", ORACLE, ids=lambda row: row["slug"])
def test_worked_examples_are_exact_to_the_cent(row):
    plan = of(row)
    assert plan.deposit_cents == int(row["deposit_cents"])
    assert [p.amount_cents for p in plan.parts] == [
        int(x) for x in row["installment_cents"].split("|") if x
    ]
    assert [p.due_on.isoformat() for p in plan.parts] == [
        x for x in row["due_dates"].split("|") if x
    ]


@st.composite
def wishes(draw):
    paid = draw(st.dates(date(2026, 1, 1), date(2032, 12, 31)))
    return (
        draw(st.integers(1, 2_000_000)),
        draw(st.integers(10, 40)),
        draw(st.integers(0, 9)),
        paid,
        paid + timedelta(days=draw(st.integers(0, 500))),
    )


@given(wishes())
def test_every_plan_obeys_every_rule(wish):
    price, _, wanted, paid, start = wish
    plan = make_plan(*wish)
    assert plan.total_cents == price
    assert len(plan.parts) <= min(wanted, 4)
    assert [p.seq for p in plan.parts] == list(range(1, len(plan.parts) + 1))
    days = [paid] + [p.due_on for p in plan.parts]
    assert all((later - day).days >= 14 for day, later in pairwise(days))
    if not plan.parts:
        assert plan.deposit_cents == price
        return
    amounts = [p.amount_cents for p in plan.parts]
    assert min(amounts) >= 100_00
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] - amounts[-1] <= 1
    assert (start - plan.parts[-1].due_on).days >= 28
    assert (start - paid).days >= 42
    assert price > 500_00
    if price >= 800_00:
        assert plan.deposit_cents >= 200_00
    assert price * 10 // 100 <= plan.deposit_cents <= price * 40 // 100 + 1


@given(wishes())
def test_wanting_more_parts_never_gives_fewer(wish):
    price, percent, wanted, paid, start = wish
    fewer = make_plan(price, percent, wanted, paid, start)
    more = make_plan(price, percent, wanted + 1, paid, start)
    assert len(more.parts) >= len(fewer.parts)


@given(wishes())
def test_room_for_one_part_is_always_used(wish):
    price, _, wanted, paid, start = wish
    plan = make_plan(*wish)
    if wanted and price > 500_00 and (start - paid).days >= 42:
        assert plan.parts


def test_the_day_before_the_limit_is_one_charge():
    start = date(2027, 6, 7)
    assert make_plan(250000, 25, 4, start - timedelta(days=41), start).parts == ()
    parts = make_plan(250000, 25, 4, start - timedelta(days=42), start).parts
    assert parts == (Part(1, 187500, date(2027, 5, 10)),)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"price_cents": 0}, "price"),
        ({"deposit_percent": 9}, "9 percent"),
        ({"deposit_percent": 41}, "41 percent"),
        ({"wanted_installments": -1}, "-1 installments"),
        ({"start_date": date(2026, 11, 30)}, "before the start"),
    ],
)
def test_impossible_wishes_are_refused(changed, words):
    wish = {
        "price_cents": 200000,
        "deposit_percent": 25,
        "wanted_installments": 4,
        "deposit_date": date(2026, 12, 1),
        "start_date": date(2027, 6, 7),
    }
    with pytest.raises(ValueError, match=words):
        make_plan(**(wish | changed))


def test_the_rules_stay_on_the_safe_side_of_regulation_z():
    assert RULES.max_installments <= 4
    assert RULES.last_due_days >= 28
