"""The market: agencies, attendings, sites, rotations with their blocks and offerings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from demo.seed import shapes, tasks, texts
from demo.seed.chance import Ids, fork, instant
from demo.seed.placing import CLOSED, Pair, all_pairs
from demo.seed.rows import Row, Rows
from demo.seed.sources import UNFIT, agencies, doctors
from marketplace.accounts.models import Person
from marketplace.listings import policies
from marketplace.listings.levels import derive_level
from marketplace.listings.models import (
    Affiliation,
    Attending,
    Block,
    Offering,
    Rotation,
    ScopeSignature,
    Site,
)
from marketplace.listings.versions import SIGNED_BESIDE
from marketplace.tenants.models import Agency

PLATFORM_FEE_PERCENT = 12
DEPOSIT_PERCENT = 20
ROTATIONS = 2_400
FEWEST = 300  # every city once, and room for bookings in every state
WRITE_EVERY = 20_000  # rows; keeps a market of 100,000 rotations out of memory
OFFERED_WEEKS = range(2, 52)  # counted from the anchor's Monday
UNPUBLISHED = ("draft", "draft", "paused", "archived")


@dataclass(frozen=True)
class Listed:
    """What bookings need to know of a written rotation."""

    pair: Pair
    shape: shapes.Shape
    row: Row
    blocks: tuple[Row, ...]
    offerings: tuple[Row, ...]


@dataclass
class Market:
    """The seeded market. `listed` keeps only the first rotations, for bookings."""

    anchor: date
    agencies: dict[str, Row] = field(default_factory=dict)
    attendings: dict[str, Row] = field(default_factory=dict)
    sites: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    listed: list[Listed] = field(default_factory=list)


KEPT_FOR_BOOKINGS = 2_400


def build(
    rows: Rows, ids: Ids, anchor: date, rotations: int, tell: Callable[[int], None] | None = None
) -> Market:
    """Write the market. `tell` hears the number of rotations after each."""
    market = Market(anchor)
    _agencies(market, rows, ids)
    _attendings(market, rows, ids)
    pairs = all_pairs()
    for pair in pairs:
        _affiliation(market, rows, ids, pair)
    for number, (pair, state) in enumerate(_wanted(pairs, rotations)):
        listed = _rotation(market, rows, ids, pair, number, state)
        if number < KEPT_FOR_BOOKINGS or pair.agency.state == "suspended":
            market.listed.append(listed)
        if rows.waiting > WRITE_EVERY:
            rows.write()
        if tell:
            tell(number + 1)
    rows.write()
    return market


def _wanted(pairs: tuple[Pair, ...], rotations: int) -> Iterator[tuple[Pair, str]]:
    """Each published rotation's pair, every city in the first round, then those not published."""
    open_pairs = [pair for pair in pairs if _is_open(pair)]
    random = fork("order")
    random.shuffle(open_pairs)
    seen: set[str] = set()
    first: list[Pair] = []
    later: list[Pair] = []
    for pair in open_pairs:
        (later if pair.city.slug in seen else first).append(pair)
        seen.add(pair.city.slug)
    order = first + later
    for number in range(rotations):
        yield order[number % len(order)], "published"
    for agency in agencies():
        own = [pair for pair in pairs if pair.agency is agency]
        if agency.state in CLOSED:
            closed = "paused" if agency.state == "suspended" else "draft"
            for number in range(agency.listings_at_least * 2):
                yield own[number % len(own)], closed
        for number, state in enumerate(UNPUBLISHED):
            yield own[number % len(own)], state


def _is_open(pair: Pair) -> bool:
    return pair.agency.state not in CLOSED and pair.doctor.slug not in UNFIT


