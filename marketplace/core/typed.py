"""Free text that people type, made safe to store."""

import unicodedata
from collections.abc import Mapping


def long_text(sent: Mapping[str, str], name: str, limit: int) -> str:
    """A text of several lines: no control characters but line breaks, at most `limit` long."""
    value = unicodedata.normalize("NFC", sent.get(name, "")[: limit * 4])
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in value if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs", "Cn"))
    return "".join(kept).strip()[:limit]
