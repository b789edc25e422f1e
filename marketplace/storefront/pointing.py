"""Does a proved name lead to this installation? What DNS says of it, beside what it says of ours.

A hint and nothing more: a name that leads elsewhere may still be right, when a service of the
agency stands in between. Only names that were proved are asked about.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from marketplace.storefront import resolver
from marketplace.tenants import hostnames

MOST_SHOWN = 6  # addresses of one name
Ours = tuple[str, ...] | None
_settings = {"host": ""}


@dataclass(frozen=True)
class Pointing:
    """What was found: one of `models.POINTS`, where the name leads, and where it should."""

    state: str
    leads_to: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()


NOT_ASKED = Pointing("")
UNKNOWN = Pointing("unknown")


def configure(base_url: str) -> None:
    """The address of this installation."""
    _settings["host"] = hostnames.without_port(urlsplit(base_url).netloc)


def look_up(host: str, ours: Ours) -> Pointing:
    """Ask DNS where a name leads. NOT_ASKED where this installation has no public name or number
    to compare with."""
    if ours == ():
        return NOT_ASKED
    found = resolver.addresses(host) if ours else None
    if not ours or found is None:
        return UNKNOWN
    return compared(found, ours, _settings["host"])


def our_addresses() -> Ours:
    """The addresses of this installation; none when only machines beside it can reach it. None
    when DNS did not answer, or does not know it."""
    host = _settings["host"]
    if hostnames.is_number(host):
        return (host,) if ipaddress.ip_address(host).is_global else ()
    if "." not in host:
        return ()
    found = resolver.addresses(host)
    return (found.numbers or None) if found else None


def compared(found: resolver.Addresses, ours: Sequence[str], our_name: str) -> Pointing:
    """What follows from where a name leads and from our own addresses."""
    expected = tuple(ours[:MOST_SHOWN])
    there = set(found.numbers)
    shown = found.numbers[:MOST_SHOWN]
    if our_name in found.names or (there and there <= set(ours)):
        return Pointing("here", shown, expected)
    if not there:
        return Pointing("nowhere", (), expected)
    if there & set(ours):
        foreign = tuple(one for one in found.numbers if one not in ours)
        return Pointing("partly", foreign[:MOST_SHOWN], expected)
    return Pointing("elsewhere", shown, expected)
