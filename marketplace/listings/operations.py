"""The verbs of a listing: publish, pause, and the attending's signature under the scope.

A listing opens through one guard, `missing_for_publish`, whoever asks: page, import or command.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.accounts.delegates import require_attending
from marketplace.accounts.permissions import require
from marketplace.accounts.tokens import token_hash
from marketplace.core import audit, clock, context, formats, ids, outbox
from marketplace.core.context import SYSTEM, Actor
from marketplace.core.errors import Conflict, Gone, Invalid, NotFound
from marketplace.core.events import publish as tell
from marketplace.listings import consent, drafts, eligibility, lint, versions, wider
from marketplace.listings.draft_models import ListingDraft, ListingVersion
from marketplace.listings.events import RotationChanged, SignatureAsked, SignatureDecided
from marketplace.listings.models import Affiliation, Attending, Rotation, ScopeSignature
from marketplace.listings.queries import rotation_facts
from marketplace.listings.signing import OPEN_LINE
from marketplace.listings.standing import stops
from marketplace.listings.versions import derived_level, is_signed, locked

LINK_DAYS = 30
SAID_ABOVE = ("text-lint", "supervisor-verified")  # phrase by phrase, and by the checks' findings


@dataclass(frozen=True)
class Missing:
    """One thing between a listing and its publication. `section` is where it is mended: one of
    the editor's, or empty where the agency can only wait."""

    code: str
    message: str
    section: str = ""


# --- publishing ---------------------------------------------------------------------------------


def missing_for_publish(session: Session, rotation: Rotation) -> tuple[Missing, ...]:
    """Exactly what keeps this listing from opening; empty when it may. The only guard.

    `rotation` is the row itself or the agency's `drafts.working` view of it.
    """
    today = clock.today(rotation.site.time_zone)
    found = [Missing(stop.code, stop.for_agency) for stop in stops(rotation, today)]
    found += _parts_missing(rotation, today)
    if not _works_here(session, rotation):
        name = formats.doctor(rotation.attending.display_name)
        words = f"{name} does not work with your agency any more. Choose another attending."
        found.append(Missing("affiliation", words, "basics"))
    if not is_signed(rotation):
        found.append(
            Missing(
                "signature",
                f"{formats.doctor(rotation.attending.display_name)} has not signed what trainees do"
                f" (version {rotation.version}).",
                "scope",
            )
        )
    if not wider.is_allowed(session, rotation):
        found.append(
            Missing(
                "wider",
                "This type does not take graduates by default. The platform has to agree first.",
                "people",
            )
        )
    texts = public_texts(rotation)
    found += [
        Missing(
            f"text-{hit.field}", f"“{hit.matched}” in the {hit.field}: {hit.say_instead}", "basics"
        )
        for hit in lint.lint_fields(texts)
        if hit.action == "block"
    ]
    facts = rotation_facts(rotation) | {"rotation.text_lint_clean": lint.is_clean(texts)}
    found += [
        Missing(blocker.code, blocker.message, _SECTION_OF_RULE.get(blocker.code, "scope"))
        for blocker in eligibility.publish_blockers(facts)
        if blocker.code not in SAID_ABOVE
    ]
    return tuple(found)


def _works_here(session: Session, rotation: Rotation) -> bool:
    """Does the attending still work with the agency? Whoever has not said yes yet does so by
    signing, and is missed as a signature until then."""
    row = select(Affiliation.id).where(
        Affiliation.agency_id == rotation.agency_id,
        Affiliation.attending_id == rotation.attending_id,
        Affiliation.ended_at.is_(None),
    )
    if is_signed(rotation):
        row = row.where(Affiliation.accepted_at.is_not(None))
    return session.scalar(row) is not None


_SECTION_OF_RULE = {
    "graduate-exception-declared": "people",
    "supervisor-named": "basics",
    "virtual-no-hands-on": "basics",
    "research-not-usce": "basics",
    "rare-combination-evidence": "people",
    "private-office-hands-on-california": "people",
}


