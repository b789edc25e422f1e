"""Which runs of a stored text answer the question. Plain pieces, never HTML."""

from collections.abc import Mapping

from marketplace.search.port import Piece
from marketplace.search.words import NOTHING, Question, Span, match, spans

EXCERPT = 220
"""Characters of a long text around its first match."""


def highlight(asked: Question, document: Mapping[str, object]) -> dict[str, tuple[Piece, ...]]:
    """The title whole and an excerpt of the text, where something in them matches."""
    found: dict[str, tuple[Piece, ...]] = {}
    for name in ("title", "text"):
        text = str(document.get(name) or "")
        marks = _marks(asked, spans(text))
        if marks:
            found[name] = _pieces(text, marks, *_bounds(text, marks[0], whole=name == "title"))
    return found


def _marks(asked: Question, found: list[Span]) -> list[Span]:
    """The spans to mark: words that answer a word, runs that answer a synonym."""
    marked: set[int] = set()
    for edge in asked.edges:
        if len(edge.words) == 1:
            word = edge.words[0]
            marked.update(
                i
                for i, span in enumerate(found)
                if _answers(word, span.word, prefix=edge.prefix, typos=edge.typos)
            )
        elif edge.words:
            size = len(edge.words)
            for i in range(len(found) - size + 1):
                if tuple(span.word for span in found[i : i + size]) == edge.words:
                    marked.update(range(i, i + size))
    return [found[i] for i in sorted(marked)]


def _answers(word: str, other: str, *, prefix: bool, typos: int) -> bool:
    if not typos:
        return other == word or (prefix and other.startswith(word))
    return match(word, other, prefix=prefix) != NOTHING


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
