"""The listing page and the home page as plain data, from rows of several packages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

from sqlalchemy.orm import Session

from marketplace.bookings import order, request_page
from marketplace.bookings import queries as bookings
from marketplace.core import clock
from marketplace.core.formats import day
from marketplace.listings import (
    catalog,
    cities,
    eligibility,
    letter_words,
    notices,
    queries,
    seasons,
    student_years,
)
from marketplace.listings.checked import checked
from marketplace.listings.fit_words import worded
from marketplace.listings.models import Block, Rotation
from marketplace.listings.money_split import DeclaredShare, where_money_goes
from marketplace.listings.places import SETTINGS, SITE_KINDS
from marketplace.reviews import queries as reviews
from marketplace.search import similar, works_for_me
from marketplace.search.state import SearchState
from marketplace.search.works_for_me import NOBODY, Who
from marketplace.tenants.models import Agency

ALWAYS = [
    ("The agency, the site or the doctor cancels:", "100% of what you paid, our fee included."),
    ("Within 48 hours of paying,", "with more than 14 days to the start: all of it comes back."),
    ("After you cancel,", "nothing more is charged."),
]


class Row(SimpleNamespace):
    """Labelled values; templates read the attributes they know. Never changed once made."""


def row(**values: Any) -> Row:
    """A row of these values."""
    return Row(**values)


def chosen(
    session: Session,
    rotation: Rotation,
    start: date | None,
    weeks: int | None,
    answers: SearchState | None = None,
    *,
    led: str = "",
) -> tuple[Row | None, Block | None]:
    """The chosen start and length with price, schedule and refund; None when nothing is open.

    Its links keep the `answers` that the address holds, and `led`, where people came from."""
    block = request_page.block_for(rotation, weeks)
    if block is None:
        return None, None
    here = f"/rotations/{rotation.slug}"
    kept = f"&{answers.bare.canonical()}" if answers and answers.bare.canonical() else ""
    kept += f"&{led}" if led else ""
    days, zone = rotation.attending.median_letter_days, rotation.site.time_zone
    letters = rotation.type != "research"
    found = [
        row(
            date=one.date,
            left=one.left,
            capacity=one.capacity,
            offering_id=one.offering_id,
            url=f"{here}?start={one.date}&weeks={block.weeks}{kept}#dates",
            waitlist_url="",
            letter=letter_words.letter(one.date, block.weeks, days, zone) if letters else None,
        )
        for one in bookings.starts(session, rotation, block.weeks)
    ]
    free = [one for one in found if one.left]
    if not free:
        return None, block
    picked = next((one for one in free if one.date == start), free[0])
    shown = request_page.offered_order(rotation, block, picked.date)
    lengths = [
        row(
            weeks=one.weeks,
            cents=one.cents,
            end=one.end,
            saving=one.saving,
            url=f"{here}?start={picked.date}&weeks={one.weeks}{kept}#dates",
        )
        for one in request_page.lengths(rotation, picked.date)
    ]
    months: dict[str, list[Row]] = {}
    for one in found:
        months.setdefault(f"{one.date:%B %Y}", []).append(one)
    return row(
        months=list(months.items()),
        start=picked.date,
        end=shown.end,
        weeks=block.weeks,
        lengths=lengths,
        place=shown.city,
        season=letter_words.season_note() if letters else "",
        price=shown.price,
        left=picked.left,
        capacity=picked.capacity,
        rows=shown.rows,
        refund=shown.refund,
        request_url=f"/me/request/{rotation.slug}?offering={picked.offering_id}&weeks={block.weeks}"
        + (f"&{led}" if led else ""),
    ), block


def verdict(
    rotation: Rotation, c: Row | None, who: Who = NOBODY, answers: SearchState | None = None
) -> Row:
    """Fits, fits if, does not fit because; who tells nothing is asked (`kind` "ask")."""
    state = answers or SearchState()
    here = f"/rotations/{rotation.slug}"
    questions = row(
        here=here,
        answers=state,
        me=works_for_me.me(who),
        answered=bool(state.status and state.passed)
        and bool(state.graduated or state.status != "graduate"),
        keep=[("start", c.start), ("weeks", c.weeks)] if c else [],
    )
    if who.facts is None:
        return row(
            kind="ask",
            title="Does this rotation fit you?",
            text="Answer three questions to be sure; no account needed.",
            url="",
            action="",
            questions=questions,
        )
    about = queries.booking_facts(rotation, c.start, c.weeks) if c else None
    said = worded(eligibility.fit(who.facts, queries.rotation_facts(rotation), about))
    more = f", and {said.more} more" if said.more else ""
    fitting = replace(state, fits=True).canonical()
    url, action = {
        "no": (f"/rotations?{fitting}&specialty={rotation.specialty}", "See what fits you"),
        "ask": ("/me/profile", "Open my profile") if who.profile else ("", ""),
    }.get(said.kind, ("", ""))
    return row(
        kind=said.kind,
        title=said.title + more,
        text=said.text,
        url=url,
        action=action,
        questions=None if who.profile else questions,
    )


def listing(session: Session, rotation: Rotation, block: Block | None, c: Row | None) -> Row:
    """Everything of the page that does not depend on who looks."""
    terms = queries.frozen_terms(rotation, block) if block else None
    who = order.who(terms) if terms else None
    price = c.price if c else (block.price_cents if block else 0)
    city = cities.city(rotation.site.city)
    doctor = who.doctor if who else rotation.attending.display_name
    short = who.doctor_short if who else doctor
    shown = reviews.of_rotation(session, rotation.id) if rotation.rating_count else ()
    specialty = catalog.specialty(rotation.specialty)
    return row(
        slug=rotation.slug,
        url=f"/rotations/{rotation.slug}",
        specialty=specialty.label,
        specialty_url=f"/rotations?specialty={rotation.specialty}",
        doctor=doctor,
        doctor_short=short,
        doctor_url=f"/attendings/{rotation.attending.slug}",
        tint=order.tint(rotation.specialty),
        site=rotation.site.name,
        place=city.label,
        city=city.name,
        state_name=city.state_name,
        state_url=f"/rotations?state={city.state}",
        agency=rotation.agency.name,
        agency_url="#agency",
        tags=_tags(rotation),
        key=_key(rotation),
        levels=_levels(rotation),
        level_lead=catalog.level(rotation.level).meaning,
        scope=_done_and_not(scope(rotation)),
        signed_on=rotation.signed_on,
        week=[row(**line) for line in rotation.week_plan if isinstance(line, dict)],
        week_heads=("Morning", "Afternoon"),
        about=_about(rotation, specialty.label),
        site_facts=_site_facts(rotation),
        checked=checked(rotation.attending),
        split=_split(rotation, price),
        split_total=price,
        split_lead=(
            "The agency’s part is held: half is released three days after you check in,"
            " half after you finish."
        ),
        refund_lead=(
            f"For the start on {day(c.start)}. Days end at midnight in {city.name}."
            if c
            else "Your refund dates appear with each start."
        ),
        always=ALWAYS,
        requirements=_requirements(rotation),
        requirements_lead="Papers are due before the first day, not before the request.",
        letter_lead=_letter_lead(rotation, c),
        letter=_letter(rotation, short),
        truth=_truth(session, rotation),
        rating=_rating(rotation),
        review_count=rotation.rating_count,
        dims=_dimensions(shown),
        reviews=[_review(one, rotation) for one in shown],
        reviews_url="#reviews",
        record_lead=_agency_lead(rotation.agency),
        record=_record(rotation.agency),
        notices=[
            row(text=notices.brief(one.text), date=one.shown_date)
            for one in notices.of_state(rotation)
        ],
        visa_facts=[
            (line["situation"], notices.brief(line["text"]))
            for line in notices.visa_facts(rotation)
        ],
        similar=_similar(session, rotation),
    )


def _tags(rotation: Rotation) -> list[tuple[str, str]]:
    level = catalog.level(rotation.level)
    hands = "hands-on" if rotation.level.startswith("hands-on") else ""
    accepts = {"student": "students", "graduate": "graduates"}
    groups = " and ".join(accepts[one] for one in rotation.accepts if one in accepts)
    tags = [(level.label, hands), (catalog.rotation_type(rotation.type).label, "")]
    return [*tags, (groups.capitalize(), "")] if groups else tags


def _key(rotation: Rotation) -> list[Row]:
    found = []
    if rotation.rating_count:
        words = "verified review" + ("" if rotation.rating_count == 1 else "s")
        found.append(
            row(
                value=_rating(rotation),
                of="of 5",
                text=f"{rotation.rating_count} {words}",
                url="#reviews",
            )
        )
    if rotation.truth_answers:
        share = rotation.truth_matching * 100 // rotation.truth_answers
        found.append(row(value=f"{share}%", of="", text="of the listing held true", url="#truth"))
    ratio = f"{rotation.trainees_per_attending} to 1"
    found.append(row(value=ratio, of="at most", text="trainees per attending", url=""))
    found.append(row(value=f"{rotation.hours_per_week} hours", of="", text="a week", url=""))
    return found


def _levels(rotation: Rotation) -> list[Row]:
    return [
        row(label=level.label, line="", on=level.slug == rotation.level)
        for level in catalog.levels()
        if level.rank or level.slug == rotation.level
    ]


def scope(rotation: Rotation) -> list[Row]:
    """The declared tasks and those that make an experience hands-on, done ones first."""
    kinds = {"yes": "yes", "supervised": "sup"}
    found = []
    for activity in catalog.scope_activities():
        declared = rotation.activities.get(activity.slug)
        if declared or activity.claim_class == "core":
            found.append(
                row(
                    label=activity.label,
                    why=activity.explanation,
                    kind=kinds.get(declared or "", "no"),
                )
            )
    return sorted(found, key=lambda one: one.kind == "no")


def _done_and_not(tasks: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    done = [one for one in tasks if one.kind != "no"]
    return done, [one for one in tasks if one.kind == "no"]


def _about(rotation: Rotation, specialty: str) -> str:
    doctor = rotation.attending
    words = f"{doctor.display_name}, {specialty.lower()}"
    if doctor.years_in_practice:
        words += f", {doctor.years_in_practice} years in practice"
    return f"{words}. {rotation.summary}"


def _site_facts(rotation: Rotation) -> str:
    """Where it takes place, in a sentence: kind, setting, affiliation as declared, and its time."""
    site = rotation.site
    kind, setting = SITE_KINDS.get(site.kind, "Site"), SETTINGS.get(site.setting, site.setting)
    zone = site.time_zone.rpartition("/")[2].replace("_", " ")
    words = f"{site.name}: {kind.lower()}, {setting.lower()}."
    if site.affiliation:
        words += f" Affiliated with {site.affiliation}, as the agency declares."
    return f"{words} Dates and deadlines count in {zone} time."


PAYEES = {
    "attending": "Attending, teaching",
    "site": "Site and badge",
    "insurance": "Liability insurance, at cost",
    "checks": "Checks, at cost",
    "card": "Card processing, at cost",
    "platform": "Rounds, the platform",
}


def _split(rotation: Rotation, price: int) -> list[Row]:
    """Every receiver with the amount; what nobody else gets is the agency's."""
    if price <= 0:
        return []
    declared = [
        DeclaredShare(part["payee"], percent=int(part["percent"]))
        for part in rotation.price_parts
        if isinstance(part, dict)
    ]
    fee = rotation.agency.platform_fee_percent
    own = rotation.agency.name + ("" if declared else ": teaching and placement")
    return [
        row(
            label=PAYEES.get(share.payee, own),
            cents=share.cents,
            percent=share.cents * 100 // price,
        )
        for share in where_money_goes(price, declared, fee)
    ]


