"""Type-ahead over the values of one facet, the same for every engine."""

from collections.abc import Mapping

from marketplace.search.port import FacetHit
from marketplace.search.words import answers, question, words


def match_values(
    counts: Mapping[str, int], text: str, *, limit: int, labels: Mapping[str, str]
) -> tuple[FacetHit, ...]:
    """Values whose words answer `text`, exact before prefix before typo, then by count.

    Words inside a value count too: "diego" finds San Diego. A value without a label is read by
    its slug.
    """
    asked = question(text)
    if not asked.words:
        return tuple(FacetHit(value, n) for value, n in list(counts.items())[:limit])
    found = [
        (-answers(asked, words(labels.get(value, value))), -n, value) for value, n in counts.items()
    ]
    return tuple(FacetHit(value, -n) for rank, n, value in sorted(found)[:limit] if rank)
