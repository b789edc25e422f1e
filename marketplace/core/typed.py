"""What people type and browsers send, made safe to use."""

import unicodedata
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit


def long_text(sent: Mapping[str, str], name: str, limit: int) -> str:
    """A text of several lines: no control characters but line breaks, at most `limit` long."""
    value = unicodedata.normalize("NFC", sent.get(name, "")[: limit * 4])
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    return "".join(kept).strip()[:limit]


def address_of(text: str) -> SplitResult:
    """The parts of an address as a browser's header or a person wrote it; all of them empty when it
    is none, as `http://[`, which Python refuses to read."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")