def _requirements(rotation: Rotation) -> list[Row]:
    exams = {
        "usmle_step_1": "USMLE Step 1, passed",
        "usmle_step_2_ck": "USMLE Step 2 CK, passed",
        "usmle_step_3": "USMLE Step 3, passed",
    }
    found = [
        row(label=exams.get(exam, exam), detail="Before the request", state="needed", by=None)
        for exam in rotation.required_exams
    ]
    year = student_years.least(rotation.type, rotation.eligibility.get("min_student_year") or "")
    if "student" in rotation.accepts and year != next(iter(student_years.YEARS)):
        label = f"Medical students: {student_years.YEARS[year].lower()}"
        found.insert(0, row(label=label, detail="At the start", state="needed", by=None))
    for slug in rotation.required_documents:
        kind = catalog.document_kind(slug)
        found.append(row(label=kind.label, detail=kind.help, state="needed", by=None))
    return found


def _letter_lead(rotation: Rotation, c: Row | None) -> str:
    lead = "A letter is earned by your work. Rounds shows only whether it was sent, never its text."
    if c is None:
        return lead
    days = rotation.attending.median_letter_days or seasons.DEFAULT_LETTER_DAYS
    found = seasons.letter_in_time(c.end, days, clock.today(rotation.site.time_zone))
    if found.review is None:
        return lead
    when = f"programs start to review on {found.review.shown}"
    when += "" if found.review.certain else " (our estimate)"
    said = {"in-time": "in time:", "tight": "just in time:", "late": "late:"}.get(found.kind)
    if said is None:
        return lead
    ready = day(found.ready_on)
    return f"{lead} For this start a letter may be ready about {ready}, {said} {when}."


