"""Folding and escaping of calendar files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.bookings.calendar_file import escape, fold


@given(
    st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=400)
)
def test_folded_lines_are_short_and_unfold_to_the_same(line):
    pieces = list(fold(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert "\r\n".join(pieces).replace("\r\n ", "") == line


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a,b;c", "a\\,b\\;c"),
        ("back\\slash", "back\\\\slash"),
        ("two\r\nlines\nhere", "two\\nlines\\nhere"),
    ],
)
def test_text_is_escaped(text, escaped):
    assert escape(text) == escaped
