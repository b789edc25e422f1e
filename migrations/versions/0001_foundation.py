"""Foundation: every table, the second wall, seats, append-only money and audit."""

from alembic import op
from sqlalchemy import text

from marketplace.core.db import Base
from marketplace.tenants import scope

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APP_ROLE = "rounds_app"

# The functions run as the owner of the tables, whom row-level security binds too (FORCE): they
# widen the scope for their own statements and give it back before they return.
HOLD = """
CREATE FUNCTION hold_seat(wanted_offering uuid, wanted_weeks date[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  scope text := current_setting('rounds.kind', true);
  doctor uuid;
  monday date;
  answer text := 'held';
BEGIN
  PERFORM set_config('rounds.kind', 'system', true);
  UPDATE offering SET taken = taken + 1
   WHERE id = wanted_offering AND taken < capacity AND closed_at IS NULL
   RETURNING attending_id INTO doctor;
  IF doctor IS NULL THEN
    answer := 'offering_full';
  ELSE
    FOREACH monday IN ARRAY wanted_weeks LOOP
      INSERT INTO attending_week (attending_id, week, capacity, taken)
      SELECT id, monday, weekly_capacity, 0 FROM attending WHERE id = doctor
      ON CONFLICT DO NOTHING;
      UPDATE attending_week SET taken = taken + 1
       WHERE attending_id = doctor AND week = monday AND taken < capacity;
      IF NOT FOUND THEN
        answer := 'attending_full';
        EXIT;
      END IF;
    END LOOP;
  END IF;
  PERFORM set_config('rounds.kind', coalesce(scope, ''), true);
  RETURN answer;
END $$
"""

RELEASE = """
CREATE FUNCTION release_seat(wanted_offering uuid, wanted_weeks date[]) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
  scope text := current_setting('rounds.kind', true);
  doctor uuid;
BEGIN
  PERFORM set_config('rounds.kind', 'system', true);
  UPDATE offering SET taken = taken - 1 WHERE id = wanted_offering AND taken > 0
   RETURNING attending_id INTO doctor;
  UPDATE attending_week SET taken = taken - 1
   WHERE attending_id = doctor AND week = ANY(wanted_weeks) AND taken > 0;
  PERFORM set_config('rounds.kind', coalesce(scope, ''), true);
  RETURN 'released';
END $$
"""

REFUSE_PG = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$
"""
APPEND_ONLY = (
    "ledger_transaction",
    "ledger_entry",
    "booking_transition",
    "verification_step",
)


def upgrade() -> None:
    bind = op.get_bind()
    Base.metadata.create_all(bind)
    if bind.dialect.name == "postgresql":
        _postgresql()
    else:
        _sqlite()


def _sqlite() -> None:
    for table in APPEND_ONLY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _postgresql() -> None:
    op.execute(HOLD)
    op.execute(RELEASE)
    op.execute(REFUSE_PG)
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    for statement in scope.all_policies():
        op.execute(text(statement.replace(":", "\\:")))
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{APP_ROLE}')"
        f" THEN CREATE ROLE {APP_ROLE} NOLOGIN; END IF; END $$"
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE}")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {APP_ROLE}")


def downgrade() -> None:
    bind = op.get_bind()
    Base.metadata.drop_all(bind)
    if bind.dialect.name == "postgresql":
        for name in ("hold_seat(uuid, date[])", "release_seat(uuid, date[])", "refuse_change()"):
            op.execute(f"DROP FUNCTION {name}")
