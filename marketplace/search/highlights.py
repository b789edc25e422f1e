"""Which runs of a stored text answer the question. Plain pieces, never HTML."""

from collections.abc import Mapping

from marketplace.search.port import Piece
from marketplace.search.words import NOTHING, Question, Span, match, spans

EXCERPT = 220
"""Characters of a long text around its first match."""


class Highlighter:
    """Marks the texts of one answer's listings; a word that was judged once is remembered."""

    def __init__(self, asked: Question) -> None:
        single = [edge for edge in asked.edges if len(edge.words) == 1]
        self._exact = {edge.words[0] for edge in single}
        self._beginnings = tuple(edge.words[0] for edge in single if edge.prefix)
        self._near = [(edge.words[0], edge.prefix) for edge in single if edge.typos]
        self._phrases = {edge.words for edge in asked.edges if len(edge.words) > 1}
        self._judged: dict[str, bool] = {}

    def highlight(self, document: Mapping[str, object]) -> dict[str, tuple[Piece, ...]]:
        """The title whole and an excerpt of the text, where something in them matches."""
        found: dict[str, tuple[Piece, ...]] = {}
        for name in ("title", "text"):
            text = str(document.get(name) or "")
            marks = self._marks(spans(text))
            if marks:
                found[name] = _pieces(text, marks, *_bounds(text, marks[0], whole=name == "title"))
        return found

    def _marks(self, found: list[Span]) -> list[Span]:
        """The spans to mark: words that answer a word, runs that are a synonym."""
        marked = {i for i, span in enumerate(found) if self._answers(span.word)}
        for phrase in self._phrases:
            size = len(phrase)
            for i in range(len(found) - size + 1):
                if found[i].word == phrase[0] and _run(found, i, size) == phrase:
                    marked.update(range(i, i + size))
        return [found[i] for i in sorted(marked)]

    def _answers(self, word: str) -> bool:
        known = self._judged.get(word)
        if known is None:
            known = self._judged[word] = (
                word in self._exact
                or word.startswith(self._beginnings)
                or any(match(near, word, prefix=prefix) != NOTHING for near, prefix in self._near)
            )
        return known


def _run(found: list[Span], first: int, size: int) -> tuple[str, ...]:
    return tuple(span.word for span in found[first : first + size])


def _bounds(text: str, first: Span, *, whole: bool) -> tuple[int, int]:
    """Where the excerpt begins and ends, at spaces."""
    if whole or len(text) <= EXCERPT:
        return 0, len(text)
    start = max(0, first.start - EXCERPT // 3)
    end = min(len(text), start + EXCERPT)
    if start:
        start = text.find(" ", start, first.start + 1) + 1 or start
    if end < len(text):
        end = max(text.rfind(" ", first.end, end), first.end)
    return start, end


def _pieces(text: str, marks: list[Span], start: int, end: int) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    at = start
    for span in marks:
        if span.start < at or span.end > end:
            continue
        if span.start > at:
            pieces.append(Piece(text[at : span.start], marked=False))
        pieces.append(Piece(text[span.start : span.end], marked=True))
        at = span.end
    if at < end:
        pieces.append(Piece(text[at:end], marked=False))
    return tuple(pieces)
