"""What nobody should send to a form, and what has to hold whatever is sent."""

import io
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from marketplace.core.db import Base
from tests.contracts import routes, tables, walk
from tests.contracts.callers import ANONYMOUS, BY_KEY, Actor
from tests.contracts.conftest import Stage
from tests.contracts.pages import Reader, form_to
from tests.contracts.routes import Row
from tests.support.counts import full

SEED = 20_261_123
TEXTS: dict[str, str] = {
    "blank": " \t ",
    "huge": "x" * 100_000,
    "long-word": "9" * 4_000,
    "controls": "a\x01b\x08c\x1b[31md\x7fe\r\nf",
    "nul": "a\x00b",
    "emoji": "👩🏽‍⚕️ 🩺 e\u0301",
    "right-to-left": "\u202eabc\u2066\ufeff مرحبا",
    "script": '<script>alert("zqxss")</script>',
    "attribute": "\"'><img src=x onerror=zqxss>",
    "htmx": '<a hx-get="/zqxss" hx-trigger="load">x</a>',
    "sql": "'; DROP TABLE person; -- ' OR 1=1",
    "template": "{{7654321*1234567}}${7654321*1234567}<%= 7654321*1234567 %>",
    "formula": "=cmd|'/C calc'!A0",
    "header": "x\r\nSet-Cookie: zq=1\r\n\r\n<b>",
    "path": "../../../../etc/passwd",
    "url": "https://evil.example/?javascript:alert(1)",
    "negative": "-1",
    "float": "1e309",
    "nan": "NaN",
    "digits": "٣",
    "date": "2027-02-30",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "json": '{"a": [1, null]}',
    "surrogate": "\ufffd\ud7ff\ue000",
}
RAW = ('<script>alert("zqxss")', "<img src=x onerror", '<a hx-get="/zqxss"', str(7654321 * 1234567))


@dataclass
class Sent:
    """One hostile request: what it is called, and how it differs from a good one."""

    name: str
    data: Any
    headers: dict[str, str] = field(default_factory=dict)
    origin: str | None = "http://localhost"
    token: bool = True
    refused: bool = False  # must be refused, whatever the form holds


@dataclass
class Target:
    """A form, who may send it, and a good sending of it."""

    row: Row
    actor: Actor
    path: str
    good: dict[str, Any]
    names: tuple[str, ...]

    def fresh(self, stage: Stage) -> dict[str, Any]:
        """The good form again; a file is read only once."""
        sent = dict(self.good)
        if self.row.upload:
            sent[self.row.upload] = stage.world.alpha.sent_file(self.row.upload)
        return sent


def target(stage: Stage, row: Row) -> Target:
    """The form of a row in the first house."""
    house = stage.world.alpha
    key = walk.owner_of(row, "alpha")
    actor = BY_KEY.get(key, ANONYMOUS)
    path = row.path.format(**house.names)
    good = walk.form_of(stage, row, house, key)
    stage.reset()
    names = [*good, *walk.controls.get(row.key, ())]
    return Target(row, actor, path, good, tuple(dict.fromkeys(names)))


def send(stage: Stage, form: Target, sent: Sent) -> TestResponse:
    """Send it."""
    return stage.call.send(
        form.actor,
        "POST",
        form.path,
        data=sent.data,
        headers=sent.headers,
        origin=sent.origin,
        token=sent.token,
    )


# --- what is sent -------------------------------------------------------------------------------


