"""Runs migrations as the owner of the tables; the application's role owns nothing."""

from alembic import context
from sqlalchemy import create_engine, text

from marketplace.core.config import Config
from marketplace.core.db import Base
from marketplace.wiring import load_handlers

load_handlers()
config = Config.from_env()
engine = create_engine(config.owner_database_url)

with engine.connect() as connection:
    if connection.dialect.name == "postgresql":
        # a migration must never queue behind, and so block, the running product
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
