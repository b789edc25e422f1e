"""The drawn tables of states: the pages in docs/ are what the code runs on."""

import pytest
from click.testing import CliRunner

from marketplace import cli
from marketplace.bookings import states as bookings
from marketplace.core.pages import ROOT
from marketplace.placements import states as letters
from marketplace.verification import states as papers

STEPS = {
    "booking": {(m.source, m.target, m.event) for m in bookings.MOVES},
    "letter": {
        (status, target, f"{who} says so")
        for (status, who), targets in letters.LETTER_MOVES.items()
        for target in targets
    },
    "verification": {(m.source, m.target, m.event) for m in (*papers.EVIDENCE, *papers.AGENCY)},
}


@pytest.mark.parametrize("what", sorted(STEPS))
def test_the_page_in_the_docs_is_the_table(what: str) -> None:
    told = CliRunner().invoke(cli.cli, ["states", what])
    assert told.exit_code == 0
    assert told.output == (ROOT / "docs" / f"{what}-states.md").read_text()
    drawn = {
        (source, target, event)
        for line in told.output.splitlines()
        if " --> " in line and "[*]" not in line
        for source, _, rest in [line.strip().partition(" --> ")]
        for target, _, event in [rest.partition(": ")]
    }
    assert drawn == STEPS[what]


def test_every_table_of_states_is_drawn() -> None:
    tables = {path.parent.name for path in (ROOT / "marketplace").glob("*/states.py")}
    assert tables == {"bookings", "placements", "verification"}
    assert set(cli.DIAGRAMS) == set(STEPS)
    for what in STEPS:
        assert f"{what}-states.md" in (ROOT / "docs/architecture.md").read_text()


def test_the_ends_of_a_booking_are_drawn_as_ends() -> None:
    page = (ROOT / "docs/booking-states.md").read_text()
    ends = {line.split()[0] for line in page.splitlines() if line.endswith("--> [*]")}
    assert ends == bookings.FINAL
    assert CliRunner().invoke(cli.cli, ["states"]).output == page
