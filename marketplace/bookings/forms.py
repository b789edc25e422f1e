"""What candidates send about their requests, checked: plain data, or Invalid with a message for
each field. Only the fields named here are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from marketplace.accounts import forms as accounts
from marketplace.accounts.models import CandidateProfile
from marketplace.accounts.operations import ProfileAnswers
from marketplace.bookings.fit import Answers
from marketplace.core.errors import Invalid

Sent = Mapping[str, str]
WHY_LENGTH = 600
KEY_LENGTH = 64
NOTE_LENGTH = 200
CONSENTS = ("ok_card", "ok_terms", "ok_share")
CANCEL_REASONS = {
    "visa": "My visa was refused or is late",
    "dates": "My dates changed",
    "money": "It costs too much for me now",
    "other-rotation": "I found another rotation",
    "health": "Illness or family",
    "other": "Another reason",
}


@dataclass(frozen=True)
class Choice:
    """A start and a length, as sent from step 1. None: not chosen."""

    slug: str
    offering_id: UUID | None
    weeks: int | None
    form_key: str
    from_site: bool = False


@dataclass(frozen=True)
class Told:
    """What step 2 was answered with."""

    profile: ProfileAnswers
    answers: Answers
    why: str

    def kept(self) -> dict[str, object]:
        """The answers of this request as plain data, to be kept with the booking."""
        return asdict(self.answers) | {"why": self.why}


def choice(sent: Sent) -> Choice:
    """Start, length and key of step 1, as far as they can be read."""
    weeks = sent.get("weeks", "")
    return Choice(
        slug=accounts.text(sent, "rotation"),
        offering_id=_uuid(sent.get("offering", "")),
        weeks=int(weeks) if weeks.isascii() and weeks.isdigit() and len(weeks) < 4 else None,
        form_key=accounts.text(sent, "form_key", KEY_LENGTH),
        from_site=sent.get("via") == "site",
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def complete(chosen: Choice) -> tuple[UUID, int]:
    """The start and the length; Invalid when one of them is missing."""
    errors = {}
    if chosen.offering_id is None:
        errors["start"] = "Choose a start."
    if chosen.weeks is None:
        errors["weeks"] = "Choose a length."
    if errors or chosen.offering_id is None or chosen.weeks is None:
        raise Invalid(errors)
    return chosen.offering_id, chosen.weeks


def told(sent: Sent, asked: frozenset[str], profile: CandidateProfile, name: str) -> Told:
    """The answers of step 2: only the questions `asked` can change the profile."""
    known = _as_sent(profile) | {"name": name}
    known |= {field: sent[field] for field in asked & known.keys() if field in sent}
    try:
        _, answers = accounts.profile(known)
    except Invalid as error:
        errors = {field: text for field, text in error.errors.items() if field in asked}
        raise Invalid(errors or error.errors) from error
    vslo = sent.get("home_school_vslo", "")
    return Told(
        profile=answers,
        answers=Answers(
            read_advisory=True if sent.get("read_advisory") else None,
            read_visa_facts=True if sent.get("read_visa_facts") else None,
            adult=bool(sent.get("adult")),
            home_school_vslo=vslo if vslo in ("yes", "no", "unknown") else None,
        ),
        why=paragraphs(sent, "why"),
    )


def _as_sent(profile: CandidateProfile) -> dict[str, str]:
    """A profile as its own form would send it."""
    needs_visa = {True: "yes", False: "no", None: ""}[profile.needs_visa]
    return {
        "school": profile.school,
        "country": profile.country,
        "status": profile.status or "",
        "student_year": profile.student_year or "",
        "graduation_date": str(profile.graduation_date or ""),
        "birth_date": str(profile.birth_date or ""),
        "usmle_step_1": profile.usmle_step_1 or "",
        "usmle_step_2_ck": profile.usmle_step_2_ck or "",
        "ecfmg": profile.ecfmg or "",
        "entry_status": profile.entry_status or "",
        "needs_visa": needs_visa,
    }


def paragraphs(sent: Sent, name: str) -> str:
    """A few lines of text: no control characters, at most 600 characters."""
    text = sent.get(name, "")
    lines = (accounts.text({"line": line}, "line", WHY_LENGTH) for line in text.splitlines())
    return "\n".join(lines).strip()[:WHY_LENGTH]


def consents(sent: Sent) -> frozenset[str]:
    """The boxes ticked on step 3. Invalid when one of them is missing."""
    ticked = frozenset(name for name in CONSENTS if sent.get(name))
    missing = {
        "ok_card": "Tick this to allow the payments. Nothing is charged today.",
        "ok_terms": "Tick this to accept the terms.",
        "ok_share": "Tick this: without it nobody can decide about your request.",
    }
    errors = {name: text for name, text in missing.items() if name not in ticked}
    if errors:
        raise Invalid(errors)
    return ticked


def cancellation(sent: Sent) -> tuple[int, str]:
    """The refund that was shown, in cents, and a reason (may be empty)."""
    shown = sent.get("expected_cents", "")
    if not (shown.isascii() and shown.isdigit() and len(shown) < 12):
        raise Invalid({"expected_cents": "Look at the refund again before you cancel."})
    reason = sent.get("why", "")
    return int(shown), reason if reason in CANCEL_REASONS else ""
