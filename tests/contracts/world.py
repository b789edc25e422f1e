"""Two agencies with the same things in every state, each marked by words nobody else may read.

A house is an agency with its staff, its attending and a candidate who books there. `Place` holds
the ids and addresses of one house as strings, for building URLs.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from marketplace.accounts import delegates, passwords
from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Invitation, Membership, OneTimeLink, Person, SignIn
from marketplace.accounts.operations import Device
from marketplace.accounts.tokens import token_hash
from marketplace.bookings import card, workspace_queries
from marketplace.bookings import operations as bookings
from marketplace.bookings.events import AttendingAsked
from marketplace.bookings.models import Booking
from marketplace.core import announcements, clock, context, events, ids, jobs, mail, outbox
from marketplace.core.context import Actor
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.outbox import OutboxMessage
from marketplace.desk import operations as desk
from marketplace.desk import replies
from marketplace.listings import availability, drafts, wider
from marketplace.listings import operations as listings
from marketplace.listings.events import SignatureAsked
from marketplace.listings.models import (
    Affiliation,
    Attending,
    AttendingInvitation,
    Offering,
    Rotation,
    Site,
)
from marketplace.payments.gateway import NeedsAction
from marketplace.payments.models import Customer, LedgerTransaction, PaymentPlan
from marketplace.placements import operations as placements
from marketplace.reviews import operations as reviews
from marketplace.saved import operations as saved
from marketplace.tenants.models import Agency
from marketplace.verification import attendings, files
from marketplace.verification import operations as evidence
from marketplace.verification.operations import Paper
from tests import factories
from tests.contracts import canaries, shops
from tests.imports import support as sheets
from tests.imports.support import a_file, a_site
from tests.payments import double as stub
from tests.payments.double import StripeDouble
from tests.verification import support as papers

ROLES = ("owner", "manager", "coordinator", "finance", "read-only")
WEEKS = 2
DOOR = "door@example.org"  # somebody who signs in by the form
PASSWORD = "violet harbor lantern nine"
_PASSWORD_HASH = passwords.hashed(PASSWORD)
MISSING_ID = "01890000-0000-7000-8000-000000000000"
DEVICE = Device("10.0.0.9", "Test")
# the states of a candidate's bookings that no clock has to move for, in the order of building
_PLAIN: tuple[tuple[str, factories.State], ...] = (
    ("accepted", "accepted"),
    ("approved", "approved"),
    ("requested", "requested"),
)
BOOKINGS = (
    *("reviewed", "completed", "active", "hosted", "arriving"),
    *("confirmed", "payment_needed", "asks", "accepted", "approved", "requested"),
    *("held", "answered", "terms"),
)


@dataclass
class House:
    """What one house is made of. `names` are the strings of its URLs."""

    key: str
    market: factories.Market
    candidate: factories.Candidate
    names: dict[str, str] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    csv: bytes = b""

    def sent_file(self, field: str) -> tuple[io.BytesIO, str]:
        """What a browser would upload in this field: a table of listings, or a paper."""
        if field == "csv":
            return io.BytesIO(self.csv), "listings.csv"
        if field == "logo":
            return io.BytesIO(shops.picture(90, 60, "#8a1538")), "logo.png"
        return io.BytesIO(papers.PDF), "paper.pdf"

    def secret(self, kind: str) -> str:
        """The mark of what only some may read."""
        return f"zq{kind}{self.key}"

    @property
    def doctor(self) -> UUID:
        return self.market.attending_id


@dataclass(frozen=True)
class World:
    """Both houses, the platform's admin, and each person's cookie token."""

    alpha: House
    beta: House
    admin: UUID
    job: str
    tokens: dict[str, str]
    clock_ahead: timedelta
    owners: dict[UUID, str]  # agencies and people, with the key of their house

    def house(self, key: str) -> House:
        return {"alpha": self.alpha, "beta": self.beta}[key]


def missing() -> dict[str, str]:
    """Names like those of a house, of things that are not there."""
    references = dict.fromkeys(BOOKINGS, "RND-000000")
    uuids = (
        "signature",
        "refusable_signature",
        "import_done",
        "import_checked",
        "import_faulty",
        "view",
        "reply",
        "membership",
        "invitation",
        "review",
        "sign_in",
        "person",
        "blocked",
        "announcement",
        "paper",
        "paper_sent",
        "paper_accepted",
        "job",
        "saved_search",
        "saved_rotation",
        "agency_id",
        "asked",
        "put_down",
    )
    tokens = (
        "asked_link",
        "decide",
        "decide_accepted",
        "sign",
        "sign_refusable",
        "link",
        "reset",
        "join",
        "unsubscribe",
    )
    slugs = ("slug", "rotation", "draft", "unsigned", "refusable", "unasked", "spare")
    return (
        references
        | dict.fromkeys(uuids, MISSING_ID)
        | dict.fromkeys(tokens, "no-such-token-0123456789")
        | dict.fromkeys(slugs, "no-such-name")
        | dict.fromkeys(SECTIONS, "no-such-section")
        | dict.fromkeys(("start", "closed_start", "blackout", "wish", "delegate"), MISSING_ID)
        | {"drafted": "no-such-name", "wide": "no-such-name", "site": "no-such-name"}
        | {"house": "no-such-name", "doctor": "no-such-name"}
        | {
            "version": "99",
            "guide": "no-such-guide",
            "sitemap": "99",
            **dict.fromkeys(("down_id", "late_job", "mail", "posting"), MISSING_ID),
            "doctor": "nobody",
            "list": "no-such-list",
            **dict.fromkeys(("account", "tenant"), "no-such-name"),
            "news": "no-such-news",
            **dict.fromkeys(("city", "state", "specialty", "facet"), "no-such-area"),
            "asset": "no-such.css",
            "rotation_id": MISSING_ID,
        }
        | dict.fromkeys(shops.MISSING_KEYS, MISSING_ID)
        | shops.MISSING
    )


@contextmanager
def _listening(sent: dict[UUID, str]) -> Iterator[None]:
    """Keep the tokens that go into e-mails: of bookings by their id, of signatures by theirs."""

    def asked(_session: ScopedSession, event: AttendingAsked) -> None:
        sent[event.booking_id] = event.token

    def signature(_session: ScopedSession, event: SignatureAsked) -> None:
        sent[event.signature_id] = event.token

    known = {kind: events._subscribers[kind] for kind in (AttendingAsked, SignatureAsked)}
    events._subscribers[AttendingAsked] = [*known[AttendingAsked], asked]
    events._subscribers[SignatureAsked] = [*known[SignatureAsked], signature]
    try:
        yield
    finally:
        events._subscribers.update(known)


def build(double: StripeDouble) -> World:
    """Both houses, step by step together, because the clock moves for both."""
    clock.reset()
    sent: dict[UUID, str] = {}
    with _listening(sent):
        houses = (_house("alpha"), _house("beta"))
        for house in houses:
            _customer(house, double)
        _past(houses)
        _running(houses)
        _future(houses, double, sent)
        for house in houses:
            _papers(house, sent)
            _desk(house)
            house.names |= shops.open_shop(house.market, house.key)
            house.names["export"] = shops.keep_archive(house.market)
    admin, platform = _platform()
    tokens = {"admin": _sign_in(admin)}
    for house in houses:
        tokens |= {f"candidate-{house.key}": _sign_in(house.candidate.id)}
        tokens |= {f"attending-{house.key}": _sign_in(house.doctor)}
        tokens |= {f"{role}-{house.key}": _sign_in(house.market.staff[role]) for role in ROLES}
        house.names |= platform
        house.names["person"] = str(house.candidate.id)
        house.names["blocked"] = _blocked()
        house.names |= {
            "guide": "letters",
            "city": "chicago-il",
            "state": "illinois",
            "facet": "state",
        }
        house.names |= {"specialty": "cardiology", "sitemap": "0"}
        house.names |= {"list": "specialties", "account": "guest_funds"}
        house.names["tenant"] = house.names["slug"]
        house.names["posting"] = _posting(house)
        house.names["announcement"] = _announcement()
        house.names["news"] = house.names["announcement"].replace("-", "")[-12:]
    owners = {key: house.key for house in houses for key in _people(house)}
    canaries.plant(owners)
    return World(*houses, admin, platform["job"], tokens, clock.offset(), owners)


def _people(house: House) -> list[UUID]:
    """The agency, its members, its attending and its candidate."""
    agency = house.market.agency_id
    with open_session(factories.a_system(), readonly=True) as session:
        members = select(Membership.person_id).where(Membership.agency_id == agency)
        doctors = (house.doctor, UUID(house.names["put_down_doctor"]))
        return [agency, house.candidate.id, *doctors, *session.scalars(members)]


# --- the house and its people -------------------------------------------------------------------


def _house(key: str) -> House:
    market = factories.market(
        weeks_ahead=tuple(range(3, 92, 2)),
        prices=((WEEKS, 110_000), (4, 165_000)),
        required_documents=[],
        max_installments=1,
    )
    who = factories.candidate(f"Ana Zqcandidate{key}", school=f"School zqcandidate{key}")
    house = House(key, market, who)
    with open_session(factories.a_system()) as session:
        human = session.get_one(Person, who.id)
        human.email, human.password_hash = f"zqcandidate{key}@example.org", _PASSWORD_HASH
        human.email_verified_at = clock.now()
        session.get_one(Attending, house.doctor).weekly_capacity = 50
        doctor = session.get_one(Person, house.doctor)
        doctor.email, doctor.password_hash = f"zqdoctor{key}@example.org", _PASSWORD_HASH
        for offering in session.scalars(
            select(Offering).where(Offering.agency_id == market.agency_id)
        ):
            offering.capacity = 9
        _mark_staff(session, house)
        _invite(session, house)
        affiliation = session.scalars(
            select(Affiliation).where(Affiliation.agency_id == market.agency_id)
        ).one()
        affiliation.email = f"zqdoctor{key}@example.org"
        _ask_doctors(session, house)
    house.names |= {"slug": market.agency_slug, "rotation": market.slug}
    _keep(house)
    house.names["doctor"] = market.attending_slug
    house.names["rotation_id"] = str(market.rotation_id)
    return replace(house, candidate=replace(who, email=f"zqcandidate{key}@example.org"))


def _ask_doctors(session: ScopedSession, house: House) -> None:
    """The attending is asked once more, by a link; somebody else is put down and not asked yet."""
    house.names["asked_link"] = token = ids.token()
    agency, mail = house.market.agency_id, f"zqdoctor{house.key}@example.org"
    who = f"Ida Zqdoctor{house.key}"
    asked = AttendingInvitation(
        agency_id=agency,
        attending_id=house.doctor,
        npi="1234567893",
        email=mail,
        name=who,
        invited_by=f"Maya Zqstaff{house.key}",
        sends=1,
        token_hash=token_hash(token),
        sent_at=clock.now() - timedelta(days=1),
        expires_at=clock.now() + timedelta(days=900),  # the building moves the clock
    )
    other = factories.attending(session, who, slug=f"other-zqdoctor{house.key}", joined_at=None)
    session.get_one(Person, other.id).email = f"other-{mail}"
    down = AttendingInvitation(
        agency_id=agency, attending_id=other.id, npi=other.npi, email=f"other-{mail}", name=who
    )
    session.add_all([asked, down])
    session.flush()
    house.names["asked"], house.names["put_down"] = str(asked.id), str(down.id)
    house.names["put_down_doctor"] = str(other.id)


def _invite(session: ScopedSession, house: House) -> None:
    """One invitation that is a day old, for somebody without an account; and a link to join."""
    house.names["join"] = token = ids.token()
    row = Invitation(
        agency_id=house.market.agency_id,
        email=f"new-zqstaff{house.key}@example.org",
        role="coordinator",
        invited_by=f"Maya Zqstaff{house.key}",
        token_hash=token_hash(token),
        sent_at=clock.wall() - timedelta(days=1),
        expires_at=clock.wall() + timedelta(days=6),
    )
    session.add(row)
    session.flush()
    house.names["invitation"] = str(row.id)


def _keep(house: House) -> None:
    """The candidate keeps a rotation and a search."""
    who = house.candidate.id
    with open_session(context.person(who)) as session:
        saved.keep_rotation(session, who, house.market.slug)
        search = saved.keep_search(session, who, "state=NY", house.secret("search"))
        house.names["saved_search"] = str(search.id)
        house.names["saved_rotation"] = str(house.market.rotation_id)
        house.names["unsubscribe"] = saved.mail_settings(session, who).token


def _mark_staff(session: ScopedSession, house: House) -> None:
    extra = factories.person(session, "Maya Extra")
    row = Membership(agency_id=house.market.agency_id, person_id=extra.id, role="owner")
    session.add(row)
    session.flush()
    house.names["membership"] = str(row.id)
    for member in session.scalars(
        select(Membership).where(Membership.agency_id == house.market.agency_id)
    ):
        human = session.get_one(Person, member.person_id)
        human.name = f"Maya Zqstaff{house.key}"
        human.email = f"{member.role}-{ids.uuid7().hex[-6:]}-zqstaff{house.key}@example.org"
        human.password_hash = _PASSWORD_HASH
        member.person_name, member.person_email = human.name, human.email


def _customer(house: House, double: StripeDouble) -> None:
    customer, _ = double.save_card(double.gateway())
    with open_session(factories.a_system()) as session:
        session.add(Customer(person_id=house.candidate.id, external_id=customer))


def _sign_in(person_id: UUID) -> str:
    with open_session(factories.a_system()) as session:
        return accounts.start_sign_in(session, person_id, DEVICE)


# --- bookings -----------------------------------------------------------------------------------


def _next_offering(house: House) -> int:
    """The first start far enough ahead that this candidate has not taken."""
    earliest = clock.now().date() + timedelta(days=10)
    for number, start in enumerate(house.market.starts):
        if start >= earliest and number not in house.used:
            house.used.add(number)
            return number
    raise AssertionError("no start left")


def _book(
    house: House,
    name: str,
    state: factories.State,
    market: factories.Market | None = None,
    double: StripeDouble | None = None,
) -> factories.Made:
    made = factories.booking(
        market or house.market,
        house.candidate,
        state,
        offering=0 if market else _next_offering(house),
        weeks=WEEKS,
        double=double,
    )
    house.names[name] = made.reference
    return made


def _past(houses: tuple[House, House]) -> None:
    """Two finished rotations each; one is reviewed and the review is out."""
    for house in houses:
        made = _book(house, "reviewed", "completed")
        with open_session(house.candidate.scope) as session:
            booking = session.get_one(Booking, made.id)
            written = reviews.Written(
                {row["slug"]: 4 for row in reviews.dimensions()},
                reviews.declared_of(booking),
                "Much clinic, kind team.",
                confirmed=True,
            )
            row = reviews.write(session, house.candidate.actor, made.id, written)
            house.names["review"] = str(row.id)
    clock.advance(timedelta(days=8))
    jobs.run_tick("reviews.release_due")
    for house in houses:
        _book(house, "completed", "completed")


def _running(houses: tuple[House, House]) -> None:
    """Three that may begin: one where only the candidate checked in, one where only the agency
    did, one where nobody has yet. Their weeks are over, so they may be completed too."""
    made: dict[tuple[str, str], factories.Made] = {}
    for house in houses:
        for name in ("active", "hosted", "arriving"):
            made[house.key, name] = _book(house, name, "confirmed")
    last = max(made.values(), key=_start_of)
    factories.move_to_day(last.id, "start_on")
    clock.advance(timedelta(days=3))
    for house in houses:
        staff = house.market.staff_actor
        with open_session(house.candidate.scope) as session:
            placements.check_in(session, house.candidate.actor, made[house.key, "active"].id)
        with open_session(context.agency(house.market.agency_id)) as session:
            placements.check_in(session, staff, made[house.key, "hosted"].id)
        for name in ("active", "hosted"):
            with open_session(factories.a_system()) as session:
                placements.open_placement(session, made[house.key, name].id).letter_state = "asked"


def _start_of(made: factories.Made) -> Any:
    with open_session(factories.a_system(), readonly=True) as session:
        return session.get_one(Booking, made.id).start_on


def _future(houses: tuple[House, House], double: StripeDouble, sent: dict[UUID, str]) -> None:
    """Bookings on their way; those with a short deadline last."""
    for house in houses:
        _book(house, "confirmed", "confirmed")
        _book(house, "payment_needed", "payment_needed")
        _asked_by_the_bank(house, double)
    for name, state in _PLAIN:
        for house in houses:
            made = _book(house, name, state)
            if name == "accepted":
                house.names["decide_accepted"] = sent[made.id]
            if name == "approved":
                house.names["decide"] = sent[made.id]
    for house in houses:
        _holds(house, double)


def _asked_by_the_bank(house: House, double: StripeDouble) -> None:
    made = _book(house, "asks", "accepted")
    with open_session(factories.a_system()) as session:
        plan = session.get_one(PaymentPlan, made.plan_id)
        plan.customer_id, plan.payment_method = double.save_card(double.gateway(), stub.ALWAYS_ASKS)
    factories._charge_deposit(house.market, made.id, NeedsAction, double)
    assert made.state == "payment_needed"


def _holds(house: House, double: StripeDouble) -> None:
    """One hold for each step of the form, each on a rotation of its own. The last one has a card
    saved at the provider that the booking does not know of yet."""
    for name in ("held", "answered", "terms"):
        made = _book(house, name, "terms" if name == "terms" else "held", _more(house))
        if name == "answered":
            with open_session(house.candidate.scope) as session:
                told = {"read_advisory": True, "adult": True, "why": f"zqcandidate{house.key}"}
                bookings.answer(session, house.candidate.actor, made.id, told)
        if name == "terms":
            started = card.begin(house.candidate.scope, made.id, email=house.candidate.email)
            double.confirm(started.client_secret, stub.GOOD)
            house.names["setup"] = started.setup_id


def _more(house: House, **values: Any) -> factories.Market:
    """Another rotation of the same attending at the same site, with one start that the candidate
    is free for."""
    start = house.market.starts[_next_offering(house)]
    with open_session(factories.a_system()) as session:
        listed = factories.rotation(
            session,
            house.market.agency_id,
            house.market.site_id,
            house.doctor,
            **{"required_documents": [], "max_installments": 1} | values,
        )
        for weeks, price in ((WEEKS, 110_000), (4, 165_000)):
            factories.block(session, listed, weeks, price)
        offered = (factories.offering(session, listed, start, 9).id,)
        return replace(house.market, rotation_id=listed.id, slug=listed.slug, offerings=offered)


# --- listings, files, links ---------------------------------------------------------------------


def _papers(house: House, sent: dict[UUID, str]) -> None:
    private = {"state": "draft", "title": f"Zqagency{house.key} clinic", "published_at": None}
    spare = _more(house)
    house.names |= {"spare": spare.slug, "spare_start": str(spare.offerings[0])}
    house.names["draft"] = _more(house, **private).slug
    for name, link in (("unsigned", "sign"), ("refusable", "sign_refusable")):
        open_one = _more(house, **private, signed_version=None)
        with open_session(context.agency(house.market.agency_id)) as session:
            staff = house.market.staff_actor
            opens = name == "unsigned"
            key = listings.ask_signature(session, staff, open_one.rotation_id, opens=opens).id
        house.names[name] = open_one.slug
        house.names["signature" if name == "unsigned" else "refusable_signature"] = str(key)
        house.names[link] = sent[key]
    _catalog(house)
    down = {"state": "paused", "taken_down_at": clock.now(), "taken_down_reason": "Not true."}
    house.names["down_id"] = str(_more(house, **down).rotation_id)
    house.csv = a_file(a_site(name=f"Zqagency{house.key} import"))
    house.names["unasked"] = _more(house, **private, signed_version=None).slug
    _imports(house)
    _links(house)
    _evidence(house)


def _imports(house: House) -> None:
    """Files of sites: one that is done, one that is checked, one with a bad cell."""
    market = house.market
    named = {
        "import_done": a_site(name=f"Zqagency{house.key} wing"),
        "import_checked": a_site(name=f"Zqagency{house.key} annex"),
        "import_faulty": a_site(name=f"Zqagency{house.key} hall", kind="castle"),
    }
    for name, row in named.items():
        house.names[name] = str(sheets.upload(market, "sites", a_file(row)))
    sheets.start(market, UUID(house.names["import_done"]))
    factories.run_outbox("imports.run")


def _evidence(house: House) -> None:
    """Papers of the agency: one accepted, one that waits, one not sent; and a watched attending."""
    market = house.market
    scope, owner = context.agency(market.agency_id), papers.owner(market)

    def upload(kind: str) -> UUID:
        paper = Paper(kind, number=f"zqagency{house.key}", valid_until=papers.days(400))
        file = files.checked(papers.PDF, f"zqagency{house.key}.pdf")
        with open_session(scope) as session:
            return evidence.upload(session, owner, paper, file).id

    house.names["paper_accepted"] = str(upload("insurance"))
    upload("registration")
    papers.send(market)
    papers.decide(market)
    house.names["paper_sent"] = str(upload("registration"))
    papers.send(market)
    house.names["paper"] = str(upload("tax-number"))
    house.names["house"] = market.agency_slug
    with open_session(factories.a_system()) as session:
        session.get_one(Agency, market.agency_id).email = f"desk-{house.key}@example.org"
        doctor = session.get_one(Attending, house.doctor)
        house.names["doctor"] = doctor.slug
        attendings.watch(session, doctor.id, doctor.npi)


SECTIONS = ("basics", "scope", "people", "price", "cancellation", "letter", "dates")


def _catalog(house: House) -> None:
    """A draft over a live listing, a wish beyond the default, starts, a blackout."""
    market, staff = house.market, house.market.staff_actor
    live = _more(house, state="draft", published_at=None)
    wide, wished_for = (_wide(house) for _ in range(2))
    with open_session(context.agency(market.agency_id)) as session:
        listings.publish(session, staff, live.rotation_id)
        drafts.save(session, staff, live.rotation_id, {"title": "Another title"})
        wished = wider.ask(session, staff, wished_for.slug).id
        closed = _more_starts(session, house, live.rotation_id)
        far = clock.now().date() + timedelta(days=700)
        dark = availability.black_out(
            session,
            staff,
            market.agency_id,
            site_id=None,
            attending_id=None,
            first=far,
            last=far,
            reason=f"zqagency{house.key}",
        ).blackout.id
    with open_session(context.person(house.doctor)) as session:
        delegate = delegates.name_delegate(
            session, market.doctor_actor, f"zqdoctor{house.key}-office@example.org", "Olive Office"
        ).id
    with open_session(factories.a_system(), readonly=True) as session:
        house.names["site"] = session.get_one(Site, market.site_id).slug
    house.names |= {name: name for name in SECTIONS}
    house.names |= {
        "drafted": live.slug,
        "wide": wide.slug,
        "version": "1",
        "site_id": str(market.site_id),
        "doctor_id": str(house.doctor),
        "agency_id": str(market.agency_id),
        "start": str(live.offerings[0]),
        "closed_start": str(closed),
        "blackout": str(dark),
        "wish": str(wished),
        "delegate": str(delegate),
        "black_day": (far - timedelta(days=100)).isoformat(),
    }


def _wide(house: House) -> factories.Market:
    return _more(
        house,
        state="draft",
        published_at=None,
        type="sub-internship",
        eligibility={"graduate_legal_basis": "The hospital takes graduates as visitors here."},
    )


def _more_starts(session: ScopedSession, house: House, rotation_id: UUID) -> UUID:
    """A start that was closed by hand."""
    row = session.get_one(Rotation, rotation_id)
    made = factories.offering(session, row, factories.monday(60), 3)
    return availability.close_start(session, house.market.staff_actor, made.id).id


def _desk(house: House) -> None:
    """A note, a view of the owner's, and a canned reply, all with marks."""
    market = house.market
    owner = Actor("agency", market.staff["owner"], market.agency_id, "Maya", "owner")
    with open_session(context.agency(market.agency_id)) as session:
        for name in ("requested", "confirmed", "approved"):
            booking = workspace_queries.by_reference(session, house.names[name])
            desk.add_note(session, owner, booking, f"Called zqstaff{house.key} about housing.")
        view = desk.save_view(session, owner, f"zqstaff{house.key}", "view=here")
        draft = replies.Draft(f"Zqagency{house.key} dates", "Hello {candidate}.")
        house.names["view"] = str(view.id)
        house.names["reply"] = str(replies.write(session, owner, draft).id)


