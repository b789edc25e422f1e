"""The pages of the listing editor as plain data. Composes listings with the payment plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core import clock, formats
from marketplace.core.formats import site_at, site_in, when
from marketplace.core.money import dollars
from marketplace.listings import (
    catalog,
    cities,
    differences,
    drafts,
    editor_forms,
    lint,
    longer,
    money_split,
    notices,
    operations,
    policies,
    refunds,
    student_years,
    twins,
    versions,
    wider,
    workspace_queries,
)
from marketplace.listings.draft_models import ListingDraft, ListingVersion
from marketplace.listings.models import (
    BLOCK_WEEKS,
    Affiliation,
    Attending,
    Rotation,
    ScopeSignature,
    Site,
)
from marketplace.listings.money_split import DeclaredShare
from marketplace.payments.plan import make_plan, plan_rules

SECTIONS = {
    "basics": "Basics and description",
    "scope": "Scope of activities",
    "people": "Who can come",
    "price": "Blocks and prices",
    "cancellation": "Cancellation",
    "letter": "Letter policy",
    "dates": "Start dates",
    "publish": "Check and publish",
}
EXAMPLE_DAYS_AHEAD = 120
PAYEE_LABELS = {
    "attending": "Attending, teaching",
    "site": "Site and badge",
    "insurance": "Liability insurance",
    "checks": "Checks",
    "card": "Card processing",
    "agency": "Your agency",
    "platform": "Rounds, the platform",
}


@dataclass(frozen=True)
class Desk:
    """The listing as it is written now, what is missing, and the live row beside it."""

    rotation: Rotation
    draft: ListingDraft | None
    missing: tuple[operations.Missing, ...]
    url: str
    may_publish: bool

    @property
    def live(self) -> bool:
        """Candidates can see a version of it."""
        return self.rotation.public

    @property
    def doctor(self) -> str:
        """`Dr. Okafor`."""
        return short_doctor(self.rotation.attending.display_name)


def short_doctor(name: str) -> str:
    """`Dr. Okafor`, for running text."""
    return f"Dr. {name.split(',', maxsplit=1)[0].rsplit(maxsplit=1)[-1]}"


def desk(session: Session, agency_slug: str, name: str, *, may_publish: bool) -> Desk:
    """Load one listing for the editor. NotFound for any other agency's."""
    rotation = drafts.working(session, name)
    return Desk(
        rotation,
        drafts.draft_of(session, rotation.id),
        operations.missing_for_publish(session, rotation),
        f"/agency/{agency_slug}/listings/{rotation.slug}",
        may_publish,
    )


# --- the frame ----------------------------------------------------------------------------------


def frame(found: Desk, section: str) -> dict[str, Any]:
    """Title, state, sections with what is missing, and the ways on."""
    keys = list(SECTIONS)
    at = keys.index(section)
    return {
        "l": _head(found),
        "section": section,
        "heading": SECTIONS[section],
        "number": at + 1,
        "sections": [_section(found, key) for key in keys],
        "ready": sum(not _missing_in(found, key) for key in keys[:-1]),
        "of": len(keys) - 1,
        "back": _step(found, keys[at - 1]) if at else None,
        "on": _step(found, keys[at + 1]) if at + 1 < len(keys) else None,
        "preview": preview(found),
    }


def _url(found: Desk, key: str) -> str:
    return f"{found.url}/check" if key == "publish" else f"{found.url}/edit/{key}"


def _step(found: Desk, key: str) -> dict[str, str]:
    return {"key": key, "label": SECTIONS[key], "url": _url(found, key)}


def _head(found: Desk) -> dict[str, Any]:
    rotation, draft = found.rotation, found.draft
    state, tone = workspace_queries.STATE_WORDS[rotation.state]
    if draft is not None:
        state, tone = f"Draft of version {draft.version}", "warn"
    saved = draft.saved_at if draft else rotation.updated_at
    lines = {
        "draft": "not published yet",
        "published": "no change since it was published",
        "paused": "paused: nobody new can ask",
        "archived": "archived: it stays as it is",
    }
    line = lines[rotation.state]
    if draft is not None:
        live = "is live and stays" if rotation.public else "was live and stays"
        line = f"version {_live_version(found)} {live} as it is until you publish"
    return {
        "title": f"{catalog.specialty(rotation.specialty).label} with Dr."
        f" {rotation.attending.display_name}",
        "doctor": found.doctor,
        "state": state,
        "tone": tone,
        "line": line,
        "saved": f"Saved {when(saved, rotation.site.time_zone)}",
        "url": found.url,
        "archived": rotation.state == "archived",
        "compare_url": f"{found.url}/check#diff" if draft else "",
    }


