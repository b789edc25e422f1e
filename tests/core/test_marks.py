"""Marks are functions with a memory: what they say is escaped, and no two texts share an answer."""

from datetime import date

from jinja2 import Environment
from markupsafe import Markup

from marketplace.core import marks

icon = marks.icons("/static/icons.svg")
status = marks.states(icon)


def test_what_is_shown_is_escaped() -> None:
    assert "&lt;b&gt;" in status("good", "<b>")
    assert "&#34;&gt;" in icon("x", '">')
    assert ">&lt;A<" in marks.avatar("<b Ann")


def test_a_text_and_its_markup_are_told_apart() -> None:
    assert "<i>" in status("good", Markup("<i>"))
    assert "&lt;i&gt;" in status("good", "<i>")
    assert "<i>" in status("good", Markup("<i>"))


def test_dates_never_break() -> None:
    start, end = date(2026, 12, 28), date(2027, 1, 22)
    assert marks.date_range(start, end) == "Dec\xa028, 2026 \N{EN DASH} Jan\xa022, 2027"
    assert marks.date_range(start, start) == "Dec\xa028 \N{EN DASH} Dec\xa028, 2026"
    assert marks.day(start) == '<time datetime="2026-12-28">Dec\xa028, 2026</time>'


def test_a_state_says_its_kind_in_a_word_an_icon_and_a_colour() -> None:
    assert status("warn", "1 left", ico="users") == (
        '<span class="st st--warn"><svg class="icon" aria-hidden="true">'
        '<use href="/static/icons.svg#users"/></svg>1 left</span>'
    )
    assert "st--pill" in status("good", "New", pill=True)
    assert "#circle-alert" in status("warn", "Late")


def test_a_remembered_macro_is_made_once_for_each_text_and_escapes_each() -> None:
    made: list[object] = []
    pages = Environment(autoescape=True)
    pages.globals.update(marks=marks, made=made.append)
    source = "{% macro _row(text) %}<td>{{ made(text) or text }}</td>{% endmacro %}"
    row = pages.from_string(source + "{% set row = marks.remembered(_row) %}").module.row
    assert [row("<b>"), row(Markup("<b>")), row("<b>")] == [
        "<td>&lt;b&gt;</td>",
        "<td><b></td>",
        "<td>&lt;b&gt;</td>",
    ]
    assert len(made) == 2
