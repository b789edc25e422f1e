"""An agency's colour as tokens that stay readable in both themes (WCAG 2.2, contrast 1.4.3)."""

import re

from marketplace.core.errors import Invalid

READABLE = 4.5  # WCAG 2.2 AA for text
WHITE, PALE, NIGHT = (255, 255, 255), (244, 247, 247), (16, 23, 25)
NIGHT_SOFT = (37, 46, 50)

Rgb = tuple[int, int, int]


def read(text: str) -> Rgb:
    """`#1f6f68` as three numbers. Raises `Invalid` (field `accent`) for anything else."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        message = "Write the colour as # and six signs, like #1f6f68."
        raise Invalid({"accent": message}, message)
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def written(rgb: Rgb) -> str:
    """The colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def check(text: str) -> str:
    """The colour in one spelling. Raises `Invalid` with the nearest darker one that can be read:
    buttons write white on it, and links are written in it."""
    rgb = read(text)
    if _is_readable(rgb):
        return written(rgb)
    message = (
        f"White text on {written(rgb)} is hard to read ({contrast(rgb, WHITE):.1f} to 1; it needs"
        f" {READABLE} to 1, on pale ground too). Nearest that works: {written(_darker(rgb))}."
    )
    raise Invalid({"accent": message}, message)


def stylesheet(accent: str) -> str:
    """The tokens of a storefront. Only checked colours come in, so nothing needs escaping."""
    day = read(accent)
    night = _lighter(day)
    pairs = {
        "--accent": (day, night),
        "--accent-hi": (_mixed(day, (0, 0, 0), 0.15), _mixed(night, WHITE, 0.2)),
        "--on-accent": (WHITE, NIGHT),
        "--accent-soft": (_soft(day), _mixed(NIGHT, night, 0.14)),
    }
    lines = [
        f"    {name}: light-dark({written(light)}, {written(dark)});"
        for name, (light, dark) in pairs.items()
    ]
    return "\n".join(["@layer tokens {", "  :root {", *lines, "  }", "}", ""])


def _luminance(rgb: Rgb) -> float:
    def linear(value: int) -> float:
        part = value / 255
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(value) for value in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _soft(rgb: Rgb) -> Rgb:
    return _mixed(WHITE, rgb, 0.07)


def _is_readable(rgb: Rgb) -> bool:
    return all(contrast(rgb, ground) >= READABLE for ground in (WHITE, PALE, _soft(rgb)))


def _darker(rgb: Rgb) -> Rgb:
    steps = (_mixed(rgb, (0, 0, 0), share / 50) for share in range(51))
    return next(found for found in steps if _is_readable(found))


def _lighter(rgb: Rgb) -> Rgb:
    """The colour for the dark theme: readable on its ground, on panels and on its own tint."""
    steps = (_mixed(rgb, WHITE, share / 50) for share in range(51))
    return next(
        found
        for found in steps
        if all(
            contrast(found, ground) >= READABLE + 1
            for ground in (NIGHT, NIGHT_SOFT, _mixed(NIGHT, found, 0.14))
        )
    )