def _live_version(found: Desk) -> int:
    assert found.draft is not None
    return found.draft.version - 1 if found.draft.version > 1 else 1


def _missing_in(found: Desk, key: str) -> list[operations.Missing]:
    return [item for item in found.missing if item.section == key]


def _section(found: Desk, key: str) -> dict[str, str]:
    missing = len(found.missing) if key == "publish" else len(_missing_in(found, key))
    state = "need" if missing else "done"
    line = f"{missing} thing{'' if missing == 1 else 's'} missing" if missing else ""
    if key == "publish":
        state = "lock"
    return {
        "key": key,
        "label": SECTIONS[key],
        "state": state,
        "line": line,
        "url": _url(found, key),
    }


def preview(found: Desk) -> dict[str, Any]:
    """How the listing reads in search, as it is written now."""
    rotation = found.rotation
    today = clock.today(rotation.site.time_zone)
    starts = [o.start_on for o in rotation.offerings if o.start_on > today and not o.closed_at]
    cheapest = min(rotation.blocks, key=lambda block: block.weeks, default=None)
    return {
        "title": rotation.title or f"{catalog.specialty(rotation.specialty).label} rotation",
        "level": catalog.level(rotation.level).label,
        "hands": rotation.level.startswith("hands-on"),
        "type": catalog.rotation_type(rotation.type).label,
        "where": _where(rotation.site),
        "starts": starts[:2],
        "more": max(0, len(starts) - 2),
        "price": dollars(cheapest.price_cents) if cheapest else "",
        "weeks": cheapest.weeks if cheapest else 0,
        "lead": rotation.summary[:160] + ("…" if len(rotation.summary) > 160 else ""),
        "url": f"{found.url}/preview",
    }


def _where(site: Site) -> str:
    place = cities.city(site.city).label
    return f"{site_in(site.name, place)} · {place}"


# --- the sections -------------------------------------------------------------------------------


def values_of(session: Session, found: Desk, section: str, sent: Any = None) -> dict[str, Any]:
    """What a section's page shows. `sent` is a form that was refused: what was typed wins."""
    known = _STORED[section](found.rotation) if section in _STORED else {}
    if sent is not None:
        known = {
            name: sent.getlist(name) if isinstance(value, list) else sent.get(name, "")
            for name, value in known.items()
        }
    more = _EXTRA[section](session, found, known) if section in _EXTRA else {}
    return {"f": known, **more}


def _basics_stored(rotation: Rotation) -> dict[str, Any]:
    week = {day["day"]: day for day in rotation.week_plan if isinstance(day, dict)}
    found: dict[str, Any] = {
        "specialty": rotation.specialty,
        "type": rotation.type,
        "setting": rotation.setting,
        "attending": str(rotation.attending_id),
        "site": str(rotation.site_id),
        "title": rotation.title,
        "summary": rotation.summary,
        "inclusions": list(rotation.inclusions),
        "ratio": str(rotation.trainees_per_attending),
        "hours": str(rotation.hours_per_week),
        "share": _number(rotation.hospital_share),
    }
    for day in editor_forms.DAYS:
        for half in ("morning", "afternoon"):
            found[f"{day.lower()}-{half}"] = str(week.get(day, {}).get(half, ""))
    return found


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _later_year(kind: str, chosen: str) -> str:
    """What the list of years shows: nothing where the type asks for as much or more."""
    return "" if student_years.least(kind, chosen) == student_years.of_type(kind) else chosen


def _people_stored(rotation: Rotation) -> dict[str, Any]:
    facts = rotation.eligibility
    return {
        "accepts": list(rotation.accepts),
        "min_student_year": _later_year(rotation.type, str(facts.get("min_student_year") or "")),
        "max_years": _number(facts.get("max_years_since_graduation")),
        "graduate_legal_basis": str(facts.get("graduate_legal_basis") or ""),
        "vslo_only": "1" if facts.get("vslo_only") else "",
        "exam": list(rotation.required_exams),
        "entry_status": list(facts.get("entry_statuses") or ()),
        "document": list(rotation.required_documents),
        "preapproved": "1" if rotation.preapproved else "",
    }


