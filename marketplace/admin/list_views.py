"""Lists of the platform: specialties, cities, documents, seasons, advisories, fees."""

from flask import flash, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.admin import forms, list_edit
from marketplace.admin.list_edit import Impact
from marketplace.admin.sheets import SHEETS, Sheet
from marketplace.core import lists, reference, web
from marketplace.core.db import db
from marketplace.core.errors import Invalid
from marketplace.core.reference import Row

room = web.Room("admin_lists", __name__, side="admin", url_prefix="/admin/lists")

Answer = str | tuple[str, int] | BaseResponse


@room.get("")
def index() -> Answer:
    """Every list with its size."""
    rows = [
        (sheet, len(list_edit.lines(name)), len(reference.retired(name)))
        for name, sheet in SHEETS.items()
    ]
    return web.render("admin/lists.html", rows=rows)


@room.get("/<name>")
def show(name: str) -> Answer:
    """The rows of a list."""
    sheet = list_edit.sheet(name)
    text = forms.text(request.args, "q", 60)
    gone = reference.retired(name)
    rows = [
        (reference.key_of(name, line), line)
        for line in list_edit.lines(name)
        if text.casefold() in " ".join(line.values()).casefold()
    ]
    return web.render("admin/list.html", sheet=sheet, rows=rows, gone=gone, q=text)


@room.get("/<name>/edit")
def edit(name: str) -> Answer:
    """One row, or an empty one."""
    sheet = list_edit.sheet(name)
    key = request.args.get("key", "")[:200]
    return _page(sheet, key, list_edit.line(name, key) if key else None)


@room.post("/<name>/edit")
def save(name: str) -> Answer:
    """First what the change does, then the change."""
    sheet = list_edit.sheet(name)
    key = request.form.get("key", "")[:200]
    before = list_edit.line(name, key) if key else None
    values, impact = None, None
    try:
        values = list_edit.checked(sheet, request.form, before)
        impact = list_edit.impact(db.session(), name, values)
        if request.form.get("step") != "save":
            return _page(sheet, key, before, values=values, impact=impact)
        list_edit.save(
            db.session(),
            web.actor(),
            sheet,
            values,
            retired=bool(key) and "retired" in request.form,
            version=_version(),
            reason=forms.reason(request.form),
        )
    except Invalid as error:
        return _page(sheet, key, before, values=values, impact=impact, errors=error.errors)
    flash(f"Saved. The {sheet.one} holds from the next request on.", "good")
    return web.go(f"/admin/lists/{name}")


def _version() -> int:
    given = request.form.get("version", "")[:9]
    return int(given) if given.isascii() and given.isdigit() else -1


def _page(
    sheet: Sheet,
    key: str,
    before: Row | None,
    *,
    values: Row | None = None,
    impact: Impact | None = None,
    errors: dict[str, str] | None = None,
) -> Answer:
    typed = {
        column.name: list_edit.typed(column, request.form)
        for column in sheet.columns
        if column.name in request.form or (column.kind == "some" and request.method == "POST")
    }
    session = db.session()
    retired = "retired" in request.form if request.method == "POST" else _is_retired(sheet, key)
    changed = [
        (column.label, (before or {}).get(column.name, ""), values[column.name])
        for column in sheet.columns
        if values is not None and values[column.name] != (before or {}).get(column.name, "")
    ]
    return web.render(
        "admin/list_row.html",
        status=422 if errors else 200,
        sheet=sheet,
        key=key,
        cells=dict(before or {}) | typed,
        fixed_columns=reference.KEYS[sheet.name] if before else (),
        version=lists.version_of(session, sheet.name, key) if key else 0,
        history=lists.history(session, sheet.name, key) if key else (),
        used=list_edit.impact(session, sheet.name, before) if before else None,
        retired=retired,
        was_retired=_is_retired(sheet, key),
        changed=changed,
        impact=impact,
        reason=forms.text(request.form, "reason", forms.REASON_MOST),
        errors=errors or {},
    )


def _is_retired(sheet: Sheet, key: str) -> bool:
    return key in reference.retired(sheet.name)
