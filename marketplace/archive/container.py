"""The file itself: a zip with a manifest that names every member, its size and its checksum.

Reading trusts nothing: only names that the format knows, sizes before content, checksums before
use. Nothing is ever unpacked to a path that a member's name gives.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from typing import Any

from marketplace.core.errors import Invalid

FORMAT = "rounds-agency-archive"
VERSION = 1
MANIFEST = "manifest.json"
MAX_TOTAL = 1024 * 1024 * 1024  # bytes, unpacked
MAX_RATIO = 200  # text packs to a hundredth at most; a bomb to a thousandth
MAX_MEMBERS = 100_000
_NAME = re.compile(r"tables/[a-z_]{1,40}\.jsonl|files/[0-9a-f]{32}")


def pack(manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> bytes:
    """The archive. `members` maps names to content; the manifest gets their checksums."""
    described = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in members.items()
    }
    head = {"format": FORMAT, "version": VERSION, **manifest, "members": described}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(MANIFEST, json.dumps(head, indent=1, sort_keys=True))
        for name, content in members.items():
            packed.writestr(name, content)
    return out.getvalue()


def unpack(content: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The manifest and the members. Raises `Invalid` (field `archive`) for anything that is not
    exactly an archive of this version."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            return _checked(packed)
    except (
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        AttributeError,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
    ) as error:
        raise refused("This is not an archive that can be read.") from error


def refused(message: str) -> Invalid:
    """The refusal of an archive."""
    return Invalid({"archive": message}, message)


def _checked(packed: zipfile.ZipFile) -> tuple[dict[str, Any], dict[str, bytes]]:
    infos = packed.infolist()
    names = [info.filename for info in infos]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise refused("The archive names a member twice, or has too many.")
    for info in infos:
        if info.filename != MANIFEST and not _NAME.fullmatch(info.filename):
            raise refused(f"The archive holds {info.filename[:80]!r}, which does not belong in it.")
        if info.file_size > 4096 + MAX_RATIO * max(info.compress_size, 1):
            raise refused("A member of the archive unpacks to far more than it should.")
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise refused("The archive unpacks to more than 1 GB.")
    manifest = json.loads(packed.read(MANIFEST))
    if manifest["format"] != FORMAT or manifest["version"] != VERSION:
        raise refused("The archive was made in another format or by another version.")
    listed = manifest["members"]
    if set(listed) != set(names) - {MANIFEST}:
        raise refused("The manifest and the members of the archive do not agree.")
    members = {}
    for name, about in listed.items():
        members[name] = packed.read(name)
        if hashlib.sha256(members[name]).hexdigest() != about["sha256"]:
            raise refused(f"The checksum of {name} is wrong.")
    return manifest, members
