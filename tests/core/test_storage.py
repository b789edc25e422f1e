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
