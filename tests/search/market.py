"""Listings for the search tests: 60 by hand, any number of synthetic ones, always the same."""

# ruff: noqa: C408  (keyword form reads better for overrides)

import random
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from marketplace.core import reference
from marketplace.listings import hard_rules
from marketplace.search.documents import ListingDocument, ListingFacts, StartFacts, document_from

MONDAY = date(2027, 1, 4)
BOSTON = (42.3601, -71.0589)

BASE = ListingFacts(
    id="",
    version=1,
    agency="harborlight",
    agency_name="Harborlight",
    title="",
    specialty="cardiology",
    hands_on="hands-on-inpatient",
    type="externship",
    setting="inpatient",
    city="boston-ma",
    city_name="Boston",
    state="MA",
    state_name="Massachusetts",
    lat=BOSTON[0],
    lng=BOSTON[1],
    prices={4: 150_000},
    starts=(StartFacts(MONDAY, 2),),
    included=("emr-access",),
    accepts=("student", "graduate"),
    exams=(),
    rating=4.5,
    reviews=10,
    attending="Dr. Ann Vell",
    site="Alder General",
    text="Morning rounds and cases.",
    eligibility="accepts=graduate student&type=externship",
)

PLACES = {
    "chicago-il": ("Chicago", "IL", "Illinois", 41.85003, -87.65005),
    "houston-tx": ("Houston", "TX", "Texas", 29.76328, -95.36327),
    "san-diego-ca": ("San Diego", "CA", "California", 32.71571, -117.16472),
    "saint-paul-mn": ("St. Paul", "MN", "Minnesota", 44.94441, -93.09327),
    "honolulu-hi": ("Honolulu", "HI", "Hawaii", 21.30694, -157.85833),
}


def at(city: str) -> dict[str, object]:
    name, state, state_name, lat, lng = PLACES[city]
    return dict(city=city, city_name=name, state=state, state_name=state_name, lat=lat, lng=lng)


VIRTUAL = dict(
    type="virtual",
    hands_on="virtual",
    setting="remote",
    city=None,
    city_name="",
    state=None,
    state_name="",
    lat=None,
    lng=None,
)
IM = dict(specialty="internal-medicine")
PEDS = dict(specialty="pediatrics")
FM = dict(specialty="family-medicine")
WATCH = dict(type="observership", hands_on="observership-outpatient", setting="outpatient")
ODD = 'accepts=&type="odd" \\'
TWO_STARTS = (
    StartFacts(MONDAY, 1, (2,)),
    StartFacts(MONDAY + timedelta(weeks=8), 3, (2, 4)),
)

