"""Who works where: every attending has one city, and works with one to three agencies."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from demo.seed.chance import fork
from demo.seed.sources import AgencySource, Doctor, SiteSource, agencies, doctors, regions, sites
from marketplace.listings.catalog import specialty
from marketplace.listings.cities import City, cities

# Agencies with a focus, as their characters say; the others take every specialty.
FOCUS: dict[str, frozenset[str]] = {
    "bluefern-clinical": frozenset({"family-medicine", "pediatrics"}),
    "pinebridge-psychiatry": frozenset({"psychiatry"}),
}
FOCUS_GROUPS: dict[str, frozenset[str]] = {
    "silverbirch-surgical": frozenset({"surgical"}),
    "sunrow-telehealth-teaching": frozenset({"primary-care", "im-subspecialties", "neuro-psych"}),
}
ALSO: dict[str, frozenset[str]] = {"silverbirch-surgical": frozenset({"anesthesiology"})}
# How readily an attending joins an agency; 10 unless named.
WEIGHTS = {
    "pinebridge-psychiatry": 200,
    "silverbirch-surgical": 200,
    "bluefern-clinical": 60,
    "harborlight-rotations": 20,
    "meridian-usce": 12,
    "sunrow-telehealth-teaching": 3,
    "waypost-global-health": 5,
    "copperline-medical-placements": 5,
    "newleaf-rotations": 2,
    "ironpost-externships": 3,
}
CLOSED = ("new", "suspended")  # states in which an agency publishes nothing
AGENCIES_OF_ONE = (1, 1, 1, 2, 2, 2, 3)  # drawn from: how many agencies an attending works with


@dataclass(frozen=True)
class Pair:
    """An attending working with an agency in the attending's city."""

    agency: AgencySource
    doctor: Doctor
    city: City
    group: str
    number: int


def all_pairs() -> tuple[Pair, ...]:
    """Every affiliation of the market. Each of the 274 cities has an attending whose first agency
    is open (approved and not suspended)."""
    found: list[Pair] = []
    homes = home_cities()
    for doctor in doctors():
        for agency in _agencies_of(doctor, homes[doctor.slug]):
            group = specialty(doctor.specialty).group
            found.append(Pair(agency, doctor, homes[doctor.slug], group, len(found)))
    return tuple(found)


def home_cities() -> dict[str, City]:
    """Attending's slug to the city: each city once, the rest by population."""
    random = fork("homes")
    all_cities = list(cities())
    people = [doctor.slug for doctor in doctors()]
    extra = random.choices(
        all_cities,
        weights=[city.population**0.6 for city in all_cities],
        k=len(people) - len(all_cities),
    )
    places = all_cities + extra
    random.shuffle(people)
    return dict(zip(people, places, strict=True))


def _agencies_of(doctor: Doctor, city: City) -> list[AgencySource]:
    random = fork("agencies", doctor.slug)
    fitting = [agency for agency in agencies() if _fits(agency, doctor, city)]
    open_ones = [agency for agency in fitting if agency.state not in CLOSED]
    count = random.choice(AGENCIES_OF_ONE)
    first = _draw(random, open_ones)
    rest = [agency for agency in fitting if agency is not first]
    others: list[AgencySource] = []
    while rest and len(others) < count - 1:
        other = _draw(random, rest)
        rest.remove(other)
        others.append(other)
    return [first, *others]


def _draw(random: Random, choices: Sequence[AgencySource]) -> AgencySource:
    weights = [_weight(agency) for agency in choices]
    return random.choices(choices, weights=weights, k=1)[0]


def _weight(agency: AgencySource) -> float:
    """Focused agencies have few attendings to choose from, so they come first."""
    return WEIGHTS.get(agency.slug, 10)


def _fits(agency: AgencySource, doctor: Doctor, city: City) -> bool:
    states = regions()[agency.region]
    if "*" not in states and city.state not in states:
        return False
    if agency.slug in FOCUS and doctor.specialty not in FOCUS[agency.slug]:
        return False
    groups = FOCUS_GROUPS.get(agency.slug)
    wanted = doctor.specialty in ALSO.get(agency.slug, frozenset())
    return groups is None or specialty(doctor.specialty).group in groups or wanted


def fitting_sites(pair: Pair, settings: Sequence[str]) -> list[SiteSource]:
    """The site names that are believable for this attending's city and field."""
    return [
        site
        for site in sites()
        if pair.group in site.groups
        and pair.city.population >= site.min_population
        and site.setting in settings
        and (site.detail != "surgery-center" or pair.group == "surgical")
    ]
