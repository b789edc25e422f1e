"""The declared tasks, papers, exams, inclusions and policies of a seeded rotation."""

from functools import cache
from random import Random

from demo.seed.placing import Pair
from demo.seed.shapes import STUDENT_TYPES, Shape
from marketplace.listings.catalog import ScopeActivity, scope_activities
from marketplace.listings.levels import CONTACT_ACTIVITIES, CORE_CLASSES
from marketplace.listings.money_split import DeclaredShare, where_money_goes

WARD_ONLY = frozenset(
    {
        "present-on-rounds",
        "icu-rounds",
        "team-rounds",
        "night-call",
        "handoff",
        "discharge-summary-draft",
        "emergency-department-access",
    }
)
PROCEDURES = frozenset({"assist-minor-procedures", "perform-procedures", "scrub-in"})
# Kept in every task list that claims patient care: rule `hands-on-needs-core-scope`.
ALWAYS = CONTACT_ACTIVITIES | {"present-case", "differential-and-plan", "feedback-weekly"}
INCLUSIONS = (
    "background-check",
    "confirmation-letter",
    "housing-help",
    "orientation-day",
    "library-access",
    "interview-practice",
    "transit-pass",
)
IN_PERSON_PAPERS = (
    "passport",
    "photo",
    "immunization-form",
    "osha-bloodborne",
    "emergency-contact",
)
# payee, label, percent of the price; the agency keeps the rest after the platform's part
SHARES = (
    ("attending", "Attending, teaching", (42, 55)),
    ("site", "Site and badge", (8, 16)),
    ("insurance", "Liability insurance, at cost", (3, 5)),
    ("card", "Card processing, at cost", (3, 3)),
)


def activities(pair: Pair, shape: Shape, random: Random) -> dict[str, str]:
    """Task to `yes` or `supervised`, from the usual list of the type."""
    column = shape.type if shape.hands_on or shape.interaction != "observe" else "observership"
    found: dict[str, str] = {}
    for task in _usual(column):
        if not _possible(task, pair, shape):
            continue
        if task.slug in ALWAYS or random.random() < 0.72:
            found[task.slug] = task.usual[column]
    return found


@cache
def _usual(column: str) -> tuple[ScopeActivity, ...]:
    return tuple(
        task
        for task in scope_activities()
        if task.usual[column] != "no" and task.claim_class != "forbidden"
    )


def _possible(task: ScopeActivity, pair: Pair, shape: Shape) -> bool:
    if not shape.hands_on and (task.claim_class in CORE_CLASSES or task.slug == "vital-signs"):
        return False
    if task.slug in WARD_ONLY and shape.setting != "inpatient":
        return False
    if task.slug == "mental-status-exam":
        return pair.group == "neuro-psych"
    if task.slug in PROCEDURES:
        return pair.group in ("surgical", "women-children", "hospital-based")
    return True


def papers(shape: Shape, random: Random) -> list[str]:
    """Document kinds that are due before the first day."""
    found = ["cv", "hipaa-training", "confidentiality-agreement"]
    if shape.setting != "remote":
        found += IN_PERSON_PAPERS
    if shape.hands_on:
        found += ["bls", "malpractice-insurance"]
    if shape.type in STUDENT_TYPES:
        found += ["letter-of-good-standing", "school-approval"]
    if shape.type == "clerkship":
        found.append("affiliation-agreement")
    if shape.setting == "inpatient":
        found += [kind for kind in ("background-check", "drug-screen") if random.random() < 0.6]
    return found


def exams(shape: Shape, random: Random) -> list[str]:
    """USMLE steps that must be passed; most listings ask for none or for Step 1."""
    if not shape.hands_on:
        return ["usmle_step_1"] if random.random() < 0.15 else []
    both = ["usmle_step_1", "usmle_step_2_ck"]
    return random.choices(([], both[:1], both), weights=(40, 40, 20), k=1)[0]


def inclusions(pair: Pair, shape: Shape, random: Random) -> list[str]:
    """What the price includes beside the placement."""
    found = ["liability-insurance"] if shape.hands_on or random.random() < 0.3 else []
    usual = (
        INCLUSIONS if shape.setting != "remote" else ("confirmation-letter", "interview-practice")
    )
    found += [item for item in usual if random.random() < 0.35]
    # own dice: the rest of the market stays as it is
    more = Random(f"{pair.doctor.slug} {pair.city.slug} {shape.type} includes")
    on_site = (("emr-access", 0.3),) if shape.setting != "remote" else ()
    return found + [item for item, share in (*on_site, ("research-add-on", 0.12))
                    if more.random() < share]  # fmt: skip


def eligibility(pair: Pair, shape: Shape, random: Random) -> dict[str, object]:
    """Further `rotation.*` facts of profile_fields.csv; only those that the listing sets."""
    found: dict[str, object] = {}
    if shape.type in ("sub-internship", "elective"):
        found["min_student_year"] = "final" if shape.type == "sub-internship" else "penultimate"
        if pair.agency.slug == "old-quarry-electives" and random.random() < 0.3:
            found["vslo_only"] = True
    if shape.hands_on and "graduate" in shape.accepts and random.random() < 0.3:
        found["max_years_since_graduation"] = random.choice((3, 5, 7, 10))
    statuses = _entry_statuses(shape, Random(f"{pair.doctor.slug} {pair.city.slug} {shape.type}"))
    return found | ({"entry_statuses": statuses} if statuses else {})


def _entry_statuses(shape: Shape, random: Random) -> list[str]:
    """What the made-up site says it takes; half of them say nothing. Own dice, so that the rest
    of the market stays as it is."""
    if shape.setting == "remote" or random.random() < 0.5:
        return []
    usual = ("j-1",) if shape.type == "research" else ("b-1", "visa-waiver")
    return [*usual, *(status for status in ("b-2", "f-1", "j-1") if random.random() < 0.2)]


def letter_policy(pair: Pair, shape: Shape, random: Random) -> dict[str, object]:
    """What is said about letters of recommendation: never a promise."""
    if shape.type in ("virtual", "research"):
        policy = random.choice(("discuss", "not-usual"))
    else:
        policy = random.choices(("writes-when-earned", "discuss", "not-usual"), (75, 20, 5), k=1)[0]
    letterhead = "hospital" if shape.site.kind in ("hospital", "teaching-hospital") else "practice"
    return {
        "policy": policy,
        "letterhead": letterhead if policy != "not-usual" else None,
        "within_days": pair.doctor.letter_days or 28,
    }


def price_parts(price_cents: int, platform_percent: int, random: Random) -> list[dict[str, object]]:
    """Declared shares of the price: payee, label, percent. What is left is the agency's."""
    parts: list[dict[str, object]] = [
        {"payee": payee, "label": label, "percent": random.randint(*limits)}
        for payee, label, limits in SHARES
    ]
    declared = [
        DeclaredShare("attending", percent=int(str(parts[0]["percent"]))),
        DeclaredShare("site", percent=int(str(parts[1]["percent"]))),
        DeclaredShare("insurance", percent=int(str(parts[2]["percent"]))),
        DeclaredShare("card", percent=int(str(parts[3]["percent"]))),
    ]
    where_money_goes(price_cents, declared, platform_percent)  # raises when they exceed the price
    return parts