def _scope_stored(rotation: Rotation) -> dict[str, Any]:
    return {
        f"a-{task.slug}": rotation.activities.get(task.slug, "no")
        for task in catalog.scope_activities()
    }


def _letter_stored(rotation: Rotation) -> dict[str, Any]:
    policy = rotation.letter_policy
    return {
        "policy": str(policy.get("policy") or ""),
        "letterhead": str(policy.get("letterhead") or _usual_letterhead(rotation)),
        "within_days": _number(policy.get("within_days") or 28),
        "eras": "1" if policy.get("eras") else "",
    }


def _usual_letterhead(rotation: Rotation) -> str:
    return "hospital" if rotation.site.kind in ("hospital", "teaching-hospital") else "practice"


def _price_stored(rotation: Rotation) -> dict[str, Any]:
    prices = {block.weeks: block.price_cents for block in rotation.blocks}
    shares = {
        str(part.get("payee")): part.get("percent")
        for part in rotation.price_parts
        if isinstance(part, dict)
    }
    return {
        **{f"price-{weeks}": plain_dollars(prices.get(weeks)) for weeks in BLOCK_WEEKS},
        **{f"share-{name}": _number(shares.get(name)) for name in editor_forms.PAYEES},
        "deposit": str(rotation.deposit_percent),
        "installments": str(rotation.max_installments),
        "off": "",
        "since": _usual_since(prices),
    }


def _usual_since(prices: Mapping[int, int]) -> str:
    """The first length that may cost less a week: the next after the shortest with a price."""
    least = min(prices, default=BLOCK_WEEKS[0])
    return str(next((weeks for weeks in BLOCK_WEEKS if weeks > least), BLOCK_WEEKS[-1]))


def plain_dollars(cents: int | None) -> str:
    """An amount as it stands in a field: `1650` or `1650.50`."""
    return "" if cents is None else dollars(cents).replace("$", "").replace(",", "")


def _cancellation_stored(rotation: Rotation) -> dict[str, Any]:
    stored = rotation.cancellation
    slug = str(stored.get("preset") or stored.get("slug") or "")
    tiers = stored.get("tiers", []) if slug == "custom" else []
    found = {"preset": slug}
    for number in range(1, editor_forms.MAX_TIERS + 1):
        days, percent = tiers[number - 1] if number <= len(tiers) else ("", "")
        found |= {f"days-{number}": str(days), f"back-{number}": str(percent)}
    return found


def _dates_stored(rotation: Rotation) -> dict[str, Any]:
    return {"notice": str(rotation.notice_days)}


_STORED = {
    "basics": _basics_stored,
    "people": _people_stored,
    "scope": _scope_stored,
    "letter": _letter_stored,
    "price": _price_stored,
    "cancellation": _cancellation_stored,
    "dates": _dates_stored,
}


# --- what stands around the fields --------------------------------------------------------------


def choices(session: Session) -> dict[str, Any]:
    """The agency's attendings and sites, and the fixed lists, as options."""
    doctors = session.execute(
        select(Attending.id, Attending.display_name, Attending.npi)
        .join(Affiliation, Affiliation.attending_id == Attending.id)
        .where(Affiliation.ended_at.is_(None))
        .order_by(Attending.display_name)
    )
    sites = session.execute(select(Site.id, Site.name, Site.city).order_by(Site.name, Site.city))
    return {
        "specialties": [("", "Choose")]
        + [
            (one.slug, one.label)
            for one in sorted(catalog.specialties(), key=lambda one: one.label)
        ],
        "types": [("", "Choose")] + [(one.slug, one.label) for one in catalog.rotation_types()],
        "attendings": [("", "Choose")]
        + [(str(key), f"Dr. {name}, NPI ending {npi[-4:]}") for key, name, npi in doctors],
        "sites": [("", "Choose")]
        + [(str(key), site_at(name, cities.city(city).label)) for key, name, city in sites],
    }