HAND_MADE: list[dict[str, object]] = [
    dict(title="Cardiology externship"),
    dict(title="Ward month", specialty="nephrology", text="You see cardiology consults daily."),
    dict(title="Carditology workshop", specialty="pathology", text="A word with a spare letter."),
    dict(title="Cardiolgy spelled short", specialty="pathology"),
    dict(title="Clinic with José Peña", attending="Dr. José Peña", **FM, **at("houston-tx")),
    dict(title="Clinic with Mary O'Brien", attending="Dr. Mary O'Brien", **FM),
    dict(title="Sub-internship in medicine", type="sub-internship", **IM),
    dict(title="Ob/Gyn clinic", specialty="obstetrics-gynecology", **WATCH),
    dict(title="IM ward month", text="The abbreviation only.", specialty="hospital-medicine"),
    dict(title="Internal medicine, inpatient", **IM, **at("chicago-il")),
    dict(title="Peds clinic days", specialty="adolescent-medicine"),
    dict(title="Pediatrics ward", **PEDS, **at("chicago-il")),
    dict(title="Family medicine office", **FM, **at("san-diego-ca")),
    dict(title="Telerotation in psychiatry", specialty="psychiatry", **VIRTUAL),
    dict(title="Tele rotation in neurology", specialty="neurology", **VIRTUAL),
    dict(title="History and physical practice", **IM),
    dict(title="H&P practice", **IM, **at("honolulu-hi")),
    dict(title="Letter of recommendation when earned", **FM),
    dict(title="LoR considered", **FM),
    dict(title="Emergency medicine nights", specialty="emergency-medicine"),
    dict(title="ER shifts", specialty="urgent-care"),
    dict(title="Intensive care unit", specialty="critical-care"),
    dict(title='A <b>bold</b> & "quoted" claim', **IM),
    dict(title="Odd values", included=('it\'s "odd", a\\b', "emr-access")),
    dict(title="Another odd", included=('it\'s "odd", a\\b',), accepts=(), eligibility=ODD),
    dict(title="No price band", prices={1: 40_000}),
    dict(title="Edge low", prices={4: 100_000}),
    dict(title="Edge high", prices={4: 200_000}),
    dict(title="Edge over", prices={4: 200_001}),
    dict(title="Two lengths", prices={2: 90_000, 4: 160_000}, starts=TWO_STARTS),
    dict(title="Long and short", prices={1: 50_000, 12: 480_000}),
    dict(title="All lengths", prices={w: w * 40_000 for w in (1, 2, 4, 6, 8, 12)}),
    dict(title="Full until further", starts=(StartFacts(MONDAY, 0),)),
    dict(title="No starts", starts=()),
    dict(title="Late start", starts=(StartFacts(MONDAY + timedelta(weeks=90), 9),)),
    dict(title="Unreviewed", rating=None, reviews=0),
    dict(title="Praised once", rating=5.0, reviews=1),
    dict(title="Praised often", rating=4.9, reviews=80),
    dict(title="Not liked", rating=2.4, reviews=12),
    dict(title="Step required", exams=("usmle_step_1", "usmle_step_2_ck")),
    dict(title="Step one only", exams=("usmle_step_1",), accepts=("student",), eligibility=""),
    dict(title="Ten metres inside", lat=BOSTON[0] + 0.08983, lng=BOSTON[1]),
    dict(title="Ten metres outside", lat=BOSTON[0] + 0.09002, lng=BOSTON[1]),
    dict(title="Research year", type="research", hands_on="not-usce", setting="mixed"),
    dict(title="Hepatology list", specialty="hepatology", included=(), **at("honolulu-hi")),
    dict(title="Saint Paul clinic", **FM, **at("saint-paul-mn")),
    dict(title="Ünïversity härbor", agency="bluefern", agency_name="Bluefern"),
    dict(title="Caring for hearts", agency="bluefern", agency_name="Bluefern", **WATCH),
    dict(title="Endocrinology and more endocrinology", specialty="endocrinology"),
    dict(title="Gastroenterology suite", specialty="gastroenterology", agency="bluefern"),
    dict(title="Ophthalmology lanes", specialty="ophthalmology", **at("houston-tx")),
    dict(title="Dermatology room", specialty="dermatology", **WATCH),
    dict(title="Anaesthesia list", specialty="anesthesiology"),
    dict(
        title="Physical medicine and rehabilitation", specialty="physical-medicine-rehabilitation"
    ),
    dict(title="12345 numbers 12346", text="Codes 99213 and 99214."),
    dict(title="Emoji 🩺 rounds", text="Line\nbreaks\tand tabs."),
    dict(
        title="Hands-on with hearts", included=("emr-access", "housing-help", "letterhead-letter")
    ),
    dict(title="Housing near the ward", included=("housing-help",), **at("chicago-il")),
    dict(title="New York City days", city="new-york-city-ny", city_name="New York City"),
    dict(title="The clinic of the town", text="a the of", **WATCH),
]


@cache
def hand_made() -> tuple[ListingDocument, ...]:
    return tuple(
        document_from(replace(BASE, **{"id": f"hand-{n:03}", **extra}))
        for n, extra in enumerate(HAND_MADE)
    )


