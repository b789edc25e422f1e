"""What keeps a listing closed: each reason with its words and the place where it is mended."""

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.core import clock, context
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.errors import Invalid
from marketplace.listings import (
    drafts,
    editor_page,
    editor_views,
    operations,
    standing,
    workspace_views,
)
from marketplace.listings.eligibility import BLOCK
from marketplace.listings.models import Affiliation, Block, Offering, Rotation
from marketplace.listings.rules import all_rules
from tests import factories
from tests.factories import Market
from tests.support import rooms
from tests.support.rooms import Browser, words_of

PAST = date(2020, 1, 1)
Spoil = Callable[[ScopedSession, Rotation], None]


@pytest.fixture
def app(migrated: None) -> Iterator[Flask]:
    with rooms.site([workspace_views.workspace, editor_views.editor]) as site:
        yield site


@pytest.fixture
def market(app: Flask) -> Market:
    made = factories.market()
    with open_session(factories.a_system()) as session:
        row = session.get_one(Rotation, made.rotation_id)
        row.state, row.public = "draft", False
    return made


# --- ways to spoil a listing --------------------------------------------------------------------


def of(**values: object) -> Spoil:
    def act(session: ScopedSession, row: Rotation) -> None:
        for name, value in values.items():
            setattr(row, name, value)

    return act


def on(part: str, **values: object) -> Spoil:
    """The same on its site, agency or attending."""

    def act(session: ScopedSession, row: Rotation) -> None:
        for name, value in values.items():
            setattr(getattr(row, part), name, value)

    return act


def both(*spoils: Spoil) -> Spoil:
    def act(session: ScopedSession, row: Rotation) -> None:
        for spoil in spoils:
            spoil(session, row)

    return act


def without_prices(session: ScopedSession, row: Rotation) -> None:
    for block in session.scalars(select(Block)):
        session.delete(block)


def without_starts(session: ScopedSession, row: Rotation) -> None:
    for start in session.scalars(select(Offering)):
        start.closed_at = clock.now()


def left(session: ScopedSession, row: Rotation) -> None:
    session.scalars(select(Affiliation)).one().ended_at = clock.now()


# --- the table ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """`section` is the editor's, empty where the agency can only wait; `words` are the message."""

    code: str
    spoil: Spoil
    words: str
    section: str = ""


