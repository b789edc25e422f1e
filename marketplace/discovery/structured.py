"""What a page says in the words of schema.org, for search engines.

Plain data that a template writes as JSON. Nothing stands here that the page does not show. Prices
are text in dollars with cents, as schema.org asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Thing = Mapping[str, Any]
CONTEXT = "https://schema.org"


def graph(*things: Thing) -> Thing:
    """Several things of one page."""
    return {"@context": CONTEXT, "@graph": list(things)}


def crumbs(base_url: str, items: Sequence[tuple[str, str]]) -> Thing:
    """The breadcrumb: pairs of a name and a path, the page itself last."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": at, "name": name, "item": base_url + path}
            for at, (name, path) in enumerate(items, 1)
        ],
    }


def website(base_url: str) -> Thing:
    """The site and its search."""
    return {
        "@type": "WebSite",
        "name": "Rounds",
        "url": f"{base_url}/",
        "inLanguage": "en",
        "potentialAction": {
            "@type": "SearchAction",
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{base_url}/rotations?q={{search_term_string}}&ask=1",
            },
            "query-input": "required name=search_term_string",
        },
    }


def collection(base_url: str, name: str, path: str, links: Iterable[tuple[str, str]]) -> Thing:
    """A page that lists others: pairs of a name and a path."""
    return {
        "@type": "CollectionPage",
        "name": name,
        "url": base_url + path,
        "mainEntity": {
            "@type": "ItemList",
            "itemListElement": [
                {"@type": "ListItem", "position": at, "name": title, "url": base_url + to}
                for at, (title, to) in enumerate(links, 1)
            ],
        },
    }


def offer(url: str, cents: int, *, open_: bool) -> Thing:
    """An all-in price in U.S. dollars."""
    return {
        "@type": "Offer",
        "url": url,
        "price": f"{cents // 100}.{cents % 100:02d}",
        "priceCurrency": "USD",
        "category": "Paid",
        "availability": f"{CONTEXT}/{'InStock' if open_ else 'SoldOut'}",
    }
