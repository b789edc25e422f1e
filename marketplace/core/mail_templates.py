"""Messages from templates: `templates/emails/<slug>/{subject.txt,body.txt,body.html}`.

Works without Flask, so that the worker and commands render the same messages as a page. Every
template knows the filters of the pages, `words(key)`, and `url(path)`: an address built from the
settings, never from a request's Host header.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy.orm import Session

from marketplace.core import formats, mail, money, words

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
_settings = {"base_url": ""}


@dataclass(frozen=True)
class RenderedMail:
    """A message ready to post."""

    subject: str
    text: str
    html: str


def configure(base_url: str) -> None:
    """The public address of this installation, without a slash at its end."""
    _settings["base_url"] = base_url


def absolute_url(path: str) -> str:
    """The full address of a path such as "/me"."""
    return _settings["base_url"] + path


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters.update(
        dollars=money.dollars,
        day=formats.day,
        day_short=formats.day_short,
        month_day=formats.month_day,
        when=formats.when,
    )
    environment.globals.update(words=words.words, url=absolute_url)
    return environment


def render_mail(slug: str, **values: object) -> RenderedMail:
    """Fill the three templates of a message. A value that a template needs and that is missing
    raises jinja2.UndefinedError; an unknown message raises jinja2.TemplateNotFound."""

    def part(name: str) -> str:
        template = _environment().get_template(f"emails/{slug}/{name}")
        return template.render({"preview": False} | values)

    subject = " ".join(part("subject.txt").split())
    return RenderedMail(subject, part("body.txt").strip() + "\n", part("body.html"))


def post_mail(
    session: Session,
    slug: str,
    *,
    to: str,
    name: str,
    dedupe_key: str,
    headers: dict[str, str] | None = None,
    **values: object,
) -> UUID:
    """Render a message and write it, and the work of sending it, in this transaction.

    A second message with the same `dedupe_key` violates a constraint. Returns the message's id.
    """
    rendered = render_mail(slug, **values)
    return mail.post(
        session,
        slug=slug,
        to=to,
        name=name,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        dedupe_key=dedupe_key,
        headers=headers,
    )
