"""Every form, sent what nobody should send: no crash, no stray change, every message in place."""

import pytest

from tests.contracts import hostile
from tests.contracts.conftest import Stage
from tests.contracts.hostile import Sent
from tests.contracts.routes import FORMS, Row
from tests.support.counts import halves

# The forms that need something filled in.
NEEDS_INPUT = frozenset(
    {
        "admin.discard_job",
        "admin.discard_mail",
        "admin_lists.save",
        "admin_moderation.fine",
        "admin_moderation.restore",
        "admin_moderation.take_down",
        "admin_news.write",
        "admin_people.block",
        "admin_people.look",
        "admin_people.sign_out",
        "admin_people.unblock",
        "reports.send",
        "accounts.sign_in_by_password",
        "agencies.apply",
        "agencies_mine.create",
        "verification.upload",
        "admin_verification.decide",
        "admin_verification.change_standing",
        "admin_verification.revoke",
        "admin_verification.by_hand",
        "admin.retry_job",
        "admin.resend_mail",
        "accounts.send_link",
        "accounts.ask_for_account",
        "accounts.request_reset",
        "accounts.reset_password",
        "account.save_profile",
        "account.change_password",
        "bookings.contest",
        "imports.upload",
        "requests.hold",
        "requests.tell",
        "requests.accept",
        "reviews.write",
        "attending.decline",
        "attending.contest",
        "attending.sign",
        "attending.send_back",
        "decide.answer",
        "signing.sign",
        "signing.send_back",
        "admin_verification.change_kind",
        "invited.sign",
        "invited.send_back",
        "workspace.decline",
        "workspace.cancel",
        "reviews_workspace.reply",
        "team.change_role",
        "new_listing.create",
        "editor.save",
        "places.add_site",
        "places.invite",
        "availability.add",
        "availability.change",
        "places.save_site",
        "availability.black_out",
        "attending_own.set_capacity",
        "attending_own.name_delegate",
        "approvals.decide",
        "team.invite",
        "queue.save_view",
        "storefront_workspace.save",
        "storefront_site.add",
        "archive.ask",
        "storefront_site.save",
        "storefront_site.add_address",
        "replies.add",
        "replies.change",
        "workspace.add_note",
        "joining.join",
        "saved.rename",
        "saved.frequency",
    }
)
by_key = pytest.mark.parametrize("row", FORMS, ids=lambda row: row.key)
by_key_in_halves = pytest.mark.parametrize("row", halves(FORMS), ids=lambda row: row.key)


@by_key_in_halves
def test_hostile_input(stage: Stage, row: Row) -> None:
    form = hostile.target(stage, row)
    allowed = hostile.accepted_changes(stage, form)
    wrong = []
    for sent in hostile.attacks(stage, form):
        wrong += hostile.check(stage, form, sent, allowed)
    assert wrong == []


@by_key
def test_forged_forms_are_refused(stage: Stage, row: Row) -> None:
    form = hostile.target(stage, row)
    wrong = []
    for sent in hostile.forgeries(stage, form):
        wrong += hostile.check(stage, form, sent, set())
    assert wrong == []


@by_key_in_halves
def test_extra_fields_change_nothing_more(stage: Stage, row: Row) -> None:
    """Every column of every table sent along: the same rows, with the same values."""
    form = hostile.target(stage, row)
    good = hostile.send(stage, form, Sent("good", form.fresh(stage))).status_code
    first = hostile.outcome(stage)
    stage.put_back()
    extra = hostile.columns(stage, form)
    answer = hostile.send(stage, form, Sent("more", form.fresh(stage) | extra))
    assert answer.status_code == good
    assert hostile.outcome(stage) == first
    if row.changes:
        assert first


def test_the_forms_that_can_be_refused_are_listed(stage: Stage) -> None:
    """Sent as its page has it, with nothing filled in, a form that needs something says so."""
    found = set()
    for row in FORMS:
        form = hostile.target(stage, row)
        filled = {*row.fields, row.upload}
        hidden = {key: value for key, value in form.good.items() if key not in filled}
        if hostile.send(stage, form, Sent("nothing", hidden)).status_code == 422:
            found.add(row.endpoint)
        stage.reset()
    assert found == NEEDS_INPUT


@pytest.mark.parametrize(
    "row",
    [row for row in FORMS if row.page and row.endpoint in NEEDS_INPUT],
    ids=lambda row: row.key,
)
def test_what_was_typed_is_kept_beside_its_message(stage: Stage, row: Row) -> None:
    form = hostile.target(stage, row)
    page = stage.call.send(form.actor, "GET", row.page.format(**stage.world.alpha.names))
    stage.reset()
    for text in (hostile.KEPT, hostile.SHORT):
        sent, typed = hostile.broken(form, page.text, text)
        answer = hostile.send(stage, form, Sent("broken", sent))
        if answer.status_code != 303:  # a form of one text takes any that is long enough
            break
        stage.put_back()
    assert answer.status_code == 422
    assert hostile.messages(answer.text) == []
    assert hostile.kept(answer.text, form, sent, typed) == []
    assert "<i>of</i>" not in answer.text
