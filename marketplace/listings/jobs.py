"""Bodies of the listings' jobs."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core.context import Scope
from marketplace.core.jobs import handler, outside_handler
from marketplace.listings import availability, operations


@handler("listings.signature_decided")
def signature_decided(session: Session, signature_id: str) -> None:
    """Let a signed scope count."""
    operations.apply_signature(session, UUID(signature_id))


@outside_handler("listings.close_near")
def close_near(scope: Scope) -> None:
    """Close the starts that are nearer than their listing's notice."""
    availability.close_all_near(scope)
