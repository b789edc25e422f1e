"""The table: every message has its words, its occasion and a real booking that makes it."""

from pathlib import Path

import pytest

from marketplace.accounts.permissions import ACTIONS
from marketplace.bookings.states import MOVES
from marketplace.core import reference
from marketplace.notifications.messages import ALL, TABLE, messages_for
from tests import factories
from tests.notifications import sent

# made by other packages (accounts), or waiting for what does not exist yet
ELSEWHERE = {"sign-in-link", "verify-email", "reset"}
LATER = {
    "new-device",
    "documents-needed",
    "document-rejected",
    "dates-proposed",
    "schedule-changed",
    "saved-search",
    "agency-digest",
    "team-invite",
    "delegate-named",
}
NEWS = {  # what is no step of a booking
    "asked",
    "reminded",
    "signature_asked",
    "signature_decided",
    "attending_invited",
    "attending_left",
    "invitation_answered",
    "letter_agency",
    "letter_attending",
    "listing_moderated",
    "installment_paid",
    "refund_sent",
    "share_sent",
    "seat_held",
    "installment_due",
    "starts_soon",
    "letter_uploaded",
    "evidence_decided",
    "standing_changed",
    "evidence_ends",
    "attending_closed",
    "site_address",
    "export_ready",
}


@pytest.fixture
def market(app) -> factories.Market:
    return factories.market()


def test_every_email_of_the_list_is_made_or_named_as_missing() -> None:
    listed = {row["slug"]: row["to"] for row in reference.rows("emails")}
    assert set(listed) == set(ALL) | ELSEWHERE | LATER
    assert {slug: row.to for slug, row in ALL.items()} == {slug: listed[slug] for slug in ALL}
    for slug in ELSEWHERE:
        assert (Path("templates/emails") / slug / "body.html").exists()


def test_every_message_has_its_words() -> None:
    keys = {row["key"] for row in reference.rows("microcopy")}
    for slug in ALL:
        wanted = {f"email.{slug}.{part}" for part in ("subject", "first-line", "action")}
        assert wanted <= keys


def test_the_table_names_real_occasions() -> None:
    assert set(TABLE) - NEWS <= {move.event for move in MOVES}
    states = {move.source for move in MOVES}
    for row in ALL.values():
        assert row.sources <= states
        assert row.needs in ACTIONS


def test_a_hold_that_ends_is_told_to_nobody() -> None:
    assert messages_for("withdraw", "held", "candidate") == ()
    assert messages_for("expire", "held", "system") == ()
    assert messages_for("hold", "", "candidate") == ()


def test_an_attending_who_was_never_asked_is_left_alone() -> None:
    told = {row.to for row in messages_for("withdraw", "requested", "candidate")}
    assert told == {"agency"}
    told = {row.to for row in messages_for("withdraw", "approved", "candidate")}
    assert told == {"agency", "attending"}


@pytest.mark.parametrize("slug", sorted(ALL))
def test_every_row_of_the_table_is_written_for_a_real_booking(market, slug) -> None:
    sent.SCENES[slug](market)
    sent.run()
    found = sent.mails(slug)
    assert found
    for mail in found:
        text, html = sent.bare(mail.text), sent.words_of(mail.html)
        assert mail.text.count("http://localhost/") == 1, "one action"
        link = next(line for line in mail.text.splitlines() if line.startswith("http://"))
        assert mail.html.count(f'href="{link}"') == 1 and "href" not in mail.html.replace(
            f'href="{link}"', ""
        )
        for fact in _facts(mail.text):
            assert fact in html, f"{fact!r} is only in the text"
        lead = text.partition(", ")[2].partition("  ")[0][:60]
        assert lead in html
        assert "<img" not in mail.html and "src=" not in mail.html
        assert "{" not in text + mail.subject and "None" not in text
        assert "!" not in text + mail.subject
    lines = sent.lines(slug)
    assert lines and all(line.title == found[0].subject for line in lines)
    assert all(line.url.startswith("/") for line in lines)


def _facts(text: str) -> list[str]:
    """The words of the facts, without their labels; a fact may go over several lines."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("  ") and not line[2:3].isspace():
            found.append(line[2:].partition("  ")[2])
        elif line.startswith("   "):
            found[-1] += " " + line
    assert found
    return [sent.bare(fact) for fact in found]


def test_every_scene_belongs_to_a_row() -> None:
    assert set(sent.SCENES) == set(ALL)
