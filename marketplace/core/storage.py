"""Files, encrypted before they touch the disk (AES-256-GCM, one key per file, wrapped by FILE_KEY).

The file is written and synced before its row: a row without a file cannot be committed, and a
file without a row is only an orphan for the sweeper.
"""

import hashlib
import os
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
    try:
        file_key = _open(_master(), row.wrapped_key, key)
        content = _open(file_key, _path(key).read_bytes(), key)
    except (OSError, InvalidTag) as error:
        raise Unavailable("This file cannot be read right now. We have been told.") from error
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise Unavailable("This file cannot be read right now. We have been told.")
    return content


def exists(key: UUID) -> bool:
    """Is the content there?"""
    return _path(key).exists()


def _master() -> bytes:
    key = _settings["key"]
    assert isinstance(key, bytes)
    return key


def _path(key: UUID) -> Path:
    root = _settings["root"]
    assert isinstance(root, Path)
    return root / key.hex[-2:] / key.hex


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
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
