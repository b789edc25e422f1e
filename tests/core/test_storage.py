"""Files are encrypted at rest, and a changed or missing one is noticed."""

import pytest

from marketplace.core import context, storage
from marketplace.core.db import open_session
from marketplace.core.errors import Unavailable
from marketplace.invariants import violations

SYSTEM = context.system("test")
CANARY = b"passport number X1234567"


@pytest.fixture
def stored(app, tmp_path):
    storage.configure(tmp_path, "a key")
    with open_session(SYSTEM) as session:
        key = storage.put(session, CANARY, name="passport.pdf", media_type="application/pdf")
    return key, tmp_path


def test_what_was_stored_comes_back(stored) -> None:
    key, _ = stored
    with open_session(SYSTEM, readonly=True) as session:
        assert storage.read(session, key) == CANARY


def test_the_disk_never_sees_the_content(stored) -> None:
    _, folder = stored
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert CANARY[:8] not in files[0].read_bytes()


@pytest.mark.parametrize("harm", ["flip", "remove", "other key"])
def test_harm_is_noticed(stored, harm) -> None:
    key, folder = stored
    path = next(path for path in folder.rglob("*") if path.is_file())
    if harm == "flip":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    elif harm == "remove":
        path.unlink()
    else:
        storage.configure(folder, "another key")
    with open_session(SYSTEM, readonly=True) as session, pytest.raises(Unavailable):
        storage.read(session, key)
    if harm == "remove":
        with open_session(SYSTEM, readonly=True) as session:
            assert any("I13" in line for line in violations(session))


# --- in parts ------------------------------------------------------------------------------------


@pytest.fixture
def parted(app, tmp_path):
    storage.configure(tmp_path, "a key")
    writer = storage.Writer()
    for _ in range(5):
        writer.write(CANARY * 5000)
    sealed = writer.close()
    with open_session(SYSTEM) as session:
        storage.keep(session, sealed, name="a.zip", media_type="application/zip")
    return sealed, next(path for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [0, 1, storage.FRAME - 1, storage.FRAME, storage.FRAME + 1])
def test_any_size_comes_back_in_parts(app, tmp_path, size) -> None:
    storage.configure(tmp_path, "a key")
    writer = storage.Writer()
    writer.write(b"x" * size)
    sealed = writer.close()
    parts = list(storage.stream(sealed))
    assert b"".join(parts) == b"x" * size and max(map(len, parts)) <= storage.FRAME


def test_a_file_in_parts_is_read_whole_too(parted) -> None:
    sealed, path = parted
    with open_session(SYSTEM, readonly=True) as session:
        assert storage.read(session, sealed.key) == CANARY * 25_000
    assert CANARY not in path.read_bytes()


@pytest.mark.parametrize("harm", ["flip", "cut", "cut a frame", "swap", "remove", "empty"])
def test_harm_to_a_part_is_noticed(parted, harm) -> None:
    sealed, path = parted
    content = path.read_bytes()
    frame = 4 + int.from_bytes(content[:4], "big")
    changed = {
        "flip": content[:100] + bytes([content[100] ^ 1]) + content[101:],
        "cut": content[:-7],
        "cut a frame": content[: 2 * frame],
        "swap": content[frame : 2 * frame] + content[:frame] + content[2 * frame :],
        "empty": b"",
    }
    if harm == "remove":
        path.unlink()
    else:
        path.write_bytes(changed[harm])
    with pytest.raises(Unavailable):
        list(storage.stream(sealed))


def test_what_is_given_up_leaves_nothing(app, tmp_path) -> None:
    storage.configure(tmp_path, "a key")
    writer = storage.Writer()
    writer.write(CANARY * 50_000)
    writer.discard()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
