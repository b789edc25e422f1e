"""Production refuses to start on settings that would hurt somebody."""

import pytest

from marketplace.core.config import Config, ConfigError

SAFE = {"SECRET_KEY": "x" * 40, "FILE_KEY": "y" * 40, "STRIPE_SECRET_KEY": "sk_live_1"}


def test_production_starts_on_safe_settings() -> None:
    assert Config.from_env(SAFE).demo is False


@pytest.mark.parametrize(
    "change",
    [
        {"SECRET_KEY": ""},
        {"SECRET_KEY": "short"},
        {"FILE_KEY": ""},
        {"DEBUG": "1"},
        {"STRIPE_API_BASE": "http://127.0.0.1:1"},
        {"DEMO": "1"},
        {"PROXIES": "all"},
        {"PROXIES": "-1"},
    ],
    ids="-".join,
)
def test_production_refuses(change) -> None:
    with pytest.raises(ConfigError):
        Config.from_env(SAFE | change)


def test_postgres_addresses_name_their_driver() -> None:
    found = Config.from_env(SAFE | {"DATABASE_URL": "postgres://u@h/d"})
    assert found.database_url == "postgresql+psycopg://u@h/d"