def usual_choice(session: Session, options: Mapping[str, Any]) -> dict[str, str]:
    """What a new listing begins with: the only site, the only attending and their specialty."""
    doctors, sites = options["attendings"][1:], options["sites"][1:]
    found = {"specialty": "", "type": "", "attending": "", "site": ""}
    if len(sites) == 1:
        found["site"] = sites[0][0]
    if len(doctors) == 1:
        found["attending"] = doctors[0][0]
        found["specialty"] = session.get_one(Attending, UUID(doctors[0][0])).specialty
    return found


def _basics_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    return choices(session) | {
        "settings": list(editor_forms.SETTINGS.items()),
        "known_inclusions": editor_forms.INCLUSIONS,
        "days": editor_forms.DAYS,
        "type_line": catalog.rotation_type(found.rotation.type).one_line,
        "lint": lint_lines(found.rotation),
        "length": len(found.rotation.summary),
    }


def lint_lines(rotation: Rotation) -> list[dict[str, Any]]:
    """What the lint says about the texts: must change first, then what somebody should look at."""
    found = lint.lint_fields(operations.public_texts(rotation))
    names = {"summary": "description", "site": "site’s name", "affiliation": "site’s affiliation"}
    lines = [
        {
            "must": hit.action == "block",
            "text": f"“{hit.matched}” in the {names.get(hit.field, hit.field)}. {hit.why}"
            f" {hit.say_instead}",
        }
        for hit in found
    ]
    return sorted(lines, key=lambda line: not line["must"])


def a_type(kind: str) -> str:
    """`an externship`, for running text."""
    words = catalog.rotation_type(kind).label.lower()
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def _people_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    rotation = found.rotation
    kind = catalog.rotation_type(rotation.type)
    request = wider.request_of(session, rotation)
    default = wider.default_accepts(rotation.type)
    return {
        "a_kind": a_type(rotation.type),
        "groups": [
            ("student", "Students", "By default" if "student" in default else "Not by default"),
            (
                "graduate",
                "Graduates",
                {
                    "yes": "By default",
                    "exception": "Only with a reason and our yes",
                    "no": "This type is for students",
                }[kind.graduates],
            ),
        ],
        "may_ask_wider": kind.graduates == "exception",
        "wider": wider.is_wider(rotation),
        "request": request,
        "years": student_years.choices(rotation.type),
        "exams": editor_forms.EXAMS,
        "entry_statuses": catalog.ENTRY_STATUSES,
        "documents": [
            (one.slug, one.label)
            for one in catalog.document_kinds()
            if one.condition not in ("after-arrival", "visa-refused", "refund-claim")
            and one.slug != "rotation-terms"
        ],
    }


def _scope_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    rotation = found.rotation
    signed = last_signed(session, rotation)
    groups: list[dict[str, Any]] = []
    for group in catalog.scope_groups():
        lines = [
            _scope_line(task, known, signed)
            for task in catalog.scope_activities(group.slug)
            if task.claim_class != "forbidden" or known[f"a-{task.slug}"] != "no"
        ]
        groups.append(_scope_group(group, lines, rotation.type))
    differ = [line["label"] for group in groups for line in group["lines"] if line["differs"]]
    signature = workspace_queries.signature(session, rotation)
    return {
        "groups": groups,
        "levels": list(editor_forms.LEVELS.items()),
        "has_signed": signed is not None,
        "differ": differ,
        "badge": catalog.level(rotation.level),
        "would_be": _would_be(rotation),
        "signature": signature,
        "ask_url": f"{found.url}/ask-signature" if signature.may_ask else "",
        "advisories": notices.of_state(rotation),
        "state_name": cities.states()[rotation.site.state],
        "visa_facts": notices.visa_facts(rotation),
        "usual": a_type(rotation.type),
    }


