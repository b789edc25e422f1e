"""The file itself: a zip with a manifest that names every member, its size and its checksum.

Written and read member by member, in parts: memory does not grow with the archive. Reading trusts
nothing: only names that the format knows, sizes before content, checksums before use. Nothing is
ever unpacked to a path that a member's name gives.
"""

import hashlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from marketplace.core.errors import Invalid

FORMAT = "rounds-agency-archive"
VERSION = 1
MANIFEST = "manifest.json"
MAX_TOTAL = 256 * 1024**3  # bytes, unpacked
MAX_RATIO = 200  # text packs to a hundredth at most; a bomb to a thousandth
MAX_MEMBERS = 200_000
MAX_MANIFEST = 64 * 1024**2
MAX_LINE = 16 * 1024**2  # bytes of one row
PART = 256 * 1024
_NAME = re.compile(r"tables/[a-z_]{1,40}\.jsonl|files/[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENCRYPTED = 0x1
# what zipfile says of a file that is none, is damaged, or uses what we do not read
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)

Member = tuple[str, Iterable[bytes]]


class Sink(Protocol):
    """What a zip is written to."""

    def write(self, data: bytes, /) -> int:
        """Take some bytes."""

    def flush(self) -> None:
        """Nothing has to happen."""


def refused(message: str) -> Invalid:
    """The refusal of an archive."""
    return Invalid({"archive": message}, message)


# --- out ----------------------------------------------------------------------------------------


def pack(out: Sink, about: Mapping[str, Any], members: Iterable[Member]) -> None:
    """Write the archive. The manifest comes last, with the checksums of what was written."""
    described = {}
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:  # type: ignore[call-overload]
        for name, parts in members:
            digest, size = hashlib.sha256(), 0
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            with packed.open(info, "w", force_zip64=True) as member:
                for part in parts:
                    digest.update(part)
                    size += len(part)
                    member.write(part)
            described[name] = {"size": size, "sha256": digest.hexdigest()}
        head = {"format": FORMAT, "version": VERSION, **about, "members": described}
        packed.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(head, indent=1, sort_keys=True))


# --- in -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Archive:
    """An archive whose every member was read once and has its checksum."""

    manifest: Mapping[str, Any]
    names: frozenset[str]
    _packed: zipfile.ZipFile

    def parts(self, name: str) -> Iterator[bytes]:
        """A member in parts; nothing for one that is not there."""
        return _parts(self._packed, name) if name in self.names else iter(())

    def lines(self, name: str) -> Iterator[bytes]:
        """A member line by line. Raises `Invalid` for a line that no row needs."""
        if name not in self.names:
            return
        with self._packed.open(name) as member:
            while line := member.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    raise refused(f"{name} has a line that is too long.")
                yield line


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive in a file. Raises `Invalid` (field `archive`) for anything that is not exactly
    an archive of this version, before its content is used."""
    try:
        packed = zipfile.ZipFile(path)
    except _ZIP_FAULTS as error:
        raise refused("This is not an archive that can be read.") from error
    with packed:
        _check_directory(packed, path.stat().st_size)
        manifest = _manifest(packed)
        _check_members(packed, manifest["members"])
        yield Archive(manifest, frozenset(manifest["members"]), packed)


def _check_directory(packed: zipfile.ZipFile, held: int) -> None:
    """Names and sizes, before anything is unpacked."""
    infos = packed.infolist()
    names = [info.filename for info in infos]
    if len(names) > MAX_MEMBERS or len(set(names)) != len(names):
        raise refused("The archive names a member twice, or has too many.")
    for info in infos:
        if info.filename != MANIFEST and not _NAME.fullmatch(info.filename):
            raise refused(f"The archive holds {info.filename[:80]!r}, which does not belong in it.")
        if info.flag_bits & _ENCRYPTED:
            raise refused("A member of the archive is encrypted.")
        if info.file_size > 4096 + MAX_RATIO * max(info.compress_size, 1):
            raise refused("A member of the archive unpacks to far more than it should.")
    if sum(info.compress_size for info in infos) > held:
        raise refused("Members of the archive lie over each other.")
    if sum(info.file_size for info in infos) > MAX_TOTAL:
        raise refused(f"The archive unpacks to more than {MAX_TOTAL // 1024**3} GB.")


def _manifest(packed: zipfile.ZipFile) -> dict[str, Any]:
    """The manifest, with its shape checked."""
    if MANIFEST not in packed.namelist() or packed.getinfo(MANIFEST).file_size > MAX_MANIFEST:
        raise refused("The archive has no manifest that can be read.")
    try:
        manifest = json.loads(b"".join(_parts(packed, MANIFEST)))
    except (ValueError, RecursionError) as error:
        raise refused("The archive has no manifest that can be read.") from error
    if not isinstance(manifest, dict):
        raise refused("The archive has no manifest that can be read.")
    if (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise refused("The archive was made in another format or by another version.")
    members = manifest.get("members")
    if not isinstance(members, dict) or not all(map(_is_described, members.values())):
        raise refused("The manifest does not describe the members of the archive.")
    if set(members) != set(packed.namelist()) - {MANIFEST}:
        raise refused("The manifest and the members of the archive do not agree.")
    return manifest


def _is_described(about: Any) -> bool:
    return (
        isinstance(about, dict)
        and isinstance(about.get("size"), int)
        and isinstance(about.get("sha256"), str)
        and _SHA256.fullmatch(about["sha256"]) is not None
    )


def _check_members(packed: zipfile.ZipFile, members: Mapping[str, Mapping[str, Any]]) -> None:
    for name, about in members.items():
        digest, size = hashlib.sha256(), 0
        for part in _parts(packed, name):
            digest.update(part)
            size += len(part)
        if (size, digest.hexdigest()) != (about["size"], about["sha256"]):
            raise refused(f"The checksum of {name} is wrong.")


def _parts(packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with packed.open(name) as member:
            while part := member.read(PART):
                yield part
    except _ZIP_FAULTS as error:
        raise refused("A member of the archive is damaged.") from error
