"""Bookings in every state, with their histories, seats, placements and money."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from sqlalchemy.orm import Session

from demo import accounts
from demo.seed import histories
from demo.seed.booked import Booked, Place, deal_of, placement_of, set_times, write_steps
from demo.seed.chance import Ids, fork
from demo.seed.histories import STARTED, Frame
from demo.seed.market import Listed, Market
from demo.seed.money import ASKS_ITS_BANK, DECLINES_LATER, GOOD_CARDS, Money, Till
from demo.seed.people import Candidate, People
from demo.seed.rows import Row, Rows
from demo.seed.seats import Seats, past_start
from marketplace.accounts.queries import candidate_summary
from marketplace.bookings import states
from marketplace.bookings.models import Booking
from marketplace.listings import queries
from marketplace.listings.models import Block, Rotation
from marketplace.listings.policies import terms_from
from marketplace.listings.refunds import refund_for
from marketplace.placements.models import Placement

# How many bookings end up in each state.
COUNTS = {
    "held": 2,
    "requested": 12,
    "approved": 11,
    "accepted": 3,
    "payment_needed": 4,
    "confirmed": 34,
    "active": 14,
    "completed": 8,
    "closed": 120,
    "declined": 9,
    "withdrawn": 7,
    "expired": 9,
    "cancelled_by_candidate": 9,
    "cancelled_by_provider": 5,
    "no_show": 3,
}
# Suspended: old bookings only. New: nothing is over yet.
NOT_FOR = {
    "ironpost-externships": frozenset(COUNTS) - {"closed", "cancelled_by_provider"},
    "newleaf-rotations": STARTED,
}
# Bookings of the demo attending: decisions to make, a trainee who is here, and past ones.
FOR_ATTENDING = {"approved": 3, "active": 1, "confirmed": 1, "closed": 2}
# More of Harborlight's, so that its queue is alive.
FOR_HARBORLIGHT = {"requested": 5, "approved": 2, "payment_needed": 1, "confirmed": 3, "active": 3}
# First days of Harborlight's arrivals, in weeks from this Monday.
ARRIVALS = (0, 0, 1, 1)
WITH_PLACEMENT = STARTED | {"confirmed"}
SOONEST_WEEKS = 7  # a live booking starts this far away at least: room for installments
RUNNING_WEEKS = 2  # shorter ones that began last week are over
WITH_REVIEWS = 12  # rotations of an agency that get bookings, so that some have several reviews
CAUSES = {"cancel": "candidate-change-of-mind", "provider_cancel": "agency-cancelled"}


class Desk:
    """Makes bookings, one after the other."""

    def __init__(  # noqa: PLR0917
        self, rows: Rows, ids: Ids, market: Market, people: People, till: Till, now: datetime
    ) -> None:
        self._rows, self._ids, self._market, self._people = rows, ids, market, people
        self._till, self._now = till, now
        capacities = {row["id"]: row["weekly_capacity"] for row in market.attendings.values()}
        self.seats = Seats(capacities)
        self._by_agency: dict[str, list[Listed]] = defaultdict(list)
        for listed in market.listed:
            if listed.row["state"] in ("published", "paused"):
                self._by_agency[listed.pair.agency.slug].append(listed)
        self._summaries: dict[UUID, dict[str, object]] = {}
        self._number = 0

    def build(self, demo_attending: str) -> list[Booked]:
        """Every booking of the demo."""
        made = [self._demo_candidate("closed"), self._demo_candidate("confirmed")]
        for state, count in FOR_ATTENDING.items():
            own = [
                listed
                for listed in self._by_agency[accounts.HARBORLIGHT]
                if listed.pair.doctor.slug == demo_attending
            ]
            made += [self._any(state, number, own) for number in range(count)]
        for state, count in FOR_HARBORLIGHT.items():
            lively = self._by_agency[accounts.HARBORLIGHT][:40]
            made += [self._any(state, number, lively) for number in range(count)]
        made += [self._arriving(week, number) for number, week in enumerate(ARRIVALS)]
        for state, count in COUNTS.items():
            made += [
                self._any(state, number, self._by_agency[slug][:WITH_REVIEWS])
                for number, slug in zip(range(count), self._agencies(state), strict=False)
            ]
        self.seats.write(self._rows.session, self._rows)
        return made

    def _agencies(self, state: str) -> Iterator[str]:
        """Round and round; Harborlight, which the demo's staff account shows, comes twice."""
        slugs = [slug for slug in self._by_agency if state not in NOT_FOR.get(slug, frozenset())]
        slugs.insert(len(slugs) // 2, accounts.HARBORLIGHT)
        fork("agencies", state).shuffle(slugs)
        slugs.remove(accounts.HARBORLIGHT)
        slugs.insert(0, accounts.HARBORLIGHT)
        while True:
            yield from slugs

    def _demo_candidate(self, state: str) -> Booked:
        """The demo candidate has one past rotation to review and one far away, and is free for
        everything else."""
        candidate = self._people.candidates[0]
        random = fork("demo candidate", state)
        for listed in self._by_agency[accounts.HARBORLIGHT]:
            if not candidate.fits(listed.row):
                continue
            if state == "closed":
                block = _block(listed, 4)
                return self._book(state, 0, self._past(candidate, listed, block, 6), random)
            far = listed.offerings[-1]
            if far["start_on"] >= self._market.anchor + timedelta(weeks=44):
                return self._book(
                    state, 0, Place(candidate, listed, _block(listed, 4), far), random
                )
        raise LookupError(f"no rotation for the demo candidate's {state} booking")

    def _any(self, state: str, number: int, choices: list[Listed]) -> Booked:
        random = fork("booking", state, number, len(choices), choices[0].row["slug"])
        place = self._find(state, choices, random)
        return self._book(state, number, place, random)

    def _find(self, state: str, choices: list[Listed], random: Random) -> Place:
        """A listing, a start and a candidate that go together. The demo candidates stay free."""
        for _ in range(400):
            listed = random.choice(choices)
            candidate = random.choice(self._people.candidates[2:])
            if not candidate.fits(listed.row):
                continue
            block = random.choice(listed.blocks)
            if state == "active" and block["weeks"] < RUNNING_WEEKS:
                continue
            if state in STARTED:
                ago = _weeks_ago(state, block["weeks"], random)
                place = self._past(candidate, listed, block, ago)
            else:
                place = Place(candidate, listed, block, random.choice(listed.offerings))
                soonest = self._market.anchor + timedelta(weeks=SOONEST_WEEKS)
                if place.offering["start_on"] < soonest:
                    continue
            if self._is_free(place):
                return place
        raise LookupError(f"no free seat for a booking that is {state}")

    def _is_free(self, place: Place) -> bool:
        weeks, start = place.block["weeks"], place.offering["start_on"]
        idle = self.seats.is_idle(place.candidate.id, start, weeks)
        return idle and self.seats.is_free(place.offering, weeks)

    def _arriving(self, week: int, number: int) -> Booked:
        """Confirmed long ago at Harborlight, with its first day this week or in one of the next."""
        random = fork("arriving", number)
        for _ in range(400):
            listed = random.choice(self._by_agency[accounts.HARBORLIGHT][:40])
            candidate = random.choice(self._people.candidates[2:])
            if candidate.fits(listed.row):
                place = self._past(candidate, listed, random.choice(listed.blocks), -week)
                if self._is_free(place):
                    return self._book("confirmed", 0, place, random)
        raise LookupError("nobody arrives")

    def _past(self, candidate: Candidate, listed: Listed, block: Row, weeks_ago: int) -> Place:
        start, _ = past_start(self._market.anchor, weeks_ago, block["weeks"])
        offering = self.seats.past_offering(self._rows, self._ids, listed, start)
        return Place(candidate, listed, block, offering)

    # --- one booking ----------------------------------------------------------------------------

    def _book(self, state: str, number: int, place: Place, random: Random) -> Booked:
        weeks, start = place.block["weeks"], place.offering["start_on"]
        row = self._plain(state, place)
        frame = Frame(
            now=self._now,
            start_on=start,
            end_on=row["end_on"],
            zone=row["time_zone"],
            answer_hours=place.listed.pair.agency.answer_hours,
            preapproved=bool(row["terms"]["preapproved"]),
        )
        steps = histories.history(state, number, frame, random)
        set_times(row, steps)
        self.seats.take(state, place.candidate.id, place.offering, weeks)
        booked = Booked(row, place.listed, place.candidate, steps)
        self._pay(booked, number, random)
        self._rows.add(Booking, row)
        write_steps(self._rows, self._ids, self._people, booked)
        if state in WITH_PLACEMENT:
            self._rows.add(Placement, placement_of(booked, random, self._now))
        return booked

    def _plain(self, state: str, place: Place) -> Row:
        """The booking without its times and money. Its terms are what the product freezes."""
        self._number += 1
        session = self._rows.session
        rotation = session.get_one(Rotation, place.listed.row["id"])
        block = session.get_one(Block, place.block["id"])
        weeks, start = place.block["weeks"], place.offering["start_on"]
        return {
            "id": self._ids.uuid(),
            "reference": self._ids.reference(),
            "agency_id": rotation.agency_id,
            "candidate_id": place.candidate.id,
            "attending_id": rotation.attending_id,
            "rotation_id": rotation.id,
            "offering_id": place.offering["id"],
            "block_id": block.id,
            "plan_id": None,
            "form_key": f"seed-{self._number}",
            "state": state,
            "weeks": weeks,
            "start_on": start,
            "end_on": queries.last_day(start, weeks),
            "time_zone": rotation.site.time_zone,
            "price_cents": block.price_cents,
            "currency": "usd",
            "hold_extended": False,
            "terms": queries.frozen_terms(rotation, block),
            "candidate": self._summary(session, place.candidate) if state != "held" else {},
            "consent": {},
            "reason": None,
            "reason_note": None,
            "refund_cents": None,
            "deposit_due_at": None,
            "first_paid_at": None,
            "reminded_at": None,
            "decide_token_hash": None,
        }

    def _summary(self, session: Session, candidate: Candidate) -> dict[str, object]:
        if candidate.id not in self._summaries:
            self._summaries[candidate.id] = candidate_summary(session, candidate.id)
        return self._summaries[candidate.id]

    # --- its money ------------------------------------------------------------------------------

    def _pay(self, booked: Booked, number: int, random: Random) -> None:
        row, at = booked.row, {step.event: step.at for step in booked.steps}
        if "request" not in at:
            return
        failing = row["state"] == "payment_needed"
        card = (DECLINES_LATER, ASKS_ITS_BANK)[number % 2] if failing else random.choice(GOOD_CARDS)
        money = self._till.open(deal_of(booked, at["request"]), card)
        row["plan_id"] = money.plan["id"]
        if failing:
            self._till.fail_deposit(money, at["payment_failed"])
        elif "deposit_paid" in at:
            self._till.pay_deposit(money, at["deposit_paid"])
            self._after_deposit(booked, money, at, number)
        elif row["state"] in states.FINAL:
            self._till.stop(money)

    def _after_deposit(
        self, booked: Booked, money: Money, at: dict[str, datetime], number: int
    ) -> None:
        ended = next((event for event in CAUSES if event in at), None)
        self._till.pay_until(money, at[ended] if ended else self._now)
        if ended:
            self._till.stop(money)
            self._give_back(booked, money, ended, at[ended])
        elif (
            booked.row["state"] == "confirmed"
            and number % 12 == 5
            and money.plan["state"] != "paid"
        ):
            self._till.refuse_last_due(money)
        account = self._market.agencies[booked.listed.pair.agency.slug]["payout_account"]
        for event, share in (("check_in", "start"), ("complete", "completion")):
            if event in at:
                self._till.release(money, share, at[event], account)

    def _give_back(self, booked: Booked, money: Money, event: str, when: datetime) -> None:
        row = booked.row
        fault = event == "provider_cancel"
        quote = refund_for(
            terms_from(row["terms"]["cancellation"]),
            money.paid_cents,
            start_on=row["start_on"],
            cancel_on=when.date(),
            cause=CAUSES[event],
            since_payment=when - row["first_paid_at"],
            weeks=row["weeks"],
        )
        row["refund_cents"] = quote.refund_cents
        self._till.refund(money, quote.refund_cents, CAUSES[event], when, fault=fault)


def _block(listed: Listed, weeks: int) -> Row:
    return next(block for block in listed.blocks if block["weeks"] == weeks)


def _weeks_ago(state: str, weeks: int, random: Random) -> int:
    """Which past Monday a rotation began on, so that it is over, running or just over."""
    if state == "active":
        return random.randint(1, weeks - 1)
    if state == "completed":
        return weeks
    return weeks + random.randint(2, 40) if state == "closed" else random.randint(1, 8)
