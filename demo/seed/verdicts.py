"""Reviews of rotations that are over, as honest as each agency's character makes them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from demo.seed.booked import Booked
from demo.seed.chance import Ids, fork
from demo.seed.rows import Row, Rows
from demo.seed.sources import replies, reviews
from marketplace.bookings.models import Booking
from marketplace.core import reference
from marketplace.core.db import Base
from marketplace.listings.levels import CORE_CLASSES
from marketplace.listings.models import Rotation
from marketplace.reviews import operations
from marketplace.reviews.models import Review

REVIEWED_SHARE = 0.85
LONG_AGO = timedelta(days=30)  # its review is public and was answered
DEMO_CANDIDATE = "candidate@rounds.example"


@dataclass(frozen=True)
class Habit:
    """How an agency of this honesty is judged. `core`: how often core tasks were really done."""

    mean: float
    truth: float
    core: float


HABITS = {
    "honest": Habit(4.7, 4.8, 0.97),
    "mostly-honest": Habit(4.2, 4.2, 0.9),
    "slow-but-honest": Habit(4.0, 4.5, 0.94),
    "overstates-hands-on": Habit(2.9, 2.0, 0.35),
    "unfair-review": Habit(4.6, 4.8, 0.97),
    "dishonest": Habit(1.6, 1.3, 0.2),
}


@dataclass
class Sums:
    """What a rotation's page counts."""

    rating_sum: int = 0
    rating_count: int = 0
    truth_matching: int = 0
    truth_answers: int = 0


def build(rows: Rows, ids: Ids, booked: list[Booked], now: datetime) -> None:
    """Write the reviews, and the sums of the rotations they speak of."""
    sums: dict[UUID, Sums] = {}
    unfair_left = 1
    used: Counter[str] = Counter()
    for number, booking in enumerate(booked):
        random = fork("review", number)
        if booking.row["state"] != "closed" or random.random() > REVIEWED_SHARE:
            continue
        if booking.candidate.person["email"] == DEMO_CANDIDATE:
            continue
        honesty = booking.listed.pair.agency.honesty
        long_ago = booking.steps[-1].at < now - LONG_AGO
        unfair = honesty == "unfair-review" and unfair_left > 0 and long_ago
        unfair_left -= unfair
        row = _review(ids, booking, random, now, used, unfair=unfair)
        rows.add(Review, row)
        if row["public"]:
            _count(sums.setdefault(booking.row["rotation_id"], Sums()), row)
    rows.write()
    _write_sums(rows.session, sums)


def _count(total: Sums, row: Row) -> None:
    total.rating_sum += row["overall"]
    total.rating_count += 1
    matching, answers = operations.truth(Review(declared=row["declared"], attested=row["attested"]))
    total.truth_matching += matching
    total.truth_answers += answers


def _write_sums(session: Session, sums: dict[UUID, Sums]) -> None:
    if not sums:
        return
    table = Base.metadata.tables[Rotation.__tablename__]
    names = ("rating_sum", "rating_count", "truth_matching", "truth_answers")
    statement = (
        update(table)
        .where(table.c.id == bindparam("key"))
        .values({name: bindparam(f"new_{name}") for name in names})
    )
    found = [
        {"key": key, **{f"new_{name}": getattr(total, name) for name in names}}
        for key, total in sums.items()
    ]
    session.connection().execute(statement, found)


def _review(
    ids: Ids, booking: Booked, random: Random, now: datetime, used: Counter[str], *, unfair: bool
) -> Row:
    honesty, declared = booking.listed.pair.agency.honesty, booking.row["terms"]["activities"]
    habit = HABITS[honesty]
    ratings = {
        line["slug"]: 1 if unfair else _rating(habit, line["slug"], random)
        for line in reference.rows("review_dimensions")
    }
    overall = operations.overall(ratings)
    written = booking.steps[-1].at + timedelta(days=random.randint(1, 9))
    written = min(written, now - timedelta(minutes=5))
    release_at = written + operations.RELEASE_AFTER
    public = release_at <= now
    reply = _reply(honesty, random) if public and (unfair or random.random() < 0.3) else ""
    text_honesty = "honest" if honesty == "unfair-review" and not unfair else honesty
    return {
        "id": ids.uuid(),
        "agency_id": booking.row["agency_id"],
        "booking_id": booking.row["id"],
        "rotation_id": booking.row["rotation_id"],
        "candidate_id": booking.row["candidate_id"],
        "author": operations.author_label(Booking(candidate=booking.row["candidate"])),
        "overall": overall,
        "ratings": ratings,
        "attested": {
            task: level if unfair or _was_done(task, habit, random) else _instead(level, random)
            for task, level in declared.items()
        },
        "declared": declared,
        "text": _text(ratings, booking.candidate.status, text_honesty, random, used),
        "reply": reply,
        "replied_at": min(release_at + timedelta(days=2), now) if reply else None,
        "submitted_at": written,
        "release_at": release_at,
        "public": public,
    }


def _rating(habit: Habit, dimension: str, random: Random) -> int:
    mean = habit.truth if dimension == "truth" else habit.mean
    return max(1, min(5, round(random.gauss(mean, 0.6))))


def _was_done(task: str, habit: Habit, random: Random) -> bool:
    core = reference.row("scope_activities", task)["claim_class"] in CORE_CLASSES
    return random.random() < (habit.core if core else 0.96)


def _instead(level: str, random: Random) -> str:
    """Less than was promised."""
    return random.choice(("supervised", "no")) if level == "yes" else "no"


def _text(
    ratings: dict[str, int], status: str, honesty: str, random: Random, used: Counter[str]
) -> str:
    """One or two of the written texts that fit the ratings; those not used yet come first."""
    usual = () if honesty == "unfair-review" else ("any",)
    fitting = [
        line.text
        for line in reviews()
        if line.rating == ratings[line.dimension]
        and line.author == status
        and line.fits in (honesty, *usual)
    ]
    random.shuffle(fitting)
    fitting.sort(key=lambda text: used[text])
    chosen = fitting[: random.choice((1, 1, 2))]
    used.update(chosen)
    return " ".join(chosen)


def _reply(honesty: str, random: Random) -> str:
    fitting = [text for fits, text in replies() if fits == honesty]
    neutral = [text for fits, text in replies() if fits == "any" and text.startswith("Thank you")]
    return random.choice(fitting or neutral)
