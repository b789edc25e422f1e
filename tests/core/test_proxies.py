"""Who asks, behind proxies: only as many names are believed as proxies were told of."""

import pytest
from flask import request

from marketplace.app import create_app
from marketplace.core.config import Config
from marketplace.core.db import db
from tests.support import database

SENT = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9", "X-Forwarded-Host": "evil.example"}
SENT |= {"X-Forwarded-Proto": "ftp", "X-Forwarded-Prefix": "/evil", "Forwarded": "for=6.6.6.6"}


@pytest.mark.parametrize(
    ("proxies", "address"), [("0", "127.0.0.1"), ("1", "203.0.113.9"), ("2", "6.6.6.6")]
)
def test_an_address_counts_when_a_proxy_wrote_it(
    migrated: None, proxies: str, address: str
) -> None:
    app = create_app(Config.from_env(database.settings(PROXIES=proxies)))
    seen = []

    @app.before_request
    def look() -> None:
        seen.append((request.remote_addr, request.host, request.scheme, request.script_root))

    assert app.test_client().get("/healthz", headers=SENT).status_code == 200
    with app.app_context():
        db.engine.dispose()
    assert seen == [(address, "localhost", "http", "")]
