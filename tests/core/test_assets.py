"""Static files: addresses follow content, caching is for ever, the budget holds."""

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from marketplace.core import assets
from tests.core.pages import bare_app

BUDGET = 20 * 1024


@pytest.fixture(scope="module")
def built() -> dict[str, assets.Asset]:
    return assets.build()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return bare_app().test_client()


def _copy(tmp_path: Path, extra: str) -> dict[str, assets.Asset]:
    """The same static tree with one declaration more in one file."""
    for source in assets.STATIC.rglob("*"):
        if source.is_file():
            target = tmp_path / source.relative_to(assets.STATIC)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    tokens = tmp_path / "css" / "tokens.css"
    tokens.write_text(tokens.read_text() + extra)
    return assets.build(tmp_path)


def test_the_address_follows_the_content(tmp_path: Path, built: dict[str, assets.Asset]) -> None:
    changed = _copy(tmp_path, ":root { --new: 1px; }")
    assert changed["app.css"].url != built["app.css"].url
    assert changed["work.css"].url == built["work.css"].url
    assert changed["icons.svg"].url == built["icons.svg"].url


def test_every_css_file_is_in_a_bundle_and_every_url_points_to_a_file(
    built: dict[str, assets.Asset],
) -> None:
    named = {part for parts in assets.BUNDLES.values() for part in parts}
    assert sorted(named) == sorted(path.stem for path in (assets.STATIC / "css").glob("*.css"))
    served = {asset.url for asset in built.values()}
    css = "".join(built[name].plain.decode() for name in assets.BUNDLES)
    assert set(re.findall(r'url\("([^"]+)"\)', css)) <= served
    assert css.count("{") == css.count("}")


def test_no_selector_is_declared_twice_with_the_same_property() -> None:
    """Two rules of one bundle and layer for the same selector must not set one property twice."""
    clashes = []
    for name, parts in assets.BUNDLES.items():
        seen: dict[tuple[str, str], str] = {}
        for part in parts:
            text = (assets.STATIC / "css" / f"{part}.css").read_text()
            for selector, prop in _plain_declarations(text):
                first = seen.setdefault((selector, prop), part)
                if first != part:
                    clashes.append(f"{name}: {selector} sets {prop} in {first} and {part}")
    assert clashes == []


def _plain_declarations(css: str) -> list[tuple[str, str]]:
    """(selector, property) of rules outside media queries; our files indent those by two."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    found = []
    for match in re.finditer(r"^  ([^\s@}][^{}]*?) \{([^{}]*)\}", css, flags=re.M):
        selectors = [part.strip() for part in re.split(r",(?![^(]*\))", match[1])]
        properties = re.findall(r"(?:^|;|\s)([a-z-]+|--[\w-]+):", match[2])
        found += [(selector, prop) for selector in selectors for prop in properties]
    return found


def test_served_for_ever_with_its_type(client: FlaskClient, built: dict[str, assets.Asset]) -> None:
    for name, media_type in (
        ("app.css", "text/css"),
        ("app.js", "text/javascript"),
        ("icons.svg", "image/svg+xml"),
        ("inter-latin.woff2", "font/woff2"),
    ):
        answer = client.get(built[name].url)
        assert answer.status_code == 200
        assert answer.mimetype == media_type
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.data == built[name].plain


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_encoding_is_negotiated(
    client: FlaskClient, built: dict[str, assets.Asset], accepted: str, encoding: str | None
) -> None:
    asset = built["app.css"]
    answer = client.get(asset.url, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.data == {"br": asset.brotli, "gzip": asset.gzip, None: asset.plain}[encoding]
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_known_tag_answers_304_for_its_encoding_only(
    client: FlaskClient, built: dict[str, assets.Asset]
) -> None:
    url = built["app.css"].url
    tag = client.get(url, headers={"Accept-Encoding": "br"}).headers["ETag"]
    same = client.get(url, headers={"Accept-Encoding": "br", "If-None-Match": tag})
    assert (same.status_code, same.data) == (304, b"")
    other = client.get(url, headers={"Accept-Encoding": "gzip", "If-None-Match": tag})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["app.css", "app.000000000000.css", "../pyproject.toml", "css"])
def test_only_hashed_names_exist(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("second", ["site.css", "work.css"])
def test_a_page_loads_at_most_20_kb_of_css(built: dict[str, assets.Asset], second: str) -> None:
    """In gzip, the larger of the two encodings that browsers get."""
    sizes = [len(built[name].gzip or b"") for name in ("app.css", second)]
    assert sum(sizes) <= BUDGET, sizes


def test_a_page_loads_at_most_20_kb_of_scripts(built: dict[str, assets.Asset]) -> None:
    sizes = [len(asset.gzip or b"") for name, asset in built.items() if name.endswith(".js")]
    assert len(sizes) >= 2
    assert sum(sizes) <= BUDGET, sizes


def test_the_map_has_a_symbol_for_every_state(built: dict[str, assets.Asset]) -> None:
    text = built["us-map.svg"].plain.decode()
    assert text.count("<symbol") >= 50
    assert 'id="s-TX"' in text
