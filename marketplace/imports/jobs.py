"""Bodies of the imports' jobs."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import storage
from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import handler, outside_handler
from marketplace.imports import keeping, operations

LONGEST = 300  # seconds, for the longest file on a machine that is busy


@handler("imports.run", seconds=LONGEST)
def run(session: Session, import_id: str, agency_id: str, demo: bool = False) -> None:
    """Write a queued file."""
    operations.run(session, UUID(agency_id), UUID(import_id), demo=demo)


@handler("imports.undo", seconds=LONGEST)
def undo(session: Session, import_id: str, agency_id: str, person_id: str) -> None:
    """Take an import back."""
    operations.undo(session, UUID(agency_id), UUID(import_id), UUID(person_id))


@outside_handler("imports.forget_due")
def forget_due(scope: Scope) -> None:
    """End the files whose days are over, some at a time: first the rows, then their content."""
    gone = [UUID(int=0)]
    while gone:
        with open_session(scope) as session:
            gone = keeping.forget_due(session)
        for key in gone:
            storage.erase(key)
