"""Host -> agency: THE one place. `<slug>.<base host>`, and a host name that an agency has proved to
be its own, show that agency's storefront.

A storefront host is anonymous: cookies are neither read nor set there, and it has no page but the
agency's own. Every other address of the product leads back to the platform's host, where people
sign in, book and pay. Only the Host header counts, never X-Forwarded-Host: the proxy in front
passes Host on.
"""

from collections.abc import Callable, Iterable
from html import escape
from typing import Any
from urllib.parse import quote

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from marketplace.tenants.hostnames import agency_of, is_platform, without_port

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
FLAG = "rounds.storefront"
"""The key in a request's environment that says: this is a storefront's host."""

_OWN = ("/pages/", "/theme.css", "/logo-", "/widget")
_NOBODY = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport"
    ' content="width=device-width, initial-scale=1"><title>No site here</title>'
    "<h1>No site is open at this address</h1><p>It may have moved, or its agency has not finished"
    ' setting it up. <a href="{0}">All rotations are on Rounds</a>.</p></html>\n'
)


class Storefronts:
    """The application behind it, with storefront hosts led to `/agencies/<slug>`.

    `own_host` tells the slug of the agency that has proved a host name, or None. With `strict` a
    host that belongs to nobody is refused; the demo is not strict, for it may run anywhere.
    """

    def __init__(
        self, app: Wsgi, base_url: str, own_host: Callable[[str], str | None], *, strict: bool
    ) -> None:
        self.app = app
        self.base_url = base_url
        self.own_host = own_host
        self.strict = strict

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer one request."""
        host = environ.get("HTTP_HOST", "")
        slug = agency_of(host, self.base_url)
        if slug is None:
            if is_platform(host, self.base_url):
                return self.app(environ, start)
            slug = self.own_host(without_port(host))
        if slug is not None:
            return self._storefront(slug, environ, start)
        return self._nobody()(environ, start) if self.strict else self.app(environ, start)

    def _storefront(self, slug: str, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/") or "/"
        if environ.get("REQUEST_METHOD") not in ("GET", "HEAD"):
            return Response("Forms are on the platform's own address.\n", 405)(environ, start)
        own = f"/agencies/{slug}"
        if path == "/":
            path = own
        elif path.startswith(_OWN):
            path = own + path
        if path == own or path.startswith((f"{own}/", "/static/")):
            asked = {key: value for key, value in environ.items() if key != "HTTP_COOKIE"}
            return self.app(asked | {"PATH_INFO": path, FLAG: slug}, _without_cookies(start))
        query = environ.get("QUERY_STRING", "")
        target = self.base_url + quote("/" + path.lstrip("/\\")) + (f"?{query}" if query else "")
        return redirect(target, 302)(environ, start)

    def _nobody(self) -> Response:
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'"}
        page = _NOBODY.format(escape(self.base_url))
        return Response(page, 404, headers, mimetype="text/html")


def _without_cookies(start: Any) -> Any:
    def begin(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
        kept = [(name, value) for name, value in headers if name.lower() != "set-cookie"]
        return start(status, kept, *rest)

    return begin
