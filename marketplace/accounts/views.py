"""Pages of people: coming in (public) and the own account."""

from uuid import UUID

from flask import abort, flash, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from marketplace.accounts import entry, forms, identity, operations, passwords, queries, view_as
from marketplace.accounts.models import CandidateProfile
from marketplace.accounts.operations import Device
from marketplace.core import announcements, clock, context, waiting, web
from marketplace.core.db import db, open_session
from marketplace.core.errors import Gone, Invalid
from marketplace.storefront import way_back

room = web.Room("accounts", __name__, side="public")
mine = web.Room("account", __name__, side="person")

Answer = str | tuple[str, int] | BaseResponse
_THEME_LIFE = 365 * 86_400
_NEWS_LIFE = 90 * 86_400


def _device() -> Device:
    return Device(
        request.remote_addr or "", forms.text({"agent": request.user_agent.string}, "agent", 200)
    )


def _next() -> str:
    return web.safe_next(request.values.get("next", "")[:500], "")


def _kept() -> dict[str, str]:
    """What was typed, without passwords."""
    return {key: request.form.get(key, "")[:500] for key in ("email", "name")}


def _come_in(entered: entry.Entered, next_url: str = "") -> BaseResponse:
    wanted = waiting.kept()
    viewer = identity.enter(entered.token)
    if viewer is None:
        raise Gone("This account is closed.")
    waiting.perform(wanted, viewer.person_id)
    return web.go(web.safe_next(next_url or entered.next_url, identity.home_of(viewer)))


# --- coming in ----------------------------------------------------------------------------------


@room.get("/sign-in")
def sign_in() -> Answer:
    """The form; who is signed in already goes home."""
    found = web.viewer()
    if found:
        return redirect(web.safe_next(_next(), identity.home_of(found)), 303)
    return _sign_in_page({}, {})


def _sign_in_page(errors: dict[str, str], kept: dict[str, str]) -> Answer:
    status = 422 if errors else 200
    way_back.of_next(_next())
    return web.render(
        "accounts/sign_in.html", status=status, errors=errors, kept=kept, next_url=_next()
    )


@room.post("/sign-in")
def sign_in_by_password() -> Answer:
    """Sign in by password."""
    try:
        email, password = forms.sign_in(request.form)
        entered = entry.sign_in_by_password(email, password, _device())
    except Invalid as error:
        return _sign_in_page(error.errors, _kept())
    return _come_in(entered, _next())


@room.post("/sign-in/link")
def send_link() -> Answer:
    """Ask for a sign-in link by e-mail."""
    try:
        email = forms.email(request.form)
    except Invalid as error:
        return _sign_in_page(error.errors, _kept())
    entry.count("link", email, _device())
    operations.send_link(db.session(), web.actor(), email, _next())
    return web.go("/sign-in/sent")


@room.get("/sign-in/sent")
def link_sent() -> Answer:
    """The same page whether or not the address is known."""
    return web.render("accounts/sent.html")


@room.get("/sign-in/link/<token>")
def see_link(token: str) -> Answer:
    """A button, because mail programs open links to look at them."""
    return _link_page(token, {})


def _link_page(token: str, errors: dict[str, str]) -> Answer:
    status = 422 if errors else 200
    link = entry.see_link(token)
    return web.render("accounts/link.html", status=status, errors=errors, link=link, token=token)


@room.post("/sign-in/link/<token>")
def use_link(token: str) -> Answer:
    """Use the link up and sign in."""
    try:
        entered = entry.sign_in_by_link(token, _device(), request.form.get("password", ""))
    except Invalid as error:
        return _link_page(token, error.errors)
    return _come_in(entered)


@room.get("/sign-up")
def sign_up() -> Answer:
    """The form for a new account."""
    return _sign_up_page({}, {})


def _sign_up_page(errors: dict[str, str], kept: dict[str, str]) -> Answer:
    status = 422 if errors else 200
    way_back.of_next(_next())
    return web.render(
        "accounts/sign_up.html", status=status, errors=errors, kept=kept, next_url=_next()
    )


@room.post("/sign-up")
def ask_for_account() -> Answer:
    """Ask for an account; the link that is sent decides who has it."""
    try:
        person = forms.sign_up(request.form)
    except Invalid as error:
        return _sign_up_page(error.errors, _kept())
    entry.count("sign-up", person.email, _device())
    operations.sign_up(db.session(), web.actor(), person.email, person.name, _next())
    return web.go("/sign-in/sent")


@room.get("/reset")
def reset() -> Answer:
    """The form for a forgotten password."""
    return web.render("accounts/reset.html", errors={}, kept={})


@room.post("/reset")
def request_reset() -> Answer:
    """Ask for a reset link by e-mail."""
    try:
        email = forms.email(request.form)
    except Invalid as error:
        return web.render("accounts/reset.html", status=422, errors=error.errors, kept=_kept())
    entry.count("reset", email, _device())
    operations.request_reset(db.session(), web.actor(), email)
    return web.go("/sign-in/sent")


@room.get("/reset/<token>")
def see_reset(token: str) -> Answer:
    """The form for a new password."""
    return _reset_page(token, {})


def _reset_page(token: str, errors: dict[str, str]) -> Answer:
    status = 422 if errors else 200
    link = entry.see_link(token, ("reset",))
    return web.render(
        "accounts/new_password.html", status=status, errors=errors, link=link, token=token
    )


@room.post("/reset/<token>")
def reset_password(token: str) -> Answer:
    """Set the new password, end every sign-in, and sign in here."""
    try:
        entered = entry.reset_password(token, forms.new_password(request.form), _device())
    except Invalid as error:
        return _reset_page(token, error.errors)
    return _come_in(entered)


