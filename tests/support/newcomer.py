"""A new agency in Chromium: an empty platform with its admin, links out of mails, the decision."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select

from marketplace.accounts import passwords
from marketplace.core.db import open_session
from marketplace.core.mail import MailMessage
from tests import factories
from tests.accounts.conftest import work
from tests.payments.double import free_port
from tests.support import apps, database
from tests.support.browser import DESK, visitor
from tests.support.served import served

PASSWORD = "violet harbor lantern nine"
ADMIN_EMAIL = "robin@example.org"


@contextmanager
def empty_platform() -> Iterator[str]:
    """The address of the whole product without any row but the platform's admin."""
    database.wipe()
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with apps.whole(BASE_URL=address) as app, served(app, port), app.app_context():
        with open_session(factories.a_system()) as session:
            known = {"password_hash": passwords.hashed(PASSWORD), "is_admin": True}
            factories.person(session, "Robin Hallowell", email=ADMIN_EMAIL, **known)
        yield address


def link_in_mail(slug: str) -> str:
    """The path that the button of the newest mail of this kind opens, after the jobs ran."""
    work()
    newest = select(MailMessage.text).where(MailMessage.slug == slug)
    with open_session(factories.a_system(), readonly=True) as session:
        text = session.scalars(newest.order_by(MailMessage.id.desc())).first()
    found = re.search(r"http\S+?(/(?:sign-in/link|sign|invited)/[\w-]+)", text or "")
    assert found, f"no link in the latest {slug}"
    return found.group(1)


def press(page: Page, name: str) -> None:
    """A button by its words."""
    page.get_by_role("button", name=name, exact=True).click()


def signed_in_admin(
    browser: Browser, url: str, *, size: dict[str, int] = DESK, javascript: bool = True
) -> Page:
    """The platform's admin at their home, signed in by password."""
    context: BrowserContext = visitor(browser, url, size=size, javascript=javascript)
    page = context.new_page()
    page.goto("/sign-in")
    page.fill("#email", ADMIN_EMAIL)
    page.fill("input[type=password]", PASSWORD)
    press(page, "Sign in")
    page.wait_for_url("**/admin")
    return page


def accept(admin: Page, agency_slug: str, why: str) -> None:
    """The admin approves the agency and its papers, with the reason."""
    admin.goto(f"/admin/verification/agencies/{agency_slug}")
    admin.check("input[name=event][value=accept]")
    admin.fill("#reason", why)
    press(admin, "Send decision")