def attacks(stage: Stage, form: Target) -> Iterator[Sent]:
    """Hostile requests for a form: a fixed choice of them, all of them in the full run."""
    yield Sent("nothing", {})
    chosen = random.Random(f"{SEED} {form.row.key}")
    labels = list(TEXTS) if full() else sorted({*chosen.sample(sorted(TEXTS), 5), "script", "nul"})
    for label in labels if form.names else ():
        yield Sent(f"{label} everywhere", dict.fromkeys(form.names, TEXTS[label]))
        if full() or label == labels[-1]:
            for name in form.names if full() else (chosen.choice(form.names),):
                yield Sent(f"{label} in {name}", form.fresh(stage) | {name: TEXTS[label]})
    for name in form.names if full() else form.names[:1]:
        kept = [(k, v) for k, v in form.fresh(stage).items() if k != name]
        twice = [(name, TEXTS["script"]), (name, TEXTS["sql"])]
        yield Sent(f"{name} twice", MultiDict([*kept, *twice]))
        a_file = (io.BytesIO(b"\x00\xff" * 9), "x\u202egpj.exe")
        yield Sent(f"{name} as a file", form.fresh(stage) | {name: a_file})
    kind = {"Content-Type": "application/json"}
    yield Sent("json", b'{"state": "completed"}', kind)
    parts = {"Content-Type": "multipart/form-data; boundary=zz"}
    yield Sent("broken parts", b"--zz\r\nContent-Disposition: nonsense\r\n\r\n", parts)
    yield Sent("bytes", b"\xff\xfe=%ff&%zz=1&" * 40, {"Content-Type": _FORM})
    yield Sent("many names", b"&".join(b"a%d=1" % n for n in range(1500)), {"Content-Type": _FORM})


_FORM = "application/x-www-form-urlencoded"


def forgeries(stage: Stage, form: Target) -> Iterator[Sent]:
    """A good form from the wrong place, or without its token."""
    for name, origin, headers in (
        ("another site", "https://evil.example", {}),
        ("a sibling", "http://demo.localhost", {}),
        ("another scheme's null", "null", {}),
        ("cross-site by the browser", "http://localhost", {"Sec-Fetch-Site": "cross-site"}),
        ("same-site by the browser", "http://localhost", {"Sec-Fetch-Site": "same-site"}),
        ("nowhere", None, {}),
        ("a typed address", None, {"Sec-Fetch-Site": "none"}),
    ):
        yield Sent(name, form.fresh(stage), dict(headers), origin, refused=True)
    if form.row.who not in (routes.PUBLIC, routes.LINK):
        yield Sent("no token", form.fresh(stage), token=False, refused=True)
        wrong = {"X-CSRFToken": stage.call.form_token[:-2] + "xx"}
        yield Sent("a wrong token", form.fresh(stage), wrong, token=False, refused=True)


def columns(stage: Stage, form: Target) -> dict[str, str]:
    """Every column of every table as a field, with a value that would hurt."""
    beta = stage.world.beta
    hurt = {
        "state": "completed",
        "role": "owner",
        "agency_id": str(beta.market.agency_id),
        "person_id": str(beta.candidate.id),
        "candidate_id": str(beta.candidate.id),
        "attending_id": str(beta.doctor),
        "email": "taken@evil.example",
    }
    named: dict[str, str] = {}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            kind = column.type.python_type
            named[column.name] = hurt.get(column.name, "1" if kind in (int, bool) else "zz-hostile")
    return {name: value for name, value in named.items() if name not in form.names}


# --- what has to hold ---------------------------------------------------------------------------


def check(stage: Stage, form: Target, sent: Sent, allowed: set[tuple[str, str]]) -> list[str]:
    """No crash, an honest status, nothing raw on the page, and no column it must not touch."""
    stage.tables.moved()
    label = f"{form.row.key}, {sent.name}"
    try:
        answer = send(stage, form, sent)
    except Exception as error:  # noqa: BLE001  (a crash is a finding)
        stage.put_back()
        return [f"{label}: {type(error).__name__}: {error}"[:300]]
    wrong = []
    code = answer.status_code
    if not (code == 303 or 400 <= code < 500 or code in (form.row.ok, form.row.first)):
        wrong.append(f"{label}: {code}")
    if sent.refused and code not in (400, 403):
        wrong.append(f"{label}: {code}, and it should be refused")
    wrong += [f"{label}: {one}" for one in raw(answer)]
    if code == 303 and ("script" in sent.name or "attribute" in sent.name):
        to = answer.headers["Location"]
        if to.startswith("/"):
            after = stage.call.send(form.actor, "GET", to)
            wrong += [f"{label}, then {to}: {one}" for one in raw(after)]
    wrong += [f"{label}: {one}" for one in _writes(stage, sent, code, allowed)]
    if code == 422:
        wrong += [f"{label}: {one}" for one in messages(answer.text)]
    answer.close()
    return wrong


