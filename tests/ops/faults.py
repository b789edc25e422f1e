"""One planted fault, or more, for every invariant of `bin/marketplace check`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from marketplace.bookings.models import Booking, BookingTransition
from marketplace.core import clock, ids
from marketplace.core.audit import AuditEntry
from marketplace.core.outbox import OutboxMessage
from marketplace.core.storage import StoredFile
from marketplace.listings.models import (
    Affiliation,
    Attending,
    AttendingWeek,
    ListingLook,
    Offering,
    Rotation,
    ScopeSignature,
    Site,
)
from marketplace.payments.models import (
    Charge,
    Installment,
    LedgerEntry,
    LedgerTransaction,
    Refund,
    Transfer,
)
from marketplace.reviews.models import Review
from marketplace.tenants.models import Agency
from marketplace.verification.models import Evidence, VerificationStep
from tests.ops.planted import World, add, change, one, remove, run, several
from tests.verification import support as papers

Plant = Callable[[World], None]
FAULTS: list[tuple[str, str, Plant, tuple[str, ...]]] = []


def fault(promise: str, *, also: tuple[str, ...] = ()) -> Callable[[Plant], Plant]:
    """A fault against this promise; `also` names others that it cannot help breaking."""

    def register(plant: Plant) -> Plant:
        FAULTS.append((promise, plant.__name__.strip("_"), plant, also))
        return plant

    return register


@fault("every table of the code is in the database")
def _a_table_is_gone(world: World) -> None:
    run("DROP TABLE listing_look")


def _message(**values: Any) -> None:
    add(OutboxMessage, **{"payload": {}, "scope": {}} | values)


@fault("nothing in the outbox stays undelivered")
def _undelivered(world: World) -> None:
    _message(topic="bookings.deposit_paid", created_at=clock.wall() - timedelta(hours=1))


@fault("no work is dead and undecided")
def _dead_work(world: World) -> None:
    _message(topic="bookings.deposit_paid", failures=8, dead_at=clock.wall())


@fault("every topic in the outbox has a handler")
def _unknown_topic(world: World) -> None:
    _message(topic="nobody.knows", done_at=clock.wall())


@fault("every stored file has its content")
def _a_file_without_content(world: World) -> None:
    add(StoredFile, name="x", media_type="text/plain", size=1, sha256="", wrapped_key=b"")


@fault("every file that something names is stored")
def _a_logo_that_is_not_there(world: World) -> None:
    settings = {"logo": {"file_id": str(ids.uuid7())}}
    change(Agency, Agency.id == world.closed_agency, settings=settings)


@fault("no file stays that nothing names")
def _an_old_file_of_nobody(world: World) -> None:
    change(StoredFile, StoredFile.id == world.spare, created_at=clock.now() - timedelta(days=9))


@fault("the audit chain holds")
def _an_act_in_other_words(world: World) -> None:
    change(AuditEntry, AuditEntry.seq == 2, action="nothing.happened")


@fault("the audit chain holds")
def _an_act_that_is_gone(world: World) -> None:
    remove(AuditEntry, AuditEntry.seq == 2)


@fault("row-level security is forced on every table")
def _a_table_without_its_wall(world: World) -> None:
    run("ALTER TABLE listing_look NO FORCE ROW LEVEL SECURITY")


@fault("no row belongs to another agency's parent")
def _a_part_of_another_agencys_plan(world: World) -> None:
    plan = Installment.plan_id == world.open.plan_id
    change(Installment, plan, Installment.seq == 1, agency_id=world.closed_agency)


# evidence and standing


def _paper(world: World, kind: str) -> Any:
    return (Evidence.agency_id == world.verified.agency_id) & (Evidence.kind == kind)


@fault("every decision about evidence has a person and a reason")
def _a_yes_without_a_reason(world: World) -> None:
    change(Evidence, _paper(world, "insurance"), reason="")


@fault("every decision about evidence has a person and a reason")
def _a_yes_of_nobody(world: World) -> None:
    change(Evidence, _paper(world, "insurance"), decided_by=None)


@fault("every decision about evidence has a person and a reason")
def _a_step_without_a_reason(world: World) -> None:
    step = one(VerificationStep, VerificationStep.event == "accept")
    change(VerificationStep, VerificationStep.id == step["id"], reason="")


@fault("the history of every paper ends in its state")
def _a_paper_without_its_last_step(world: World) -> None:
    paper = one(Evidence, _paper(world, "site-letter"))
    accepted = VerificationStep.event == "accept"
    remove(VerificationStep, VerificationStep.evidence_id == paper["id"], accepted)


@fault("every approved agency is open exactly as long as its papers are")
def _open_beyond_its_papers(world: World) -> None:
    later = papers.days(900)
    change(Agency, Agency.id == world.verified.agency_id, verified_until=later)


@fault(
    "every approved agency is open exactly as long as its papers are",
    also=("the index holds what the database shows",),
)
def _hidden_while_its_papers_hold(world: World) -> None:
    change(Agency, Agency.id == world.verified.agency_id, is_public=False)


@fault(
    "every approved agency is open exactly as long as its papers are",
    also=(
        "no agency is shown before its approval or while it is stopped",
        "nothing is open of an agency or attending that may not be",
    ),
)
def _shown_while_it_is_stopped(world: World) -> None:
    change(Agency, Agency.id == world.verified.agency_id, state="suspended")


@fault("no agency is shown before its approval or while it is stopped")
def _a_new_agency_is_shown(world: World) -> None:
    change(Agency, Agency.id == world.closed_agency, is_public=True)


# listings


@fault("nothing is open of an agency or attending that may not be")
def _an_excluded_attending_teaches(world: World) -> None:
    change(Attending, Attending.id == world.market.attending_id, excluded_at=clock.now())


@fault(
    "nothing is open of an agency or attending that may not be",
    also=("the index holds what the database shows",),
)
def _a_stopped_agency_teaches(world: World) -> None:
    change(Agency, Agency.id == world.market.agency_id, state="new", is_public=False)


@fault("what the platform withholds is not open")
def _withheld_and_open(world: World) -> None:
    change(Rotation, Rotation.id == world.market.rotation_id, withheld=True)


@fault("every site's letter is the one that was accepted")
def _a_letter_until_another_day(world: World) -> None:
    change(Site, Site.id == world.verified.site_id, letter_until=papers.days(900))


@fault("every open listing was signed as it is")
def _more_than_was_signed(world: World) -> None:
    mine = ScopeSignature.rotation_id == world.market.rotation_id
    change(ScopeSignature, mine, signed={"take-history": "yes"})


@fault("every open listing was signed as it is")
def _never_signed(world: World) -> None:
    remove(ScopeSignature, ScopeSignature.rotation_id == world.market.rotation_id)


@fault("every open listing's attending said yes to its agency")
def _no_yes(world: World) -> None:
    change(Affiliation, Affiliation.agency_id == world.market.agency_id, accepted_at=None)


# money


def _first(world: World, account: str) -> Any:
    of = (LedgerEntry.plan_id == world.paid.plan_id) & (LedgerEntry.account == account)
    return several(LedgerEntry, of)


def _posted(world: World, source: str, **accounts: int) -> None:
    key, agency = ids.uuid7(), world.market.agency_id
    add(LedgerTransaction, id=key, agency_id=agency, source_key=source, kind="charge")
    own = {"agency_id": agency, "transaction_id": key, "plan_id": world.paid.plan_id}
    for account, cents in accounts.items():
        add(LedgerEntry, **own, account=account, amount_cents=cents)


@fault("every ledger transaction sums to zero")
def _two_that_only_balance_together(world: World) -> None:
    one_, two, *_ = _first(world, "guest_funds")
    assert one_["transaction_id"] != two["transaction_id"]
    for row, cents in ((one_, -5), (two, 5)):
        change(LedgerEntry, LedgerEntry.id == row["id"], amount_cents=row["amount_cents"] + cents)


@fault("no ledger transaction is empty")
def _nothing_was_posted(world: World) -> None:
    _posted(world, "empty")


@fault("the whole ledger sums to zero", also=("every ledger transaction sums to zero",))
def _money_from_nowhere(world: World) -> None:
    _posted(world, "nowhere", cash=500)


@fault("held money never falls below zero")
def _more_left_than_came(world: World) -> None:
    _posted(world, "beyond", guest_funds=9_000_000, cash=-9_000_000)


def _deposit(world: World) -> Any:
    plan = Installment.plan_id == world.paid.plan_id
    return one(Installment, plan, Installment.seq == 0)


def _charge(world: World, seq: int = 0) -> Any:
    plan = Installment.plan_id == world.paid.plan_id
    part = one(Installment, plan, Installment.seq == seq)
    return one(Charge, Charge.installment_id == part["id"], Charge.state == "succeeded")


@fault("no installment was charged twice")
def _charged_twice(world: World) -> None:
    run("DROP INDEX uq_charge_one_live")
    again = dict(_charge(world)) | {"id": ids.uuid7(), "attempt": 2, "key": "again"}
    add(Charge, **again | {"intent_id": "pi_again", "external_id": "ch_again"})
    cents = again["amount_cents"]
    _posted(world, "ch_again", cash=cents, guest_funds=-cents)


@fault("each charge is its installment's amount")
def _charged_more(world: World) -> None:
    row = _charge(world)
    change(Charge, Charge.id == row["id"], amount_cents=row["amount_cents"] + 1)


@fault("paid installments and charges agree")
def _paid_and_still_owed(world: World) -> None:
    plan = Installment.plan_id == world.paid.plan_id
    change(Installment, plan, Installment.seq == 1, state="scheduled")


@fault("paid installments and charges agree")
def _paid_without_a_charge(world: World) -> None:
    plan = Installment.plan_id == world.open.plan_id
    change(Installment, plan, Installment.seq == 1, state="paid")


@fault("deposit and installments sum to the price")
def _a_part_is_more(world: World) -> None:
    of = (Installment.plan_id == world.open.plan_id) & (Installment.seq == 1)
    change(Installment, of, amount_cents=one(Installment, of)["amount_cents"] + 1)


@fault("the plan's total is the booking's price")
def _another_price(world: World) -> None:
    price = one(Booking, Booking.id == world.open.id)["price_cents"]
    change(Booking, Booking.id == world.open.id, price_cents=price + 1)


@fault("no charge was refunded beyond its amount")
def _refunded_more(world: World) -> None:
    row = _charge(world)
    own = {name: row[name] for name in ("agency_id", "person_id", "plan_id")}
    cents = row["amount_cents"]
    for key, amount in (("re_1", cents), ("re_2", 1)):
        add(Refund, **own, charge_id=row["id"], amount_cents=amount, cause="x", key=key)


@fault("no charge was paid out beyond its amount")
def _paid_out_more(world: World) -> None:
    row = _charge(world)
    own = {"agency_id": row["agency_id"], "plan_id": row["plan_id"], "charge_id": row["id"]}
    cents = row["amount_cents"]
    add(Transfer, **own, share="x", amount_cents=cents, fee_cents=1, key="tr_1")


@fault("every settled movement is in the ledger")
def _a_charge_that_was_not_posted(world: World) -> None:
    change(Charge, Charge.id == _charge(world)["id"], external_id="ch_elsewhere")


@fault("every settled movement is in the ledger")
def _a_charge_that_the_provider_does_not_know(world: World) -> None:
    change(Charge, Charge.id == _charge(world)["id"], external_id=None)


@fault("every settled movement is in the ledger")
def _a_refund_that_was_not_posted(world: World) -> None:
    row = _charge(world)
    own = {name: row[name] for name in ("agency_id", "person_id", "plan_id")}
    sent = {"key": "re_1", "state": "succeeded", "external_id": "re_1"}
    add(Refund, **own, charge_id=row["id"], amount_cents=1, cause="x", **sent)


@fault("every settled movement is in the ledger")
def _a_transfer_that_was_not_posted(world: World) -> None:
    row = _charge(world)
    own = {"agency_id": row["agency_id"], "plan_id": row["plan_id"], "charge_id": row["id"]}
    sent = {"key": "tr_1", "state": "succeeded", "external_id": "tr_1"}
    add(Transfer, **own, share="x", amount_cents=1, fee_cents=0, **sent)


@fault("due dates strictly increase")
def _two_parts_on_one_day(world: World) -> None:
    plan = Installment.plan_id == world.open.plan_id
    day = one(Installment, plan, Installment.seq == 1)["due_on"]
    change(Installment, plan, Installment.seq == 2, due_on=day)


# bookings


@fault("seats taken equal bookings that hold one")
def _a_seat_of_nobody(world: World) -> None:
    start = Offering.id == world.market.offerings[0]  # it is over, and not in the index
    change(Offering, start, taken=one(Offering, start)["taken"] + 1)


@fault("attendings' weeks equal bookings in them")
def _a_week_of_nobody(world: World) -> None:
    mine = AttendingWeek.attending_id == world.market.attending_id
    week = one(AttendingWeek, mine, AttendingWeek.week == world.market.starts[1])
    change(AttendingWeek, mine, AttendingWeek.week == week["week"], taken=week["taken"] + 1)


@fault("attendings' weeks equal bookings in them")
def _a_week_is_gone(world: World) -> None:
    mine = AttendingWeek.attending_id == world.market.attending_id
    remove(AttendingWeek, mine, AttendingWeek.week == world.market.starts[1])


@fault("one live booking for a candidate and start")
def _twice_on_one_start(world: World) -> None:
    run("DROP INDEX uq_booking_one_live")
    change(Booking, Booking.id == world.other.id, candidate_id=world.open.candidate.id)


def _step(world: World, seq: int) -> Any:
    return (BookingTransition.booking_id == world.open.id) & (BookingTransition.seq == seq)


@fault("every history is a legal path to the state")
def _a_step_that_does_not_exist(world: World) -> None:
    change(BookingTransition, _step(world, 2), event="jump")


@fault("every history is a legal path to the state")
def _a_history_that_stops_early(world: World) -> None:
    remove(BookingTransition, _step(world, 2))


@fault("every history is a legal path to the state")
def _no_history(world: World) -> None:
    remove(BookingTransition, BookingTransition.booking_id == world.open.id)


@fault("every confirmed booking has its deposit paid")
def _confirmed_for_nothing(world: World) -> None:
    deposit = _deposit(world)
    change(Charge, Charge.id == _charge(world)["id"], state="declined")
    change(Installment, Installment.id == deposit["id"], state="declined")


@fault("every booking has audit entries")
def _nobody_knows_of_it(world: World) -> None:
    change(Booking, Booking.id == world.open.id, reference="RND-ZZZZZZ")


@fault("no booking stays past its deadline")
def _past_its_deadline(world: World) -> None:
    late = clock.now() - timedelta(minutes=11)
    change(Booking, Booking.id == world.open.id, deadline_at=late)


@fault("every review belongs to its author's completed booking")
def _somebody_elses_review(world: World) -> None:
    mine = Review.booking_id == world.paid.id
    change(Review, mine, candidate_id=world.open.candidate.id)


@fault("every review belongs to its author's completed booking")
def _a_review_before_the_rotation(world: World) -> None:
    mine = Review.booking_id == world.paid.id
    change(Review, mine, booking_id=world.open.id, candidate_id=world.open.candidate.id)


@fault("the index holds what the database shows")
def _the_index_was_not_told(world: World) -> None:
    mine = Rotation.id == world.market.rotation_id
    change(Rotation, mine, index_version=one(Rotation, mine)["index_version"] + 1)


NOT_ON_SQLITE = {"row-level security is forced on every table"}
UNOWNED = ("every table says who owns it", ListingLook)
