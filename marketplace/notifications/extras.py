"""What single messages say beyond the usual: amounts, deadlines, who did it.

`None` means that there is nothing to say any more: what the message would ask for was done or has
become impossible while it waited.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime

from marketplace.bookings import reasons, states
from marketplace.bookings.booking_page import next_step_url
from marketplace.bookings.order import booked_rows, day_at
from marketplace.core import clock
from marketplace.notifications.letters import About, Extra, Fact
from marketplace.notifications.wording import exact, weekday
from marketplace.payments.queries import PlanView, ScheduleRow
from marketplace.placements.operations import SILENCE


def extra_of(slug: str, about: About) -> Extra | None:
    """The extra words of a message; an empty `Extra` for most."""
    build = _BUILDERS.get(slug)
    return build(about) if build else Extra()


# --- the request --------------------------------------------------------------------------------


def _seat_held(about: About) -> Extra | None:
    booking = about.booking
    if booking.state != "held" or booking.deadline_at is None:
        return None
    if booking.deadline_at <= clock.now():
        return None
    until = about.at(booking.deadline_at)
    return Extra({"time": until}, (Fact("Held until", until),), path=next_step_url(booking))


def _request_received(about: About) -> Extra:
    until = about.at(_answer_by(about))
    facts = [Fact("Answer by", until)]
    if about.view is not None:
        facts.append(Fact("Price, all fees", exact(about.view.total_cents), money=True))
        facts.append(Fact("Charged today", exact(0), money=True))
        facts += _schedule(about, about.view)
    return Extra({"date": until}, tuple(facts), _preapproved(about))


def _agency_request(about: About) -> Extra:
    until = about.at(_answer_by(about))
    return Extra({"date": until}, (Fact("Answer by", until),), _preapproved(about))


def _preapproved(about: About) -> str:
    return "preapproved" if about.booking.terms.get("preapproved") else ""


def _answer_by(about: About) -> datetime | None:
    """The agency's deadline; the attending's where the agency approved beforehand, which happens
    at the moment of the request."""
    if about.deadline is None or not _preapproved(about):
        return about.deadline
    return about.deadline - states.DEADLINE["requested"] + states.DEADLINE["approved"]


def _decide(about: About) -> Extra | None:
    if about.booking.state != "approved":
        return None
    return Extra(facts=(Fact("Answer by", about.at(about.deadline)),))


def _declined(about: About) -> Extra:
    return Extra(facts=_agencys_words(about), variant=_how_it_ended(about))


def _agencys_words(about: About) -> tuple[Fact, ...]:
    """Why the agency said no, which it was told that the candidate reads. An attending's reason
    stays with the agency."""
    if about.detail.get("event") != "decline" or about.detail.get("actor") != "agency":
        return ()
    reason = dict(reasons.AGENCY_DECLINE).get(about.booking.reason or "", "")
    written = about.booking.reason_note or ""
    facts = (Fact("Reason", reason), Fact("The agency writes", written))
    return tuple(fact for fact in facts if fact.words)


def _how_it_ended(about: About) -> str:
    if about.detail.get("event") != "expire":
        return ""
    return "unpaid" if about.detail.get("source") == "payment_needed" else "expired"


def _agency_declined(about: About) -> Extra:
    return Extra(facts=(Fact("Reason", reasons.label(about.booking.reason or "")),))


def _agency_ended(about: About) -> Extra:
    variants = {"approved": "doctor", "payment_needed": "unpaid"}
    return Extra(variant=variants.get(about.detail.get("source", ""), ""))


def _released(about: About) -> Extra:
    match about.detail.get("event"):
        case "withdraw":
            return Extra(variant="withdrawn")
        case "decline":
            return Extra(variant="agency")
        case _:
            return Extra(variant=_how_it_ended(about))


# --- payments -----------------------------------------------------------------------------------


def _accepted(about: About) -> Extra:
    view = _view(about)
    first, whole = view.rows[0], len(view.rows) == 1
    facts = (*_paid_facts(view), *_schedule(about, view))
    return Extra({"amount": exact(first.amount_cents)}, facts, "all" if whole else "")


def _receipt(about: About) -> Extra:
    view, part = _view(about), about.part
    number = f"{about.booking.reference}-{part.seq + 1}"
    facts = (
        Fact("Receipt", number),
        Fact("Payment", _label(about, view, part)),
        Fact("Amount", exact(part.amount_cents), money=True),
        Fact("Paid", about.at(part.paid_at)),
        Fact("Card", view.card or ""),
        *_paid_facts(view),
    )
    return Extra({"amount": exact(part.amount_cents), "ref": number}, facts)


def _failed(about: About) -> Extra | None:
    view, part = _view(about), about.part
    first = part.seq == 0
    if not part.is_problem or (first and about.booking.state != "payment_needed"):
        return None
    until = about.at(about.booking.deadline_at if first else part.pay_until)
    retry = about.at(part.next_try_at) if part.state == "scheduled" else ""
    bank = part.state == "needs_action"
    facts = (
        Fact("Payment", _label(about, view, part)),
        Fact("Amount", exact(part.amount_cents), money=True),
        Fact("Late fee", exact(0), money=True),
        Fact("Card", view.card or ""),
        Fact("Seat kept until", until),
        Fact("Next try", retry),
        *_paid_facts(view),
    )
    amount = exact(part.amount_cents)
    return Extra(
        {"amount": amount, "date": until, "retry_date": retry},
        facts,
        f"{'bank' if bank else 'retry' if retry else 'card'}{' first' if first else ''}",
        f"/me/bookings/{about.booking.reference}/{'pay' if bank else 'card'}",
    )


def _due(about: About) -> Extra | None:
    view, part = _view(about), about.part
    if part.state != "scheduled" or part.due_on is None or view.state != "active":
        return None
    days = (part.due_on - clock.today(about.booking.time_zone)).days
    slots = {
        "amount": exact(part.amount_cents),
        "days": days,
        "date": weekday(part.due_on),
        "last4": (view.card or "").rpartition(" ")[2],
    }
    facts = (
        Fact("Payment", _label(about, view, part)),
        Fact("Amount", exact(part.amount_cents), money=True),
        Fact("Charged on", about.at(part.next_try_at) or weekday(part.due_on)),
        Fact("Card", view.card or ""),
        *_paid_facts(view),
    )
    return Extra(slots, facts, "" if days > 1 else "soon")


def _refund_sent(about: About) -> Extra:
    view = _view(about)
    sent = [row for row in view.refunds if row.state == "succeeded"]
    last = max((row.settled_at for row in sent if row.settled_at), default=clock.now())
    amount = exact(sum(row.amount_cents for row in sent))
    facts = (
        Fact("Sent back", amount, money=True),
        Fact("To", view.card or "Your card"),
        Fact("Sent", about.at(last)),
        Fact("You had paid", exact(view.paid_cents), money=True),
    )
    late = about.booking.state in ("declined", "expired", "withdrawn")
    return Extra({"amount": amount, "date": about.at(last)}, facts, "late" if late else "")


def _payout(about: About) -> Extra:
    share = {"start": "check-in", "completion": "completion"}[about.detail["share"]]
    amount = exact(int(about.detail["cents"]))
    facts = (Fact("Sent to you", amount, money=True), Fact("Share", share))
    return Extra({"amount": amount, "share": share}, facts)


def _view(about: About) -> PlanView:
    if about.view is None:
        raise LookupError(f"booking {about.booking.reference} has no payment plan")
    return about.view


def _label(about: About, view: PlanView, part: ScheduleRow) -> str:
    return booked_rows(about.booking, view)[part.seq].label


def _schedule(about: About, view: PlanView) -> list[Fact]:
    """What is still to come, dated."""
    labels = booked_rows(about.booking, view)
    return [
        Fact(
            labels[row.seq].label,
            exact(row.amount_cents)
            + (f" on {weekday(row.due_on)}" if row.due_on else " when the doctor has accepted"),
            money=True,
        )
        for row in view.rows
        if row.state == "scheduled"
    ]


def _paid_facts(view: PlanView) -> tuple[Fact, ...]:
    return (
        Fact("Paid so far", exact(view.paid_cents), money=True),
        Fact("Total, all fees", exact(view.total_cents), money=True),
    )


# --- cancelled ----------------------------------------------------------------------------------


def _refund_cents(about: About) -> int:
    """The refund; when an attending cancelled, the worker writes it a moment later: everything."""
    booking = about.booking
    if booking.refund_cents is None:
        return about.view.paid_cents if about.view else 0
    return booking.refund_cents


def _money_back(about: About) -> tuple[Fact, ...]:
    paid, back = (about.view.paid_cents if about.view else 0), _refund_cents(about)
    return (
        Fact("Paid", exact(paid), money=True),
        Fact("Goes back", exact(back), money=True),
        Fact("Kept under the terms", exact(max(paid - back, 0)), money=True),
    )


def _who(about: About, own: str) -> str:
    actor = about.detail.get("actor", "")
    if actor == own:
        return "You"
    people = about.people
    names = {
        "candidate": about.candidate,
        "agency": people.agency,
        "attending": f"Dr. {people.doctor}",
    }
    return names.get(actor, "Rounds")


def _unpaid(about: About) -> bool:
    return about.booking.reason == "installment-unpaid"


def _ended_on(about: About) -> str:
    return about.at(about.happened)


def _cancelled(about: About) -> Extra:
    back = _refund_cents(about)
    slots = {
        "who": _who(about, "candidate"),
        "date": _ended_on(about),
        "amount": exact(back),
    }
    facts: tuple[Fact, ...] = _money_back(about)
    if about.view and back:
        facts += (Fact("To", about.view.card or "Your card"),)
    if about.detail.get("actor") == "agency" and about.booking.reason:
        facts += (Fact("Reason", _public_reason(about.booking.reason)),)
    variant = "nothing" if not back else "unpaid" if _unpaid(about) else ""
    return Extra(slots, facts, variant)


def _public_reason(reason: str) -> str:
    """The agency's reason: it was told that the candidate reads it."""
    return dict(reasons.PROVIDER_CANCEL).get(reason, "")


