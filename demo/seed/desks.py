"""What a lively agency keeps beside its bookings: notes, own views, canned replies; page views."""

from datetime import datetime, timedelta

from demo import accounts
from demo.seed.booked import Booked
from demo.seed.chance import Ids, fork
from demo.seed.market import Market
from demo.seed.people import People
from demo.seed.rows import Row, Rows
from marketplace.desk.models import BookingNote, CannedReply, SavedView
from marketplace.numbers.models import ListingDay

WEEKS_OF_VIEWS = 14
LISTINGS_WITH_VIEWS = 25  # of each agency
NOTES = (
    "Asked about housing by phone. Sent the list of three rooms near the clinic.",
    "The site wants the immunization record two weeks before the first day.",
    "Prefers mornings. The attending knows.",
    "Called back: will bring the signed school letter on the first day.",
    "Visa interview is on the 3rd. Look again after that.",
)
REPLIES = (
    (
        "Dates are taken",
        "Hello {candidate}, the start on {start} of {rotation} is taken. Later starts are open;"
        " please look at the other dates on the same page.",
    ),
    (
        "Papers would be late",
        "Hello {candidate}, the site needs every paper 30 days before {start}, and that is too"
        " near now. A later start would work.",
    ),
    (
        "Another background is needed",
        "Hello {candidate}, {rotation} asks for experience that you have not told us about. Our"
        " other rotations may fit you better.",
    ),
)
VIEWS = (("Cancelled by candidates", "view=past&status=cancelled_by_candidate&sort=-start"),)


def build(  # noqa: PLR0917
    rows: Rows, ids: Ids, market: Market, people: People, booked: list[Booked], now: datetime
) -> None:
    """Everything of the desks."""
    _notes(rows, ids, market, people, booked, now)
    _texts(rows, ids, market, people, now)
    _views(rows, market)
    rows.write()


def _clerk(people: People) -> Row:
    """The person of the demo agency's coordinator."""
    return people.staff[accounts.HARBORLIGHT]


def _notes(  # noqa: PLR0917
    rows: Rows, ids: Ids, market: Market, people: People, booked: list[Booked], now: datetime
) -> None:
    clerk = _clerk(people)
    agency = market.agencies[accounts.HARBORLIGHT]["id"]
    ours = [one for one in booked if one.row["agency_id"] == agency and one.row["state"] != "held"]
    for number, one in enumerate(ours[::2]):
        random = fork("note", one.row["reference"])
        rows.add(
            BookingNote,
            {
                "id": ids.uuid(),
                "agency_id": agency,
                "booking_id": one.row["id"],
                "text": NOTES[number % len(NOTES)],
                "author_id": clerk["id"],
                "author_name": clerk["name"],
                "at": now - timedelta(minutes=random.randint(20, 2_000)),
            },
        )


def _texts(rows: Rows, ids: Ids, market: Market, people: People, now: datetime) -> None:
    agency = market.agencies[accounts.HARBORLIGHT]["id"]
    clerk = _clerk(people)
    for title, text in REPLIES:
        rows.add(
            CannedReply,
            {
                "id": ids.uuid(),
                "agency_id": agency,
                "title": title,
                "text": text,
                "changed_by": clerk["name"],
                "changed_at": now - timedelta(days=12),
            },
        )
    for name, query in VIEWS:
        rows.add(
            SavedView,
            {
                "id": ids.uuid(),
                "agency_id": agency,
                "person_id": clerk["id"],
                "name": name,
                "query": query,
                "created_at": now - timedelta(days=20),
            },
        )


def _views(rows: Rows, market: Market) -> None:
    """One row a week and listing; more of them for agencies with better-known listings."""
    seen: dict[str, int] = {}
    for listed in market.listed:
        slug = listed.pair.agency.slug
        if listed.row["state"] != "published" or seen.get(slug, 0) >= LISTINGS_WITH_VIEWS:
            continue
        seen[slug] = seen.get(slug, 0) + 1
        random = fork("views", listed.row["slug"])
        usual = fork("views of", slug).randint(6, 24)
        for week in range(1, WEEKS_OF_VIEWS + 1):
            rows.add(
                ListingDay,
                {
                    "rotation_id": listed.row["id"],
                    "day": market.anchor - timedelta(days=7 * week - 2),
                    "agency_id": listed.row["agency_id"],
                    "views": max(1, round(usual * random.uniform(0.6, 1.4) * (1.3 - week * 0.03))),
                },
            )