def _letter(rotation: Rotation, short: str) -> list[tuple[str, str]]:
    policy = rotation.letter_policy
    found = [("Who writes", short)]
    if policy.get("letterhead"):
        found.append(("Paper", "On letterhead"))
    if rotation.attending.median_letter_days:
        found.append(("Usual time", f"{rotation.attending.median_letter_days} days, median"))
    return found


def _truth(session: Session, rotation: Rotation) -> Row | None:
    if not rotation.truth_answers:
        return None
    tasks = reviews.truth_by_task(session, rotation.id)
    return row(
        percent=rotation.truth_matching * 100 // rotation.truth_answers,
        matching=rotation.truth_matching,
        total=rotation.truth_answers,
        floor=None,
        items=[
            row(label=catalog.scope_activity(one.slug).label, n=one.matching, of=one.answers)
            for one in tasks
        ],
    )


def _rating(rotation: Rotation) -> str | None:
    if not rotation.rating_count:
        return None
    return f"{rotation.rating_sum / rotation.rating_count:.1f}"


def _dimensions(shown: Sequence[reviews.Shown]) -> list[tuple[str, str]]:
    marks: dict[str, list[int]] = {}
    for one in shown:
        for label, value in one.ratings:
            marks.setdefault(label, []).append(value)
    return [(label, f"{sum(found) / len(found):.1f}") for label, found in marks.items()]


