"""What an agency has to do about its reviews."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.deadlines import Todo
from marketplace.reviews.models import Review

RECENT = timedelta(days=60)  # an older review without an answer is a choice


def unanswered(session: Session) -> list[Todo]:
    """Recent public reviews without an answer, as one thing to do."""
    number = session.scalar(
        select(func.count(Review.id)).where(
            Review.public.is_(True), Review.reply == "", Review.release_at >= clock.now() - RECENT
        )
    )
    if not number:
        return []
    what = "review has" if number == 1 else "reviews have"
    line = "Candidates read your answer under the review"
    return [Todo(None, f"{number} new {what} no answer", line, "Answer", "/reviews")]