def _scope_group(group: catalog.Group, lines: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    """A heading of the grid; `usual` counts what its button would declare."""
    usual = editor_forms.usual_scope(kind)
    return {
        "key": group.slug,
        "label": group.label,
        "lines": lines,
        "usual": sum(task.slug in usual for task in catalog.scope_activities(group.slug)),
        "declared": sum(line["value"] != "no" for line in lines),
    }


def _would_be(rotation: Rotation) -> str:
    """The badge after the signature, where it is another one than now."""
    signed, kept = rotation.signed_version, rotation.level
    rotation.signed_version = rotation.version
    level = versions.derived_level(rotation)
    rotation.signed_version = signed
    return "" if level == kept else catalog.level(level).label


def last_signed(session: Session, rotation: Rotation) -> ScopeSignature | None:
    """The newest list that the attending signed for this listing."""
    return session.scalars(
        select(ScopeSignature)
        .where(
            ScopeSignature.rotation_id == rotation.id,
            ScopeSignature.attending_id == rotation.attending_id,
            ScopeSignature.decision == "signed",
        )
        .order_by(ScopeSignature.version.desc())
        .limit(1)
    ).one_or_none()


def _scope_line(
    task: catalog.ScopeActivity, known: Mapping[str, Any], signed: ScopeSignature | None
) -> dict[str, Any]:
    declared = known[f"a-{task.slug}"]
    there = (signed.signed or {}).get(task.slug, "no") if signed else ""
    return {
        "name": f"a-{task.slug}",
        "label": task.label,
        "why": task.explanation,
        "value": declared,
        "signed": editor_forms.LEVELS.get(there, ""),
        "differs": bool(there) and there != declared,
    }


def _letter_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "policies": editor_forms.LETTERS,
        "letterheads": editor_forms.LETTERHEADS,
        "median": found.rotation.attending.median_letter_days,
        "site": found.rotation.site.name,
    }


def _price_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    rotation = found.rotation
    blocks = sorted(rotation.blocks, key=lambda block: block.weeks)
    prices = {block.weeks: block.price_cents for block in blocks}
    shortest = blocks[0] if blocks else None
    usual = prices.get(4) or (shortest.price_cents if shortest else 0)
    limits = editor_forms.plan_limits()
    return {
        "lengths": [_length(rotation, weeks, prices) for weeks in BLOCK_WEEKS],
        "longer": [(str(weeks), formats.weeks(weeks)) for weeks in BLOCK_WEEKS[1:]],
        "most_off": longer.MAX_PERCENT,
        "payees": [(name, label) for name, (_, label) in editor_forms.PAYEES.items()],
        "limits": limits,
        "plans": [
            ("0", "One payment", "Charged when the attending has accepted"),
            *(
                (str(n), f"Deposit and up to {n}", "No interest, no fee")
                for n in range(1, limits["installments"] + 1)
            ),
        ],
        "fee": rotation.agency.platform_fee_percent,
        "split": split_of(rotation, usual),
        "split_total": usual,
        "split_weeks": 4 if 4 in prices else (shortest.weeks if shortest else 0),
        "example": example_plan(rotation, usual) if usual else None,
    }


