"""What stands beside some listings while they are written: their drafts, lengths, starts and
requests to sign, and the agency's places. Each is read at most once, for all of them together.

The listings are locked (`versions.locked_all`), so what is read here stays so until the end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.listings.draft_models import ListingDraft
from marketplace.listings.models import Affiliation, Block, Offering, Rotation, Site
from marketplace.listings.versions import Requests

Prices = Mapping[int, int]
"""Weeks to cents."""


@dataclass(frozen=True)
class Writing:
    """What an agency wrote of one listing: columns of `versions.EDITABLE`, and every length with
    its price; None leaves these as they are."""

    rotation_id: UUID
    values: Mapping[str, Any]
    prices: Prices | None = None


class Beside:
    """What stands beside the listings of some writings."""

    def __init__(self, session: Session, writings: Sequence[Writing]) -> None:
        self._session = session
        self._writings = writings
        self._ids = [one.rotation_id for one in writings]
        self.requests = Requests(session, self._ids)

    @cached_property
    def drafts(self) -> dict[UUID, ListingDraft]:
        """The drafts that there are, locked, by listing."""
        rows = self._session.scalars(
            select(ListingDraft)
            .where(ListingDraft.rotation_id.in_(self._ids))
            .order_by(ListingDraft.rotation_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return {row.rotation_id: row for row in rows}

    def blocks(self, rotation_id: UUID) -> dict[int, Block]:
        """Every length that a listing has, also retired ones, by weeks."""
        return self._blocks.get(rotation_id, {})

    @cached_property
    def _blocks(self) -> dict[UUID, dict[int, Block]]:
        priced = [one.rotation_id for one in self._writings if one.prices is not None]
        found: dict[UUID, dict[int, Block]] = {}
        for row in self._session.scalars(
            select(Block)
            .where(Block.rotation_id.in_(priced))
            .execution_options(populate_existing=True)
        ):
            found.setdefault(row.rotation_id, {})[row.weeks] = row
        return found

    def starts(self, rotation_id: UUID) -> list[Offering]:
        """The starts of a listing for which an attending was written."""
        return self._starts.get(rotation_id, [])

    @cached_property
    def _starts(self) -> dict[UUID, list[Offering]]:
        moving = [one.rotation_id for one in self._writings if "attending_id" in one.values]
        found: dict[UUID, list[Offering]] = {}
        for row in self._session.scalars(
            select(Offering)
            .where(Offering.rotation_id.in_(moving))
            .execution_options(populate_existing=True)
        ):
            found.setdefault(row.rotation_id, []).append(row)
        return found

    def is_own_site(self, rotation: Rotation, site_id: UUID) -> bool:
        """Does a written site belong to the agency of the listing?"""
        return (rotation.agency_id, site_id) in self._sites

    @cached_property
    def _sites(self) -> set[tuple[UUID, UUID]]:
        wanted = {one.values["site_id"] for one in self._writings if one.values.get("site_id")}
        rows = self._session.execute(select(Site.agency_id, Site.id).where(Site.id.in_(wanted)))
        return {(row.agency_id, row.id) for row in rows}

    def may_teach(self, rotation: Rotation, attending_id: UUID) -> bool:
        """Does a written attending work with the agency of the listing? The present one may have
        left."""
        works = self._doctors.get((rotation.agency_id, attending_id))
        return bool(works) or (works is not None and attending_id == rotation.attending_id)

    @cached_property
    def _doctors(self) -> dict[tuple[UUID, UUID], bool]:
        found = {one.values.get("attending_id") for one in self._writings} - {None}
        rows = self._session.scalars(select(Affiliation).where(Affiliation.attending_id.in_(found)))
        return {(row.agency_id, row.attending_id): row.ended_at is None for row in rows}
