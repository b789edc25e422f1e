"""Who is told what: one table. The words are `email.<slug>.*` in data/microcopy.csv.

A row may be for some steps only: for the states a booking came from, or for who moved it. Money is
told to the candidate and to members who may see it, never to the attending; an attending's private
reason is told to the agency and never to the candidate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Side = Literal["candidate", "attending", "agency"]

MINE = "/me/bookings/{reference}"
DESK = "/agency/{agency}/bookings/{reference}"
PAPERS = "/agency/{agency}/verification"
TRAINEE = "/attending/bookings/{reference}"


@dataclass(frozen=True)
class Message:
    """One message to one side.

    `path` is the one action; it may use {reference}, {agency}, {specialty}, {listing} and {token}.
    `inbox` is the address in the inbox where the action's own is a secret link. `needs`: what a
    member of the agency must be allowed to do to be told. `sources`, `actors`: empty means any.
    """

    slug: str
    to: Side
    path: str
    inbox: str = ""
    needs: str = "bookings.decide"
    sources: frozenset[str] = frozenset()
    actors: frozenset[str] = frozenset()
    delegates: bool = True  # of an attending's messages: do those who answer for them get it too?

    def is_for(self, source: str, actor: str) -> bool:
        """Does this row hold for a step from `source`, taken by an actor of this kind?"""
        return (not self.sources or source in self.sources) and (
            not self.actors or actor in self.actors
        )


def _some(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SENT = _some("requested approved accepted payment_needed")
_ATTENDING_KNOWS = _some("approved accepted payment_needed")
_HOST = _some("agency attending admin system")
_CANCELLED = (
    Message("cancelled", "candidate", MINE),
    Message("agency-cancelled", "agency", DESK),
    Message("attending-cancelled", "attending", TRAINEE),
)

TABLE: Mapping[str, tuple[Message, ...]] = {
    # steps of a booking (bookings.states)
    "request": (
        Message("request-received", "candidate", MINE),
        Message("agency-request", "agency", DESK),
    ),
    "deposit_paid": (
        Message("accepted", "candidate", MINE),
        Message("agency-confirmed", "agency", DESK),
        Message("attending-confirmed", "attending", TRAINEE),
    ),
    "decline": (
        Message("declined", "candidate", "/rotations?specialty={specialty}"),
        Message("agency-declined", "agency", DESK, actors=_some("attending")),
        Message(
            "attending-released",
            "attending",
            "/attending",
            sources=_ATTENDING_KNOWS,
            actors=_some("agency admin system"),
        ),
    ),
    "expire": (
        Message("declined", "candidate", "/rotations?specialty={specialty}", sources=_SENT),
        Message("agency-ended", "agency", DESK, sources=_SENT),
        Message("attending-released", "attending", "/attending", sources=_ATTENDING_KNOWS),
    ),
    "withdraw": (
        Message("agency-withdrawn", "agency", DESK, sources=_SENT),
        Message("attending-released", "attending", "/attending", sources=_ATTENDING_KNOWS),
    ),
    "cancel": _CANCELLED,
    "provider_cancel": _CANCELLED,
    "check_in": (Message("check-in-noted", "candidate", MINE, actors=_HOST),),
    "no_show": (Message("no-show", "candidate", MINE),),
    "complete": (Message("how-was-it", "candidate", MINE + "/review"),),
    # the attending's links
    "asked": (Message("attending-decide", "attending", "/decide/{token}", inbox=TRAINEE),),
    "reminded": (Message("attending-reminder", "attending", "/decide/{token}", inbox=TRAINEE),),
    "signature_asked": (
        Message("sign-scope", "attending", "/sign/{token}", inbox="/attending", delegates=False),
    ),
    "listing_moderated": (
        Message(
            "agency-listing-closed",
            "agency",
            "/agency/{agency}/listings/{listing}",
            needs="listings.edit",
        ),
    ),
    "signature_decided": (
        Message(
            "agency-signature",
            "agency",
            "/agency/{agency}/listings/{listing}",
            needs="listings.edit",
        ),
    ),
    "attending_invited": (
        Message(
            "attending-invited",
            "attending",
            "/invited/{token}",
            inbox="/attending/agencies",
            delegates=False,
        ),
    ),
    "attending_left": (
        Message(
            "agency-attending-left", "agency", "/agency/{agency}/listings", needs="listings.edit"
        ),
    ),
    "invitation_answered": (
        Message(
            "agency-invitation", "agency", "/agency/{agency}/attendings", needs="listings.edit"
        ),
    ),
    # what the platform's checks mean for an agency
    "evidence_decided": (Message("evidence-decided", "agency", PAPERS, needs="settings.edit"),),
    "standing_changed": (Message("agency-standing", "agency", PAPERS, needs="bookings.decide"),),
    "evidence_ends": (Message("evidence-ends", "agency", PAPERS, needs="settings.edit"),),
    "export_ready": (
        Message("export-ready", "agency", "/agency/{agency}/export", needs="agency.export"),
    ),
    "site_address": (
        Message(
            "site-address", "agency", "/agency/{agency}/storefront/address", needs="settings.edit"
        ),
    ),
    "attending_closed": (
        Message(
            "agency-attending-closed",
            "agency",
            "/agency/{agency}/attendings",
            needs="listings.edit",
        ),
    ),
    # money
    "installment_paid": (Message("payment-receipt", "candidate", MINE),),
    "payment_failed": (Message("payment-failed", "candidate", MINE),),
    "refund_sent": (Message("refund-sent", "candidate", MINE),),
    "share_sent": (Message("payout-sent", "agency", DESK, needs="money.view"),),
    # what the clock brings, see schedule.py
    "seat_held": (Message("seat-held", "candidate", MINE),),
    "installment_due": (Message("installment-due", "candidate", MINE),),
    "starts_soon": (
        Message("starts-soon", "candidate", MINE),
        Message("attending-starts-soon", "attending", TRAINEE),
    ),
    # the running rotation
    "letter_uploaded": (Message("letter-uploaded", "candidate", MINE),),
    # `letter_reminders.csv` has the days
    "letter_attending": (Message("letter-reminder", "attending", TRAINEE),),
    "letter_agency": (Message("agency-letter-late", "agency", DESK),),
}
ALL: Mapping[str, Message] = {row.slug: row for rows in TABLE.values() for row in rows}


def messages_for(occasion: str, source: str = "", actor: str = "") -> tuple[Message, ...]:
    """Who is told on this occasion; nobody on most steps."""
    return tuple(row for row in TABLE.get(occasion, ()) if row.is_for(source, actor))
