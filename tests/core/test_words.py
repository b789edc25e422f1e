import string

import pytest

from marketplace.core import reference
from marketplace.core.words import slots, words

LINES = reference.rows("microcopy")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["key"])
def test_every_text_formats_with_its_declared_variables(line):
    declared = set(reference.split(line["variables"]))
    used = {name for _, name, _, _ in string.Formatter().parse(line["text"]) if name is not None}
    assert used == declared == slots(line["key"])
    text = words(line["key"], **{name: f"<{name}>" for name in declared})
    assert "{" not in text
    assert all(f"<{name}>" in text for name in declared)


def test_values_fill_the_slots_and_are_never_read_as_slots():
    assert words("refund.today", amount="$1,650") == "If you cancel today you get $1,650 back"
    assert words("seats.left", count="{amount}") == "{amount} seats left"


def test_extra_values_are_ignored():
    assert words("price.total", amount="$5") == "Total, all fees included"


def test_an_unknown_key_says_its_name():
    with pytest.raises(KeyError, match=r"no microcopy named 'nothing\.here'"):
        words("nothing.here")


def test_a_missing_slot_says_its_name():
    with pytest.raises(KeyError, match=r"'refund\.row' needs amount, percent"):
        words("refund.row", date="1 May 2027")
