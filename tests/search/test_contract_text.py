"""Cases 1-18 and 50 of the search contract: what text finds, and in which order."""

import pytest

from marketplace.search.port import Engine, Query
from tests.search import oracle
from tests.search.market import hand_made

TEXTS = [
    "",
    "cardiology",
    "cardiology ",
    "c",
    "ca",
    "car",
    "car ",
    "card externship",
    "externship card",
    "cardology",
    "cardiolgy",
    "cardioolgy",
    "cradiology",
    "hardiology",
    "peds ",
    "pedz",
    "clinc",
    "clniic",
    "blinic",
    "clnc",
    "endocrinlgy",
    "endocrnlgy",
    "endocrnlg",
    "hndocrinology",
    "wardz ",
    "derma",
    "dermta",
    "ophtalm",
    "ophtlam",
    "José",
    "jose",
    "JOSE pena",
    "harbor universty",
    "ob/gyn",
    "ob gyn",
    "obgyn",
    "sub-internship",
    "subinternship",
    "sub internship",
    "O'Brien",
    "obrien",
    "o brien",
    "internal ward",
    "ward internal",
    "IM",
    "im ward",
    "internal medicine ",
    "peds",
    "pediatrics",
    "FM",
    "family medicine",
    "lor",
    "letter of recommendation ",
    "h&p",
    "history and physical",
    "physical medicine rehabilitation",
    "PM&R",
    "emergency room",
    "er",
    "icu",
    "tele rotation",
    "telerotation",
    "hands on hearts",
    "handson",
    "the clinic of the town",
    "a ward in the",
    "of the ",
    "the",
    "clinic the ",
    "NYC",
    "12345",
    "12355",
    "99213 codes",
    "🩺",
    '"',
    '"cardiology externship"',
    "-cardiology",
    "externship -cardiology",
    "cardiology NOT (ward) AND *:* title:x^2 ~",
    "\x00\x07cardiology\x1b",
    "a b c d e f g h i j k l m n o p",
    "clinic " * 30,
    "x" * 500,
    "cardiology " + "ward " * 12,
    "ünïversity",
    "Ｃａｒｄｉｏｌｏｇｙ",
    "кардиология",
]


def ids(engine: Engine, text: str) -> list[str]:
    found: list[str] = []
    page = 1
    while True:
        result = engine.search(Query(text=text, page=page, per_page=100, facets=()))
        found += [hit.id for hit in result.hits]
        if page >= result.pages:
            assert len(found) == result.total
            return found
        page += 1


@pytest.mark.parametrize("text", TEXTS)
def test_text_finds_what_the_oracle_finds(
    engine: Engine, flat: list[dict[str, object]], text: str
) -> None:
    found = ids(engine, text)
    expected = {d["id"] for d in flat if oracle.text_matches(d, text)}
    assert set(found) == expected
    assert len(found) == len(set(found))


def hand(title: str) -> str:
    return next(d.id for d in hand_made() if d.title == title)


@pytest.mark.parametrize(
    ("text", "finds", "misses"),
    [
        ("cardology", "Cardiology externship", None),
        ("acrdiology", "Cardiology externship", None),
        ("clnic", "Clinic with José Peña", None),
        ("cilnic", "Clinic with José Peña", None),
        ("lclinic", None, "Clinic with José Peña"),
        ("pdes ", None, "Peds clinic days"),
        ("endocrnlogy", "Endocrinology and more endocrinology", None),
        ("dirmatolgy", "Dermatology room", None),
        ("hepatlgo", None, "Hepatology list"),
        ("12355", None, "12345 numbers 12346"),
        ("jose pena", "Clinic with José Peña", None),
        ("obrien", "Clinic with Mary O'Brien", None),
        ("internal medicine", "IM ward month", None),
        ("im", "Internal medicine, inpatient", None),
        ("pediatrics", "Peds clinic days", None),
        ("telerotation", "Tele rotation in neurology", None),
        ("tele rotation", "Telerotation in psychiatry", None),
        ("lor", "Letter of recommendation when earned", None),
        ("letter of recommendation", "LoR considered", None),
        ("obgyn", "Ob/Gyn clinic", None),
        ("the clinic of a town", "The clinic of the town", None),
        ("car ", None, "Caring for hearts"),
        ("car", "Caring for hearts", None),
        ("car hearts", None, "Caring for hearts"),
    ],
)
def test_rules_by_example(engine: Engine, text: str, finds: str | None, misses: str | None) -> None:
    found = ids(engine, text)
    assert finds is None or hand(finds) in found
    assert misses is None or hand(misses) not in found


def test_order_of_relevance(engine: Engine) -> None:
    found = ids(engine, "cardiology")
    exact_title = found.index(hand("Cardiology externship"))
    in_text = found.index(hand("Ward month"))
    typo = found.index(hand("Cardiolgy spelled short"))
    assert exact_title < in_text < typo
    prefix = ids(engine, "card")
    assert hand("Cardiology externship") in prefix
    hearts = ids(engine, "heart")
    assert hand("Caring for hearts") in hearts


def test_exact_comes_before_prefix(engine: Engine) -> None:
    found = ids(engine, "carditology")
    assert found[0] == hand("Carditology workshop")
    peds = ids(engine, "peds")
    assert peds[0] == hand("Peds clinic days")


def test_highlights_are_pieces_of_the_source(engine: Engine) -> None:
    for text, title in (
        ("bold claim", 'A <b>bold</b> & "quoted" claim'),
        ("cardio", "Cardiology externship"),
        ("dermatolgy", "Dermatology room"),
        ("pediatrics days", "Peds clinic days"),
    ):
        hits = engine.search(Query(text=text, highlight=True, per_page=100)).hits
        pieces = next(hit for hit in hits if hit.id == hand(title)).highlights["title"]
        assert "".join(piece.text for piece in pieces) == title
        assert any(piece.marked for piece in pieces)
        assert not any(piece.marked and "<" in piece.text for piece in pieces)
    assert engine.search(Query(text="bold")).hits[0].highlights == {}