@cache
def synthetic(count: int) -> tuple[ListingDocument, ...]:
    """Listings over all cities and specialties with skewed choices; seeded, so always the same."""
    dice = random.Random(20261122)
    specialties = reference.rows("specialties")
    cities = reference.rows("us_cities")
    levels = reference.rows("hands_on_levels")
    types = reference.rows("rotation_types")
    agencies = [f"agency-{n}" for n in range(60)]
    filler = _vocabulary(dice)
    perks = ["letterhead-letter", "emr-access", "housing-help", "liability-insurance", "research"]
    rest = (agencies, filler, perks)
    return tuple(
        document_from(_eligible(_facts(dice, n, specialties, cities, levels, types, *rest)))
        for n in range(count)
    )


def _eligible(facts: ListingFacts) -> ListingFacts:
    """The facts with what the hard rules look at."""
    told = {
        "rotation.type": facts.type,
        "rotation.accepts": frozenset(facts.accepts),
        "rotation.required_exams": frozenset(facts.exams),
    }
    return replace(facts, eligibility=hard_rules.profile_of(told))


def _vocabulary(dice: random.Random) -> list[str]:
    """Words of syllables, common ones first, as a text's rare-word tail has them."""
    parts = [
        "ba",
        "ce",
        "di",
        "fo",
        "gu",
        "la",
        "me",
        "ni",
        "po",
        "ru",
        "sa",
        "te",
        "vi",
        "zo",
        "cha",
        "lin",
        "mor",
        "pex",
        "tra",
        "gen",
    ]
    common = [word for row in reference.rows("scope_activities") for word in row["label"].split()]
    rare = ["".join(dice.choice(parts) for _ in range(dice.randint(2, 4))) for _ in range(5000)]
    return [*common, *rare]


def _facts(dice, n, specialties, cities, levels, types, agencies, filler, perks) -> ListingFacts:
    skew = lambda items: items[int(len(items) * dice.random() ** 2)]  # noqa: E731
    city, specialty, level, kind = skew(cities), skew(specialties), skew(levels), skew(types)
    lengths = sorted(dice.sample((1, 2, 4, 6, 8, 12), dice.randint(1, 4)))
    weekly = round(dice.lognormvariate(10.4, 0.4), -2)
    starts = sorted(dice.sample(range(52), dice.randint(0, 8)))
    virtual = kind["slug"] == "virtual"
    reviews = dice.choice((0, 1, 3, 8, 20, 60))
    return ListingFacts(
        id=f"syn-{n:06}",
        version=1,
        agency=(agency := skew(agencies)),
        agency_name=agency.replace("-", " ").title(),
        title=f"{specialty['label']} {kind['label'].lower()} in {city['name']}",
        specialty=specialty["slug"],
        hands_on=level["slug"],
        type=kind["slug"],
        setting=dice.choice(("inpatient", "outpatient", "mixed")),
        city=None
        if virtual
        else f"{city['name'].lower().replace(' ', '-')}-{city['state'].lower()}",
        city_name="" if virtual else city["name"],
        state=None if virtual else city["state"],
        state_name="" if virtual else city["state_name"],
        lat=None if virtual else round(float(city["lat"]) + dice.gauss(0, 0.05), 5),
        lng=None if virtual else round(float(city["lng"]) + dice.gauss(0, 0.05), 5),
        prices={weeks: int(weekly * weeks) for weeks in lengths},
        starts=tuple(
            StartFacts(
                MONDAY + timedelta(weeks=week),
                dice.randint(0, 4),
                None if dice.random() < 0.7 else tuple(dice.sample(lengths, 1)),
            )
            for week in starts
        ),
        included=tuple(dice.sample(perks, dice.randint(0, 4))),
        accepts=tuple(dice.sample(("student", "graduate"), dice.randint(1, 2))),
        exams=tuple(dice.sample(("usmle_step_1", "usmle_step_2_ck"), dice.randint(0, 2))),
        rating=round(dice.uniform(2.5, 5.0), 1) if reviews else None,
        reviews=reviews,
        attending=f"Dr. {skew(filler).title()} {skew(filler).title()}",
        site=f"{skew(filler).title()} {dice.choice(('Hospital', 'Clinic', 'Medical Center'))}",
        text=" ".join(skew(filler) for _ in range(70)),
    )
