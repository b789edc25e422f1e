"""Files, encrypted before they touch the disk (AES-256-GCM, one key per file, wrapped by FILE_KEY).

The file is written and synced before its row: a row without a file cannot be committed, and a
file without a row is only an orphan, which `core/sweeping.py` removes. What may be large is written
and read in frames, each sealed with its number, so that memory does not grow with the file; the
digest of the whole is looked at before the last part is given out.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core import clock, ids
from marketplace.core.db import Base, Keyed, Owned
from marketplace.core.errors import Unavailable

FRAME = 256 * 1024  # bytes of content
_settings: dict[str, object] = {"root": Path("var/files"), "key": b"\0" * 32}


class StoredFile(Keyed, Base):
    """A stored file: its digest, size and wrapped key. The content is never in the database."""

    __tablename__ = "stored_file"
    __owned__ = Owned(agency="agency_id", people=("person_id",), person_writes=True)

    agency_id: Mapped[UUID | None] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    name: Mapped[str]
    media_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    framed: Mapped[bool] = mapped_column(default=False)  # written by `Writer`
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


def configure(root: Path, key: str) -> None:
    """Where files live, and the secret that wraps their keys (any length, hashed to 256 bits)."""
    _settings.update({"root": root, "key": hashlib.sha256(key.encode()).digest()})


def put(
    session: Session,
    content: bytes,
    *,
    name: str,
    media_type: str,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
    key: UUID | None = None,
) -> UUID:
    """Encrypt and store a file, and add its row to this transaction; returns its id, which is
    `key` when one is given."""
    key, file_key = key or ids.uuid7(), AESGCM.generate_key(256)
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_synced(path, _seal(file_key, content, key))
    session.add(
        StoredFile(
            id=key,
            agency_id=agency_id,
            person_id=person_id,
            name=name,
            media_type=media_type,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            wrapped_key=_seal(_master(), file_key, key),
        )
    )
    session.flush()
    return key


def read(session: Session, key: UUID) -> bytes:
    """The content; Unavailable when the file is missing or was changed (fault 52)."""
    row = session.get_one(StoredFile, key)
    if row.framed:
        return b"".join(stream(sealed(row)))
    try:
        file_key = _open(_master(), row.wrapped_key, key)
        content = _open(file_key, _path(key).read_bytes(), key)
    except (OSError, InvalidTag) as error:
        raise Unavailable("This file cannot be read right now. We have been told.") from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise Unavailable("This file cannot be read right now. We have been told.")
    return content


@dataclass(frozen=True)
class Sealed:
    """What has to be known to read a stored file, without a session."""

    key: UUID
    size: int
    sha256: str
    wrapped_key: bytes
    framed: bool


def sealed(row: StoredFile) -> Sealed:
    """The same of a row."""
    return Sealed(row.id, row.size, row.sha256, row.wrapped_key, row.framed)


class Writer:
    """A file that is written bit by bit, with no session open: `write`, then `close` and `keep`,
    or `discard`. Looks enough like a file for `zipfile`."""

    def __init__(self, key: UUID | None = None) -> None:
        self.key = key or ids.uuid7()
        self._file_key = AESGCM.generate_key(256)
        self._waiting = bytearray()
        self._frames = self._size = 0
        self._digest = hashlib.sha256()
        path = _path(self.key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._draft = path.with_suffix(".part")
        self._file = self._draft.open("wb")

    def write(self, data: bytes) -> int:
        """Take some bytes."""
        self._digest.update(data)
        self._size += len(data)
        self._waiting += data
        while len(self._waiting) > FRAME:
            self._frame(bytes(self._waiting[:FRAME]))
            del self._waiting[:FRAME]
        return len(data)

    def flush(self) -> None:
        """Nothing: a frame is written when it is full."""

    def close(self) -> Sealed:
        """Write the rest and sync the file."""
        self._frame(bytes(self._waiting))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _put_in_place(self._draft, _path(self.key))
        wrapped = _seal(_master(), self._file_key, self.key)
        return Sealed(self.key, self._size, self._digest.hexdigest(), wrapped, framed=True)

    def discard(self) -> None:
        """Forget what was written."""
        self._file.close()
        self._draft.unlink(missing_ok=True)
        erase(self.key)

    def _frame(self, content: bytes) -> None:
        nonce = os.urandom(12)
        about = _about(self.key, self._frames)
        frame = nonce + AESGCM(self._file_key).encrypt(nonce, content, about)
        self._file.write(len(frame).to_bytes(4, "big") + frame)
        self._frames += 1


def keep(
    session: Session,
    written: Sealed,
    *,
    name: str,
    media_type: str,
    agency_id: UUID | None = None,
    person_id: UUID | None = None,
) -> StoredFile:
    """Add the row of a file that a `Writer` has closed."""
    row = StoredFile(
        id=written.key,
        agency_id=agency_id,
        person_id=person_id,
        name=name,
        media_type=media_type,
        size=written.size,
        sha256=written.sha256,
        wrapped_key=written.wrapped_key,
        framed=written.framed,
    )
    session.add(row)
    session.flush()
    return row


def stream(file: Sealed) -> Iterator[bytes]:
    """The content in parts, with no session open; Unavailable when the file is missing, cut off or
    was changed. The last part comes only when all of it was right."""
    digest, before = hashlib.sha256(), b""
    try:
        for part in _frames(file):
            yield before
            digest.update(part)
            before = part
    except (OSError, InvalidTag, ValueError) as error:
        raise Unavailable("This file cannot be read right now. We have been told.") from error
    if digest.hexdigest() != file.sha256:
        raise Unavailable("This file cannot be read right now. We have been told.")
    yield before


def _frames(file: Sealed) -> Iterator[bytes]:
    file_key = _open(_master(), file.wrapped_key, file.key)
    path = _path(file.key)
    if not file.framed:
        yield _open(file_key, path.read_bytes(), file.key)
        return
    cipher, end, number = AESGCM(file_key), path.stat().st_size, 0
    with path.open("rb") as source:
        while source.tell() < end or number == 0:
            frame = source.read(int.from_bytes(source.read(4), "big"))
            about = _about(file.key, number)
            yield cipher.decrypt(frame[:12], frame[12:], about)
            number += 1


def _about(key: UUID, number: int) -> bytes:
    return key.bytes + number.to_bytes(8, "big")


def forget(session: Session, key: UUID) -> None:
    """Remove the row of a file that nothing names any more. Its content is `erase`d when this
    transaction is committed; should that not happen, the sweep does it (`core/sweeping.py`)."""
    row = session.get(StoredFile, key)
    if row is not None:
        session.delete(row)


def erase(key: UUID) -> None:
    """Remove the content of a file whose row is gone. A file that is not there is fine."""
    _path(key).unlink(missing_ok=True)


def contents(before: datetime) -> Iterator[UUID]:
    """The keys of the contents that were written before then, by the clock of this machine."""
    for path in _written(before):
        with suppress(ValueError):  # somebody else's file
            key = UUID(hex=path.name)
            if path == _path(key):
                yield key


def erase_drafts(before: datetime) -> None:
    """Remove what was begun before then and never put in place."""
    for path in _written(before):
        if path.suffix == ".part":
            path.unlink(missing_ok=True)


def _written(before: datetime) -> Iterator[Path]:
    for path in _root().glob("*/*"):
        with suppress(FileNotFoundError):  # it went meanwhile
            if path.stat().st_mtime < before.timestamp():
                yield path


def exists(key: UUID) -> bool:
    """Is the content there?"""
    return _path(key).exists()


def _master() -> bytes:
    key = _settings["key"]
    assert isinstance(key, bytes)
    return key


def _root() -> Path:
    root = _settings["root"]
    assert isinstance(root, Path)
    return root


def _path(key: UUID) -> Path:
    return _root() / key.hex[-2:] / key.hex


def _seal(key: bytes, content: bytes, context: UUID) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, content, context.bytes)


def _open(key: bytes, sealed: bytes, context: UUID) -> bytes:
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], context.bytes)


def _write_synced(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    _put_in_place(draft, path)


def _put_in_place(draft: Path, path: Path) -> None:
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