def _agency_cancelled(about: About) -> Extra:
    facts = _money_back(about)
    if about.detail.get("actor") in ("agency", "attending"):
        facts += (Fact("Reason", reasons.label(about.booking.reason or "")),)
    slots = {"who": _who(about, ""), "date": _ended_on(about)}
    return Extra(slots, facts, "unpaid" if _unpaid(about) else "")


def _attending_cancelled(about: About) -> Extra:
    slots = {"who": _who(about, "attending"), "date": _ended_on(about)}
    return Extra(slots, variant="unpaid" if _unpaid(about) else "")


# --- the running rotation -----------------------------------------------------------------------


def _starts(about: About) -> Extra | None:
    if about.booking.state != "confirmed":
        return None
    return Extra({"date": weekday(about.booking.start_on)})


def _check_in(about: About) -> Extra:
    until = about.at(about.happened + SILENCE)
    return Extra({"who": _who(about, ""), "date": until}, (Fact("Say so by", until),))


def _no_show(about: About) -> Extra:
    slots = {"who": _who(about, ""), "date": _ended_on(about)}
    return Extra(slots, _money_back(about))


def _letter_uploaded(about: About) -> Extra:
    day = weekday(day_at(about.happened, about.booking.time_zone))
    return Extra({"date": day}, (Fact("Marked on", day),))