DOCTOR = "Dr. Isabel Fuentes"
INPATIENT = of(setting="inpatient")
CASES = [
    # Rounds' own checks: nothing to mend in the editor
    Case(
        "taken-down",
        of(taken_down_at=clock.now(), taken_down_reason="Its tasks are not true."),
        "Rounds took this listing down: Its tasks are not true.",
    ),
    Case(
        "agency",
        on("agency", state="suspended"),
        "Your agency is stopped by the platform.",
    ),
    Case(
        "agency",
        on("agency", state="new"),
        "Rounds has not approved your agency yet. Verification says what is missing.",
    ),
    Case(
        "agency",
        on("agency", verified_until=PAST),
        "Papers of your agency have ended. Send new ones under Verification.",
    ),
    Case(
        "exclusion",
        on("attending", excluded_at=clock.now()),
        f"{DOCTOR} is on the federal exclusion list.",
    ),
    Case(
        "supervisor-verified",
        on("attending", verified_until=PAST),
        f"The checks of {DOCTOR} are not in date. We look again by itself.",
    ),
    Case(
        "site-letter",
        both(INPATIENT, on("site", letter_until=PAST)),
        "Lakeview Heart Clinic needs a valid site letter. Send it under Verification.",
    ),
    # Parts that are not there
    Case("title", of(title=" "), "Give the listing a title.", "basics"),
    Case("summary", of(summary=""), "Say what a day is like.", "basics"),
    Case(
        "accepts",
        of(accepts=[]),
        "Say whether students, graduates or both may come.",
        "people",
    ),
    Case("letter", of(letter_policy={}), "Say whether the attending writes letters.", "letter"),
    Case("prices", without_prices, "Add at least one length with its price.", "price"),
    Case("cancellation", of(cancellation={}), "Choose a cancellation policy.", "cancellation"),
    Case("starts", without_starts, "Add at least one start in the future.", "dates"),
    # The attending
    Case(
        "affiliation",
        left,
        f"{DOCTOR} does not work with your agency any more. Choose another attending.",
        "basics",
    ),
    Case(
        "signature",
        of(version=2),
        f"{DOCTOR} has not signed what trainees do (version 2).",
        "scope",
    ),
    Case(
        "signature",
        of(signed_version=None),
        f"{DOCTOR} has not signed what trainees do (version 1).",
        "scope",
    ),
    Case(
        "wider",
        of(type="sub-internship"),
        "This type does not take graduates by default. The platform has to agree first.",
        "people",
    ),
    # Words that no listing may use
    Case(
        "text-title",
        of(title="No refunds here"),
        "“No refunds” in the title: Choose a cancellation policy.",
        "basics",
    ),
    Case(
        "text-summary",
        of(summary="A guaranteed letter of recommendation."),
        "“guaranteed letter of recommendation” in the summary: Say: 'The doctor writes a letter"
        " when the work earns it.'",
        "basics",
    ),
    Case(
        "text-inclusions",
        of(inclusions=["Escrow account"]),
        "“Escrow” in the inclusions: Say 'held until'.",
        "basics",
    ),
    Case(
        "text-week",
        of(week_plan=[{"day": "Monday", "morning": "Get a visa", "afternoon": ""}]),
        "“Get a visa” in the week: Say: 'We give a letter with the facts of the rotation.'",
        "basics",
    ),
    Case(
        "text-site",
        on("site", name="Escrow Clinic"),
        "“Escrow” in the site: Say 'held until'.",
        "basics",
    ),
    Case(
        "text-affiliation",
        on("site", affiliation="Guaranteed Match College"),
        "“Guaranteed Match” in the affiliation: Leave it out.",
        "basics",
    ),
    # Rules about listings (eligibility_rules.csv)
    Case(
        "graduate-exception-declared",
        of(type="sub-internship"),
        "Say on what basis graduates may do this work at this site. A reviewer reads it before the"
        " listing opens.",
        "people",
    ),
    Case(
        "hands-on-needs-core-scope",
        of(activities={"take-history": "yes"}),
        "A hands-on listing needs at least three core tasks, one of them history taking or"
        " examination.",
        "scope",
    ),
    Case(
        "forbidden-scope",
        of(activities=factories.HANDS_ON | {"prescribe": "yes"}),
        "Remove these tasks. Only licensed people or residents may do them.",
        "scope",
    ),
    Case(
        "observer-no-hands-on",
        of(type="observership", interaction="observe"),
        "An observership is for watching. Remove the hands-on tasks or change the type.",
        "scope",
    ),
    Case(
        "rare-combination-evidence",
        both(INPATIENT, on("site", letter_until=PAST)),
        "Hands-on hospital work for graduates needs a letter from the hospital before this badge"
        " is shown.",
        "people",
    ),
    Case(
        "private-office-hands-on-california",
        on("site", kind="private-office", state="CA", city="los-angeles-ca"),
        "In California we list graduate rotations in private offices as observing only. Read the"
        " state notice.",
        "people",
    ),
]
# The level is derived and an attending always has an NPI, so that pages cannot show these; the
# guard keeps them for a row that something else has written. Columns written, words, section.
BEHIND = [
    (
        "hands-on-scope-cosigned",
        of(level="hands-on-outpatient", signed_version=None),
        "The word 'hands-on' appears only after the attending signs the task list.",
        "scope",
    ),
    (
        "virtual-no-hands-on",
        of(type="virtual", level="hands-on-outpatient"),
        "A virtual rotation cannot be marked hands-on.",
        "basics",
    ),
    (
        "research-not-usce",
        of(type="research", level="hands-on-outpatient"),
        "Research is listed apart from clinical rotations.",
        "basics",
    ),
    (
        "supervisor-named",
        None,
        "Name the supervising doctor. Externships without a named supervisor are not listed.",
        "basics",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_each_reason_has_its_words_and_its_place(app: Flask, market: Market, case: Case) -> None:
    """On the check, on the listing's page, and when somebody publishes all the same."""
    with open_session(factories.a_system()) as session:
        case.spoil(session, session.get_one(Rotation, market.rotation_id))
    url = f"/agency/{market.agency_slug}/listings/{market.slug}"
    desk = Browser(app, market.staff["manager"])
    check = unescape(desk.get(f"{url}/check").text)
    assert f"<b>{case.words}</b>" in check
    row = check.split(f"<b>{case.words}</b>")[1].split("</li>")[0]
    if case.section:
        assert f'href="{url}/edit/{case.section}"' in row
        assert editor_page.SECTIONS[case.section] in row
    else:
        assert "href=" not in row and "Waits for Rounds" in row
    page = unescape(desk.get(url).text).replace("\xa0", " ")
    assert "Before it can be published" in page and f"<p>{case.words}</p>" in page
    with (
        pytest.raises(Invalid) as refused,
        open_session(context.agency(market.agency_id)) as session,
    ):
        operations.publish(session, market.staff_actor, market.rotation_id)
    assert case.code in refused.value.errors and case.words in str(refused.value)
    assert desk.post(f"{url}/publish", page=url).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Rotation, market.rotation_id).state == "draft"


def test_what_no_page_can_show_is_refused_too(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code, spoil, words, section in BEHIND:
        with open_session(factories.a_system()) as session, monkeypatch.context() as patch:
            row = session.get_one(Rotation, market.rotation_id)
            if spoil is not None:
                spoil(session, row)
            else:
                facts = operations.rotation_facts(row)
                without = {k: v for k, v in facts.items() if k != "rotation.supervisor_npi"}
                patch.setattr(operations, "rotation_facts", lambda _, kept=without: kept)
            with session.no_autoflush:
                found = operations.missing_for_publish(session, row)
            session.rollback()
        assert operations.Missing(code, words, section) in found, (code, found)


# --- nothing new without its words --------------------------------------------------------------


def codes_in(module: object, name: str) -> set[str]:
    """The codes that a module's source gives to `Missing(...)` or `Stop(...)`."""
    found = set()
    for call in ast.walk(ast.parse(inspect.getsource(module))):  # type: ignore[arg-type]
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == name:
            code = call.args[0]
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
    return found


def test_the_table_has_every_code(market: Market) -> None:
    """A new code fails here until its words and its place stand in the table."""
    rules = {rule.code for rule in all_rules() if rule.subject == "listing"}
    rules = {rule.code for rule in all_rules() if rule.code in rules and rule.severity in BLOCK}
    with open_session(context.agency(market.agency_id), readonly=True) as session:
        texts = operations.public_texts(drafts.working(session, market.slug))
    every = (
        codes_in(operations, "Missing")
        | codes_in(standing, "Stop")
        | {f"text-{name}" for name in texts}
        | rules - set(operations.SAID_ABOVE)
    )
    told = {case.code for case in CASES} | {code for code, *_ in BEHIND}
    assert told == every
    assert {code for code, _ in editor_page._CHECKS} <= told  # what passes has a way to fail


def test_nothing_is_missing_from_a_whole_listing(app: Flask, market: Market) -> None:
    url = f"/agency/{market.agency_slug}/listings/{market.slug}"
    page = words_of(Browser(app, market.staff["manager"]).get(f"{url}/check").text)
    assert "Nothing is missing" in page and f"{len(editor_page._CHECKS)} checks pass" in page


# --- the same thing twice -----------------------------------------------------------------------


def a_second(market: Market, **values: object) -> str:
    """Another live listing of the agency, of the same site, attending, specialty and type."""
    with open_session(factories.a_system()) as session:
        made = factories.rotation(
            session, market.agency_id, market.site_id, market.attending_id, **values
        )
        return made.slug


LOOKS = "looks like this one"


def test_a_listing_that_is_live_already_is_a_warning(app: Flask, market: Market) -> None:
    """With the way to it, and no more than a warning: publishing goes on."""
    other = a_second(market, title="Cardiology, the first one")
    home = f"/agency/{market.agency_slug}/listings"
    desk = Browser(app, market.staff["manager"])
    for path in (f"{home}/{market.slug}", f"{home}/{market.slug}/check"):
        page = desk.get(path).text
        assert LOOKS in page and f'href="{home}/{other}">Cardiology, the first one</a>' in page
        assert "the same site, attending, specialty and type" in page
    url = f"{home}/{market.slug}"
    assert desk.post(f"{url}/publish", page=url).status_code == 303
    with open_session(factories.a_system(), readonly=True) as session:
        assert session.get_one(Rotation, market.rotation_id).state == "published"


def test_what_differs_is_no_twin(app: Flask, market: Market) -> None:
    """Another type or specialty, a draft, another agency's: none of them is named."""
    a_second(market, type="observership")
    a_second(market, specialty="neurology")
    a_second(market, state="paused")
    factories.market()
    url = f"/agency/{market.agency_slug}/listings/{market.slug}/check"
    assert LOOKS not in Browser(app, market.staff["manager"]).get(url).text


def test_the_same_long_text_is_a_warning_too(app: Flask, market: Market) -> None:
    text = "You see twelve patients a day with the attending, present each, and write the notes."
    with open_session(factories.a_system()) as session:
        session.get_one(Rotation, market.rotation_id).summary = text
    a_second(market, specialty="neurology", summary=text)
    a_second(market, title="Named first, though younger")
    url = f"/agency/{market.agency_slug}/listings/{market.slug}/check"
    page = Browser(app, market.staff["manager"]).get(url).text
    assert "2 live listings look like this one" in words_of(page)
    assert "the same description, word for word" in page
    assert page.index("Named first") < page.index("the same description")
