"""Reads of reviews for pages."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Integer, Uuid, bindparam, select
from sqlalchemy.orm import Session

from marketplace.listings import catalog
from marketplace.reviews.models import Review
from marketplace.reviews.operations import dimensions, holds, truth


@dataclass(frozen=True)
class Shown:
    """A released review as its page shows it. `matching` of `answers` tasks were as declared."""

    id: UUID
    author: str
    overall: int
    ratings: tuple[tuple[str, int], ...]  # label and 1 to 5
    text: str
    reply: str
    on: date
    matching: int
    answers: int
    differences: tuple[str, ...]


def of_rotation(session: Session, rotation_id: UUID, limit: int = 20) -> tuple[Shown, ...]:
    """The released reviews of a listing, newest first (any scope that reads published rows)."""
    rows = session.scalars(_OF_ROTATION, {"rotation_id": rotation_id, "most": limit})
    return tuple(_shown(row) for row in rows)


# Made once: making a statement costs as much as running it.
_OF_ROTATION = (
    select(Review)
    .where(Review.rotation_id == bindparam("rotation_id", type_=Uuid()), Review.public)
    .order_by(Review.release_at.desc(), Review.id)
    .limit(bindparam("most", type_=Integer()))
)


@dataclass(frozen=True)
class TaskTruth:
    """One declared task: how many of its answers were at least what was declared."""

    slug: str
    matching: int
    answers: int


def truth_by_task(session: Session, rotation_id: UUID, most: int = 8) -> tuple[TaskTruth, ...]:
    """The tasks of a listing that held least often, those that always held last (public rows)."""
    rows = session.execute(_TRUTH, {"rotation_id": rotation_id})
    counted: dict[str, list[bool]] = {}
    for declared, attested in rows:
        for slug, level in declared.items():
            counted.setdefault(slug, []).append(holds(level, attested.get(slug, "no")))
    found = [TaskTruth(slug, sum(held), len(held)) for slug, held in counted.items()]
    found.sort(key=lambda one: (one.matching / one.answers, -one.answers, one.slug))
    return tuple(found[:most])


_TRUTH = select(Review.declared, Review.attested).where(
    Review.rotation_id == bindparam("rotation_id", type_=Uuid()), Review.public
)


def of_agency(session: Session, limit: int = 100) -> tuple[Shown, ...]:
    """The released reviews of the agency of this scope; those without an answer first."""
    rows = session.scalars(
        select(Review)
        .where(Review.public.is_(True))
        .order_by(Review.reply != "", Review.release_at.desc(), Review.id)
        .limit(limit)
    )
    return tuple(_shown(row) for row in rows)


def _shown(row: Review) -> Shown:
    from_csv = {line["slug"]: line["label"] for line in dimensions()}
    matching, answers = truth(row)
    return Shown(
        id=row.id,
        author=row.author,
        overall=row.overall,
        ratings=tuple((from_csv.get(key, key), int(value)) for key, value in row.ratings.items()),
        text=row.text,
        reply=row.reply,
        on=row.submitted_at.date(),
        matching=matching,
        answers=answers,
        differences=differences(row.declared, row.attested),
    )


def differences(declared: dict[str, str], attested: dict[str, str]) -> tuple[str, ...]:
    """Tasks that were less than declared, in words."""
    weaker = {("yes", "supervised"), ("yes", "no"), ("supervised", "no")}
    return tuple(
        f"{catalog.scope_activity(slug).label}: listed as {_word(level)},"
        f" really {_word(attested.get(slug, 'no'))}."
        for slug, level in declared.items()
        if (level, attested.get(slug, "no")) in weaker
    )


def _word(level: str) -> str:
    return {"yes": "done alone", "supervised": "supervised", "no": "not done"}[level]
