"""An agency's own text: Markdown without HTML, without pictures, links that vouch for nothing."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

_SCHEMES = ("https://", "http://", "mailto:", "/")


def html(text: str, heading: str = "h3") -> Markup:
    """The text as HTML. Raw HTML shows as typed; other schemes than web and mail are no links;
    every heading is a `heading`, for the page has its own above it."""
    return Markup(_MARKDOWN.render(text, {"heading": heading}))  # noqa: S704  (the renderer escapes everything)


def _is_link(url: str) -> bool:
    return url.strip().lower().startswith(_SCHEMES) and not url.startswith(("//", "/\\"))


def _link(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "nofollow noopener")
    return str(self.renderToken(tokens, index, options, env))


def _heading(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    tokens[index].tag = env["heading"]
    return str(self.renderToken(tokens, index, options, env))


def _made() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).disable("image")
    made.validateLink = _is_link  # type: ignore[method-assign]
    made.add_render_rule("link_open", _link)
    made.add_render_rule("heading_open", _heading)
    made.add_render_rule("heading_close", _heading)
    return made


_MARKDOWN = _made()
