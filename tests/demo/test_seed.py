"""The seeded market: repeatable, complete, inside its limits, and clean by the product's checks."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import get_args

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from demo import accounts
from demo.seed import run
from demo.seed.sources import agencies, doctors
from marketplace.accounts import passwords
from marketplace.accounts.models import Membership, Person
from marketplace.bookings.models import Booking
from marketplace.bookings.states import State
from marketplace.core import reference
from marketplace.core.checks import Check
from marketplace.core.context import system
from marketplace.core.db import open_session
from marketplace.listings import eligibility, lint, npi, queries
from marketplace.listings import operations as publishing
from marketplace.listings.models import Attending, Block, Offering, Rotation, Site
from marketplace.listings.policies import terms_from
from marketplace.payments.models import LedgerEntry
from marketplace.placements.models import Placement
from marketplace.placements.states import LETTER_WORDS
from marketplace.reviews import operations
from marketplace.reviews.models import Review
from marketplace.tenants.models import Agency


@cache
def now() -> datetime:
    """When this market is made: by the first test that needs it, not when pytest read this file."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the Stripe double keeps its side."""
    return tmp_path_factory.mktemp("seed") / "stripe.db"


@pytest.fixture(scope="module")
def seeded(migrated: None, store: Path) -> Iterator[Flask]:
    """One market of full size for every test that only reads it."""
    from tests.support import apps, database

    database.wipe()
    with apps.core() as app:
        run.seed(store, now=now())
        yield app


@pytest.fixture
def session(seeded: Flask) -> Iterator[Session]:
    with open_session(system("look at the seed"), readonly=True) as opened:
        yield opened


def test_counts(session: Session) -> None:
    public = select(Rotation).where(Rotation.public).subquery()
    count = session.scalar(select(func.count()).select_from(public))
    assert count is not None and count >= 2_400
    cities = session.scalar(
        select(func.count(Site.city.distinct())).join(public, public.c.site_id == Site.id)
    )
    assert cities == 274
    specialties = session.scalar(select(func.count(public.c.specialty.distinct())))
    assert specialties is not None and specialties >= 60
    assert session.scalar(select(func.count()).select_from(Attending)) == 400


def test_each_agency_shows_its_character(session: Session) -> None:
    rows = session.execute(
        select(Agency, func.count(Rotation.id).filter(Rotation.public))
        .outerjoin(Rotation, Rotation.agency_id == Agency.id)
        .group_by(Agency)
    ).all()
    assert len(rows) == 14
    found = {agency.slug: (agency, count) for agency, count in rows}
    for source in agencies():
        agency, count = found[source.slug]
        assert agency.state == source.state and agency.name == source.name
        if source.state in ("new", "suspended"):
            assert count == 0 and not agency.is_public
        else:
            assert count >= source.listings_at_least


def test_blocks_and_prices_lie_in_the_bands(session: Session) -> None:
    bands = [
        (int(line["min_cents_4_weeks"]), int(line["max_cents_4_weeks"]))
        for line in reference.rows("price_bands")
    ]
    four = session.scalars(select(Block.price_cents).where(Block.weeks == 4)).all()
    assert len(four) == session.scalar(select(func.count()).select_from(Rotation))
    for cents in four:
        assert any(low <= cents <= high for low, high in bands), cents
    per_week: dict[object, dict[int, float]] = {}
    for block in session.scalars(select(Block)):
        per_week.setdefault(block.rotation_id, {})[block.weeks] = block.price_cents / block.weeks
    for prices in per_week.values():
        ordered = [prices[weeks] for weeks in sorted(prices)]
        assert ordered == sorted(ordered, reverse=True), "a longer stay costs less per week"


def test_virtual_rotations_cost_what_virtual_costs(session: Session) -> None:
    line = reference.row("price_bands", "virtual")
    prices = session.scalars(
        select(Block.price_cents)
        .join(Rotation, Rotation.id == Block.rotation_id)
        .where(Rotation.type == "virtual", Block.weeks == 4)
    ).all()
    limits = int(line["min_cents_4_weeks"]), int(line["max_cents_4_weeks"])
    assert prices and all(limits[0] <= cents <= limits[1] for cents in prices)


def test_offerings_are_mondays_of_the_next_year(session: Session) -> None:
    future = session.scalars(
        select(Offering.start_on).where(Offering.start_on > now().date())
    ).all()
    assert future and all(day.weekday() == 0 for day in future)
    assert max(future) < now().date() + timedelta(days=366)
    per_rotation = session.scalars(
        select(func.count()).where(Offering.start_on > now().date()).group_by(Offering.rotation_id)
    ).all()
    assert set(per_rotation) <= set(range(3, 10))  # and who arrives next week


def test_every_published_rotation_passes_the_guard(session: Session) -> None:
    for rotation in session.scalars(select(Rotation).where(Rotation.public)):
        texts = {"title": rotation.title, "summary": rotation.summary}
        facts = queries.rotation_facts(rotation) | {
            "rotation.text_lint_clean": lint.is_clean(texts)
        }
        blockers = eligibility.publish_blockers(facts)
        assert not blockers, (rotation.slug, [finding.code for finding in blockers])


def test_frozen_terms_can_be_read(session: Session) -> None:
    for rotation in session.scalars(select(Rotation).limit(50)):
        assert terms_from(queries.cancellation_of(rotation)).tiers


