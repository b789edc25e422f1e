"""`/healthz`: this process runs. `/readyz`: it can serve (the database answers)."""

from flask import Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from marketplace.core import context, jobs, web
from marketplace.core.db import open_session

room = web.Room("health", __name__, side="public")


@room.get("/healthz")
def healthz() -> Response:
    """Alive: nothing else is asked, so that a slow database does not restart the process."""
    return jsonify(status="ok")


@room.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Ready: 503 without the database; the queue may be away (work waits in the outbox)."""
    parts = {"database": _database(), "queue": jobs.ping(web.config().redis_url)}
    return jsonify(parts), 200 if parts["database"] else 503


def _database() -> bool:
    try:
        with open_session(context.system("readyz"), readonly=True) as session:
            session.execute(text("SELECT 1 FROM alembic_version"))
    except SQLAlchemyError:
        return False
    return True
