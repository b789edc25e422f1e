import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.listings.npi import check_digit, valid_npi

DEMO = Path(__file__).parents[2] / "demo" / "data"


def table(name):
    with (DEMO / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


nine_digits = st.from_regex(r"[12][0-9]{8}", fullmatch=True)


def test_the_known_examples():
    assert valid_npi("1234567893")
    assert not valid_npi("1234567890")


@pytest.mark.parametrize("row", table("npis_invalid.csv"), ids=lambda row: row["why"])
def test_what_a_validator_must_refuse(row):
    assert not valid_npi(row["value"])
    assert not valid_npi(row["value"], demo=True)


def test_demo_numbers_are_valid_only_in_the_demo():
    numbers = [row["npi"] for row in table("npis.csv")]
    assert len(set(numbers)) == 400
    assert all(valid_npi(n, demo=True) for n in numbers)
    assert not any(valid_npi(n) for n in numbers)


@given(nine_digits, st.integers(0, 9), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(nine, place, step):
    npi = nine + check_digit(nine)
    assert valid_npi(npi)
    wrong = str((int(npi[place]) + step) % 10)
    assert not valid_npi(npi[:place] + wrong + npi[place + 1 :], demo=True)


@given(st.text(max_size=12))
def test_any_text_gets_an_answer(text):
    assert not valid_npi(text) or (len(text) == 10 and text.isascii())


@pytest.mark.parametrize("text", ["12345678", "1234567893", "12345678\u0663", ""])
def test_check_digit_needs_nine_ascii_digits(text):
    with pytest.raises(ValueError, match="nine digits"):
        check_digit(text)


def test_a_line_break_is_not_part_of_a_number():
    assert not valid_npi("1234567893\n")
