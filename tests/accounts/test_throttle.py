from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from marketplace.accounts import throttle
from marketplace.accounts.models import Attempt
from marketplace.accounts.throttle import Limit, Limits
from marketplace.core import clock, context
from marketplace.core.db import open_session
from marketplace.core.errors import TooMany

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        throttle.LIMITS, "sign-in", Limits(Limit(3, HOUR), Limit(5, HOUR), Limit(7, HOUR))
    )


def rows() -> int:
    with open_session(context.system("test"), readonly=True) as session:
        return session.scalar(select(func.count()).select_from(Attempt)) or 0


def test_one_account_from_one_address(app: Flask) -> None:
    for _ in range(3):
        throttle.count("sign-in", "a@x.example", "10.0.0.1")
    with pytest.raises(TooMany) as refused:
        throttle.count("sign-in", "A@X.example", "10.0.0.1")
    assert 3500 < refused.value.retry_after <= 3601
    throttle.count("sign-in", "a@x.example", "10.0.0.2")  # the owner, elsewhere, still gets in
    throttle.count("sign-in", "b@x.example", "10.0.0.1")


def test_one_account_from_everywhere(app: Flask) -> None:
    for number in range(5):
        throttle.count("sign-in", "a@x.example", f"10.0.0.{number}")
    with pytest.raises(TooMany):
        throttle.count("sign-in", "a@x.example", "10.0.1.1")


def test_one_address_on_many_accounts(app: Flask) -> None:
    for number in range(7):
        throttle.count("sign-in", f"{number}@x.example", "2001:db8::1")
    with pytest.raises(TooMany):
        throttle.count("sign-in", "new@x.example", "2001:db8::ffff:1")  # the same /64
    throttle.count("sign-in", "new@x.example", "2001:db8:0:1::1")


def test_success_is_taken_back_and_a_refusal_does_not_count(app: Flask) -> None:
    for _ in range(10):
        throttle.forgive(throttle.count("sign-in", "a@x.example", "10.0.0.1"))
    assert rows() == 0
    for _ in range(3):
        throttle.count("sign-in", "a@x.example", "10.0.0.1")
    before = rows()
    with pytest.raises(TooMany):
        throttle.count("sign-in", "a@x.example", "10.0.0.1")
    assert rows() == before


def test_the_window_moves_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        throttle.count("sign-in", "a@x.example", "10.0.0.1")
    later = clock.wall() + HOUR + timedelta(seconds=1)
    monkeypatch.setattr(clock, "wall", lambda: later)
    throttle.count("sign-in", "a@x.example", "10.0.0.1")


def test_old_attempts_are_forgotten(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    throttle.count("sign-in", "a@x.example", "10.0.0.1")
    later = clock.wall() + throttle.KEEP + timedelta(seconds=1)
    monkeypatch.setattr(clock, "wall", lambda: later)
    with open_session(context.system("test")) as session:
        throttle.forget(session)
    assert rows() == 0


def test_never_more_than_the_limit_at_the_same_time(app: Flask) -> None:
    def attempt(_: int) -> bool:
        with app.app_context():
            try:
                throttle.count("sign-in", "a@x.example", "10.0.0.1")
            except TooMany:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(24))) <= 3


def test_nothing_typed_is_stored(app: Flask) -> None:
    throttle.count("sign-in", "my secret password", "10.0.0.1")
    with open_session(context.system("test"), readonly=True) as session:
        assert not [b for b in session.scalars(select(Attempt.bucket)) if "secret" in b]
