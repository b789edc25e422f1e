"""What a version of a listing is: its facts, which of them the attending signs, and when it is
signed. The lowest layer under drafts, signatures and publishing."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property
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
    return locked_all(session, [rotation_id])[rotation_id]


def locked_all(session: Session, rotation_ids: Collection[UUID]) -> dict[UUID, Rotation]:
    """The same of some hundred rotations at most, locked in the order of their keys."""
    found = session.scalars(
        select(Rotation)
        .where(Rotation.id.in_(rotation_ids))
        .order_by(Rotation.id)
        .with_for_update(of=Rotation)
        .execution_options(populate_existing=True)
    )
    rotations = {rotation.id: rotation for rotation in found}
    if rotations.keys() != set(rotation_ids):
        raise NotFound
    return rotations


class Requests:
    """What was put before the attendings of some listings: read once, when it is first asked."""

    def __init__(self, session: Session, rotation_ids: Collection[UUID]) -> None:
        self._session = session
        self._of = rotation_ids

    @cached_property
    def _found(self) -> dict[tuple[UUID, int], ScopeSignature]:
        rows = self._session.scalars(
            select(ScopeSignature)
            .where(ScopeSignature.rotation_id.in_(self._of))
            .execution_options(populate_existing=True)
        )
        return {(row.rotation_id, row.version): row for row in rows}

    def was_asked(self, rotation_id: UUID, version: int) -> bool:
        """Was this version put before the attending?"""
        return (rotation_id, version) in self._found

    def retire(self, rotation_id: UUID, version: int) -> None:
        """The open request to sign this version, if there is one, is out of date."""
        request = self._found.get((rotation_id, version))
        if request is not None and request.decision is None:
            request.outdated_at = clock.now()


def set_values(requests: Requests, rotation: Rotation, values: Mapping[str, Any]) -> bool:
    """Write columns of a rotation; True when something changed. A changed signed fact makes a
    new version, if the attending was shown the present one."""
    changed = [name for name, value in values.items() if getattr(rotation, name) != value]
    for name in changed:
        setattr(rotation, name, values[name])
    if any(name in SIGNED_FACTS for name in changed):
        if is_signed(rotation) or requests.was_asked(rotation.id, rotation.version):
            requests.retire(rotation.id, rotation.version)
            rotation.version += 1
        rotation.level = derived_level(rotation)
    return bool(changed)


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


def signed_beside(rotation: Rotation) -> dict[str, Any]:
    """What is signed beside the tasks, as plain data."""
    return {name: getattr(rotation, name) for name in SIGNED_BESIDE}
