"""An agency's logo: told by its bytes, read within limits, and drawn anew.

What is stored and sent is never the file that came in: it is a PNG made here, so that no script,
no place of a photo and nothing behind the picture's end goes along.
"""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from marketplace.core.errors import Invalid

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE = 4000  # pixels of the file that comes in
MIN_SIDE = 24
SHOWN = (480, 160)  # pixels of the picture that goes out, at most: twice the size it is shown in
ACCEPT = "image/png,image/jpeg"
HINT = "PNG or JPEG, up to 2 MB. Wide and with a clear background looks best."
_SIGNS = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG"}

Image.MAX_IMAGE_PIXELS = None  # `_opened` has its own limit, and it is lower


@dataclass(frozen=True)
class Picture:
    """A PNG and its size in pixels."""

    content: bytes
    width: int
    height: int


def logo(content: bytes) -> Picture:
    """The picture of a file. Invalid (field `logo`) when it is empty, too large, of another type,
    or cannot be read."""
    if not content:
        raise _refused("Choose a picture.")
    if len(content) > MAX_BYTES:
        raise _refused("This picture is larger than 2 MB. Save it smaller and try again.")
    kind = next((kind for sign, kind in _SIGNS.items() if content.startswith(sign)), "")
    if not kind:
        raise _refused("We can read PNG and JPEG. Save your logo as one of these.")
    try:
        return _drawn(_opened(content, kind))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise _refused("This picture cannot be read. Save it again and try once more.") from error


def _refused(message: str) -> Invalid:
    return Invalid({"logo": message})


def _opened(content: bytes, kind: str) -> Image.Image:
    """The picture with only its head read."""
    picture = Image.open(BytesIO(content), formats=(kind,))
    if max(picture.size) > MAX_SIDE:
        raise _refused(f"This picture has more than {MAX_SIDE} pixels on one side.")
    if min(picture.size) < MIN_SIDE:
        raise _refused(f"This picture is very small. It needs {MIN_SIDE} pixels on each side.")
    return picture


def _drawn(picture: Image.Image) -> Picture:
    upright = ImageOps.exif_transpose(picture)
    drawn = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    drawn.thumbnail(SHOWN)
    clean = Image.new(drawn.mode, drawn.size)
    clean.paste(drawn)
    out = BytesIO()
    clean.save(out, "PNG", optimize=True)
    return Picture(out.getvalue(), *clean.size)