def _parts_missing(rotation: Rotation, today: date) -> list[Missing]:
    open_starts = [o for o in rotation.offerings if o.start_on > today and o.closed_at is None]
    wanted = (
        (
            bool(rotation.title.strip()),
            Missing("title", "Give the listing a title.", "basics"),
        ),
        (
            bool(rotation.summary.strip()),
            Missing("summary", "Say what a day is like.", "basics"),
        ),
        (
            bool(rotation.accepts),
            Missing("accepts", "Say whether students, graduates or both may come.", "people"),
        ),
        (
            bool(rotation.letter_policy.get("policy")),
            Missing("letter", "Say whether the attending writes letters.", "letter"),
        ),
        (
            bool(rotation.blocks),
            Missing("prices", "Add at least one length with its price.", "price"),
        ),
        (
            bool(rotation.cancellation),
            Missing("cancellation", "Choose a cancellation policy.", "cancellation"),
        ),
        (
            bool(open_starts),
            Missing("starts", "Add at least one start in the future.", "dates"),
        ),
    )
    return [missing for there, missing in wanted if not there]


def public_texts(rotation: Rotation) -> dict[str, str]:
    """The texts that agencies write and everybody reads."""
    week = [
        str(text) for day in rotation.week_plan if isinstance(day, dict) for text in day.values()
    ]
    return {
        "title": rotation.title,
        "summary": rotation.summary,
        "inclusions": "\n".join(rotation.inclusions),
        "week": "\n".join(week),
        "site": rotation.site.name,
        "affiliation": rotation.site.affiliation,
    }


def publish(session: Session, actor: Actor, rotation_id: UUID) -> Rotation:
    """Open a listing to everybody, or make its draft the live version. Invalid names each missing
    thing, and then the caller rolls back; repeating it is harmless."""
    require(actor, "listings.publish")
    rotation = locked(session, rotation_id)
    if rotation.state == "archived":
        raise Conflict("An archived listing stays closed. Copy it instead.", "archived")
    changed = drafts.apply(session, rotation)
    if rotation.state == "published" and not changed:
        return rotation
    rotation.level = derived_level(rotation)
    missing = missing_for_publish(session, rotation)
    if missing:
        raise Invalid(
            {item.code: item.message for item in missing},
            "This listing is not ready: " + " ".join(item.message for item in missing),
        )
    rotation.state, rotation.public, rotation.withheld = "published", True, False
    rotation.published_at = rotation.published_at or clock.now()
    rotation.signed_on = versions.signed_day(session, rotation)
    _keep_version(session, actor, rotation)
    _changed(session, actor, rotation, "listing.publish")
    return rotation


def _keep_version(session: Session, actor: Actor, rotation: Rotation) -> None:
    """What is published now, to be compared with later versions."""
    facts = drafts.snapshot(rotation)
    kept = session.scalars(
        select(ListingVersion).where(
            ListingVersion.rotation_id == rotation.id, ListingVersion.version == rotation.version
        )
    ).one_or_none()
    if kept is None:
        kept = ListingVersion(
            rotation_id=rotation.id, agency_id=rotation.agency_id, version=rotation.version
        )
        session.add(kept)
    kept.facts, kept.published_by, kept.published_at = facts, actor.name, clock.now()


def pause(session: Session, actor: Actor, rotation_id: UUID) -> Rotation:
    """Close a listing to new requests; bookings go on. Repeating it is harmless."""
    require(actor, "listings.publish")
    rotation = locked(session, rotation_id)
    if rotation.state == "paused":
        rotation.withheld = False  # a choice of the agency: it does not open by itself any more
        return rotation
    if rotation.state != "published":
        raise Conflict("Only a live listing can be paused.", "not_live")
    rotation.state, rotation.public = "paused", False
    _changed(session, actor, rotation, "listing.pause")
    return rotation