@room.post("/sign-out")
def sign_out() -> Answer:
    """End this sign-in."""
    found = web.viewer()
    if found:
        with open_session(context.person(found.person_id)) as session:
            operations.revoke_sign_in(session, web.actor(), found.sign_in_id)
        identity.leave()
    return web.go("/")


@room.post("/theme")
def theme() -> Answer:
    """Remember light or dark in a cookie of its own."""
    chosen = request.form.get("theme", "")
    if chosen not in ("light", "dark"):
        abort(400)
    answer = web.go(web.safe_next(_next(), "/"))
    assert isinstance(answer, BaseResponse)
    answer.set_cookie(
        "theme",
        chosen,
        max_age=_THEME_LIFE,
        secure=web.config().secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return answer


@room.post("/news/<short>/hide")
def hide_news(short: str) -> Answer:
    """Hide an announcement in this browser."""
    cookie = request.cookies.get(announcements.COOKIE, "")[:400]
    answer = web.go(_next() or "/")
    answer.set_cookie(
        announcements.COOKIE,
        announcements.hide(cookie, short),
        max_age=_NEWS_LIFE,
        secure=web.config().secure_cookies,
        httponly=True,
        samesite="Lax",
    )
    return answer


@room.post("/view-as/end")
@web.ends_view_as
def end_view_as() -> Answer:
    """The admin stops looking as somebody else. Pressing twice is fine."""
    found = web.viewer()
    if found is None or found.watched_by is None:
        return web.go("/admin" if found and found.is_admin else "/")
    watch = found.watched_by
    with open_session(context.system("end view-as")) as session:
        admin = context.Actor("admin", watch.admin_id, name=watch.admin_name)
        view_as.end(session, admin, watch.view_as_id)
    flash(f"You stopped looking as {found.name}.", "good")
    return web.go(f"/admin/people/{found.person_id}")


# --- the own account ------------------------------------------------------------------------------


@mine.get("/account")
def account_shortcut() -> Answer:
    """The short address that every page links to."""
    return redirect("/me/account", 303)


@mine.get("/me/profile")
def profile() -> Answer:
    """What the candidate told us."""
    found = web.require_viewer()
    told = queries.profile(db.session(), found.person_id)
    return _profile_page(_as_sent(found.name, told), {})


def _profile_page(values: dict[str, str], errors: dict[str, str]) -> Answer:
    status = 422 if errors else 200
    lists = {name: forms.choices(name) for name in forms.CHOICE_FIELDS}
    return web.render(
        "accounts/profile.html",
        status=status,
        values=values,
        errors=errors,
        lists=lists,
        labels=forms.LABELS,
        next_url=_next(),
    )


def _as_sent(name: str, told: CandidateProfile) -> dict[str, str]:
    """The stored profile as the form would send it."""
    needs_visa = {True: "yes", False: "no", None: ""}[told.needs_visa]
    values = {field: getattr(told, field) for field in forms.PROFILE_FIELDS}
    sent = {key: "" if value is None else str(value) for key, value in values.items()}
    return sent | {"name": name, "needs_visa": needs_visa}


@mine.post("/me/profile")
def save_profile() -> Answer:
    """Store the profile; with errors the form comes back as it was typed."""
    try:
        name, answers = forms.profile(request.form)
    except Invalid as error:
        fields = ("name", "needs_visa", *forms.PROFILE_FIELDS)
        typed = {field: request.form.get(field, "")[:500] for field in fields}
        return _profile_page(typed, error.errors)
    operations.save_profile(db.session(), web.actor(), name, answers)
    flash("Your profile is saved.", "good")
    return web.go(web.safe_next(_next(), "/me/profile"))


@mine.get("/me/account")
def account() -> Answer:
    """Password and signed-in devices."""
    return _account_page({})


def _account_page(errors: dict[str, str]) -> Answer:
    found = web.require_viewer()
    person = queries.person(db.session(), found.person_id)
    since = clock.wall() - operations.IDLE
    return web.render(
        "accounts/account.html",
        status=422 if errors else 200,
        errors=errors,
        person=person,
        sign_ins=queries.sign_ins(db.session(), found.person_id, since),
        here=found.sign_in_id,
    )


@mine.post("/me/account/password")
def change_password() -> Answer:
    """Change the password: the present one first. Every other device is signed out."""
    found = web.require_viewer()
    try:
        change = forms.password_change(request.form, email=found.email, name=found.name)
        entry.check_own_password(found.email, change.current, _device())
    except Invalid as error:
        return _account_page(error.errors)
    new_hash = passwords.hashed(change.new)
    operations.change_password(db.session(), web.actor(), new_hash, keep=found.sign_in_id)
    flash("Your password is changed. Your other devices are signed out.", "good")
    return web.go("/me/account")


@mine.post("/me/account/sign-ins/<uuid:sign_in_id>/end")
def end_sign_in(sign_in_id: UUID) -> Answer:
    """Sign out one device."""
    operations.revoke_sign_in(db.session(), web.actor(), sign_in_id)
    if sign_in_id == web.require_viewer().sign_in_id:
        identity.leave()
        return web.go("/sign-in")
    flash("That device is signed out.", "good")
    return web.go("/me/account")


@mine.post("/me/account/sign-ins/end-others")
def end_other_sign_ins() -> Answer:
    """Sign out every other device."""
    here = web.require_viewer().sign_in_id
    operations.revoke_other_sign_ins(db.session(), web.actor(), keep=here)
    flash("Every other device is signed out.", "good")
    return web.go("/me/account")
