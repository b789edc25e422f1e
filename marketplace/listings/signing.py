"""What the attending reads before signing a scope, as plain data for its two pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.models import Person
from marketplace.accounts.tokens import token_hash
from marketplace.core.errors import NotFound
from marketplace.listings import catalog, editor_forms, versions
from marketplace.listings.models import Rotation, ScopeSignature
from marketplace.tenants.models import Agency

LETTER_WORDS = {
    "writes-when-earned": "When the work earns it",
    "discuss": "To be discussed",
    "not-usual": "Not usual",
}
UNKNOWN_LINK = "This link is not known. It may be cut off, or a newer message has replaced it."
OPEN_LINE = "Say yes or no to this line."
# Claims that an attending answers one by one, however many lines are asked (`claim_class`).
ALONE = frozenset({"high-risk-claim", "forbidden"})
LEVEL_WORDS = {"yes": "On their own", "supervised": "Supervised", "no": "Not done"}


@dataclass(frozen=True)
class Signer:
    """Whom a sign link asks about which signature."""

    signature_id: UUID
    attending_id: UUID


def signer_by_link(session: Session, token: str) -> Signer | None:
    """The signature behind a link's token (system scope); None when it is not known, or the
    attending's account is closed or blocked."""
    row = session.execute(
        select(ScopeSignature.id, ScopeSignature.attending_id)
        .join(Person, Person.id == ScopeSignature.attending_id)
        .where(
            ScopeSignature.token_hash == token_hash(token),
            Person.closed_at.is_(None),
            Person.blocked_at.is_(None),
        )
    ).one_or_none()
    return Signer(row.id, row.attending_id) if row else None


def own(session: Session, signature_id: UUID, attending_id: UUID) -> ScopeSignature:
    """The attending's signature; NotFound for anybody else's."""
    row = session.get(ScopeSignature, signature_id)
    if row is None or row.attending_id != attending_id:
        raise NotFound
    return row


def page_values(session: Session, row: ScopeSignature, typed: Mapping[str, str]) -> dict[str, Any]:
    """The values of the sign page. Lines that were signed before are answered, others are not;
    what was typed wins."""
    rotation = session.get_one(Rotation, row.rotation_id)
    earlier = _earlier(session, row)
    before = dict(earlier.signed or {}) if earlier else {}
    facts = _facts(rotation, row, earlier)
    groups = [_group(part, row, before, typed) for part in parts_of(row, before)]
    scope = [line for group in groups for line in group["lines"]]
    changed = [line["label"] for line in (*scope, *facts) if line["was"]]
    agency = session.get(Agency, row.agency_id)
    return {
        "listing": {
            "title": f"{rotation.title}, version {row.version}",
            "version": row.version,
            "agency": agency.name if agency else "The agency",
            "doctor": rotation.attending.display_name,
            "signed_on": _signed_on(earlier),
        },
        "changed": changed,
        "groups": groups,
        "lines": len(scope),
        "facts": facts,
        "full_name": typed.get("full_name", ""),
        "sure": typed.get("sure") == "1",
        "comment": typed.get("comment", ""),
    }


def answers(session: Session, row: ScopeSignature, typed: Mapping[str, str]) -> dict[str, str]:
    """Task to y or n as the form says it: a line's own answer first, else that of its group, where
    the line may go together with its group. Lines without an answer are left out."""
    found = {slug: typed.get(f"s-{slug}", "") for slug in row.declared}
    for part in parts_of(row, signed_before(session, row)):
        if typed.get(f"g-{part.slug}") == "y":
            found |= {slug: "y" for slug in part.together if not found[slug]}
    return {slug: answer for slug, answer in found.items() if answer}


def told(session: Session, row: ScopeSignature, errors: Mapping[str, str]) -> dict[str, str]:
    """The errors of a form as its page says them: a group of which no line was answered is one
    message instead of one for each line."""
    kept = dict(errors)
    for part in parts_of(row, signed_before(session, row)):
        keys = [f"s-{slug}" for slug in part.together]
        if keys and all(kept.get(key) == OPEN_LINE for key in keys):
            first = {f"g-{part.slug}": f"{part.label}: answer all at once, or each line."}
            kept = first | {key: text for key, text in kept.items() if key not in keys}
    return kept


@dataclass(frozen=True)
class Part:
    """The lines of one group, and those of them that one tick may answer together."""

    slug: str
    label: str
    lines: tuple[str, ...]
    together: tuple[str, ...]


