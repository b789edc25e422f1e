"""What a rotation is: its type, who does what, where, for whom and for how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from demo.seed.placing import Pair, fitting_sites
from demo.seed.sources import SiteSource
from marketplace.core import reference
from marketplace.listings.levels import Interaction, Setting

TYPE_WEIGHTS = {
    "externship": 6,
    "observership": 5,
    "elective": 4,
    "clerkship": 3,
    "sub-internship": 2,
    "virtual": 3,
    "research": 1,
}
STUDENT_TYPES = frozenset({"elective", "clerkship", "sub-internship"})
# Weeks offered by type: always 4, so that prices can be compared.
LENGTHS: dict[str, tuple[tuple[int, ...], ...]] = {
    "externship": ((2, 4, 8), (4, 8, 12), (4, 6, 8), (4,)),
    "observership": ((2, 4), (1, 2, 4), (2, 4, 6)),
    "elective": ((2, 4), (4,), (4, 6)),
    "clerkship": ((4, 6, 8, 12), (4, 8, 12), (4, 6)),
    "sub-internship": ((4,), (4, 6)),
    "virtual": ((1, 2, 4), (2, 4)),
    "research": ((4, 8, 12), (4, 12)),
}
# Longer stays cost less per week, one week alone costs more.
PER_WEEK_PERCENT = {1: 118, 2: 108, 4: 100, 6: 97, 8: 94, 12: 90}
CHEAPER = {"hands-on": "standard", "premium": "hands-on", "standard": "budget"}
PRICE_STEP = 5_000  # cents


@dataclass(frozen=True)
class Shape:
    """One rotation before it has words."""

    type: str
    interaction: Interaction
    setting: Setting
    site: SiteSource
    accepts: tuple[str, ...]
    band: str

    @property
    def hands_on(self) -> bool:
        return self.interaction == "hands-on"


def shape_of(pair: Pair, random: Random) -> Shape:
    """A shape that fits the agency's character, the attending's field and the city."""
    kind = _type(pair, random)
    settings = _settings(kind, random)
    places = _places(pair, kind, settings) or _places(pair, kind, ("outpatient", "inpatient"))
    site = random.choice(places)
    accepts = _accepts(pair, kind, random)
    interaction = _interaction(pair, kind, site, accepts, random)
    setting: Setting = "inpatient" if site.setting == "inpatient" else "outpatient"
    if site.setting == "remote":
        setting = "remote"
    elif kind == "observership" and random.random() < 0.1:
        setting = "mixed"
    return Shape(kind, interaction, setting, site, accepts, _band(pair, kind, site))


def _type(pair: Pair, random: Random) -> str:
    possible = [kind for kind in pair.agency.types if _has_place(pair, kind)]
    return random.choices(possible, [TYPE_WEIGHTS[kind] for kind in possible], k=1)[0]


def _has_place(pair: Pair, kind: str) -> bool:
    return kind not in ("virtual", "research") or bool(_places(pair, kind, ("remote",)))


def _settings(kind: str, random: Random) -> Sequence[str]:
    if kind in ("virtual", "research"):
        return ("remote",)
    if kind == "sub-internship":
        return ("inpatient",)
    inpatient = {"externship": 0.15, "observership": 0.45, "elective": 0.65, "clerkship": 0.6}[kind]
    return ("inpatient",) if random.random() < inpatient else ("outpatient",)


def _places(pair: Pair, kind: str, settings: Sequence[str]) -> list[SiteSource]:
    found = fitting_sites(pair, settings)
    if kind in ("virtual", "research"):
        detail = "telehealth-network" if kind == "virtual" else "research-institute"
        return [site for site in found if site.detail == detail]
    return found


def _accepts(pair: Pair, kind: str, random: Random) -> tuple[str, ...]:
    if kind in STUDENT_TYPES:
        return ("student",)
    return random.choices(
        (("student", "graduate"), ("graduate",), ("student",)), weights=(80, 15, 5), k=1
    )[0]


def _interaction(
    pair: Pair, kind: str, site: SiteSource, accepts: tuple[str, ...], random: Random
) -> Interaction:
    if kind == "virtual":
        return "virtual"
    if kind == "research":
        return "research"
    if kind == "observership":
        return "observe"
    if kind != "externship":
        return "hands-on"
    graduates = "graduate" in accepts
    # The California board's warning (state_advisories.csv), and surgery: graduates watch.
    careful = pair.city.state == "CA" and site.kind == "private-office"
    surgery = pair.group in ("surgical", "hospital-based") and site.setting == "inpatient"
    if graduates and (careful or surgery):
        return "observe"
    return "observe" if random.random() < 0.08 else "hands-on"


def _band(pair: Pair, kind: str, site: SiteSource) -> str:
    if kind == "virtual":
        return "virtual"
    if kind == "observership":
        return CHEAPER.get(pair.agency.band, pair.agency.band)
    if kind == "sub-internship" and site.kind == "teaching-hospital":
        return "brand"
    return pair.agency.band


@cache
def band_limits(band: str) -> tuple[int, int]:
    """Lowest and highest price in cents for four weeks."""
    line = reference.row("price_bands", band)
    return int(line["min_cents_4_weeks"]), int(line["max_cents_4_weeks"])


def prices(shape: Shape, random: Random) -> dict[int, int]:
    """Weeks to all-in cents, in steps of 50 dollars for four weeks."""
    low, high = band_limits(shape.band)
    mode = low + (high - low) * (0.65 if shape.setting == "inpatient" else 0.35)
    drawn = int(random.triangular(low, high, mode))
    four = max(-(-low // PRICE_STEP) * PRICE_STEP, drawn // PRICE_STEP * PRICE_STEP)
    found = {}
    for weeks in random.choice(LENGTHS[shape.type]):
        exact = four * weeks * PER_WEEK_PERCENT[weeks] // 400
        found[weeks] = exact if weeks == 4 else exact // 1_000 * 1_000
    return found