def _review(one: reviews.Shown, rotation: Rotation) -> Row:
    differs = "; ".join(one.differences)
    return row(
        who=one.author,
        what=f"{one.matching} of {one.answers} tasks as declared" if one.answers else "",
        finished=one.on,
        stars=one.overall,
        text=one.text,
        held=f"Differed: {differs}" if differs else "As described",
        held_kind="warn" if differs else "good",
        reply_by=rotation.agency.name,
        reply=one.reply,
    )


def _agency_lead(agency: Agency) -> str:
    said = "Arranges this rotation and answers your messages."
    if agency.state == "new":
        return f"{said} New on Rounds: its documents are under review."
    if agency.state == "limited":
        return f"{said} Under review: reports differ from its listings. Read the reviews."
    return said


def _record(agency: Agency) -> list[Row]:
    found = []
    if agency.answer_hours:
        value = f"{agency.answer_hours} hours"
        found.append(row(label="Answers a request in", value=value, note="median"))
    if agency.founded_year:
        found.append(row(label="Founded", value=str(agency.founded_year), note="as declared"))
    return found


def _similar(session: Session, rotation: Rotation) -> list[Row]:
    """Three others of the specialty, nearest in price."""
    own = min((block.price_cents for block in rotation.blocks), default=0)
    return [
        row(
            url=f"/rotations/{one.slug}",
            specialty=catalog.specialty(one.specialty).label,
            doctor=one.doctor,
            tint=order.tint(one.specialty),
            site=one.site,
            place=one.city.label,
            level=catalog.level(one.level).label,
            hands="hands-on" if one.level.startswith("hands-on") else "",
            why="",
            cents=one.price_cents,
            weeks=one.weeks,
            start=one.start,
        )
        for one in similar.to(session, rotation.id, rotation.specialty, own)
    ]