def parts_of(row: ScopeSignature, before: Mapping[str, str]) -> list[Part]:
    """The declared lines by group, in page order. Two lines or more can go together, where one of
    them is not answered yet."""
    found = []
    for group in catalog.scope_groups():
        tasks = [task.slug for task in catalog.scope_activities(group.slug)]
        lines = tuple(slug for slug in tasks if slug in row.declared)
        together = tuple(slug for slug in lines if may_go_together(slug, row, before))
        if lines:
            open_yet = len(together) > 1 and not all(slug in before for slug in together)
            several = together if open_yet else ()
            found.append(Part(group.slug, group.label, lines, several))
    return found


def may_go_together(slug: str, row: ScopeSignature, before: Mapping[str, str]) -> bool:
    """A tick for its whole group may answer this line: it is no high-risk claim of
    `scope_activities.csv`, and not something that was signed otherwise before."""
    if catalog.scope_activity(slug).claim_class in ALONE:
        return False
    return before.get(slug, row.declared[slug]) == row.declared[slug]


def signed_before(session: Session, row: ScopeSignature) -> dict[str, str]:
    """What the attending signed last for this listing, or for what it is a copy of."""
    earlier = _earlier(session, row)
    return dict(earlier.signed or {}) if earlier else {}


def _group(
    part: Part, row: ScopeSignature, before: Mapping[str, str], typed: Mapping[str, str]
) -> dict[str, Any]:
    """A heading with its lines; `together` is 0 where each line is answered alone."""
    return {
        "key": part.slug,
        "label": part.label,
        "together": len(part.together),
        "on": typed.get(f"g-{part.slug}") == "y",
        "lines": [
            _line(slug, row.declared[slug], before, typed) | {"alone": slug not in part.together}
            for slug in part.lines
        ],
    }


def _line(
    slug: str, level: str, before: Mapping[str, str], typed: Mapping[str, str]
) -> dict[str, Any]:
    was = before.get(slug, "no") if before else level
    same = bool(before) and was == level
    return {
        "key": slug,
        "label": catalog.scope_activity(slug).label,
        "level": LEVEL_WORDS[level],
        "was": LEVEL_WORDS[was] if before and was != level else "",
        "answer": typed.get(f"s-{slug}", "y" if same else ""),
    }


def _earlier(session: Session, row: ScopeSignature) -> ScopeSignature | None:
    """What the attending signed last for this listing, or for the one that it is a copy of."""
    rotation = session.get_one(Rotation, row.rotation_id)
    signed = (
        select(ScopeSignature)
        .where(ScopeSignature.attending_id == row.attending_id, ScopeSignature.decision == "signed")
        .order_by(ScopeSignature.version.desc())
        .limit(1)
    )
    own_one = session.scalars(
        signed.where(
            ScopeSignature.rotation_id == row.rotation_id, ScopeSignature.version < row.version
        )
    ).one_or_none()
    if own_one is not None or rotation.copied_from is None:
        return own_one
    return session.scalars(
        signed.where(ScopeSignature.rotation_id == rotation.copied_from)
    ).one_or_none()


def _signed_on(earlier: ScopeSignature | None) -> date | None:
    return earlier.decided_at.date() if earlier and earlier.decided_at else None


def _facts(
    rotation: Rotation, row: ScopeSignature, earlier: ScopeSignature | None
) -> list[dict[str, str]]:
    now = words_of_facts(versions.signed_beside(rotation) | row.facts)
    before = words_of_facts(earlier.facts) if earlier and earlier.facts else {}
    return [
        {
            "label": label,
            "words": words,
            "was": before[label] if before.get(label, words) != words else "",
        }
        for label, words in now.items()
    ]


def words_of_facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """What is signed beside the tasks, label to words."""
    share = facts.get("hospital_share")
    letter = facts.get("letter_policy") or {}
    found = {
        "Type": catalog.rotation_type(str(facts["type"])).label,
        "Setting": str(facts["setting"]).capitalize(),
        "Hours a week": str(facts["hours_per_week"]),
        "Trainees at a time": str(facts["trainees_per_attending"]),
        "In hospital": "" if share is None else f"{share}%",
        "Letter": LETTER_WORDS.get(str(letter.get("policy", "")), ""),
        "Letterhead": editor_forms.LETTERHEADS.get(str(letter.get("letterhead")), ""),
        "Uploaded to ERAS": "By you" if letter.get("eras") else "",
        "Uploaded within": f"{letter['within_days']} days" if letter.get("within_days") else "",
    }
    return {label: words for label, words in found.items() if words}