def _length(rotation: Rotation, weeks: int, prices: Mapping[int, int]) -> dict[str, Any]:
    cents = prices.get(weeks)
    fee = rotation.agency.platform_fee_percent
    return {
        "weeks": weeks,
        "name": f"price-{weeks}",
        "week": dollars(cents // weeks) if cents else "",
        "net": dollars(cents * (100 - fee) // 100) if cents else "",
        "saving": longer.savings(prices).get(weeks, 0),
    }


def split_of(rotation: Rotation, cents: int) -> list[tuple[str, int]]:
    """Where the candidate's money goes, receiver by receiver."""
    if not cents:
        return []
    declared = [
        DeclaredShare(part["payee"], percent=int(part["percent"]))
        for part in rotation.price_parts
        if isinstance(part, dict)
    ]
    shares = money_split.where_money_goes(cents, declared, rotation.agency.platform_fee_percent)
    return [(PAYEE_LABELS[share.payee], share.cents) for share in shares]


def example_plan(rotation: Rotation, cents: int) -> dict[str, Any]:
    """The payment plan of a request today for a start four months ahead."""
    today, start = clock.today(rotation.site.time_zone), example_start(rotation)
    percent = max(plan_rules().deposit_min_percent, rotation.deposit_percent)
    plan = make_plan(cents, percent, rotation.max_installments, today, start)
    rows = [("When the attending has accepted", plan.deposit_cents, today)]
    rows += [(f"Installment {part.seq}", part.amount_cents, part.due_on) for part in plan.parts]
    return {"start": start, "rows": rows, "total": plan.total_cents}


def example_start(rotation: Rotation) -> date:
    """A Monday about four months ahead, for examples."""
    today = clock.today(rotation.site.time_zone)
    return next_monday(today + timedelta(days=EXAMPLE_DAYS_AHEAD))


def next_monday(day: date) -> date:
    """The first Monday on or after a day."""
    return day + timedelta(days=-day.weekday() % 7)


def _cancellation_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "presets": [(one.slug, one.label, one.plain_text) for one in policies.presets()],
        "tiers": range(1, editor_forms.MAX_TIERS + 1),
        "floor": [
            row["rule"]
            for code in ("tiers-monotone", "no-empty-policy", "full-tier-reachable")
            for row in [policies.floor_rule(code)]
        ],
    }


def refund_table(rotation: Rotation, terms: policies.Terms, start: date) -> dict[str, Any]:
    """What comes back on which days, for a start and the usual price."""
    prices = {block.weeks: block.price_cents for block in rotation.blocks}
    cents = prices.get(4) or min(prices.values(), default=100_000)
    spans = refunds.refund_table(terms, cents, start)
    return {
        "label": terms.label,
        "start": start,
        "cents": cents,
        "steps": [
            {
                "percent": span.percent,
                "since": span.first_day,
                "until": span.last_day,
                "cents": span.refund_cents,
            }
            for span in spans
        ],
    }


def _publish_more(session: Session, found: Desk, known: Mapping[str, Any]) -> dict[str, Any]:
    missing = [
        {
            "text": item.message,
            "where": SECTIONS.get(item.section, "Waits for Rounds"),
            "url": f"{found.url}/edit/{item.section}" if item.section else "",
        }
        for item in found.missing
    ]
    history = session.scalars(
        select(ListingVersion)
        .where(ListingVersion.rotation_id == found.rotation.id)
        .order_by(ListingVersion.version.desc())
    ).all()
    signature = workspace_queries.signature(session, found.rotation)
    return {
        "missing": missing,
        "passing": [line for code, line in _CHECKS if code not in {m.code for m in found.missing}],
        "diff": _diff(session, found),
        "version": found.rotation.version,
        "publish_url": f"{found.url}/publish" if found.may_publish else "",
        "open": found.rotation.state != "published" or found.draft is not None,
        "signature": signature,
        "ask_url": f"{found.url}/ask-signature" if signature.may_ask else "",
        "may_open": found.may_publish,
        "opens": signature.opens and not (found.rotation.public and found.draft is None),
        "history": [
            {
                "version": row.version,
                "line": f"{when(row.published_at, found.rotation.site.time_zone)},"
                f" {row.published_by or 'Rounds'}",
                "url": f"{found.url}/versions/{row.version}",
            }
            for row in history
        ],
        "review": [line for line in lint_lines(found.rotation) if not line["must"]],
        "twins": twins.live_twins(session, found.rotation),
        "listings_url": found.url.rpartition("/")[0],
    }


_CHECKS = (
    ("agency", "Your agency may take bookings"),
    ("title", "A title"),
    ("summary", "A description"),
    ("accepts", "Who may come"),
    ("wider", "Nobody beyond the default of the type, or Rounds agreed"),
    ("prices", "At least one length with its price"),
    ("starts", "At least one start in the future"),
    ("cancellation", "A cancellation policy within the floor"),
    ("letter", "A letter policy"),
    ("signature", "The attending signed tasks, ratio and letter policy"),
    ("supervisor-verified", "The attending's licence and exclusion check are in date"),
    ("forbidden-scope", "No task that only licensed people may do"),
    ("text-summary", "No promise in the description"),
)


def _diff(session: Session, found: Desk) -> list[differences.Difference]:
    if found.draft is None:
        return []
    live = session.scalars(
        select(Rotation)
        .where(Rotation.id == found.rotation.id)
        .execution_options(populate_existing=True)
    ).one()
    before = drafts.snapshot(live)
    after = drafts.snapshot(found.rotation)
    return list(differences.differences(before, after, names_of(session)))


def names_of(session: Session) -> dict[str, str]:
    """The agency's sites and attendings by id."""
    sites = session.execute(select(Site.id, Site.name))
    doctors = session.execute(
        select(Attending.id, Attending.display_name).join(
            Affiliation, Affiliation.attending_id == Attending.id
        )
    )
    return {str(key): name for key, name in [*sites, *doctors]}


_EXTRA = {
    "basics": _basics_more,
    "people": _people_more,
    "scope": _scope_more,
    "letter": _letter_more,
    "price": _price_more,
    "cancellation": _cancellation_more,
    "publish": _publish_more,
}
