"""What a version of a listing is: its facts, which of them the attending signs, and when it is
signed. The lowest layer under drafts, signatures and publishing."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core import clock
from marketplace.core.errors import NotFound
from marketplace.listings import levels
from marketplace.listings.models import Rotation, ScopeSignature

# What the attending's signature stands under. A change of one of these asks for a new one.
SIGNED_FACTS = (
    "type",
    "interaction",
    "setting",
    "attending_id",
    "activities",
    "hours_per_week",
    "trainees_per_attending",
    "hospital_share",
    "letter_policy",
)
# Kept with a signature beside the tasks, so that it can be read when the listing has changed.
SIGNED_BESIDE = (
    "type",
    "setting",
    "hours_per_week",
    "trainees_per_attending",
    "hospital_share",
    "letter_policy",
)
# Everything an agency writes; the rest of a rotation follows from it or is counted.
EDITABLE = (
    *("title", "summary", "specialty", "type", "interaction", "setting"),
    *("site_id", "attending_id", "activities", "inclusions", "accepts"),
    *("required_exams", "required_documents", "eligibility", "hours_per_week", "week_plan"),
    *("trainees_per_attending", "hospital_share", "letter_policy", "cancellation"),
    *("price_parts", "deposit_percent", "max_installments", "preapproved", "notice_days"),
)


def is_signed(rotation: Rotation) -> bool:
    """The attending signed this version as it is now."""
    return rotation.signed_version == rotation.version


def derived_level(rotation: Rotation) -> str:
    """The hands-on level that the listing's facts and its signature give."""
    return levels.derive_level(
        rotation.type,
        rotation.interaction,  # type: ignore[arg-type]
        rotation.setting,  # type: ignore[arg-type]
        scope_cosigned=is_signed(rotation),
    )


def interaction_of(kind: str, activities: Mapping[str, str], present: str = "") -> str:
    """How trainees take part, derived from the type and the task list: never typed in.

    A type that only watches stays so; the others are hands-on when the tasks support it.
    """
    if kind in ("virtual", "research"):
        return kind
    if kind == "observership" or not levels.scope_supports_hands_on(activities):
        return "observe"
    return "mixed" if present == "mixed" else "hands-on"


def locked(session: Session, rotation_id: UUID) -> Rotation:
    """The rotation, locked until the transaction ends and read afresh; NotFound outside scope."""
    rotation = session.scalars(
        select(Rotation)
        .where(Rotation.id == rotation_id)
        .with_for_update(of=Rotation)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if rotation is None:
        raise NotFound
    return rotation


def set_values(session: Session, rotation: Rotation, values: Mapping[str, Any]) -> bool:
    """Write columns of a rotation; True when something changed. A changed signed fact makes a
    new version, if the attending was shown the present one."""
    changed = [name for name, value in values.items() if getattr(rotation, name) != value]
    for name in changed:
        setattr(rotation, name, values[name])
    if any(name in SIGNED_FACTS for name in changed):
        if is_signed(rotation) or was_asked(session, rotation.id, rotation.version):
            retire(session, rotation.id, rotation.version)
            rotation.version += 1
        rotation.level = derived_level(rotation)
    return bool(changed)


def was_asked(session: Session, rotation_id: UUID, version: int) -> bool:
    """Was this version put before the attending?"""
    found = select(ScopeSignature.id).where(
        ScopeSignature.rotation_id == rotation_id, ScopeSignature.version == version
    )
    return session.scalar(found) is not None


def signed_day(session: Session, rotation: Rotation) -> date | None:
    """The day, at the site, of the newest signature that this version stands under."""
    at = session.scalar(
        select(func.max(ScopeSignature.decided_at)).where(
            ScopeSignature.rotation_id == rotation.id,
            ScopeSignature.attending_id == rotation.attending_id,
            ScopeSignature.version <= rotation.version,
            ScopeSignature.decision == "signed",
        )
    )
    return at.astimezone(ZoneInfo(rotation.site.time_zone)).date() if at else None


def retire(session: Session, rotation_id: UUID, version: int) -> None:
    """The open request to sign this version is out of date."""
    for request in session.scalars(
        select(ScopeSignature).where(
            ScopeSignature.rotation_id == rotation_id,
            ScopeSignature.version == version,
            ScopeSignature.decision.is_(None),
        )
    ):
        request.outdated_at = clock.now()


def signed_beside(rotation: Rotation) -> dict[str, Any]:
    """What is signed beside the tasks, as plain data."""
    return {name: getattr(rotation, name) for name in SIGNED_BESIDE}
