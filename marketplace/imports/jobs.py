"""Bodies of the imports' jobs: all their effects are rows of one transaction."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core.jobs import handler
from marketplace.imports import operations

LONGEST = 300  # seconds, for the longest file on a machine that is busy


@handler("imports.run", seconds=LONGEST)
def run(session: Session, import_id: str, agency_id: str, demo: bool = False) -> None:
    """Write a queued file."""
    operations.run(session, UUID(agency_id), UUID(import_id), demo=demo)


@handler("imports.undo", seconds=LONGEST)
def undo(session: Session, import_id: str, agency_id: str, person_id: str) -> None:
    """Take an import back."""
    operations.undo(session, UUID(agency_id), UUID(import_id), UUID(person_id))