def _links(house: House) -> None:
    who = house.candidate
    with open_session(factories.a_system()) as session:
        for name, purpose in (("link", "sign-in"), ("reset", "reset")):
            house.names[name] = token = ids.token()
            row = OneTimeLink(
                purpose=purpose,
                token_hash=token_hash(token),
                email=who.email,
                person_id=who.id,
                expires_at=clock.wall() + timedelta(hours=1),
            )
            session.add(row)
        accounts.start_sign_in(session, who.id, DEVICE)
        session.flush()
        other = session.scalars(select(SignIn).where(SignIn.person_id == who.id)).one()
        house.names["sign_in"] = str(other.id)


def _announcement() -> str:
    actor = context.Actor("admin", name="Pat Admin")
    with open_session(factories.a_system()) as session:
        row = announcements.write(
            session,
            actor,
            text="A test announcement for agencies.",
            sides=("agency",),
            from_at=clock.now(),
            until_at=clock.now() + timedelta(days=700),
            dismissible=True,
            reason="matrix",
        )
        return str(row.id)


def _posting(house: House) -> str:
    with open_session(factories.a_system(), readonly=True) as session:
        mine = LedgerTransaction.agency_id == house.market.agency_id
        return str(session.scalars(select(LedgerTransaction.id).where(mine).limit(1)).one())


def _blocked() -> str:
    with open_session(factories.a_system()) as session:
        row = factories.person(session, "Bo Blocked", blocked_at=clock.now(), blocked_reason="x")
        return str(row.id)


def _platform() -> tuple[UUID, dict[str, str]]:
    with open_session(factories.a_system()) as session:
        known = {"password_hash": _PASSWORD_HASH, "email_verified_at": clock.now()}
        admin = factories.person(session, "Pat Admin", is_admin=True, **known)
        factories.person(session, "Dora Door", email=DOOR, **known)
        key = outbox.enqueue(session, "mail.send", {"note": "zqplatform"})
        row = session.get_one(OutboxMessage, key)
        row.dead_at, row.failures, row.last_error = clock.wall(), 8, "zqplatform"
        late = session.get_one(OutboxMessage, outbox.enqueue(session, "mail.send", {}))
        late.failures, late.next_at = 1, clock.wall() + timedelta(days=9)
        message = mail.post(
            session,
            slug="zq",
            to="zqplatform@example.org",
            name="",
            subject="Zqplatform",
            text="x",
            html="x",
            dedupe_key="zqplatform",
        )
        return admin.id, {"job": str(row.id), "late_job": str(late.id), "mail": str(message)}
