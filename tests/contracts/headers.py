"""What every answer has to carry, and what no page may hold under its policy."""

import re
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.contracts import routes
from tests.contracts.routes import Row

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
POLICY = {
    "default-src": {"'none'"},
    "script-src": {"'self'"},
    "style-src": {"'self'"},
    "img-src": {"'self'", "data:"},
    "font-src": {"'self'"},
    "connect-src": {"'self'"},
    "form-action": {"'self'"},
    "base-uri": {"'none'"},
    "frame-ancestors": {"'none'"},
    "manifest-src": {"'self'"},
}
PROVIDER = frozenset({"script-src", "frame-src", "connect-src"})
CARD_PAGES = frozenset({"cards.see_card", "cards.see_payment", "cards.use_card"})
FRAMED = frozenset({"storefront.widget"})  # links only, made to stand on other sites
_INLINE = re.compile(r"<style\b|\sstyle=[\"']|\son[a-z]+=[\"']|href=[\"']javascript:", re.I)
_PRIVATE = re.compile(r"/(me|agency|attending|admin)(/|$)")
_SCRIPT = re.compile(r"<script\b([^>]*)>", re.I)


def policy(answer: TestResponse) -> dict[str, set[str]]:
    """The content security policy by directive."""
    text = answer.headers.get("Content-Security-Policy", "")
    parts = (rule.split() for rule in text.split(";") if rule.strip())
    return {name: set(sources) for name, *sources in parts}


def check(row: Row, answer: TestResponse, provider: str, *, anonymous: bool) -> list[str]:
    """What is wrong with the headers of an answer. `provider` is the card provider's address."""
    wrong = [
        f"{name}: {answer.headers.get(name)}"
        for name, value in ALWAYS.items()
        if answer.headers.get(name) != value
    ]
    wrong += _policy(row, answer, provider)
    wrong += _cookies(row, answer, anonymous=anonymous)
    if answer.mimetype == "text/html" and answer.status_code not in (302, 303):
        wrong += _page(row, answer.get_data(as_text=True), provider)
        wrong += _cache(row, answer)
    return wrong


def _policy(row: Row, answer: TestResponse, provider: str) -> list[str]:
    found = policy(answer)
    card = row.endpoint in CARD_PAGES and answer.status_code in (200, 422)
    wrong = [f"no {name}" for name in POLICY if name not in found]
    for name, sources in found.items():
        extra = sources - POLICY.get(name, set())
        if card and name in PROVIDER:
            extra -= {provider}
        if row.endpoint in FRAMED and answer.status_code == 200 and name == "frame-ancestors":
            extra -= {"*"}
        wrong += [f"{name} allows {source}" for source in sorted(extra)]
    return wrong


def _cookies(row: Row, answer: TestResponse, *, anonymous: bool) -> list[str]:
    wrong = []
    for cookie in answer.headers.getlist("Set-Cookie"):
        kept = cookie.lower()
        if anonymous and row.who == routes.PUBLIC and row.method == "GET":
            wrong.append("a cookie for a stranger who only reads")
        if "domain=" in kept or "samesite=lax" not in kept or "httponly" not in kept:
            wrong.append(f"a loose cookie: {re.sub('=[^;]*', '', cookie, count=1)}")
    return wrong


def _page(row: Row, html: str, provider: str) -> list[str]:
    """What the policy would block: inline scripts and styles, scripts of others."""
    wrong = [f"inline: {found[0].strip()}" for found in _INLINE.finditer(html)]
    for tag in _SCRIPT.finditer(html):
        source = re.search(r'src="([^"]*)"', tag[1])
        if source is None:
            wrong += [] if 'type="application/' in tag[1] else ["an inline script"]
            continue
        address = urlsplit(source[1])
        origin = f"{address.scheme}://{address.netloc}" if address.netloc else ""
        if origin and not (origin == provider and row.endpoint in CARD_PAGES):
            wrong.append(f"a script of {origin}")
    return wrong


def _cache(row: Row, answer: TestResponse) -> list[str]:
    rule = answer.headers.get("Cache-Control", "")
    if "private" not in rule:
        return [f"cached for everybody: {rule!r}"]
    if _PRIVATE.match(row.path) and "no-store" not in rule:
        return [f"a private page may be stored: {rule!r}"] if answer.status_code != 405 else []
    return []
