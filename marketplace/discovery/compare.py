"""Up to four listings side by side: what each row says, and whether they differ.

Everything is for one length and each listing's next start of it, so that money and dates are
those of the listing's own page. The address holds all of it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.bookings import order, request_page
from marketplace.discovery import compare_rows
from marketplace.discovery.compare_rows import Cell, Column
from marketplace.listings.models import Rotation
from marketplace.search import rows
from marketplace.search.answers import ANSWER_PARAMS
from marketplace.search.finding import address
from marketplace.search.page import compare_address
from marketplace.search.state import Args, SearchState, compared
from marketplace.search.works_for_me import Who

USUAL_WEEKS = 4


@dataclass(frozen=True)
class Asked:
    """The address: slugs in their order, a length in weeks, whether equal rows are hidden, and
    what the candidate told."""

    slugs: tuple[str, ...]
    weeks: int | None
    differences: bool
    told: SearchState

    @property
    def url(self) -> str:
        """The one address of this comparison."""
        pairs = [("rotation", slug) for slug in self.slugs]
        pairs += [("weeks", str(self.weeks))] if self.weeks else []
        pairs += [("same", "hide")] if self.differences else []
        told = [(name, getattr(self.told, name)) for name in ANSWER_PARAMS]
        pairs += [(name, str(value)) for name, value in told if value]
        return f"/compare?{urlencode(pairs)}" if pairs else "/compare"

    @property
    def add_url(self) -> str:
        """The search in which others are chosen."""
        state = replace(self.told.bare, compare=self.slugs)
        return f"/rotations?{state.canonical()}" if state.canonical() else "/rotations"


@dataclass(frozen=True)
class Line:
    """A row: its label, a cell for each listing, and whether they differ."""

    label: str
    cells: tuple[Cell, ...]

    @property
    def differs(self) -> bool:
        """At least two cells say different things."""
        return len({cell.text for cell in self.cells}) > 1


@dataclass(frozen=True)
class Head:
    """The top of a column. `short` is the doctor's last name, for phones."""

    specialty: str
    doctor: str
    short: str
    tint: str
    place: str
    url: str
    remove_url: str
    number: str = ""


@dataclass(frozen=True)
class Comparison:
    """Everything the template needs."""

    asked: Asked
    heads: tuple[Head, ...]
    groups: tuple[tuple[str, tuple[Line, ...]], ...]
    weeks: int | None
    lengths: tuple[tuple[int, str, bool], ...]
    """Weeks, address, whether it is the shown one."""
    gone: int = 0
    """How many of the asked listings are no longer there."""

    def at(self, **changes: object) -> str:
        """The address of this comparison with something changed."""
        return replace(self.asked, **changes).url  # type: ignore[arg-type]


def asked(args: Args, state: SearchState) -> Asked:
    """Read an address; what makes no sense is left out."""
    return Asked(
        slugs=compared(args.getlist("rotation")),
        weeks=state.weeks,
        differences="hide" in args.getlist("same"),
        told=replace(state.bare, compare=()),
    )


def link(told: SearchState, slug: str, specialty: str) -> str:
    """From a listing to the comparison: with those put aside before (`told.compare`), or, for the
    first one, to the search for others of its specialty."""
    aside = told if slug in told.compare else told.comparing(slug)
    if len(aside.compare) > 1:
        return compare_address(aside)
    return address(replace(aside.bare, facets=(("specialty", (specialty,)),)))


def comparison(session: Session, question: Asked, who: Who) -> Comparison:
    """The comparison: nine reads at most."""
    listed = _listed(session, question.slugs)
    gone = len(question.slugs) - len(listed)
    question = replace(question, slugs=tuple(one.slug for one in listed))
    weeks = question.weeks or _common_length(listed)
    columns = _columns(session, listed, weeks, who)
    groups = compare_rows.groups(columns, weeks) if len(columns) > 1 else ()
    made = tuple((name, tuple(Line(*line) for line in lines)) for name, lines in groups)
    shown = ((name, _kept(lines, question.differences)) for name, lines in made)
    offered = sorted({block.weeks for one in listed for block in one.blocks})
    return Comparison(
        asked=question,
        heads=_told_apart([_head(one, question) for one in listed]),
        groups=tuple((name, lines) for name, lines in shown if lines),
        weeks=weeks,
        lengths=tuple((w, replace(question, weeks=w).url, w == weeks) for w in offered),
        gone=gone,
    )


def _kept(lines: Iterable[Line], only_different: bool) -> tuple[Line, ...]:
    return tuple(line for line in lines if line.differs or not only_different)


def _listed(session: Session, slugs: Sequence[str]) -> list[Rotation]:
    """The published ones among the asked, in their order, with all that a column tells."""
    if not slugs:
        return []
    wanted = (
        select(Rotation)
        .where(Rotation.slug.in_(slugs), Rotation.public)
        .options(
            selectinload(Rotation.agency),
            selectinload(Rotation.site),
            selectinload(Rotation.attending),
            selectinload(Rotation.blocks),
        )
    )
    found = {one.slug: one for one in session.scalars(wanted) if one.agency is not None}
    return [found[slug] for slug in slugs if slug in found]


def _common_length(listed: Sequence[Rotation]) -> int | None:
    """The length that most of them offer; four weeks among equals, else the shorter."""
    counts = Counter(block.weeks for one in listed for block in one.blocks)
    ranked = sorted(counts, key=lambda w: (-counts[w], w != USUAL_WEEKS, w))
    return ranked[0] if ranked else None


def _columns(
    session: Session, listed: Sequence[Rotation], weeks: int | None, who: Who
) -> list[Column]:
    known = {row.id: row for row in rows.listings(session, [one.id for one in listed], weeks)}
    made = []
    for one in listed:
        row = known.get(one.id)
        block = next((block for block in one.blocks if block.weeks == weeks), None)
        start = row.starts[0].day if row and row.starts else None
        made.append(
            Column(
                rotation=one,
                row=row,
                block=block,
                start=start,
                order=_order(one, weeks, start),
                facts=who.facts,
            )
        )
    return made


def _order(one: Rotation, weeks: int | None, start: date | None) -> order.Order | None:
    block = next((block for block in one.blocks if block.weeks == weeks), None)
    return request_page.offered_order(one, block, start) if block and start else None


def _head(one: Rotation, question: Asked) -> Head:
    left = tuple(slug for slug in question.slugs if slug != one.slug)
    doctor = one.attending.display_name.split(",")[0]
    return Head(
        specialty=compare_rows.specialty(one),
        doctor=doctor,
        short=doctor.split()[-1],
        tint=order.tint(one.specialty),
        place=compare_rows.place(one),
        url=f"/rotations/{one.slug}" + (f"?weeks={question.weeks}" if question.weeks else ""),
        remove_url=replace(question, slugs=left).url,
    )


def _told_apart(heads: Sequence[Head]) -> tuple[Head, ...]:
    """Two columns of one doctor get a number, so that phones can tell whose value it is."""
    often, seen, found = Counter(head.short for head in heads), Counter[str](), []
    for head in heads:
        seen[head.short] += 1
        number = f" ({seen[head.short]})" if often[head.short] > 1 else ""
        found.append(replace(head, short=head.short + number, number=number))
    return tuple(found)