def archive(session: Session, actor: Actor, rotation_id: UUID) -> Rotation:
    """Close a listing for good; bookings go on, a draft of it is dropped. Repeating is harmless."""
    require(actor, "listings.publish")
    rotation = locked(session, rotation_id)
    if rotation.state == "archived":
        return rotation
    drafts.discard(session, actor, rotation.id)
    versions.Requests(session, [rotation.id]).retire(rotation.id, rotation.version)
    rotation.state, rotation.public = "archived", False
    _changed(session, actor, rotation, "listing.archive")
    return rotation


def _changed(session: Session, actor: Actor, rotation: Rotation, action: str) -> None:
    rotation.updated_at = clock.now()
    session.flush()
    audit.record(
        session,
        actor,
        action,
        f"rotation:{rotation.slug}",
        agency_id=rotation.agency_id,
        version=rotation.version,
    )
    tell(session, RotationChanged(rotation.id, rotation.agency_id))


def open_when_ready(session: Session, row: ScopeSignature) -> bool:
    """Publish a signed version whose member asked for that, if nothing is missing; True if so.

    A listing that was paused or archived meanwhile stays closed.
    """
    rotation = locked(session, row.rotation_id)
    draft = session.get(ListingDraft, rotation.id)
    if draft is not None:
        waits = rotation.state == "published" and draft.signed_version == row.version
    else:
        waits = rotation.state == "draft" and rotation.signed_version == row.version
    if not (row.opens_for and row.decision == "signed" and waits):
        return False
    session.flush()
    try:
        with session.begin_nested():
            publish(session, replace(SYSTEM, name=row.opens_for), rotation.id)
    except Invalid:
        return False
    return True


def keep_closed(session: Session, actor: Actor, rotation_id: UUID) -> None:
    """Take back that the listing goes live by itself. Repeating it is harmless."""
    require(actor, "listings.publish")
    slug = locked(session, rotation_id).slug
    session.execute(
        update(ScopeSignature).where(ScopeSignature.rotation_id == rotation_id).values(opens_for="")
    )
    audit.record(session, actor, "listing.keep_closed", f"rotation:{slug}")


# --- the attending's signature ------------------------------------------------------------------


def ask_signature(
    session: Session, actor: Actor, rotation_id: UUID, *, opens: bool = False
) -> ScopeSignature:
    """Ask the attending by e-mail to sign what trainees do. Asking again sends a fresh link.

    It is asked for the draft where there is one. `opens`: the listing goes live by itself once it
    is signed and nothing else is missing; whoever asks for that must be allowed to publish. Who
    has not said yes to the agency finds the list on the page of the invitation. Conflict when this
    version was answered already, or the attending has left; Invalid when no task is declared.
    """
    require(actor, "listings.edit")
    if opens:
        require(actor, "listings.publish")
    slug = locked(session, rotation_id).slug
    wanted = drafts.working(session, slug)
    if not wanted.activities and wanted.type != "research":
        raise Invalid({"activities": "Say first what trainees do."})
    if is_signed(wanted):
        raise Conflict("The attending has signed this version.", "signed")
    row = session.scalars(
        select(ScopeSignature).where(
            ScopeSignature.rotation_id == wanted.id, ScopeSignature.version == wanted.version
        )
    ).one_or_none()
    if row is not None and row.decision == "signed":
        raise Conflict("The attending has signed this version.", "signed")
    if row is not None and row.decision == "refused":
        raise Conflict("The attending sent this version back. Change the tasks first.", "refused")
    writes = consent.may_write(session, actor, wanted.agency_id, wanted.attending_id)
    token = ids.token()
    if row is None:
        row = ScopeSignature(
            agency_id=wanted.agency_id,
            rotation_id=wanted.id,
            attending_id=wanted.attending_id,
            version=wanted.version,
            declared=dict(wanted.activities),
            facts=versions.signed_beside(wanted),
        )
        session.add(row)
    row.token_hash, row.asked_at, row.outdated_at = token_hash(token), clock.now(), None
    row.opens_for = (actor.name or "Your team") if opens else ""
    session.flush()
    audit.record(session, actor, "listing.ask_signature", f"rotation:{slug}", opens=opens)
    if writes:
        tell(
            session,
            SignatureAsked(row.id, wanted.id, wanted.agency_id, wanted.attending_id, token),
        )
    return row


