"""Every macro of templates/components renders, under the rules of the strict CSP and of HTML."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace as Made

import pytest
from flask import Flask, render_template, render_template_string

from marketplace.core.deadlines import due
from tests.core.pages import TEMPLATES, bare_app

UI = TEMPLATES / "components/ui.html"
START, END = date(2027, 3, 1), date(2027, 3, 26)
NOW = datetime(2026, 11, 24, 16, 20, tzinfo=UTC)
ROWS = [
    Made(label="Deposit", cents=45_000, due=date(2026, 11, 27), kind="deposit", status="paid"),
    Made(
        label="Installment 1 of 2", cents=90_000, due=date(2026, 12, 19), kind="part", status="next"
    ),
    Made(
        label="Installment 2 of 2", cents=90_000, due=date(2027, 2, 1), kind="part", status="later"
    ),
]
REFUND = [
    Made(percent=100, since=None, until=date(2026, 12, 31), cents=45_000, paid=45_000),
    Made(percent=25, since=date(2027, 1, 1), until=date(2027, 1, 30), cents=33_750, paid=135_000),
    Made(percent=0, since=date(2027, 1, 31), until=None, cents=0, paid=225_000),
]
ORDER = Made(
    specialty="Cardiology", doctor="Isabel Fuentes", doctor_short="Dr. Fuentes", tint="card",
    site="Coral Heart Institute", place="Miami, FL", agency="Meridian", level="Hands-on, inpatient",
    start=START, end=END, weeks=4, price=225_000, rows=ROWS, refund=REFUND,
)  # fmt: skip
VALUES = {
    "START": START,
    "END": END,
    "ROWS": ROWS,
    "REFUND": REFUND,
    "ORDER": ORDER,
    "HOLD": Made(
        seconds_left=990, until_site="2:50 PM", place="Miami", until_own="8:50 PM", extend_url="/x"
    ),
    "FIT": Made(
        kind="no", title="Does not fit you", text="Students only.", url="/r", action="See 9"
    ),
    "DUE": due(NOW - timedelta(hours=17), NOW, "America/Chicago"),
    "OPTION": Made(value="Internal medicine", label="Internal medicine", n=4, on=True),
    "STEPS": [
        Made(title="Request sent", state="done", who="You, Nov 22"),
        Made(title="Attending accepts", state="now", who="Dr. Fuentes, by Nov 26"),
        Made(title="Cancelled", state="bad", who="By Meridian"),
        Made(title="First day", state="next", who="Mar 1"),
    ],
    "PARTS": [
        Made(label="Teaching", cents=112_500, percent=50),
        Made(label="Site", cents=112_500, percent=50),
    ],
    "SIMILAR": Made(
        url="/rotations/x",
        specialty="Cardiology",
        doctor="Leah Goldstein",
        tint="card",
        site="Hudson",
        place="New York, NY",
        level="Hands-on, outpatient",
        hands="hands-on",
        why="Same weeks",
        cents=249_000,
        weeks=4,
        start=START,
    ),
    "MONTHS": [
        (
            "March",
            [
                Made(
                    date=START,
                    left=1,
                    capacity=3,
                    url="?start=2027-03-01",
                    waitlist_url="",
                    letter=None,
                ),
                Made(date=END, left=0, capacity=3, url="", waitlist_url="/wait", letter=None),
            ],
        )
    ],
    "PAGE_URL": lambda n: f"?page={n}",
}

# One use of every macro, a line each: file.macro = template source.
SAMPLES = [
    line.split(" = ", 1)
    for line in Path(__file__).with_name("component_samples.txt").read_text().splitlines()
]
FILES = sorted({name.partition(".")[0] for name, _ in SAMPLES})


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    made = bare_app()
    with made.test_request_context("/page?x=1"):
        yield made


def _render(app: Flask, source: str) -> str:
    heads = "".join(f'{{% import "components/{name}.html" as {name} %}}' for name in FILES)
    return render_template_string(heads + source, **VALUES)


def check_page(html: str) -> None:
    """What holds for every piece of HTML we send: no inline style or script, ids once, no gaps."""
    assert not re.search(r"\sstyle\s*=", html), "inline style"
    assert not re.search(r"\son[a-z]+\s*=", html), "inline handler"
    assert not re.search(r"<script(?![^>]*\ssrc=)", html), "inline script"
    ids = re.findall(r'\sid="([^"]*)"', html)
    assert len(ids) == len(set(ids)), sorted(one for one in ids if ids.count(one) > 1)
    described = re.findall(r'aria-(?:describedby|labelledby)="([^"]*)"', html)
    assert {one for entry in described for one in entry.split()} <= set(ids)
    assert not re.search(r">\s*(None|Undefined)\s*<", html), "an empty value shows"


@pytest.mark.parametrize(("name", "source"), SAMPLES)
def test_a_macro_renders(app: Flask, name: str, source: str) -> None:
    html = _render(app, source)
    assert html.strip()
    assert set(re.findall(r'icons\.[0-9a-f]+\.svg#([\w-]+)"', html)) <= _icons()
    check_page(html)


def test_every_macro_has_a_sample() -> None:
    declared = {
        f"{path.stem}.{macro}"
        for path in (TEMPLATES / "components").glob("*.html")
        for macro in re.findall(r"\{% macro ([a-z]\w*)\(", path.read_text())
    } | {f"ui.{name}" for name in re.findall(r"(?<!/)marks\.([a-z]\w*)", UI.read_text())}
    assert declared == {name for name, _ in SAMPLES}


def test_every_icon_named_in_a_template_is_in_the_sprite() -> None:
    named = set()
    for path in TEMPLATES.rglob("*.html"):
        named |= set(re.findall(r"icon\('([\w-]+)'", path.read_text()))
    assert named <= _icons()


def _icons() -> set[str]:
    sprite = (TEMPLATES.parent / "static" / "img" / "icons.svg").read_text()
    return set(re.findall(r'<symbol id="([\w-]+)"', sprite))


def test_values_are_escaped(app: Flask) -> None:
    html = _render(app, "{{ forms.field('a', '<b>', '\"><script>', '<i>') }}")
    assert "<script>" not in html
    assert "<b>" not in html
    assert "<i>" not in html


VIEWER = Made(
    name="Dana Whitfield",
    email="dana@example.test",
    is_admin=True,
    is_attending=True,
    agencies=[Made(slug="lakeshore", name="Lakeshore Clinical Partners", role="coordinator")],
    attends_for=[("0190-1", "Dr. Isabel Fuentes")],
)


@pytest.mark.parametrize("viewer", [None, VIEWER])
def test_the_public_layout(app: Flask, viewer: Made | None) -> None:
    html = render_template_string(
        '{% extends "layouts/public.html" %}{% block title %}Page{% endblock %}'
        '{% block main %}<main id="main">x</main>{% endblock %}',
        viewer=viewer,
        demo=True,
    )
    check_page(html)
    assert "<title>Page – Rounds</title>" in html
    assert ("csrf_token" in html) == (viewer is not None)
    assert ('content="noindex"' in html) == (viewer is not None)


@pytest.mark.parametrize("side", ["agency", "attending", "admin", "me"])
def test_the_work_layout_marks_the_present_row_and_counts(app: Flask, side: str) -> None:
    nav = "next" if side == "me" else "home"
    html = render_template_string(
        '{% extends "layouts/work.html" %}{% block title %}Page{% endblock %}'
        "{% block page %}<h1>x</h1>{% endblock %}",
        side=side,
        agency=VIEWER.agencies[0],
        viewer=VIEWER,
        nav=nav,
        counts={nav: 7},
    )
    check_page(html)
    assert html.count('aria-current="page"') in (1, 2)  # the row, and its tab if it has one
    assert '>7<span class="sr-only"> waiting' in html
    assert 'aria-current="true"' in html


@pytest.mark.parametrize(
    "status",
    [400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 500, 503, 418, "maintenance", "offline"],
)
def test_every_error_says_what_happened_and_offers_a_way_on(app: Flask, status: int | str) -> None:
    for name in ("errors/page.html", "errors/_fragment.html"):
        html = render_template(name, status=status, request_id="req-12345678")
        check_page(html)
        assert html.count("<h1") == 1
        assert 'class="btn btn--accent" href="/"' in html
        assert "req-12345678" in html
        assert ("<html" in html) == (name == "errors/page.html")


def test_an_error_shows_the_words_it_is_given(app: Flask) -> None:
    html = render_template(
        "errors/_fragment.html",
        status=410,
        title="Already answered",
        message="You accepted on Monday.",
        action_url="/attending",
        action_label="Your trainees",
        request_id="",
    )
    assert "Already answered" in html
    assert '<a class="btn btn--accent" href="/attending">Your trainees</a>' in html


def test_a_message_has_one_action_and_no_remote_part(app: Flask) -> None:
    html = render_template_string(
        '{% extends "emails/_layout.html" %}{% block subject %}S{% endblock %}'
        "{% block title %}T{% endblock %}{% block body %}{% call p() %}Hello{% endcall %}"
        "{% call rows() %}{{ row('Paid', '$10', true) }}{% endcall %}"
        "{% call box('good') %}Fine{% endcall %}"
        "{{ button('https://rounds.example/x', 'Open') }}{% endblock %}"
    )
    assert html.count('class="btn-a"') == 1
    assert "<img" not in html
    assert "prefers-color-scheme:dark" in html
