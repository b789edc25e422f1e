"""The worker's part of accounts."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete

from marketplace.accounts import delegates, invitations, operations, throttle, view_as
from marketplace.accounts.models import OneTimeLink, SignIn
from marketplace.accounts.operations import Purpose
from marketplace.core import clock
from marketplace.core.context import Scope
from marketplace.core.db import ScopedSession, open_session
from marketplace.core.jobs import handler, outside_handler

KEEP_ENDED = timedelta(days=30)


@handler("accounts.mail_link")
def mail_link(
    session: ScopedSession, purpose: Purpose, email: str, name: str, next_url: str
) -> None:
    """Post the link that somebody asked for."""
    operations.mail_link(session, purpose, email, name, next_url)


@handler("accounts.mail_invitation")
def mail_invitation(session: ScopedSession, invitation_id: str, sending: int) -> None:
    """Post an invitation to a team."""
    invitations.mail(session, UUID(invitation_id), sending)


@handler("accounts.delegate_named")
def delegate_named(session: ScopedSession, delegate_id: str) -> None:
    """Write to somebody who may answer in an attending's name."""
    delegates.welcome(session, UUID(delegate_id))


@outside_handler("accounts.end_view_as")
def end_view_as(scope: Scope) -> None:
    """Note the end of every view-as whose half hour is over."""
    with open_session(scope) as session:
        view_as.end_over(session)


@outside_handler("accounts.clean")
def clean(scope: Scope) -> None:
    """Forget ended sign-ins, links and attempts."""
    with open_session(scope) as session:
        throttle.forget(session)
        long_ago = clock.wall() - KEEP_ENDED
        session.execute(delete(OneTimeLink).where(OneTimeLink.expires_at < long_ago))
        session.execute(delete(SignIn).where(SignIn.expires_at < long_ago))
