"""Host -> agency: THE one place. `<slug>.<base host>` shows that agency's storefront.

A storefront host is anonymous: cookies are neither read nor set there, and it has no page but the
agency's own. Every other address of the product leads back to the platform's host, where people
sign in, book and pay. Only the Host header counts, never X-Forwarded-Host: the proxy in front
passes Host on.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, urlsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def agency_of(host: str, base_url: str) -> str | None:
    """The slug that a Host header names, or None: the platform's own host, or no host of ours."""
    ours = urlsplit(base_url).netloc.lower()
    label, dot, rest = host.strip().lower().partition(".")
    if not dot or rest != ours or label == "www" or not _LABEL.fullmatch(label):
        return None
    return label


class Storefronts:
    """The application behind it, with storefront hosts led to `/agencies/<slug>`."""

    def __init__(self, app: Wsgi, base_url: str) -> None:
        self.app = app
        self.base_url = base_url

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer one request."""
        slug = agency_of(environ.get("HTTP_HOST", ""), self.base_url)
        if slug is None:
            return self.app(environ, start)
        path = environ.get("PATH_INFO", "/") or "/"
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return Response("Forms are on the platform's own address.\n", 405)(environ, start)
        own = f"/agencies/{slug}"
        if path in ("/", own) or path.startswith((f"{own}/", "/static/")):
            asked = {key: value for key, value in environ.items() if key != "HTTP_COOKIE"}
            asked["PATH_INFO"] = own if path == "/" else path
            return self.app(asked, _without_cookies(start))
        query = environ.get("QUERY_STRING", "")
        target = self.base_url + quote("/" + path.lstrip("/\\")) + (f"?{query}" if query else "")
        return redirect(target, 302)(environ, start)


def _without_cookies(start: Any) -> Any:
    def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        kept = [(name, value) for name, value in headers if name.lower() != "set-cookie"]
        return start(status, kept, *rest)

    return begin
