"""What a page holds: its forms as a browser would send them, its fields, ids and messages."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

NOT_TYPED = frozenset({"hidden", "checkbox", "radio", "submit", "file", "password", "button"})


@dataclass
class Field:
    """A control of a form. `value` is what the page put into it."""

    name: str
    kind: str
    value: str = ""
    checked: bool = False
    id: str = ""
    invalid: bool = False
    described: tuple[str, ...] = ()


@dataclass
class Form:
    """A form and its controls."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)

    def sent(self) -> dict[str, str]:
        """What a browser would send of it unchanged."""
        return {
            one.name: one.value
            for one in self.fields
            if one.kind not in ("checkbox", "radio", "submit", "file") or one.checked
        }

    def names(self) -> list[str]:
        """Every name, without the token's."""
        return [name for name in dict.fromkeys(f.name for f in self.fields) if name != "csrf_token"]

    def typed(self) -> list[Field]:
        """The controls that hold free text."""
        return [one for one in self.fields if one.kind not in NOT_TYPED and one.kind != "select"]


class Reader(HTMLParser):
    """Reads forms, every id with its text, and what describes what."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.texts: dict[str, str] = {}
        self.described: list[tuple[str, tuple[str, ...], bool]] = []
        self.links: list[str] = []
        self.scripts: list[str] = []
        self._form: Form | None = None
        self._area: Field | None = None
        self._select: Field | None = None
        self._open: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if own := given.get("id"):
            self.texts.setdefault(own, "")
        if tag not in ("input", "br", "img", "link", "meta", "hr", "source", "use", "path"):
            self._open.append((tag, given.get("id", "")))
        described = tuple(given.get("aria-describedby", "").split())
        if described:
            self.described.append((tag, described, given.get("aria-invalid") == "true"))
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        if tag == "a":
            self.links.append(given.get("href", ""))
        if tag == "script":
            self.scripts.append(given.get("src", ""))
        if tag == "option" and self._select and "selected" in given:
            self._select.value = given.get("value", "")
        if tag in ("input", "textarea", "select", "button") and given.get("name"):
            self._control(tag, given, described)

    def _control(self, tag: str, given: dict[str, str], described: tuple[str, ...]) -> None:
        kind = {"textarea": "textarea", "select": "select", "button": "submit"}.get(
            tag, given.get("type", "text")
        )
        one = Field(
            given["name"],
            kind,
            given.get("value", "on" if kind in ("checkbox", "radio") else ""),
            "checked" in given,
            given.get("id", ""),
            given.get("aria-invalid") == "true",
            described,
        )
        if self._form is not None and "disabled" not in given:
            self._form.fields.append(one)
        if tag == "textarea":
            self._area = one
        if tag == "select":
            self._select = one

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area.value += data
        for _, own in self._open:
            if own:
                self.texts[own] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None
        for index in range(len(self._open) - 1, -1, -1):
            if self._open[index][0] == tag:
                del self._open[index:]
                break


def form_to(html: str, action: str) -> Form:
    """The form of a page that goes to `action` (its query string left out)."""
    found = [form for form in Reader(html).forms if form.action.split("?")[0] == action]
    if not found:
        seen = sorted({form.action for form in Reader(html).forms})
        raise AssertionError(f"no form to {action}, only to {seen}")
    return max(found, key=lambda form: len(form.fields))