def _agencies(market: Market, rows: Rows, ids: Ids) -> None:
    for source in agencies():
        founded = instant(date(source.founded_year, 3, 1))
        row = {
            "id": ids.uuid(),
            "slug": source.slug,
            "name": source.name,
            "tagline": source.tagline,
            "state": source.state,
            "is_public": source.state not in CLOSED,
            "approved_at": None,  # demo.seed.verifying writes what was shown and decided
            "verified_until": None,
            "founded_year": source.founded_year,
            "email": f"desk@{source.slug}.example",
            "cancellation_preset": source.preset,
            "deposit_percent": DEPOSIT_PERCENT,
            "max_installments": 4 if source.installments else 0,
            "platform_fee_percent": PLATFORM_FEE_PERCENT,
            "payout_account": None,
            "payouts_stopped": source.payouts_stopped,
            "answer_hours": source.answer_hours or None,
            "settings": {"letter_days": source.letter_days or None, "region": source.region},
            "created_at": max(founded, instant(market.anchor - timedelta(days=900))),
        }
        market.agencies[source.slug] = rows.add(Agency, row)


def _attendings(market: Market, rows: Rows, ids: Ids) -> None:
    checked = instant(market.anchor - timedelta(days=40))
    for doctor in doctors():
        key = ids.uuid()
        rows.add(
            Person,
            {
                "id": key,
                "email": f"{doctor.slug}@attendings.example",
                "name": doctor.display_name,
                "password_hash": None,
                "email_verified_at": checked,
                "is_admin": False,
                "closed_at": None,
                "created_at": instant(market.anchor - timedelta(days=600)),
            },
        )
        row = {
            "id": key,
            "slug": doctor.slug,
            "npi": doctor.npi,
            "display_name": doctor.display_name,
            "specialty": doctor.specialty,
            "languages": list(doctor.languages),
            "years_in_practice": doctor.years,
            "median_letter_days": doctor.letter_days or None,
            "weekly_capacity": doctor.trainees,
            "joined_at": instant(market.anchor - timedelta(days=499)),
            "npi_checked_at": None,  # demo.seed.verifying writes what was looked up
            "license_checked_at": None,
            "exclusion_checked_at": None,
            "verified_until": None,
            "excluded_at": None,
            "checks": {},
        }
        market.attendings[doctor.slug] = rows.add(Attending, row)


def _affiliation(market: Market, rows: Rows, ids: Ids, pair: Pair) -> None:
    rows.add(
        Affiliation,
        {
            "id": ids.uuid(),
            "agency_id": market.agencies[pair.agency.slug]["id"],
            "attending_id": market.attendings[pair.doctor.slug]["id"],
            "preapproves": False,
            "email": f"{pair.doctor.slug}@attendings.example",
            "accepted_at": instant(market.anchor - timedelta(days=499)),
            "created_at": instant(market.anchor - timedelta(days=500)),
        },
    )


def _site(market: Market, rows: Rows, ids: Ids, pair: Pair, shape: shapes.Shape) -> Row:
    key = (pair.agency.slug, shape.site.slug, pair.city.slug)
    if key not in market.sites:
        hospital = shape.site.setting == "inpatient"
        row = {
            "id": ids.uuid(),
            "agency_id": market.agencies[pair.agency.slug]["id"],
            "slug": f"{shape.site.slug}-{pair.city.slug}",
            "name": shape.site.pattern.format(city=pair.city.name),
            "kind": shape.site.kind,
            "setting": shape.site.setting,
            "city": pair.city.slug,
            "state": pair.city.state,
            "time_zone": pair.city.timezone,
            "public": True,
            "letter_until": market.anchor + timedelta(days=400) if hospital else None,
        }
        market.sites[key] = rows.add(Site, row)
    return market.sites[key]


