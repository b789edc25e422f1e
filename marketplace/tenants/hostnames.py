"""Names of hosts: which are the platform's, which name an agency. Plain text in, plain text out."""

import ipaddress
import re
from urllib.parse import urlsplit

_WORDS = """
account accounts admin agencies agency api app assets attending billing blog cdn demo docs ftp help
imap localhost login mail me mx new news ns1 ns2 payments pop rotations rounds smtp sign-in sign-up
static status support webhooks widget www
"""
RESERVED = frozenset(_WORDS.split())
"""No agency's name in addresses: pages of the platform, and hosts of its operator."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def agency_of(host: str, base_url: str) -> str | None:
    """The slug that a Host header names below the platform's host, or None."""
    label, dot, rest = host.strip().lower().partition(".")
    if not dot or rest != _ours(base_url) or label in RESERVED or not _LABEL.fullmatch(label):
        return None
    return label


def is_platform(host: str, base_url: str) -> bool:
    """Is this the platform's own host, a reserved name below it, or an address that only machines
    of the operator use (a probe asks by number or by a name without a dot)?"""
    host, ours = host.strip().lower(), _ours(base_url)
    label, _, rest = host.partition(".")
    if host == ours or (rest == ours and label in RESERVED):
        return True
    name = without_port(host)
    return "." not in name or is_number(name)


def without_port(host: str) -> str:
    """A Host header's name, in small letters, without port and without the last dot."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0].lstrip("[")
    return host.partition(":")[0].rstrip(".")


def is_number(name: str | None) -> bool:
    """Is this an IP address?"""
    try:
        ipaddress.ip_address(name or "")
    except ValueError:
        return False
    return True


def _ours(base_url: str) -> str:
    return urlsplit(base_url).netloc.lower()
