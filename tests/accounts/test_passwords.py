import pytest

from marketplace.accounts import passwords


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "x" * 201,
        "password1234",
        "Password2026!!",
        "P@ssw0rd2026!",
        "123456789012",
        "987654321098",
        "abcdefghijklmno",
        "aaaaaaaaaaaaaa",
        "lalalalalalala",
        "qwertyuiop123",
        "correct horse battery staple",
        "residency-match-2026"[:9] + "2026" + "!" * 3,
        "ana.popescu1",
        "Popescu-2026",
        "anapopescu!!",
    ],
)
def test_refused(password: str) -> None:
    assert passwords.complaint(password, email="ana.popescu@mail.example", name="Ana Popescu")


@pytest.mark.parametrize(
    "password",
    [
        "violet harbor lantern nine",
        "twelve chars",
        "žluťoučký kůň úpěl",
        "Popescu likes purple marmots",
        "7fK2-mm9Q-xxW1",
        "x y " * 3 + "marmalade" + "z" * 170,
    ],
)
def test_accepted(password: str) -> None:
    assert (
        passwords.complaint(password, email="ana.popescu@mail.example", name="Ana Popescu") is None
    )


def test_the_list_refuses_every_entry_in_it() -> None:
    lines = (passwords.DATA / "common_passwords.txt").read_text("utf-8").split()
    assert len(lines) > 300 and len(set(lines)) == len(lines)
    long_enough = [line for line in lines if len(line) >= passwords.MIN_LENGTH]
    assert long_enough
    for line in long_enough:
        assert passwords.complaint(line), line
        assert passwords.complaint(line.upper()), line


def test_hash_is_argon2id_and_salted() -> None:
    first, second = (
        passwords.hashed("violet harbor lantern"),
        passwords.hashed("violet harbor lantern"),
    )
    assert first.startswith("$argon2id$") and first != second
    assert passwords.matches(first, "violet harbor lantern")
    assert not passwords.matches(first, "violet harbor lanterN")
    assert not passwords.matches(None, "violet harbor lantern")
    assert not passwords.matches("not a hash", "violet harbor lantern")
    assert not passwords.is_outdated(first)
    assert passwords.is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + "A" * 43)


def test_the_same_letters_from_another_keyboard() -> None:
    composed, decomposed = "caf\u00e9 et croissants", "cafe\u0301 et croissants"
    assert passwords.matches(passwords.hashed(composed), decomposed)


def test_no_account_costs_the_same_work(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = passwords._hasher

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            calls.append(stored)
            return real.verify(stored, password)

        def hash(self, password: str) -> str:
            return real.hash(password)

    passwords._dummy()
    monkeypatch.setattr(passwords, "_hasher", Counting())
    passwords.matches(None, "some password or other")
    assert len(calls) == 1 and calls[0].split("$")[3] == passwords._dummy().split("$")[3]