def _letter_reminder(about: About) -> Extra | None:
    """What was still true when the day came; a letter that arrived meanwhile is not asked for."""
    due = about.detail.get("due", "")
    if not due:
        return None
    day = weekday(date.fromisoformat(due))
    variant = "late" if about.detail.get("late") else ""
    ended = weekday(about.booking.end_on)
    facts = (Fact("Due by", day), Fact("Last day of the rotation", ended))
    return Extra({"date": day}, facts, variant)


_BUILDERS: Mapping[str, Callable[[About], Extra | None]] = {
    "seat-held": _seat_held,
    "request-received": _request_received,
    "agency-request": _agency_request,
    "attending-decide": _decide,
    "attending-reminder": _decide,
    "declined": _declined,
    "agency-declined": _agency_declined,
    "agency-ended": _agency_ended,
    "attending-released": _released,
    "accepted": _accepted,
    "payment-receipt": _receipt,
    "payment-failed": _failed,
    "installment-due": _due,
    "refund-sent": _refund_sent,
    "payout-sent": _payout,
    "cancelled": _cancelled,
    "agency-cancelled": _agency_cancelled,
    "attending-cancelled": _attending_cancelled,
    "starts-soon": _starts,
    "attending-starts-soon": _starts,
    "check-in-noted": _check_in,
    "no-show": _no_show,
    "letter-uploaded": _letter_uploaded,
    "letter-reminder": _letter_reminder,
    "agency-letter-late": _letter_reminder,
}