def _rotation(  # noqa: PLR0917
    market: Market, rows: Rows, ids: Ids, pair: Pair, number: int, state: str
) -> Listed:
    random = fork("rotation", number)
    shape = shapes.shape_of(pair, random)
    site = _site(market, rows, ids, pair, shape)
    declared = tasks.activities(pair, shape, random)
    signed = state != "draft"  # nothing was ever published without the attending's signature
    price_of = shapes.prices(shape, random)
    agency, doctor = market.agencies[pair.agency.slug], market.attendings[pair.doctor.slug]
    since = instant(market.anchor - timedelta(days=random.randint(5, 60)))
    if pair.agency.state != "new":
        since -= timedelta(days=random.randint(0, 500))
    row: Row = {
        "id": ids.uuid(),
        "agency_id": agency["id"],
        "site_id": site["id"],
        "attending_id": doctor["id"],
        "slug": f"{pair.doctor.specialty}-{shape.type}-{pair.city.slug}-{number + 1:04d}",
        "external_id": None,
        "state": state,
        "public": state == "published",
        "withheld": False,
        "version": 1,
        "title": texts.title(pair, shape, random),
        "summary": texts.summary(pair, shape, random),
        "specialty": pair.doctor.specialty,
        "type": shape.type,
        "interaction": shape.interaction,
        "setting": shape.setting,
        "level": derive_level(shape.type, shape.interaction, shape.setting, scope_cosigned=signed),
        "activities": declared,
        "inclusions": tasks.inclusions(pair, shape, random),
        "accepts": list(shape.accepts),
        "required_exams": tasks.exams(shape, random),
        "required_documents": tasks.papers(shape, random),
        "eligibility": tasks.eligibility(pair, shape, random),
        "hours_per_week": 15 if shape.setting == "remote" else random.choice((36, 40, 40, 45)),
        "week_plan": texts.week_plan(shape, random),
        "trainees_per_attending": doctor["weekly_capacity"],
        "letter_policy": tasks.letter_policy(pair, shape, random),
        "cancellation": policies.preset(pair.agency.preset).as_json(),
        "price_parts": tasks.price_parts(price_of[4], PLATFORM_FEE_PERCENT, random),
        "deposit_percent": agency["deposit_percent"],
        "max_installments": agency["max_installments"],
        "preapproved": pair.agency.slug == "meridian-usce" and random.random() < 0.4,
        "signed_version": 1 if signed else None,
        "signed_on": (since - timedelta(days=2)).date() if signed else None,
        "rating_sum": 0,
        "rating_count": 0,
        "truth_matching": 0,
        "truth_answers": 0,
        "published_at": None if state == "draft" else since,
        "updated_at": since,
        "index_version": 1,
    }
    rows.add(Rotation, row)
    if signed or shape.hands_on:
        asked = since if signed else instant(market.anchor - timedelta(days=random.randint(1, 9)))
        rows.add(ScopeSignature, _signature(ids, row, signed, asked))
    blocks = tuple(rows.add(Block, _block(ids, row, *item)) for item in price_of.items())
    offerings = tuple(
        rows.add(Offering, _offering(ids, row, market.anchor, week, seats))
        for week, seats in _starts(doctor["weekly_capacity"], random.randint(3, 8), number)
    )
    return Listed(pair, shape, row, blocks, offerings)


def _signature(ids: Ids, rotation: Row, signed: bool, at: datetime) -> Row:
    return {
        "id": ids.uuid(),
        "agency_id": rotation["agency_id"],
        "rotation_id": rotation["id"],
        "attending_id": rotation["attending_id"],
        "version": 1,
        "declared": rotation["activities"],
        "facts": {name: rotation.get(name) for name in SIGNED_BESIDE},
        "signed": rotation["activities"] if signed else None,
        "decision": "signed" if signed else None,
        "comment": "",
        "asked_at": at - timedelta(days=4),
        "decided_at": at - timedelta(days=2) if signed else None,
        "token_hash": None,
    }


def _block(ids: Ids, rotation: Row, weeks: int, cents: int) -> Row:
    return _child(ids, rotation) | {"weeks": weeks, "price_cents": cents}


def _starts(capacity: int, count: int, number: int) -> Iterator[tuple[int, int]]:
    """Weeks from the anchor and their seats, in order."""
    random = fork("starts", number)
    for week in sorted(random.sample(OFFERED_WEEKS, count)):
        yield week, random.randint(1, min(capacity, 3))


def _offering(ids: Ids, rotation: Row, anchor: date, week: int, seats: int) -> Row:
    return _child(ids, rotation) | {
        "attending_id": rotation["attending_id"],
        "start_on": anchor + timedelta(weeks=week),
        "capacity": seats,
        "taken": 0,
        "closed_at": None,
    }


def _child(ids: Ids, rotation: Row) -> Row:
    key: UUID = ids.uuid()
    return {
        "id": key,
        "agency_id": rotation["agency_id"],
        "rotation_id": rotation["id"],
        "public": rotation["public"],
    }