def test_everything_is_clearly_fictional(session: Session) -> None:
    names = {doctor.display_name for doctor in doctors()}
    for attending in session.scalars(select(Attending)):
        assert attending.display_name in names
        assert attending.npi.startswith("9")
        assert npi.valid_npi(attending.npi, demo=True) and not npi.valid_npi(attending.npi)
    addresses = session.scalars(select(Person.email)).all()
    addresses = [*addresses, *session.scalars(select(Agency.email))]
    assert all(address.endswith(".example") for address in addresses)


def test_bookings_in_every_state(session: Session) -> None:
    counts = dict(
        session.execute(select(Booking.state, func.count()).group_by(Booking.state)).all()
    )
    assert set(counts) == set(get_args(State))
    assert min(counts.values()) >= 2
    agencies_with = session.scalar(select(func.count(Booking.agency_id.distinct())))
    assert agencies_with == 13  # the new one is not approved yet
    candidates = session.scalar(select(func.count(Booking.candidate_id.distinct())))
    assert candidates is not None and candidates >= 40


@pytest.mark.parametrize("package", ["core", "bookings", "payments", "reviews"])
def test_the_products_own_checks_find_nothing(session: Session, package: str) -> None:
    checks: tuple[Check, ...] = import_module(f"marketplace.{package}.checks").CHECKS
    assert checks
    for check in checks:
        assert check.find(session) == [], f"{check.code}: {check.promise}"


def test_both_sides_of_the_money_agree(session: Session, store: Path) -> None:
    """Clearing is what the provider holds, and the past sends no webhooks."""
    provider = sqlite3.connect(store)
    try:
        (held,) = provider.execute(
            "SELECT SUM(json_extract(body, '$.net')) FROM object"
            " WHERE kind = 'balance_transaction' AND account = ''"
        ).fetchone()
        (waiting,) = provider.execute("SELECT COUNT(*) FROM delivery").fetchone()
    finally:
        provider.close()
    cleared = select(func.sum(LedgerEntry.amount_cents)).where(
        LedgerEntry.account == "stripe_clearing"
    )
    assert held == session.scalar(cleared)
    assert waiting == 0


def test_ratings_are_the_sums_of_the_reviews(session: Session) -> None:
    for rotation in session.scalars(select(Rotation).where(Rotation.rating_count > 0)):
        shown = session.scalars(
            select(Review).where(Review.rotation_id == rotation.id, Review.public)
        ).all()
        assert rotation.rating_count == len(shown)
        assert rotation.rating_sum == sum(review.overall for review in shown)
        truths = [operations.truth(review) for review in shown]
        assert rotation.truth_matching == sum(matching for matching, _ in truths)
        assert rotation.truth_answers == sum(answers for _, answers in truths)
    for review in session.scalars(select(Review)):
        assert set(review.attested) == set(review.declared)
        assert set(review.attested.values()) <= set(operations.ANSWERS)
        assert review.overall == operations.overall(review.ratings)
    total = session.scalar(select(func.sum(Rotation.rating_count)))
    assert total is not None and total >= 60


def test_the_unfair_review_stands_and_is_answered(session: Session) -> None:
    review = session.scalars(
        select(Review)
        .join(Agency, Agency.id == Review.agency_id)
        .where(Agency.slug == "greyharbor-gateway", Review.overall == 1)
    ).one()
    assert review.public and review.reply


def test_letters_have_a_known_status(session: Session) -> None:
    found = set(session.scalars(select(Placement.letter_state)))
    assert found <= set(LETTER_WORDS) and "uploaded" in found


def test_honest_agencies_are_rated_above_the_others(session: Session) -> None:
    means = dict(
        session.execute(
            select(Agency.slug, func.avg(Review.overall))
            .join(Agency, Agency.id == Review.agency_id)
            .group_by(Agency.slug)
        ).all()
    )
    assert means["harborlight-rotations"] > means["copperline-medical-placements"] + 1


def test_the_demo_accounts_open(session: Session) -> None:
    for account in accounts.ACCOUNTS:
        person = session.scalars(select(Person).where(Person.email == account.email)).one()
        assert passwords.matches(person.password_hash, account.password)
        assert person.is_admin == (account.role == "admin")
        roles = session.scalars(
            select(Membership.role).where(Membership.person_id == person.id)
        ).all()
        assert roles == ([account.role.removeprefix("new-")] if account.agency else [])
    attending = accounts.by_role("attending").email
    waiting = session.scalar(
        select(func.count())
        .select_from(Booking)
        .join(Person, Person.id == Booking.attending_id)
        .where(Person.email == attending, Booking.state == "approved")
    )
    assert waiting is not None and waiting >= 2


def test_a_database_with_agencies_is_left_alone(seeded: Flask, tmp_path: Path) -> None:
    with pytest.raises(run.NotEmpty):
        run.seed(tmp_path / "stripe.db", now=now())


def test_what_is_live_passes_the_guard_of_publishing(session: Session) -> None:
    """Every tenth live listing, asked like one that somebody publishes now."""
    rows = session.scalars(select(Rotation).where(Rotation.public).order_by(Rotation.id)).all()
    found = {
        (listed.slug, missing.code)
        for listed in rows[::10]
        for missing in publishing.missing_for_publish(session, listed)
    }
    assert found == set()
