"""Titles, descriptions and week plans, built from the seed fragments."""

from random import Random

from demo.seed.placing import Pair
from demo.seed.shapes import Shape
from demo.seed.sources import fragments
from marketplace.listings.catalog import rotation_type, specialty

INPATIENT = {
    "primary-care": ("ward medicine", "admissions and discharges", "hospital rounds", "acute care"),
    "im-subspecialties": ("consult service", "ward rounds and tests", "hospital consults"),
    "neuro-psych": ("ward and consults", "inpatient team", "acute unit", "stroke and ward rounds"),
    "surgical": ("operating room and ward", "surgical team", "before and after the operation"),
    "women-children": ("hospital team", "ward and consults", "ward rounds"),
    "hospital-based": ("department days", "reading and case talks", "hospital department"),
}
OUTPATIENT = {
    "primary-care": ("daily clinic", "chronic disease clinic", "prevention and follow-up"),
    "im-subspecialties": ("office consults", "clinic and test reading", "follow-up clinic"),
    "neuro-psych": ("clinic interviews", "outpatient team", "new patients and follow-up"),
    "surgical": ("clinic and day surgery", "office visits before surgery", "day surgery"),
    "women-children": ("clinic days", "well visits", "family clinic"),
    "hospital-based": ("outpatient department", "urgent visits", "reading and visits"),
}
REMOTE = {
    "virtual": ("case talks by video", "evening clinic by video", "cases and feedback online"),
    "research": ("chart study", "case series", "review paper with a team"),
}
MORNING = {
    "inpatient": ("Ward rounds", "New admissions, ward rounds", "Case presentations, ward rounds"),
    "outpatient": ("Clinic", "New patients", "Follow-up visits", "Clinic and phone results"),
    "mixed": ("Ward rounds", "Clinic"),
    "remote": ("Reading on your own", "Video clinic, listening", "Study work"),
}
AFTERNOON = {
    "inpatient": ("Consults", "Procedures, watching", "Teaching on the ward"),
    "outpatient": ("Clinic", "Test reading with the doctor", "Case talk and notes for practice"),
    "mixed": ("Clinic", "Consults"),
    "remote": ("Case talk by video", "Journal club by video", "Office hour with the doctor"),
}
# Fragments that speak of one place or one field only.
CLINIC_ONLY = {
    "primary-care-opening-1",
    "primary-care-opening-2",
    "primary-care-day-2",
    "primary-care-expect-1",
    "primary-care-limits-1",
    "im-subspecialties-opening-2",
    "neuro-psych-limits-1",
    "surgical-limits-1",
}
HOSPITAL_ONLY = {"im-subspecialties-opening-1", "im-subspecialties-day-1"}
WOMENS_HEALTH = frozenset(
    {
        "obstetrics-gynecology",
        "maternal-fetal-medicine",
        "reproductive-endocrinology",
        "urogynecology",
        "gynecologic-oncology",
    }
)
WOMEN_ONLY = {"women-children-opening-2", "women-children-learn-2", "women-children-scope-2"}
CHILDREN_ONLY = {
    "women-children-opening-1",
    "women-children-day-1",
    "women-children-learn-1",
    "women-children-limits-1",
}
WARD_OPENING = "A hospital team with rounds every morning and new patients every day."
ONLINE = "Everything happens by video, in the evening hours of your time zone where we can."
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def title(pair: Pair, shape: Shape, random: Random) -> str:
    """Specialty, type and emphasis: `Cardiology externship: office consults`."""
    choices: tuple[str, ...]
    if shape.setting == "remote":
        choices = REMOTE.get(shape.type, REMOTE["virtual"])
    else:
        choices = (INPATIENT if shape.setting == "inpatient" else OUTPATIENT)[pair.group]
    words = rotation_type(shape.type).label
    kind = words[0].lower() + words[1:]
    return f"{specialty(pair.doctor.specialty).label} {kind}: {random.choice(choices)}"


def summary(pair: Pair, shape: Shape, random: Random) -> str:
    """Paragraphs: the place and a day, what is learned, what is done, what to expect."""
    learn = _piece(pair, shape, "learn", random)
    if shape.setting == "remote":
        return "\n\n".join((ONLINE, learn, "You join as a learner. No patient is named."))
    opening = _piece(pair, shape, "opening", random) or WARD_OPENING
    paragraphs = (
        f"{opening} {_piece(pair, shape, 'day', random)}",
        learn,
        _piece(pair, shape, "scope", random),
        f"{_piece(pair, shape, 'expect', random)} {_piece(pair, shape, 'limits', random)}",
    )
    return "\n\n".join(paragraph.strip() for paragraph in paragraphs)


def _piece(pair: Pair, shape: Shape, kind: str, random: Random) -> str:
    """One fragment that does not contradict the setting or the field; empty when there is none."""
    level = "hands-on" if shape.hands_on else "observe"
    known = fragments()
    fitting = known.get((pair.group, kind, "any"), {}) | known.get((pair.group, kind, level), {})
    unfit = set(CLINIC_ONLY if shape.setting == "inpatient" else HOSPITAL_ONLY)
    if pair.group == "women-children":
        unfit |= CHILDREN_ONLY if pair.doctor.specialty in WOMENS_HEALTH else WOMEN_ONLY
    texts = [text for slug, text in fitting.items() if slug not in unfit]
    return random.choice(texts) if texts else ""


def week_plan(shape: Shape, random: Random) -> list[dict[str, str]]:
    """Monday to Friday: day, morning, afternoon. Friday ends with feedback."""
    plan = [
        {
            "day": day,
            "morning": random.choice(MORNING[shape.setting]),
            "afternoon": random.choice(AFTERNOON[shape.setting]),
        }
        for day in DAYS
    ]
    plan[-1]["afternoon"] = "Feedback of the week"
    return plan