def sign(
    session: Session,
    actor: Actor,
    signature_id: UUID,
    *,
    answers: Mapping[str, str],
    sure: bool,
    full_name: str,
) -> ScopeSignature:
    """The attending signs. `answers`: activity to y or n; all must be y, or it is sent back.

    Invalid with a message for each open field; Conflict when decided; Gone when out of date.
    """
    row = _open_signature(session, actor, signature_id)
    errors = {
        f"s-{slug}": OPEN_LINE for slug in row.declared if answers.get(slug) not in ("y", "n")
    }
    errors |= {
        f"s-{slug}": "This is not so? Then send the list back with a note instead of signing."
        for slug in row.declared
        if answers.get(slug) == "n"
    }
    if not sure:
        errors["sure"] = "Confirm that this is what trainees really do."
    if len(full_name.strip()) < 3:
        errors["full_name"] = "Write your full name."
    if errors:
        raise Invalid(errors)
    row.signed = dict(row.declared)
    doctor = session.get_one(Attending, row.attending_id)
    doctor.joined_at = doctor.joined_at or clock.now()  # the first yes to anybody
    return _decide(session, actor, row, "signed", f"Signed as {full_name.strip()[:120]}")


def refuse(session: Session, actor: Actor, signature_id: UUID, *, comment: str) -> ScopeSignature:
    """The attending sends the list back; nothing is published."""
    row = _open_signature(session, actor, signature_id)
    if len(comment.strip()) < 3:
        raise Invalid({"comment": "Say what is not right, so that the agency can correct it."})
    return _decide(session, actor, row, "refused", comment.strip()[:2000])


def _open_signature(session: Session, actor: Actor, signature_id: UUID) -> ScopeSignature:
    row = session.scalars(
        select(ScopeSignature)
        .where(ScopeSignature.id == signature_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None or actor.kind != "attending" or row.attending_id != actor.person_id:
        raise NotFound
    require_attending(actor)
    if row.decision is not None:
        raise Conflict("This list was answered already.", "decided")
    refuse_stale(session, row)
    return row


def refuse_stale(session: Session, row: ScopeSignature) -> None:
    """Gone when the link is over or the agency has changed the list since."""
    if row.asked_at + timedelta(days=LINK_DAYS) <= clock.now():
        raise Gone("This request to sign has ended. The agency can send a new one.", "expired")
    if row.outdated_at is not None:
        raise Gone("The agency has changed this list. A newer request follows.", "outdated")


def _decide(
    session: Session, actor: Actor, row: ScopeSignature, decision: str, comment: str
) -> ScopeSignature:
    row.decision, row.comment, row.decided_at = decision, comment, clock.now()
    audit.record(
        session,
        actor,
        f"listing.scope_{decision}",
        f"signature:{row.id}",
        agency_id=row.agency_id,
        version=row.version,
    )
    # the listing is the agency's row, which the attending's scope may not write
    outbox.enqueue(
        session,
        "listings.signature_decided",
        {"signature_id": str(row.id)},
        scope=context.agency(row.agency_id),
    )
    return row


def apply_signature(session: Session, signature_id: UUID) -> None:
    """Let a signature count for its listing, if the listing is still that version."""
    row = session.get_one(ScopeSignature, signature_id)
    if row.decision is None:
        return
    if row.decision == "signed":
        consent.by_signature(session, row)
    rotation = locked(session, row.rotation_id)
    draft = session.get(ListingDraft, rotation.id, with_for_update=True)
    if row.decision == "signed" and rotation.version == row.version:
        rotation.signed_version = row.version
        rotation.level = derived_level(rotation)
        _changed(session, SYSTEM, rotation, "listing.signed")
    elif row.decision == "signed" and draft is not None and draft.version == row.version:
        draft.signed_version = row.version
    if row.decision == "signed":
        open_when_ready(session, row)
    tell(session, SignatureDecided(row.id, rotation.id, rotation.agency_id, row.decision))
