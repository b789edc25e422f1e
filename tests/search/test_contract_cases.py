"""Where each case of the search contract is tested, on every engine unless said."""

from importlib import import_module

from tests.search.test_contract_filters import QUERIES
from tests.search.test_contract_text import TEXTS

TEXT, EXACT, WRITES = (f"test_contract_{name}" for name in ("text", "filters", "writes"))
FOUND = "test_text_finds_what_the_oracle_finds"
ANSWER = "test_answer_is_exact"

CASES: dict[int, tuple[str, str, str]] = {
    # case: module, test, the text or query that is the case
    1: (TEXT, FOUND, ""), 2: (TEXT, FOUND, "cardiology"), 3: (TEXT, FOUND, "car "),
    4: (TEXT, FOUND, "card externship"), 5: (TEXT, FOUND, "clinc"), 6: (TEXT, FOUND, "pedz"),
    7: (TEXT, FOUND, "endocrnlgy"), 8: (TEXT, FOUND, "hndocrinology"),
    9: (TEXT, FOUND, "clniic"), 10: (TEXT, FOUND, "ophtlam"), 11: (TEXT, FOUND, "JOSE pena"),
    12: (TEXT, FOUND, "O'Brien"), 13: (TEXT, FOUND, "ward internal"), 14: (TEXT, FOUND, "IM"),
    15: (TEXT, FOUND, "history and physical"), 16: (TEXT, FOUND, "of the "),
    17: (TEXT, FOUND, "\x00\x07cardiology\x1b"), 18: (TEXT, "test_order_of_relevance", ""),
    19: (EXACT, ANSWER, "one value"), 20: (EXACT, ANSWER, "or inside a facet"),
    21: (EXACT, ANSWER, "and across facets"), 22: (EXACT, ANSWER, "exams"),
    23: (EXACT, ANSWER, "price closed range"), 24: (EXACT, ANSWER, "length"),
    25: (EXACT, ANSWER, "start any of"), 26: (EXACT, ANSWER, "strange value"),
    27: (EXACT, ANSWER, "unknown value"), 28: (EXACT, ANSWER, "other case"),
    29: (EXACT, ANSWER, "scope and another agency"), 30: (EXACT, ANSWER, "everything"),
    31: (EXACT, ANSWER, "one value"), 32: (EXACT, ANSWER, "three groups"),
    33: (EXACT, ANSWER, "groups, text, range and place"), 34: (EXACT, ANSWER, "included is and"),
    35: (EXACT, ANSWER, "unknown beside known"),
    36: (EXACT, "test_every_city_is_counted_in_order", ""),
    37: (EXACT, ANSWER, "nothing"), 38: (EXACT, "test_counts_do_not_depend_on_the_page", ""),
    39: (EXACT, "test_radius_is_sharp_at_ten_metres", ""), 40: (EXACT, ANSWER, "box"),
    41: (EXACT, "test_distance_order_and_metres", ""),
    42: (EXACT, "test_order_missing_last_ties_by_id", ""),
    43: (EXACT, "test_order_beats_relevance", ""), 44: (EXACT, "test_pages_join_to_the_whole", ""),
    45: (EXACT, "test_pages_join_to_the_whole", ""), 46: (EXACT, "test_facet_search", ""),
    47: (EXACT, "test_facet_search", ""), 48: (EXACT, "test_facet_search", ""),
    49: (EXACT, "test_facet_search", ""),
    50: (TEXT, "test_highlights_are_pieces_of_the_source", ""),
    51: (WRITES, "test_add_replace_delete_are_visible_after_flush", ""),
    52: (WRITES, "test_older_versions_are_dropped", ""),
    53: (WRITES, "test_readers_never_see_an_empty_index", ""),
    54: (WRITES, "test_counts_stay_consistent_while_another_process_writes", ""),
    55: (WRITES, "test_other_settings_ask_for_a_rebuild", ""),
    56: ("test_engine_away", "test_readers_notice_nothing_but_a_calm_line", ""),
    57: ("test_bench", "test_the_command_measures_and_compares", ""),  # embedded, by bench search
}  # fmt: skip


def test_every_case_has_its_test() -> None:
    assert list(CASES) == list(range(1, 58))
    for module, test, example in CASES.values():
        assert callable(getattr(import_module(f"tests.search.{module}"), test))
        assert test != FOUND or example in TEXTS
        assert test != ANSWER or example in QUERIES
