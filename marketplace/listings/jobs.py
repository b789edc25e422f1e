"""Bodies of the listings' jobs."""

from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core.jobs import handler
from marketplace.listings import operations


@handler("listings.signature_decided")
def signature_decided(session: Session, signature_id: str) -> None:
    """Let a signed scope count."""
    operations.apply_signature(session, UUID(signature_id))
