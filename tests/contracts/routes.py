"""Every route of the product: whom it is for, how its address is built, what its form sends.

A route that is missing here fails `test_matrix`. `{names}` in an address are filled with the
things of one house (`world.House.names`): so each row is asked for own, foreign and missing ones.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Flask

from marketplace.listings import versions
from tests.contracts.world import DOOR, PASSWORD

PUBLIC = "public"  # anybody
SIGNED_IN = "signed-in"  # anybody who is signed in, for their own rows
CANDIDATE = "candidate"  # the candidate of the booking
ATTENDING = "attending"  # the attending of the booking
LINK = "link"  # who has the e-mail's link, unless signed in as somebody else
ADMIN = "admin"  # platform admins
VIEW_OWNER = "view-owner"  # the member whose view it is: the owner of the house
STAFF = "staff"  # members of the agency in any role; otherwise the action that the role must allow

_SAVED = frozenset({"saved_rotation"})
_CARD = frozenset({"payment_plan", "customer"})


@dataclass(frozen=True)
class Row:
    """One route and method. `page` is where its form stands, `fields` what a person fills in."""

    endpoint: str
    path: str
    who: str
    method: str = "GET"
    ok: int = 200
    inside: int = 0  # the answer to whoever is signed in, where it differs
    missing: int = 404
    wrong: int = 404  # a link opened by somebody who is signed in as somebody else
    foreign: int = 0  # the answer to an admin's form about another agency's things than it shows
    page: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    upload: str = ""  # the name of the field that takes the house's file
    writes: frozenset[str] = frozenset()  # tables that even a GET may write, or a form besides
    shows: tuple[str, ...] = ()  # marks that a public answer holds, because the link does
    changes: bool = True  # an accepted form leaves its trace in the tables
    first: int = 0  # the answer of a form's first step, which only shows what would change
    more: frozenset[tuple[str, str]] = frozenset()  # columns that other values of fields change

    @property
    def key(self) -> str:
        """A name for reports."""
        return f"{self.method} {self.path}"

    @property
    def objects(self) -> tuple[str, ...]:
        """The names in the address, the agency's own left out."""
        return tuple(name for name in re.findall(r"{(\w+)}", self.path) if name != "slug")

    @property
    def of_agency(self) -> bool:
        """Is it below an agency's address?"""
        return "{slug}" in self.path


def _get(endpoint: str, path: str, who: str, **more: object) -> Row:
    return Row(endpoint, path, who, **more)  # type: ignore[arg-type]


def _post(endpoint: str, path: str, who: str, **more: object) -> Row:
    return Row(endpoint, path, who, "POST", **{"ok": 303} | more)  # type: ignore[arg-type]


_B = "/me/bookings/"
_D = "/attending/bookings/"
_S = "/me/saved/"
_A = "/agency/{slug}"
_I = _A + "/import"
_V = _A + "/verification"
_W = _A + "/storefront"
_WRITES = {"title": "A quiet page", "slug": "quiet-page", "text": "Come *early*."}
_AV = "/admin/verification"
_P = "/admin/people/{person}"
_M = "/admin/moderation/{rotation_id}"
_REASON = {"reason": "Asked for by support ticket 3318."}
_NEW = "quiet meadow copper seventeen"
_SIGNED = {"s-take-history": "y", "s-physical-exam": "y", "s-present-case": "y"}
_SIGNED |= {"sure": "1", "full_name": "Isabel Fuentes"}
_RATED = {
    f"r-{slug}": "5"
    for slug in ("truth", "teaching", "attention", "letter", "organisation", "value")
}
_DONE = {f"a-{slug}": "yes" for slug in ("take-history", "physical-exam", "present-case")}
_WHY = "The site was closed on both days."
_PROFILE = (
    *("school", "country", "status", "student_year", "graduation_date", "birth_date"),
    *("usmle_step_1", "usmle_step_2_ck", "ecfmg", "entry_status", "needs_visa", "updated_at"),
)
_TOLD = frozenset(("candidate_profile", column) for column in _PROFILE)

_L = _A + "/listings/{draft}"


def _section(name: str) -> str:
    return f"{_L}/edit/{{{name}}}"


# the sections of the editor: names of the house that stand for themselves
EDITOR_SECTIONS = (*("basics", "scope", "people", "price", "cancellation", "letter", "dates"),)
_WRITTEN: Mapping[str, Mapping[str, str]] = {
    "basics": {"title": "A quiet clinic", "hours": "38", "ratio": "2"},
    "scope": {"a-review-of-systems": "supervised"},
    "people": {"accepts": "student", "max_years": "7"},
    "price": {"price-1": "900", "deposit": "25", "use": "longer", "off": "10", "since": "4"},
    "cancellation": {"preset": "firm"},
    "letter": {"policy": "discuss", "letterhead": "author"},
    "dates": {"every": "2"},
}
_DRAFTED = frozenset(
    {
        *(("rotation", column) for column in versions.EDITABLE),
        *(("rotation", column) for column in ("level", "version", "updated_at", "notice_days")),
        *(("block", "*"), ("offering", "*"), ("scope_signature", "*")),
        *(("block", "price_cents"), ("block", "weeks"), ("offering", "attending_id")),
    }
)
_SITE = {
    "name": "Harbor Street Clinic",
    "kind": "clinic",
    "setting": "outpatient",
    "city": "Chicago, IL",
}

