"""What is being written: Harborlight's drafts, a wish beyond a type, a blackout, a delegate."""

from datetime import date, timedelta
from uuid import UUID

from demo import accounts
from demo.seed.chance import Ids, instant
from demo.seed.market import Listed, Market
from demo.seed.rows import Row, Rows
from marketplace.accounts.models import Delegate, Person
from marketplace.listings.draft_models import Blackout, ListingDraft, ListingVersion, WiderRequest
from marketplace.listings.models import Block, Rotation
from marketplace.listings.versions import EDITABLE

PROMISE = (
    "A guaranteed letter at the end. Write to us on WhatsApp for dates. You see patients every"
    " morning and present each of them."
)
BASIS = (
    "The hospital takes graduates as supervised visitors under its own program, in writing since"
    " 2024. They join the final-year team and hold no order rights."
)
OFFICE = ("Dana Whitcombe", "office@attendings.example")


def build(rows: Rows, ids: Ids, built: Market, doctor: str) -> None:
    """Write all of it; the demo agency is Harborlight, the attending is the demo account's."""
    own = [one for one in built.listed if one.pair.agency.slug == accounts.HARBORLIGHT]
    live = [one for one in own if one.row["state"] == "published" and one.shape.hands_on]
    _edited(rows, ids, live[0], built.anchor)
    _cheaper(rows, ids, live[1], built.anchor)
    _blackout(rows, ids, live[2], built.anchor)
    _delegate(rows, ids, built.attendings[doctor], built.anchor)
    _wish(rows, ids, own, built)
    rows.write()


def _draft(  # noqa: PLR0917
    rows: Rows, ids: Ids, one: Listed, at: date, values: Row, prices: Row | None
) -> None:
    _version(rows, ids, one)
    rows.add(
        ListingDraft,
        {
            "rotation_id": one.row["id"],
            "agency_id": one.row["agency_id"],
            "version": 2,
            "signed_version": None,
            "values": values,
            "prices": prices,
            "saved_by": "Jonas Pell",
            "saved_at": instant(at, 10, 18),
        },
    )


def _version(rows: Rows, ids: Ids, one: Listed) -> None:
    """The published version that the draft is compared with."""
    facts = {name: _plain(one.row.get(name)) for name in EDITABLE}
    facts["prices"] = {str(block["weeks"]): block["price_cents"] for block in one.blocks}
    rows.add(
        ListingVersion,
        {
            "id": ids.uuid(),
            "rotation_id": one.row["id"],
            "agency_id": one.row["agency_id"],
            "version": 1,
            "facts": facts,
            "published_by": "Maren Oldacre",
            "published_at": one.row["published_at"],
        },
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value


def _edited(rows: Rows, ids: Ids, one: Listed, anchor: date) -> None:
    """A text that promises too much, one more task and fewer trainees: nothing can go out yet."""
    more = dict(one.row["activities"])
    more["perform-procedures"] = "supervised"
    values = {
        "summary": PROMISE,
        "activities": more,
        "trainees_per_attending": max(1, one.row["trainees_per_attending"] - 1),
    }
    _draft(rows, ids, one, anchor - timedelta(days=1), values, None)


def _cheaper(rows: Rows, ids: Ids, one: Listed, anchor: date) -> None:
    """A better price for the longest length: ready to publish."""
    prices = {str(block["weeks"]): int(block["price_cents"]) for block in one.blocks}
    longest = max(prices, key=int)
    prices[longest] -= prices[longest] // 20 // 100 * 100
    _draft(rows, ids, one, anchor - timedelta(days=3), {}, prices)


def _blackout(rows: Rows, ids: Ids, one: Listed, anchor: date) -> None:
    first = anchor + timedelta(weeks=30)
    rows.add(
        Blackout,
        {
            "id": ids.uuid(),
            "agency_id": one.row["agency_id"],
            "site_id": one.row["site_id"],
            "attending_id": None,
            "first_day": first,
            "last_day": first + timedelta(days=11),
            "reason": "Ward renovation",
            "created_at": instant(anchor - timedelta(days=9)),
        },
    )


def _delegate(rows: Rows, ids: Ids, doctor: Row, anchor: date) -> None:
    name, email = OFFICE
    person = {
        "id": ids.uuid(),
        "email": email,
        "name": name,
        "password_hash": None,
        "email_verified_at": instant(anchor - timedelta(days=30)),
        "is_admin": False,
        "closed_at": None,
        "created_at": instant(anchor - timedelta(days=31)),
    }
    rows.add(Person, person)
    rows.add(
        Delegate,
        {
            "id": ids.uuid(),
            "attending_id": doctor["id"],
            "person_id": person["id"],
            "email": email,
            "name": name,
            "created_at": instant(anchor - timedelta(days=31)),
            "ended_at": None,
        },
    )


def _wish(rows: Rows, ids: Ids, own: list[Listed], built: Market) -> None:
    """A draft of a sub-internship that wants to take graduates too."""
    one = next((one for one in built.listed if one.shape.type == "sub-internship"), own[0])
    row = dict(one.row) | {
        "id": ids.uuid(),
        "slug": f"{one.row['slug']}-graduates",
        "state": "draft",
        "public": False,
        "type": "sub-internship",
        "accepts": ["student", "graduate"],
        "eligibility": {"min_student_year": "final", "graduate_legal_basis": BASIS},
        "signed_version": None,
        "published_at": None,
    }
    rows.add(Rotation, row)
    for block in one.blocks:
        rows.add(
            Block,
            dict(block) | {"id": ids.uuid(), "rotation_id": row["id"], "public": False},
        )
    rows.add(
        WiderRequest,
        {
            "id": ids.uuid(),
            "rotation_id": row["id"],
            "agency_id": row["agency_id"],
            "wanted": {
                "type": "sub-internship",
                "accepts": ["graduate", "student"],
                "basis": BASIS,
            },
            "state": "open",
            "note": "",
            "asked_by": "The agency's owner",
            "asked_at": instant(built.anchor - timedelta(days=2), 9, 40),
            "decided_by": "",
            "decided_at": None,
        },
    )