def raw(answer: TestResponse) -> list[str]:
    """What was typed and came out as it was: markup, a computed template, a header."""
    said = answer.get_data().decode(errors="replace")
    found = [f"raw {one!r}" for one in RAW if one in said]
    if "zq=1" in str(answer.headers.getlist("Set-Cookie")):
        found.append("a header of the sender's")
    return found


def _writes(stage: Stage, sent: Sent, code: int, allowed: set[tuple[str, str]]) -> list[str]:
    if not stage.tables.moved():
        return []
    found = walk.changed(stage)
    stage.put_back()
    if sent.refused or (code >= 400 and code != 422):
        return [f"{code}, but changed {tables.said(found)}"] if found else []
    extra = found - allowed
    return [f"changed {tables.said(extra)}"] if extra else []


def messages(html: str) -> list[str]:
    """What is wrong with the messages of a refused form: each stands beside a field that names
    it, and every name leads somewhere."""
    page = Reader(html)
    errors = {own for own in page.texts if own.endswith("-err")}
    named = {one for _, ids, _ in page.described for one in ids}
    wrong = [f"no text in #{one}" for one in sorted(errors) if not page.texts[one].strip()]
    wrong += [f"nothing names #{one}" for one in sorted(errors - named)]
    wrong += [f"no #{one} on the page" for one in sorted(named - page.texts.keys())]
    links = {link[1:] for link in page.links if link.startswith("#")}
    wrong += [f"a link to #{one}, which is not there" for one in sorted(links - page.texts.keys())]
    if not errors:
        wrong.append("no message beside a field")
    return wrong


def accepted_changes(stage: Stage, form: Target) -> set[tuple[str, str]]:
    """What a good form changes, and what the row says that other values would."""
    send(stage, form, Sent("good", form.fresh(stage))).close()
    found = walk.changed(stage)
    stage.put_back()
    return found | form.row.more | {(table, "*") for table in form.row.writes}


# --- kept text ----------------------------------------------------------------------------------

KEPT = 'Kept & "text" <i>of</i> mine, ábc'
SHORT = "<&"  # too short for any text that has to say something


def broken(form: Target, html: str, text: str = KEPT) -> tuple[dict[str, str], list[str]]:
    """A form with good free text and nothing else that is right; and the names of the text."""
    controls = form_to(html, form.path).fields
    sent: dict[str, str] = {}
    typed = []
    for one in controls:
        if one.kind in ("text", "textarea", "search"):
            sent[one.name] = text
            typed.append(one.name)
        elif one.kind == "email":
            sent[one.name] = 'kept"<i>@nowhere'
            typed.append(one.name)
        elif one.kind == "select":
            sent[one.name] = "zz-none"
        elif one.kind == "hidden" and one.name != "csrf_token":
            sent[one.name] = one.value
    return sent, typed


def kept(html: str, form: Target, sent: Mapping[str, str], typed: list[str]) -> list[str]:
    """Which typed texts are not in their fields any more."""
    values = {one.name: one.value for one in form_to(html, form.path).fields}
    return [
        f"{name} holds {values.get(name)!r}"
        for name in typed
        if values.get(name, "").strip() != sent[name]
    ]


# --- equal outcomes -----------------------------------------------------------------------------

_VOLATILE = re.compile(
    r"\b[0-9a-f]{16}\b|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|RND-\w{6}|\d{4}-\d\d-\d\d[T ][\d:.+Z]+"
    r"|[A-Za-z0-9_-]{32,}|seti_\w+|\$argon2\S+"
)


def outcome(stage: Stage) -> list[str]:
    """Every changed or new row, without ids, times and tokens, in a fixed order."""
    after = stage.tables.state()
    found = []
    for name, rows in after.items():
        if rows is stage.base[name]:
            continue
        for key, row in rows.items():
            before = stage.base[name].get(key)
            if before == row:
                continue
            shown = {
                column: _plain(value)
                for column, value in row.items()
                if before is None or before[column] != value
            }
            found.append(f"{name} {'new' if before is None else _plain(key)} {shown}")
        gone = stage.base[name].keys() - rows.keys()
        found += [f"{name} gone"] * len(gone)
    return sorted(found)


def _plain(value: object) -> str:
    text = "<bytes>" if isinstance(value, bytes) else str(value)
    return _VOLATILE.sub("<…>", text)
