"""Static files: read once at start, hashed by content, compressed in memory, served for ever.

CSS is written as many small files and served as three bundles. A name in a page is made by
`asset_url("app.css")`, so that a changed file gets a new address and no cache is ever stale.
"""

import gzip
import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

import brotli  # type: ignore[import-untyped]
from flask import Blueprint, Flask, Response, abort, request

STATIC = Path(__file__).resolve().parents[2] / "static"
US_MAP = Path(__file__).resolve().parents[1] / "data" / "us_map.json"
ONE_YEAR = "public, max-age=31536000, immutable"

# The order is the cascade inside each layer. A page takes `app.css` and one of the other two.
BUNDLES: dict[str, tuple[str, ...]] = {
    "app.css": (
        "tokens",
        "base",
        "layout",
        "components",
        "kit",
        "forms",
        "booking-parts",
        "people",
        "data",
        "prose",
    ),
    "site.css": (
        "facts",
        "search",
        "home",
        "landing",
        "storefront",
        "rotation",
        "request",
        "booking",
        "compare",
        "saved",
    ),
    "work.css": (
        "work-data",
        "work",
        "workspace",
        "team",
        "queue",
        "editor",
        "calendar",
        "files",
        "attending",
        "platform",
    ),
}
# Spelled out, because what the system's own list knows differs from machine to machine.
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
    "png": "image/png",
    "txt": "text/plain",
}
COMPRESSIBLE = {"css", "js", "svg", "txt"}


@dataclass(frozen=True)
class Asset:
    """One static file, ready to send: `url` carries the first 12 hex digits of its SHA-256."""

    url: str
    media_type: str
    etag: str
    plain: bytes
    gzip: bytes | None
    brotli: bytes | None


def build(static: Path = STATIC, us_map: Path = US_MAP) -> dict[str, Asset]:
    """Read, bundle, hash and compress everything under `static`; keys are names like `app.css`."""
    binary = {p for p in static.rglob("*") if p.is_file() and "css" not in p.parts}
    assets = {p.name: _asset(p.name, p.read_bytes()) for p in sorted(binary)}
    assets["us-map.svg"] = _asset("us-map.svg", _map_sprite(us_map))
    for name, parts in BUNDLES.items():
        text = "\n".join((static / "css" / f"{part}.css").read_text("utf-8") for part in parts)
        assets[name] = _asset(name, minify(_link(text, assets)).encode())
    return assets


def minify(css: str) -> str:
    """Drop comments and the white space that only helps a reader. Strings in our CSS are short."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = re.sub(r"\s+", " ", css)
    css = re.sub(r" ?([{};]) ?", r"\1", css).replace(";}", "}")
    return re.sub(r"([:,]) ", r"\1", css).strip()


def init_app(app: Flask) -> None:
    """Serve `/static/<name>.<hash>.<ext>` and give templates `asset_url(name)` and
    the small icon of the tab as data, which saves a request.

    `extensions["rounds.assets"]` changes with any of them.
    """
    assets = build()
    names = " ".join(sorted(asset.url for asset in assets.values()))
    app.extensions["rounds.assets"] = hashlib.sha256(names.encode()).hexdigest()[:16]
    by_url = {asset.url: asset for asset in assets.values()}

    def asset_url(name: str) -> str:
        """Address of a static file by its plain name; an unknown name is a KeyError."""
        return assets[name].url

    def static(name: str) -> Response:
        asset = by_url.get(f"/static/{name}") or abort(404)
        return _respond(asset)

    room = Blueprint("assets", __name__)
    room.add_url_rule("/static/<name>", "static", static)
    app.register_blueprint(room)
    app.jinja_env.globals["asset_url"] = asset_url
    app.jinja_env.globals["icon_data"] = "data:image/svg+xml," + quote(assets["favicon.svg"].plain)


@cache
def _asset(name: str, body: bytes) -> Asset:
    digest = hashlib.sha256(body).hexdigest()
    stem, _, extension = name.rpartition(".")
    small = extension in COMPRESSIBLE
    return Asset(
        url=f"/static/{stem}.{digest[:12]}.{extension}",
        media_type=MEDIA_TYPES[extension],
        etag=digest[:32],
        plain=body,
        gzip=gzip.compress(body, 9, mtime=0) if small else None,
        brotli=brotli.compress(body, quality=11) if small else None,
    )


def _link(css: str, assets: dict[str, Asset]) -> str:
    """Replace `url("name")` by the hashed address of that file."""
    return re.sub(r'url\("([\w.-]+)"\)', lambda m: f'url("{assets[m[1]].url}")', css)


def _map_sprite(source: Path) -> bytes:
    """One symbol per state: pages say `<use href="us-map.svg#s-TX">` and cache the paths."""
    states = json.loads(source.read_text("utf-8"))["states"]
    symbols = "".join(
        f'<symbol id="s-{s["code"]}" viewBox="0 0 975 610"><path d="{_relative(s["d"])}"/></symbol>'
        for s in states
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg">{symbols}</svg>'.encode()


def _relative(path: str) -> str:
    """Closed rings of whole numbers, each point as the way from the one before: the same shape in
    little more than half of the bytes."""
    rings = []
    for ring in path.split("Z"):
        points = [tuple(map(int, point.split(","))) for point in ring[1:].split("L") if point]
        steps = [
            f"{x - before_x} {y - before_y}"
            for (before_x, before_y), (x, y) in itertools.pairwise(points)
        ]
        if points:
            rings.append(f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}z".replace(" -", "-"))
    return "".join(rings)


def _respond(asset: Asset) -> Response:
    accepted = request.accept_encodings
    body, encoding = asset.plain, ""
    if asset.brotli and accepted["br"] > 0:
        body, encoding = asset.brotli, "br"
    elif asset.gzip and accepted["gzip"] > 0:
        body, encoding = asset.gzip, "gzip"
    response = Response(body, mimetype=asset.media_type)
    if encoding:
        response.headers["Content-Encoding"] = encoding
    response.headers["Cache-Control"] = ONE_YEAR
    if asset.gzip:
        response.vary.add("Accept-Encoding")
    # Each encoding is its own representation, so each has its own tag.
    response.set_etag(f"{asset.etag}-{encoding or 'plain'}")
    response.make_conditional(request)
    return response
