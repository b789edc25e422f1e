"""The small marks that every page shows many times: icons, states, dates, initials.

They are functions and no macros: a page has a hundred of them, and calling a macro costs ten
times as much. `templates/components/ui.html` passes them on under their names.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from types import SimpleNamespace

from flask import Flask
from markupsafe import Markup, escape

from marketplace.core import formats

STATE_ICONS = {
    "good": "circle-check",
    "warn": "circle-alert",
    "bad": "circle-x",
    "info": "hourglass",
    "mute": "circle-dashed",
    "now": "circle-dot",
}
"""Kinds of states, each with the icon that says the same as its colour."""

# `format` of a Markup escapes what it is given.
_ICON = Markup('<svg class="icon" {}><use href="{}#{}"/></svg>')
_SEEN = Markup('role="img" aria-label="{}"')
_STATE = Markup('<span class="{}">{}{}</span>')
_DAY = Markup('<time datetime="{}">{}</time>')
_AVATAR = Markup('<span class="{}" aria-hidden="true">{}</span>')

Icon = Callable[..., Markup]


def init_app(app: Flask) -> None:
    """Give templates `marks`; after `assets`, whose sprite the icons come from."""
    address: Callable[[str], str] = app.jinja_env.globals["asset_url"]  # type: ignore[assignment]
    icon = icons(address("icons.svg"))
    app.jinja_env.globals["marks"] = SimpleNamespace(
        icon=icon,
        status=states(icon),
        md=month_day,
        day=day,
        date_range=date_range,
        avatar=avatar,
        STATE_ICONS=STATE_ICONS,
        remembered=remembered,
    )


def remembered(macro: Callable[..., Markup]) -> Callable[..., Markup]:
    """A macro that remembers what it made. For rows of words that many pages share, such as those
    of the platform's lists: made of plain values alone, never of a person's."""
    return lru_cache(maxsize=1024, typed=True)(macro)


def icons(sprite: str) -> Icon:
    """`icon(name, label="")` from this sprite; without a label it is only for the eye."""

    @lru_cache(maxsize=4096, typed=True)
    def icon(name: str, label: str = "") -> Markup:
        said = _SEEN.format(label) if label else Markup('aria-hidden="true"')
        return _ICON.format(said, sprite, name)

    return icon


def states(icon: Icon) -> Callable[..., Markup]:
    """`status(kind, text, pill=False, ico="")`: icon and word; colour only repeats the word."""

    @lru_cache(maxsize=4096, typed=True)  # typed: a text and a Markup of it are not the same
    def status(kind: str, text: str, pill: bool = False, ico: str = "") -> Markup:
        shape = f"st st--{kind} st--pill" if pill else f"st st--{kind}"
        shown = icon(ico or STATE_ICONS.get(kind, "circle"))
        return _STATE.format(shape, shown, text)

    return status


@lru_cache(maxsize=4096)
def month_day(value: date) -> Markup:
    """Jan 5, never broken over two lines."""
    return escape(formats.month_day(value))


@lru_cache(maxsize=4096)
def day(value: date) -> Markup:
    """Jan 5, 2027 as an element of time."""
    return _DAY.format(value.isoformat(), formats.day(value))


def date_range(start: date, end: date) -> Markup:
    """Mar 1 - Mar 26, 2027; both years when they differ."""
    year = "" if start.year == end.year else f", {start.year}"
    return escape(f"{formats.month_day(start)}{year} \N{EN DASH} {formats.day(end)}")


@lru_cache(maxsize=4096, typed=True)
def avatar(name: str, tint: str = "", size: str = "s") -> Markup:
    """A person by initials in the tint of a specialty; size: s, l or "" (card)."""
    shape = "face" + (f" face--{size}" if size else "") + (f" tint-{tint}" if tint else "")
    initials = "".join(word[0] for word in name.split()[:2])
    return _AVATAR.format(shape, initials)