ROWS: tuple[Row, ...] = (
    # --- everybody ------------------------------------------------------------------------------
    _get("listings.home", "/", PUBLIC),
    _get("listings.show", "/rotations/{rotation}", PUBLIC),
    _get("listings.guides", "/guides", PUBLIC),
    _get("listings.guide", "/guides/{guide}", PUBLIC),
    _get("listings.text_page", "/fees", PUBLIC),
    _get("listings.text_page", "/privacy", PUBLIC),
    _get("listings.text_page", "/accessibility", PUBLIC),
    _get("discovery.robots", "/robots.txt", PUBLIC),
    _get("discovery.site_map", "/sitemap.xml", PUBLIC),
    _get("discovery.site_map_part", "/sitemap-{sitemap}.xml", PUBLIC),
    _get("compare.show", "/compare", PUBLIC),
    _get("discovery.attending", "/attendings/{doctor}", PUBLIC),
    _get("storefront.embed", "/embed.js", PUBLIC),
    _get("storefront.show", "/agencies/{house}", PUBLIC),
    _get("storefront.theme", "/agencies/{house}/theme.css", PUBLIC),
    _get("storefront.widget", "/agencies/{house}/widget", PUBLIC),
    _get("storefront.page", "/agencies/{house}/pages/{site_page}", PUBLIC),
    _get("storefront.logo", "/agencies/{house}/logo-{logo}.png", PUBLIC),
    _get("storefront.certificate", "/hosts/certificate", PUBLIC, ok=404),  # for no host: no
    _get("discovery.all_places", "/places", PUBLIC),
    _get("discovery.all_specialties", "/specialties", PUBLIC),
    _get("discovery.city", "/cities/{city}", PUBLIC),
    _get("discovery.state", "/states/{state}", PUBLIC),
    _get("discovery.specialty", "/specialties/{specialty}", PUBLIC),
    _get("search.find", "/rotations", PUBLIC),
    _get("search.cities", "/rotations/cities", PUBLIC, ok=302),
    _get("search.values", "/rotations/values/{facet}", PUBLIC, ok=302),
    _get("search.feed", "/feeds/rotations.jsonl", PUBLIC),
    _get("search.api_find", "/api/v1/rotations", PUBLIC),
    _get("search.api_one", "/api/v1/rotations/{rotation_id}", PUBLIC),
    _get("search.openapi", "/api/v1/openapi.json", PUBLIC),
    _get("health.healthz", "/healthz", PUBLIC),
    _get("health.readyz", "/readyz", PUBLIC),
    _get("assets.static", "/static/{asset}", PUBLIC),
    _post("payment_hooks.stripe_event", "/webhooks/stripe", PUBLIC, ok=400, changes=False),
    _post("saving.save", "/rotations/{rotation}/save", PUBLIC, changes=False, writes=_SAVED),
    _post("saving.unsave", "/rotations/{rotation}/unsave", PUBLIC, changes=False, writes=_SAVED),
    _post(
        "saving.save_search",
        "/rotations/saved-searches",
        PUBLIC,
        fields={"query": "specialty=cardiology", "name": "Hearts"},
        changes=False,
        writes=frozenset({"saved_search", "search_mail"}),
    ),
    _get("saving.see_unsubscribe", "/unsubscribe/{unsubscribe}", PUBLIC),
    _post("saving.unsubscribe", "/unsubscribe/{unsubscribe}", PUBLIC, ok=200),
    # --- coming in ------------------------------------------------------------------------------
    _get("accounts.sign_in", "/sign-in", PUBLIC, inside=303),
    _get("accounts.link_sent", "/sign-in/sent", PUBLIC),
    _get("accounts.see_link", "/sign-in/link/{link}", PUBLIC, missing=410, shows=("candidate",)),
    _get("accounts.sign_up", "/sign-up", PUBLIC),
    _get("accounts.reset", "/reset", PUBLIC),
    _get("accounts.see_reset", "/reset/{reset}", PUBLIC, missing=410, shows=("candidate",)),
    _post(
        "accounts.sign_in_by_password",
        "/sign-in",
        PUBLIC,
        page="/sign-in",
        fields={"email": DOOR, "password": PASSWORD},
    ),
    _post(
        "accounts.send_link",
        "/sign-in/link",
        PUBLIC,
        fields={"email": DOOR, "next": ""},
    ),
    _post(
        "accounts.use_link",
        "/sign-in/link/{link}",
        PUBLIC,
        page="/sign-in/link/{link}",
        missing=410,
    ),
    _post(
        "accounts.ask_for_account",
        "/sign-up",
        PUBLIC,
        page="/sign-up",
        fields={"name": "Nia Newcomer", "email": "newcomer@example.org"},
    ),
    _post(
        "accounts.request_reset",
        "/reset",
        PUBLIC,
        page="/reset",
        fields={"email": DOOR},
    ),
    _post(
        "accounts.reset_password",
        "/reset/{reset}",
        PUBLIC,
        page="/reset/{reset}",
        fields={"password": _NEW},
        missing=410,
    ),
    _post(
        "accounts.sign_out",
        "/sign-out",
        PUBLIC,
        fields={},
        changes=False,
        writes=frozenset({"sign_in"}),
    ),
    _post("accounts.hide_news", "/news/{news}/hide", PUBLIC, fields={}, changes=False, missing=303),
    _post("accounts.end_view_as", "/view-as/end", PUBLIC, fields={}, changes=False),
    _post(
        "accounts.theme",
        "/theme",
        PUBLIC,
        page="/sign-in",
        fields={"theme": "dark"},
        changes=False,
    ),
    _get("joining.see", "/join/{join}", PUBLIC, inside=403, missing=410, shows=("staff",)),
    _post(
        "joining.join",
        "/join/{join}",
        PUBLIC,
        page="/join/{join}",
        fields={"name": "Nia Newcomer", "password": _NEW},
        inside=403,
        missing=410,
        shows=("staff",),
        changes=False,
        writes=frozenset({"person", "membership", "invitation", "sign_in"}),
    ),
    # --- the own account ------------------------------------------------------------------------
    _get("account.account", "/me/account", SIGNED_IN),
    _get("account.account_shortcut", "/account", SIGNED_IN, ok=303),
    _get("account.profile", "/me/profile", SIGNED_IN),
    _post(
        "account.save_profile",
        "/me/profile",
        SIGNED_IN,
        page="/me/profile",
        fields={"name": "Ana Renamed", "school": "Another School"},
        more=_TOLD | {("person", "name"), ("candidate_profile", "*")},
    ),
    _post(
        "account.change_password",
        "/me/account/password",
        SIGNED_IN,
        page="/me/account",
        fields={"current": PASSWORD, "password": _NEW},
    ),
    _post(
        "account.end_sign_in", "/me/account/sign-ins/{sign_in}/end", CANDIDATE, page="/me/account"
    ),
    _post(
        "account.end_other_sign_ins",
        "/me/account/sign-ins/end-others",
        SIGNED_IN,
        changes=False,
        writes=frozenset({"sign_in"}),
    ),
    # --- the candidate --------------------------------------------------------------------------
    _get("bookings.index", "/me", SIGNED_IN),
    _get("bookings.every_booking", "/me/bookings", SIGNED_IN),
    _get("bookings.show", _B + "{confirmed}", CANDIDATE),
    _get("bookings.terms", _B + "{confirmed}/terms", CANDIDATE),
    _get("bookings.calendar", _B + "{confirmed}/calendar.ics", CANDIDATE),
    _get("bookings.see_cancel", _B + "{confirmed}/cancel", CANDIDATE),
    _post(
        "bookings.cancel",
        _B + "{confirmed}/cancel",
        CANDIDATE,
        page=_B + "{confirmed}/cancel",
        fields={"why": "dates"},
    ),
    _post("bookings.withdraw", _B + "{requested}/withdraw", CANDIDATE, page=_B + "{requested}"),
    _post("bookings.check_in", _B + "{arriving}/check-in", CANDIDATE, page=_B + "{arriving}"),
    _post("bookings.complete", _B + "{active}/complete", CANDIDATE, page=_B + "{active}"),
    _post(
        "bookings.contest",
        _B + "{hosted}/contest",
        CANDIDATE,
        page=_B + "{hosted}",
        fields={"note": _WHY},
    ),
    _get("requests.dates", "/me/request/{rotation}", SIGNED_IN),
    _post(
        "requests.hold",
        "/me/requests",
        SIGNED_IN,
        page="/me/request/{spare}",
        fields={"offering": "{spare_start}", "weeks": "2"},
    ),
    _get("requests.eligibility", _B + "{held}/eligibility", CANDIDATE),
    _post(
        "requests.tell",
        _B + "{held}/eligibility",
        CANDIDATE,
        page=_B + "{held}/eligibility",
        fields={"why": "I like teaching clinics.", "read_advisory": "1", "read_visa_facts": "1"},
        more=_TOLD,
    ),
    _post("requests.extend", _B + "{held}/extend", CANDIDATE, page=_B + "{held}/eligibility"),
    _get("requests.review", _B + "{answered}/agree", CANDIDATE),
    _post(
        "requests.accept",
        _B + "{answered}/agree",
        CANDIDATE,
        page=_B + "{answered}/agree",
        fields={"ok_card": "1", "ok_terms": "1", "ok_share": "1"},
    ),
    _get("cards.see_card", _B + "{terms}/card", CANDIDATE, writes=_CARD),
    _get("cards.hosted_card", _B + "{terms}/card/hosted", CANDIDATE, ok=303, writes=_CARD),
    _post(
        "cards.use_card",
        _B + "{terms}/card",
        CANDIDATE,
        fields={"setup": "{setup}"},
    ),
    _get("cards.see_payment", _B + "{asks}/pay", CANDIDATE, writes=_CARD),
    _get("cards.bank_page", _B + "{asks}/pay/bank", CANDIDATE, ok=303, writes=_CARD),
    _post(
        "cards.payment_confirmed",
        _B + "{asks}/pay",
        CANDIDATE,
        page=_B + "{asks}/pay",
        changes=False,
        writes=_CARD,
    ),
    _get("reviews.form", _B + "{completed}/review", CANDIDATE),
    _post(
        "reviews.write",
        _B + "{completed}/review",
        CANDIDATE,
        page=_B + "{completed}/review",
        fields=_RATED | _DONE | {"text": "Kind team, much clinic.", "confirmed": "1"},
    ),
    _get("saved.index", "/me/saved", SIGNED_IN),
    _post("saved.remove", _S + "rotations/{saved_rotation}/remove", CANDIDATE, page="/me/saved"),
    _post("saved.look", _S + "searches/{saved_search}/look", CANDIDATE, page="/me/saved"),
    _post(
        "saved.rename",
        _S + "searches/{saved_search}/rename",
        CANDIDATE,
        page="/me/saved",
        fields={"name": "Another name"},
    ),
    _post("saved.delete", _S + "searches/{saved_search}/delete", CANDIDATE, page="/me/saved"),
    _post(
        "saved.frequency",
        "/me/saved/frequency",
        SIGNED_IN,
        page="/me/saved",
        fields={"frequency": "weekly"},
    ),
    _get("reports.form", "/me/report/{rotation}", SIGNED_IN),
    _post(
        "reports.send",
        "/me/report/{rotation}",
        SIGNED_IN,
        page="/me/report/{rotation}",
        fields={"kind": "price", "note": "They asked for 200 dollars more by phone."},
        writes=frozenset({"attempt"}),
    ),
    _get("notifications.index", "/me/notifications", SIGNED_IN),
    _post("notifications.read", "/me/notifications/read", SIGNED_IN, changes=False),
    # --- the attending --------------------------------------------------------------------------
    _get("attending.home", "/attending", ATTENDING),
    _get("attending.show", _D + "{approved}", ATTENDING),
    _post("attending.accept", _D + "{approved}/accept", ATTENDING, page=_D + "{approved}"),
    _post(
        "attending.decline",
        _D + "{approved}/decline",
        ATTENDING,
        page=_D + "{approved}",
        fields={"reason": "away"},
    ),
    _post("attending.undo", _D + "{accepted}/undo", ATTENDING, page=_D + "{accepted}"),
    _post("attending.check_in", _D + "{active}/check-in", ATTENDING, page=_D + "{active}"),
    _post("attending.complete", _D + "{hosted}/complete", ATTENDING, page=_D + "{hosted}"),
    _post(
        "attending.contest",
        _D + "{active}/contest",
        ATTENDING,
        page=_D + "{active}",
        fields={"note": _WHY},
    ),
    _post(
        "attending.letter",
        _D + "{active}/letter",
        ATTENDING,
        page=_D + "{active}",
        fields={"status": "promised"},
    ),
    _get("attending_own.capacity", "/attending/capacity", ATTENDING),
    _post(
        "attending_own.set_capacity",
        "/attending/capacity",
        ATTENDING,
        page="/attending/capacity",
        fields={"usual": "11"},
        more=frozenset({("attending_week", "capacity"), ("attending", "weekly_capacity")}),
    ),
    _get("attending_own.agencies", "/attending/agencies", ATTENDING),
    _post(
        "attending_own.leave",
        "/attending/agencies/{agency_id}/leave",
        ATTENDING,
        page="/attending/agencies",
    ),
    _post(
        "attending_own.accept_invitation",
        "/attending/agencies/invitations/{asked}/accept",
        ATTENDING,
        page="/attending/agencies",
    ),
    _post(
        "attending_own.decline_invitation",
        "/attending/agencies/invitations/{asked}/decline",
        ATTENDING,
        page="/attending/agencies",
    ),
    _get("attending_own.see_delegates", "/attending/delegates", ATTENDING),
    _post(
        "attending_own.name_delegate",
        "/attending/delegates",
        ATTENDING,
        page="/attending/delegates",
        fields={"name": "Olive Office", "email": "office@example.org"},
    ),
    _post(
        "attending_own.end_delegate",
        "/attending/delegates/{delegate}/end",
        ATTENDING,
        page="/attending/delegates",
    ),
    _post(
        "attending_own.answer_for",
        "/attending/answer-for",
        ATTENDING,
        fields={"attending": "{doctor_id}"},
        changes=False,
    ),
    _get("attending.sign_page", "/attending/sign/{signature}", ATTENDING),
    _post(
        "attending.sign",
        "/attending/sign/{signature}",
        ATTENDING,
        page="/attending/sign/{signature}",
        fields=_SIGNED,
    ),
    _post(
        "attending.send_back",
        "/attending/sign/{signature}/return",
        ATTENDING,
        fields={"comment": "They never present cases."},
    ),
    _get("decide.show", "/decide/{decide}", LINK, wrong=403, shows=("candidate",)),
    _get("decide.wrong", "/decide/{decide}/wrong", PUBLIC),
    _get("decide.ics", "/decide/{decide_accepted}/rotation.ics", LINK),
    _post(
        "decide.answer",
        "/decide/{decide}",
        LINK,
        page="/decide/{decide}",
        fields={"choice": "accept"},
        shows=("candidate",),
    ),
    _post("decide.undo", "/decide/{decide_accepted}/undo", LINK, page="/decide/{decide_accepted}"),
    _get("signing.show", "/sign/{sign}", LINK, shows=("agency",)),
    _post(
        "signing.sign", "/sign/{sign}", LINK, page="/sign/{sign}", fields=_SIGNED, shows=("agency",)
    ),
    _post(
        "signing.send_back",
        "/sign/{sign_refusable}/return",
        LINK,
        fields={"comment": "They never present cases."},
        shows=("agency",),
    ),
    _get("invited.show", "/invited/{asked_link}", LINK, shows=("agency", "doctor", "staff")),
    _post(
        "invited.accept",
        "/invited/{asked_link}/accept",
        LINK,
        page="/invited/{asked_link}",
        shows=("agency", "doctor", "staff"),
    ),
    _post("invited.decline", "/invited/{asked_link}/decline", LINK, page="/invited/{asked_link}"),
    _post(
        "invited.sign",
        "/invited/{asked_link}/sign",
        LINK,
        ok=200,
        page="/invited/{asked_link}",
        fields=_SIGNED,
        shows=("agency", "doctor", "staff"),
    ),
    _post(
        "invited.send_back",
        "/invited/{asked_link}/return",
        LINK,
        fields={"comment": "They never present cases."},
        shows=("agency", "doctor", "staff"),
    ),
    # --- the agency -----------------------------------------------------------------------------
    _get("workspace.home", _A, STAFF),
    _get("queue.bookings", _A + "/bookings", STAFF),
    _get("queue.bookings_csv", _A + "/bookings.csv", STAFF),
    _get("numbers.index", _A + "/numbers", STAFF),
    _get("queue.calendar", _A + "/calendar", STAFF),
    _post(
        "queue.bulk",
        _A + "/bookings/bulk",
        "bookings.decide",
        ok=200,
        page=_A + "/bookings",
        fields={"reference": "{requested}", "do": "approve"},
    ),
    _post(
        "queue.save_view",
        _A + "/bookings/views",
        STAFF,
        page=_A + "/bookings?view=all&status=requested",
        fields={"name": "Mine"},
    ),
    _post(
        "queue.forget_view",
        _A + "/bookings/views/{view}/forget",
        VIEW_OWNER,
        page=_A + "/bookings?view=here",
    ),
    _post(
        "workspace.add_note",
        _A + "/bookings/{requested}/notes",
        "notes.write",
        page=_A + "/bookings/{requested}",
        fields={"note": "Called about housing."},
    ),
    _get("storefront_workspace.edit", _A + "/storefront", STAFF),
    _post(
        "storefront_workspace.save",
        _A + "/storefront",
        "settings.edit",
        page=_A + "/storefront",
        fields={
            "headline": "Clinics near the lake",
            "about": "We *meet* you.",
            "accent": "#1f5f8f",
        },
    ),
    _get("archive.show", _A + "/export", STAFF),
    _post(
        "archive.ask",
        _A + "/export",
        "agency.export",
        page=_A + "/export",
        fields={"reason": "We move.", "current": PASSWORD},
    ),
    _post(
        "archive.download",
        _A + "/export/{export}/download",
        "agency.export",
        ok=200,
        page=_A + "/export",
    ),
    _get("storefront_workspace.preview", _W + "/preview", STAFF),
    _get("storefront_workspace.theme", _W + "/theme.css", STAFF),
    _get("storefront_workspace.logo", _W + "/logo.png", STAFF),
    _post(
        "storefront_workspace.save_logo",
        _W + "/logo",
        "settings.edit",
        page=_W,
        fields={"alt": "A red square"},
        upload="logo",
    ),
    _post("storefront_workspace.remove_logo", _W + "/logo/remove", "settings.edit", page=_W),
    _get("storefront_site.pages", _W + "/pages", STAFF),
    _get("storefront_site.new", _W + "/pages/new", "settings.edit"),
    _post(
        "storefront_site.add",
        _W + "/pages",
        "settings.edit",
        page=_W + "/pages/new",
        fields=_WRITES | {"slug": ""},
    ),
    _get("storefront_site.edit", _W + "/pages/{own_page}", "settings.edit"),
    _post(
        "storefront_site.save",
        _W + "/pages/{own_page}",
        "settings.edit",
        page=_W + "/pages/{own_page}",
        fields=_WRITES,
    ),
    _get("storefront_site.preview", _W + "/pages/{own_draft}/preview", STAFF),
    _post(
        "storefront_site.publish",
        _W + "/pages/{own_draft}/publish",
        "settings.edit",
        page=_W + "/pages/{own_draft}/preview",
    ),
    _post(
        "storefront_site.hide",
        _W + "/pages/{own_page}/hide",
        "settings.edit",
        page=_W + "/pages/{own_page}",
    ),
    _post(
        "storefront_site.remove",
        _W + "/pages/{own_page}/remove",
        "settings.edit",
        page=_W + "/pages/{own_page}",
    ),
    _post("storefront_site.up", _W + "/pages/{own_draft}/up", "settings.edit", page=_W + "/pages"),
    _get("storefront_site.address", _W + "/address", STAFF),
    _post(
        "storefront_site.add_address",
        _W + "/address",
        "settings.edit",
        page=_W + "/address",
        fields={"host": "rotations.quiet-clinic.com"},
    ),
    _post(
        "storefront_site.look",
        _W + "/address/{domain}/look",
        "settings.edit",
        page=_W + "/address",
    ),
    _post(
        "storefront_site.remove_address",
        _W + "/address/{domain}/remove",
        "settings.edit",
        page=_W + "/address",
    ),
    _get("replies.index", _A + "/replies", STAFF),
    _post(
        "replies.add",
        _A + "/replies",
        "messages.write",
        page=_A + "/replies",
        fields={"title": "Dates", "text": "Hello {{candidate}}, these dates are taken."},
    ),
    _get("replies.see", _A + "/replies/{reply}", "messages.write"),
    _post(
        "replies.change",
        _A + "/replies/{reply}",
        "messages.write",
        page=_A + "/replies/{reply}",
        fields={"title": "Other dates", "text": "Hello, these dates are taken."},
    ),
    _post("replies.delete", _A + "/replies/{reply}/delete", "messages.write", page=_A + "/replies"),
    _get("workspace.show", _A + "/bookings/{requested}", STAFF),
    _post(
        "workspace.approve",
        _A + "/bookings/{requested}/approve",
        "bookings.decide",
        page=_A + "/bookings/{requested}",
    ),
    _post(
        "workspace.decline",
        _A + "/bookings/{requested}/decline",
        "bookings.decide",
        page=_A + "/bookings/{requested}",
        fields={"reason": "dates", "message": "Please look at February."},
    ),
    _get("workspace.cancel_page", _A + "/bookings/{confirmed}/cancel", "bookings.cancel"),
    _post(
        "workspace.cancel",
        _A + "/bookings/{confirmed}/cancel",
        "bookings.cancel",
        page=_A + "/bookings/{confirmed}/cancel",
        fields={"reason": "site-closed", "note": "We are sorry.", "sure": "1"},
    ),
    _post(
        "workspace.check_in",
        _A + "/bookings/{arriving}/check-in",
        "placements.run",
        page=_A + "/bookings/{arriving}",
    ),
    _post(
        "workspace.complete",
        _A + "/bookings/{hosted}/complete",
        "placements.run",
        page=_A + "/bookings/{hosted}",
    ),
    _post(
        "workspace.no_show",
        _A + "/bookings/{arriving}/no-show",
        "placements.run",
        page=_A + "/bookings/{arriving}",
    ),
    _get("listings_workspace.listings", _A + "/listings", STAFF),
    _get("listings_workspace.show", _A + "/listings/{draft}", STAFF),
    _post(
        "listings_workspace.publish",
        _A + "/listings/{draft}/publish",
        "listings.publish",
        page=_A + "/listings/{draft}",
    ),
    _post(
        "listings_workspace.pause",
        _A + "/listings/{rotation}/pause",
        "listings.publish",
        page=_A + "/listings/{rotation}",
    ),
    _post(
        "listings_workspace.ask_signature",
        _A + "/listings/{unasked}/ask-signature",
        "listings.edit",
        page=_A + "/listings/{unasked}",
    ),
    _post(
        "listings_workspace.keep_closed",
        _A + "/listings/{unsigned}/keep-closed",
        "listings.publish",
        page=_A + "/listings/{unsigned}/check",
    ),
    _get("new_listing.new", _A + "/listings/new", "listings.edit"),
    _post(
        "new_listing.create",
        _A + "/listings/new",
        "listings.edit",
        page=_A + "/listings/new",
        fields={
            "specialty": "cardiology",
            "type": "externship",
            "attending": "{doctor_id}",
            "site": "{site_id}",
        },
    ),
    *(_get("editor.section", _section(name), "listings.edit") for name in EDITOR_SECTIONS),
    *(
        _post(
            "editor.save",
            _section(name),
            "listings.edit",
            page=_section(name),
            fields=fields,
            more=_DRAFTED,
        )
        for name, fields in _WRITTEN.items()
    ),
    _post(
        "editor.save",
        _A + "/listings/{rotation}/edit/{letter}",
        "listings.edit",
        page=_A + "/listings/{rotation}/edit/{letter}",
        fields={"policy": "discuss", "letterhead": "author"},
    ),
    _get("editor.check", _L + "/check", "listings.edit"),
    _post("editor.copy", _L + "/copy", "listings.edit", page=_L),
    _post("editor.discard", _A + "/listings/{drafted}/discard", "listings.edit"),
    _post("editor.archive", _L + "/archive", "listings.publish", page=_L),
    _post(
        "editor.ask_wider",
        _A + "/listings/{wide}/ask-wider",
        "listings.edit",
        page=_A + "/listings/{wide}/edit/{people}",
    ),
    _get("editor.preview", _L + "/preview", STAFF),
    _get("editor.version", _A + "/listings/{drafted}/versions/{version}", STAFF),
    _get("places.sites", _A + "/sites", STAFF),
    _get("places.new_site", _A + "/sites/new", "listings.edit"),
    _post(
        "places.add_site",
        _A + "/sites/new",
        "listings.edit",
        page=_A + "/sites/new",
        fields=_SITE,
    ),
    _get("places.site", _A + "/sites/{site}", "listings.edit"),
    _post(
        "places.save_site",
        _A + "/sites/{site}",
        "listings.edit",
        page=_A + "/sites/{site}",
        fields={"name": "Lakeview Heart House"},
        more=frozenset(
            ("site", column) for column in ("kind", "setting", "city", "state", "affiliation")
        )
        | {("site", "time_zone"), ("site", "letter_until")},
    ),
    _get("places.attendings", _A + "/attendings", STAFF),
    _get("places.invite_page", _A + "/attendings/invite", "listings.edit"),
    _post(
        "places.invite",
        _A + "/attendings/invite",
        "listings.edit",
        page=_A + "/attendings/invite",
        fields={
            "npi": "1234567893",
            "email": "new.doctor@example.org",
            "name": "Nora Newdoctor",
            "specialty": "cardiology",
        },
    ),
    _post(
        "places.send_invitation",
        _A + "/attendings/invitations/{put_down}/send",
        "listings.edit",
        page=_A + "/attendings",
    ),
    _post(
        "places.withdraw_invitation",
        _A + "/attendings/invitations/{asked}/withdraw",
        "listings.edit",
        page=_A + "/attendings",
    ),
    _get("availability.grid", _A + "/availability", STAFF),
    _post(
        "availability.add",
        _A + "/availability/starts",
        "listings.edit",
        page=_A + "/availability",
        fields={"listing": "{draft}"},
    ),
    _post(
        "availability.black_out",
        _A + "/availability/blackouts",
        "listings.edit",
        page=_A + "/availability",
        fields={"where": "all:", "black_first": "{black_day}", "black_last": "{black_day}"},
    ),
    _post(
        "availability.lift",
        _A + "/availability/blackouts/{blackout}/lift",
        "listings.edit",
        page=_A + "/availability",
    ),
    _get("availability.start", _A + "/availability/{start}", STAFF),
    _post(
        "availability.change",
        _A + "/availability/{start}",
        "listings.edit",
        page=_A + "/availability/{start}",
        fields={"seats": "12"},
    ),
    _post(
        "availability.close",
        _A + "/availability/{start}/close",
        "listings.edit",
        page=_A + "/availability/{start}",
    ),
    _post(
        "availability.reopen",
        _A + "/availability/{closed_start}/open",
        "listings.edit",
        page=_A + "/availability/{closed_start}",
    ),
    _get("imports.index", _I, "listings.import"),
    *(
        _get(f"imports.{endpoint}", f"{_I}/{kind}{path}", "listings.import")
        for kind in ("sites", "attendings", "listings", "offerings")
        for endpoint, path in (
            ("kind_page", ""),
            ("empty", "/template.csv"),
            ("export", "/export.csv"),
        )
    ),
    _post("imports.upload", _I, "listings.import", page=_I + "/sites", upload="csv"),
    _get("imports.show", _I + "/{import_checked}", "listings.import"),
    _post(
        "imports.run",
        _I + "/{import_checked}",
        "listings.import",
        page=_I + "/{import_checked}",
    ),
    _post(
        "imports.undo",
        _I + "/{import_done}/undo",
        "listings.import",
        page=_I + "/{import_done}",
    ),
    _post(
        "imports.fix",
        _I + "/{import_faulty}/fix",
        "listings.import",
        page=_I + "/{import_faulty}",
        fields={"c-2-kind": "hospital"},
    ),
    _get("imports.notes", _I + "/{import_faulty}/notes.csv", "listings.import"),
    _get("reviews_workspace.reviews", _A + "/reviews", STAFF),
    _post(
        "reviews_workspace.reply",
        _A + "/reviews/{review}/reply",
        "messages.write",
        page=_A + "/reviews",
        fields={"reply": "Thank you for coming."},
    ),
    _get("notifications_desk.team", _A + "/notifications", STAFF),
    _post("notifications_desk.team_read", _A + "/notifications/read", STAFF, changes=False),
    _get("team.team_list", _A + "/team", STAFF),
    _post(
        "team.change_role",
        _A + "/team/{membership}/role",
        "team.manage",
        page=_A + "/team",
        fields={"role": "finance"},
    ),
    _post("team.remove_member", _A + "/team/{membership}/remove", "team.manage", page=_A + "/team"),
    _post(
        "team.invite",
        _A + "/team/invitations",
        "team.manage",
        page=_A + "/team",
        fields={"email": "newcomer@example.org", "role": "coordinator"},
    ),
    _post(
        "team.send_again",
        _A + "/team/invitations/{invitation}/again",
        "team.manage",
        page=_A + "/team",
    ),
    _post(
        "team.withdraw",
        _A + "/team/invitations/{invitation}/withdraw",
        "team.manage",
        page=_A + "/team",
    ),
    _post("team.leave", _A + "/team/leave", STAFF, page=_A + "/team"),
    # --- the platform ---------------------------------------------------------------------------
    _get("admin.overview", "/admin", ADMIN),
    _get("approvals.page", "/admin/listing-approvals", ADMIN),
    _post(
        "approvals.decide",
        "/admin/listing-approvals/{wish}",
        ADMIN,
        page="/admin/listing-approvals",
        fields={"answer": "yes", "note": "The program's rules say so."},
    ),
    _get("admin.jobs", "/admin/jobs", ADMIN),
    _get("admin.mail", "/admin/mail", ADMIN),
    _get("admin.audit", "/admin/audit", ADMIN),
    _post("admin.retry_job", "/admin/jobs/{job}/retry", ADMIN, page="/admin/jobs", fields=_REASON),
    _post(
        "admin.discard_job",
        "/admin/jobs/{job}/discard",
        ADMIN,
        page="/admin/jobs",
        fields=_REASON,
    ),
    _post("admin.hurry_job", "/admin/jobs/{late_job}/hurry", ADMIN, page="/admin/jobs"),
    _post(
        "admin.resend_mail",
        "/admin/mail/{mail}/send-again",
        ADMIN,
        page="/admin/mail",
        fields=_REASON,
    ),
    _post(
        "admin.discard_mail",
        "/admin/mail/{mail}/discard",
        ADMIN,
        page="/admin/mail",
        fields=_REASON,
    ),
    _get("admin.audit_csv", "/admin/audit.csv", ADMIN),
    _get("admin_agencies.agencies", "/admin/agencies", ADMIN),
    _get("admin_agencies.show", "/admin/agencies/{tenant}", ADMIN),
    _get("admin_money.books", "/admin/ledger", ADMIN),
    _get("admin_money.account", "/admin/ledger/{account}", ADMIN),
    _get("admin_money.transaction", "/admin/ledger/transactions/{posting}", ADMIN),
    _get("admin_money.payments", "/admin/payments", ADMIN),
    _get("admin_people.people", "/admin/people", ADMIN),
    _get("admin_people.show", _P, ADMIN),
    _post("admin_people.sign_out", _P + "/sign-out", ADMIN, page=_P, fields=_REASON),
    _post("admin_people.block", _P + "/block", ADMIN, page=_P, fields=_REASON),
    _post(
        "admin_people.unblock",
        "/admin/people/{blocked}/unblock",
        ADMIN,
        page="/admin/people/{blocked}",
        fields=_REASON,
    ),
    _get("admin_moderation.queue", "/admin/moderation", ADMIN),
    _get("admin_moderation.show", _M, ADMIN),
    _post("admin_moderation.take_down", _M + "/take-down", ADMIN, page=_M, fields=_REASON),
    _post("admin_moderation.fine", _M + "/fine", ADMIN, page=_M, fields=_REASON),
    _post(
        "admin_moderation.restore",
        "/admin/moderation/{down_id}/restore",
        ADMIN,
        page="/admin/moderation/{down_id}",
        fields=_REASON,
    ),
    _get("admin_lists.index", "/admin/lists", ADMIN),
    _get("admin_lists.show", "/admin/lists/{list}", ADMIN),
    _get("admin_lists.edit", "/admin/lists/{list}/edit", ADMIN),
    _post(
        "admin_lists.save",
        "/admin/lists/{list}/edit",
        ADMIN,
        page="/admin/lists/{list}/edit",
        first=200,
        fields=_REASON
        | {"step": "save", "slug": "matrix-medicine", "label": "Matrix medicine"}
        | {"group": "surgical"},
    ),
    _get("admin_news.index", "/admin/announcements", ADMIN),
    _post(
        "admin_news.write",
        "/admin/announcements",
        ADMIN,
        page="/admin/announcements",
        fields=_REASON | {"text": "Payments pause for ten minutes tonight.", "sides": "agency"},
    ),
    _post(
        "admin_news.end",
        "/admin/announcements/{announcement}/end",
        ADMIN,
        page="/admin/announcements",
    ),
    _post("admin_people.look", _P + "/view-as", ADMIN, page=_P, fields=_REASON),
    # --- payouts --------------------------------------------------------------------------------
    _get("payouts.show", _A + "/payouts", "money.view"),
    _get("payouts.onboard", _A + "/payouts/stripe", "money.payouts", ok=303),
    _post("payouts.connect", _A + "/payouts/connect", "money.payouts", page=_A + "/payouts"),
    # --- verification ---------------------------------------------------------------------------
    _get("agencies.new", "/agencies/new", PUBLIC),
    _post(
        "agencies_mine.create",
        "/me/agencies",
        SIGNED_IN,
        page="/agencies/new",
        fields={"name": "Newharbor Rotations", "email": "desk@example.org", "may_act": "1"},
    ),
    _post(
        "agencies.apply",
        "/agencies/new",
        PUBLIC,
        page="/agencies/new",
        fields={
            "person": "Nora Newhouse",
            "name": "Newhouse Rotations",
            "email": "nora@example.org",
            "may_act": "1",
        },
    ),
    _get("verification.papers", _V, STAFF),
    _get("verification.start", _V + "/start", "settings.edit"),
    _post(
        "verification.send_first",
        _V + "/start",
        "settings.edit",
        page=_V + "/start",
    ),
    _get("verification.add", _V + "/add", "settings.edit"),
    _post(
        "verification.upload",
        _V + "/add",
        "settings.edit",
        page=_V + "/add?kind=tax-number",
        fields={"number": "4471", "issued_on": "2026-01-05"},
        upload="file",
    ),
    _post("verification.send", _V + "/send", "settings.edit", page=_V),
    _post("verification.remove", _V + "/{paper}/remove", "settings.edit", page=_V),
    _post("verification.take_back", _V + "/{paper_sent}/take-back", "settings.edit", page=_V),
    _get("verification.file", _V + "/{paper}/file", "settings.edit"),
    _get("admin_verification.overview", _AV, ADMIN),
    _get("admin_verification.review", _AV + "/agencies/{house}", ADMIN),
    _post(
        "admin_verification.decide",
        _AV + "/agencies/{house}/decide",
        ADMIN,
        page=_AV + "/agencies/{house}",
        fields={"event": "accept", "reason": "The name matches the register."},
        foreign=409,
    ),
    _post(
        "admin_verification.change_standing",
        _AV + "/agencies/{house}/standing",
        ADMIN,
        page=_AV + "/agencies/{house}",
        fields={"change": "limit", "why": "Trainees report mostly watching."},
    ),
    _post(
        "admin_verification.change_kind",
        _AV + "/agencies/{house}/kind",
        ADMIN,
        page=_AV + "/agencies/{house}",
        fields={"kind": "hospital", "kind_why": "It is the hospital itself, by its registration."},
    ),
    _post(
        "admin_verification.revoke",
        _AV + "/evidence/{paper_accepted}/revoke",
        ADMIN,
        page=_AV + "/agencies/{house}",
        fields={"why": "The insurer does not know of this policy."},
    ),
    _get("admin_verification.file", _AV + "/evidence/{paper_sent}/file", ADMIN),
    _get("admin_verification.attendings", _AV + "/attendings", ADMIN),
    _get("admin_verification.attending", _AV + "/attendings/{doctor}", ADMIN),
    _post(
        "admin_verification.check_again",
        _AV + "/attendings/{doctor}/check",
        ADMIN,
        page=_AV + "/attendings/{doctor}",
    ),
    _post(
        "admin_verification.by_hand",
        _AV + "/attendings/{doctor}/by-hand",
        ADMIN,
        page=_AV + "/attendings/{doctor}",
        fields={"what": "registry", "result": "clear", "words": "Active, read today"},
    ),
)

MACHINES = {"payment_hooks.stripe_event", "saving.unsubscribe"}
"""Posted to by programs: the sender is proven by a signature or a token, not by the origin."""
FORMS = tuple(row for row in ROWS if row.method == "POST" and row.endpoint not in MACHINES)


def unlisted(app: Flask) -> list[str]:
    """Routes that the table does not list, and rows that no route answers."""
    shape = {(row.endpoint, row.method, _shape(row.path)) for row in ROWS}
    routed = {
        (rule.endpoint, method, _shape(rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    lost = [f"not in the table: {method} {path} ({name})" for name, method, path in routed - shape]
    gone = [f"no such route: {method} {path} ({name})" for name, method, path in shape - routed]
    return sorted(lost + gone)


def _shape(path: str) -> str:
    """An address with its variable parts alike."""
    return re.sub(r"<[^>]*>|{\w+}", "*", path)
