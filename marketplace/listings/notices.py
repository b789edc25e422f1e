"""What candidates read about a state and about visas, on the listing, in the editor beside it and
before they ask for a seat. Facts from `state_advisories.csv` and `visa_facts.csv`, never advice."""

from marketplace.core.reference import Row
from marketplace.listings import catalog
from marketplace.listings.catalog import Advisory
from marketplace.listings.models import Rotation

FROM_HOME = "virtual"
"""The fact for those who stay at home; all others are for those who travel."""


SAID_ONCE = " This is general information, not legal advice."
"""How each text of the lists ends; a page that shows many says it once above them."""


def brief(text: str) -> str:
    """A text of the lists without the sentence that the page says once."""
    return text.removesuffix(SAID_ONCE)


def of_state(rotation: Rotation, status: str = "") -> tuple[Advisory, ...]:
    """Notices about the state where it takes place, its own first; none where nobody travels.

    `status` is student or graduate; empty means everybody whom the listing takes.
    """
    if rotation.setting == "remote":
        return ()
    taken = rotation.accepts if len(rotation.accepts) == 1 else [""]
    return catalog.advisories(rotation.site.state, rotation.type, status or taken[0])


def visa_facts(rotation: Rotation, status: str = "") -> tuple[Row, ...]:
    """The visa facts for this listing; `status` as in `of_state`."""
    fitting = ("all", status) if status else ("all", *rotation.accepts)
    stays = rotation.setting == "remote"
    return tuple(
        line
        for line in catalog.visa_facts()
        if line["status"] in fitting and (line["slug"] == FROM_HOME) == stays
    )
