"""What may be uploaded as evidence: PDF, JPEG and PNG, told by their first bytes, up to 10 MB."""

import unicodedata
from dataclasses import dataclass

from marketplace.core.errors import Invalid

MAX_BYTES = 10 * 1024 * 1024
MAX_NAME = 120
ACCEPT = "application/pdf,image/jpeg,image/png"
HINT = "PDF, JPEG or PNG, up to 10 MB. A clear photo is fine. All pages in one file."
_SIGNS = (
    (b"%PDF-", "application/pdf", ".pdf"),
    (b"\xff\xd8\xff", "image/jpeg", ".jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", ".png"),
)


@dataclass(frozen=True)
class Upload:
    """A file that may be stored. The type is what its bytes say, not what was claimed."""

    name: str
    media_type: str
    content: bytes


def checked(content: bytes, name: str) -> Upload:
    """The upload; Invalid (field `file`) when it is empty, too large or of another type."""
    if not content:
        raise Invalid({"file": "Choose a file."})
    if len(content) > MAX_BYTES:
        raise Invalid({"file": "This file is larger than 10 MB. Save it smaller and try again."})
    for sign, media_type, ending in _SIGNS:
        if content.startswith(sign):
            return Upload(_clean(name, ending), media_type, content)
    raise Invalid({"file": "We can read PDF, JPEG and PNG. Save it as one of these."})


def _clean(name: str, ending: str) -> str:
    """The last part of the name without control characters, with the ending of its real type."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    last = unicodedata.normalize("NFC", last)
    kept = "".join(c for c in last if unicodedata.category(c)[0] != "C" and c not in '"<>|*?:')
    stem = kept.rsplit(".", 1)[0].strip(" .")[: MAX_NAME - len(ending)]
    return f"{stem or 'paper'}{ending}"
