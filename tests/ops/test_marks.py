"""What a later start skips, and when it must not."""

from pathlib import Path

from demo.run import Marks, digest


def marks(var: Path, name: str = "rounds.db") -> Marks:
    return Marks(var, f"sqlite:///{var / name}")


def test_what_was_done_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "rounds.db").touch()
    assert not marks(tmp_path).has("seeded")
    marks(tmp_path).set("seeded")
    assert marks(tmp_path).has("seeded")
    assert not marks(tmp_path).has("migrated")


def test_a_deleted_database_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "rounds.db").touch()
    marks(tmp_path).set("seeded")
    (tmp_path / "rounds.db").unlink()
    assert not marks(tmp_path).has("seeded")


def test_another_database_is_not_taken_for_done(tmp_path: Path) -> None:
    for name in ("rounds.db", "other.db"):
        (tmp_path / name).touch()
    marks(tmp_path).set("seeded")
    assert not marks(tmp_path, "other.db").has("seeded")


def test_a_new_migration_is_run(tmp_path: Path) -> None:
    (tmp_path / "rounds.db").touch()
    first = tmp_path / "0001.py"
    first.write_text("one")
    before = digest(tmp_path)
    marks(tmp_path).set("migrated", before)
    assert marks(tmp_path).has("migrated", digest(tmp_path))
    first.with_name("0002.py").write_text("two")
    assert not marks(tmp_path).has("migrated", digest(tmp_path))


def test_an_address_does_not_lie_around_in_clear(tmp_path: Path) -> None:
    Marks(tmp_path, "postgresql://app:pass-word@host/rounds").set("seeded")
    assert "pass-word" not in (tmp_path / "seeded").read_text()
