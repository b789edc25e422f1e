"""An agency's own address: asked for, proved by a DNS record, looked at again, given up.

Whoever can write a TXT record below a name has the name. Asking for one proves nothing and takes
nothing from anybody; only one agency can have it verified, and it loses it when its record is gone
at three look-ups in a row. A DNS that does not answer proves nothing either way.
"""

import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.accounts.permissions import require
from marketplace.core import audit, clock, context, outbox
from marketplace.core.context import Actor
from marketplace.core.errors import Invalid, NotFound
from marketplace.core.events import publish
from marketplace.core.typed import address_of
from marketplace.storefront import pointing
from marketplace.storefront.events import DomainMoved
from marketplace.storefront.models import AgencyDomain
from marketplace.storefront.operations import MAY, locked_agency
from marketplace.storefront.pointing import Pointing
from marketplace.tenants import hostnames
from marketplace.tenants.models import Agency

MOST = 3
LABEL = "_rounds"
SOON, LATER, DAILY = timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6)
FIRST_DAY = timedelta(days=1)
GIVE_UP = timedelta(days=14)
LOST_AFTER = 3  # look-ups in a row without the record
LOOKED_JUST_NOW = timedelta(seconds=15)
TOPIC = "storefront.check_domain"

_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
# names that never reach the public DNS (RFC 6761, RFC 6762, RFC 8375 and common habit)
_PRIVATE = {"localhost", "local", "internal", "lan", "home", "arpa", "onion", "invalid"}


def host_of(typed: str, base_url: str) -> str:
    """A host name as typed, or pasted as an address. Invalid (field `host`) for anything else, and
    for the platform's own name, names below it and names above it."""
    text = typed.strip().lower().rstrip(".")
    text = address_of(text).hostname or "" if "://" in text else text.partition("/")[0]
    try:
        host = text.encode("idna").decode() if text else ""
    except UnicodeError:
        host = ""
    if len(host) > 253 or not _NAME.fullmatch(host) or host.rpartition(".")[2] in _PRIVATE:
        raise Invalid({"host": "Write a name like rotations.your-agency.com."})
    ours = hostnames.without_port(urlsplit(base_url).netloc)
    if host == ours or host.endswith(f".{ours}") or ours.endswith(f".{host}"):
        raise Invalid({"host": "This name belongs to the platform. Use a name of your own."})
    return host


def record_of(domain: AgencyDomain) -> tuple[str, str]:
    """The name and the value of the TXT record that proves a domain."""
    return f"{LABEL}.{domain.host}", f"rounds-site={domain.token}"


def domains(session: Session, agency_id: UUID) -> list[AgencyDomain]:
    """The addresses of an agency, the oldest first."""
    asked = select(AgencyDomain).where(AgencyDomain.agency_id == agency_id)
    return list(session.scalars(asked.order_by(AgencyDomain.id)))


def add(session: Session, actor: Actor, typed: str, base_url: str) -> AgencyDomain:
    """Ask for an address. Raises Forbidden without `settings.edit`, Invalid (field `host`)."""
    require(actor, MAY)
    agency = locked_agency(session, actor)
    host = host_of(typed, base_url)
    known = domains(session, agency.id)
    if any(one.host == host for one in known):
        raise Invalid({"host": "You have this address already. Its state is below."})
    if len(known) >= MOST:
        raise Invalid({"host": f"You can have {MOST} addresses. Remove one first."})
    found = AgencyDomain(
        agency_id=agency.id,
        host=host,
        token=secrets.token_hex(16),
        next_check_at=clock.now() + SOON,
    )
    session.add(found)
    session.flush()
    audit.record(session, actor, "storefront.domain_add", f"domain:{found.id}", host=host)
    return found


def remove(session: Session, actor: Actor, domain_id: UUID) -> None:
    """Give an address up: it stops at once. Raises Forbidden, NotFound."""
    require(actor, MAY)
    found = _own(session, domain_id)
    audit.record(session, actor, "storefront.domain_remove", f"domain:{found.id}", host=found.host)
    session.delete(found)


def look_again(session: Session, actor: Actor, domain_id: UUID) -> bool:
    """Have the record looked up soon; False when that was done a moment ago. Raises Forbidden,
    NotFound."""
    require(actor, MAY)
    found = _own(session, domain_id)
    if found.checked_at and clock.now() - found.checked_at < LOOKED_JUST_NOW:
        return False
    payload = {"domain_id": str(found.id)}
    outbox.enqueue(session, TOPIC, payload, scope=context.system("look up a domain"))
    return True


def _own(session: Session, domain_id: UUID) -> AgencyDomain:
    found = session.get(AgencyDomain, domain_id)
    if found is None:
        raise NotFound
    return found


def due(session: Session, most: int) -> list[UUID]:
    """Domains whose next look-up is due (system session)."""
    asked = select(AgencyDomain.id).where(AgencyDomain.next_check_at <= clock.now())
    return list(session.scalars(asked.order_by(AgencyDomain.next_check_at).limit(most)))


def settle(session: Session, domain_id: UUID, texts: tuple[str, ...] | None) -> str:
    """Write down what DNS said about a domain and what follows (system session). `texts`: its TXT
    records, None when DNS did not answer. Answers its host if it is verified now, else ''."""
    host = session.scalar(select(AgencyDomain.host).where(AgencyDomain.id == domain_id))
    # all that ask for this host, in one order: two that prove it at once wait for each other
    asked = select(AgencyDomain).where(AgencyDomain.host == host).order_by(AgencyDomain.id)
    rows = session.scalars(asked.with_for_update()).all()
    domain = next((one for one in rows if one.id == domain_id), None)
    if domain is None:
        return ""
    taken = any(one.is_verified and one is not domain for one in rows)
    moment = clock.now()
    domain.checked_at = moment
    if texts is None:
        domain.found = "DNS did not answer. That changes nothing; we ask again."
        domain.next_check_at = moment + (LATER if domain.is_verified else SOON)
    elif record_of(domain)[1] in (text.strip() for text in texts):
        _proved(session, domain, moment, taken)
    else:
        _not_found(session, domain, moment, texts)
    if not domain.is_verified:
        _point(domain, pointing.NOT_ASKED)
    return domain.host if domain.is_verified else ""


def settle_pointing(session: Session, domain_id: UUID, found: Pointing) -> None:
    """Write down where a verified domain leads (system session)."""
    domain = session.get(AgencyDomain, domain_id, with_for_update=True)
    if domain is not None and domain.is_verified:
        _point(domain, found)


def _point(domain: AgencyDomain, found: Pointing) -> None:
    domain.points = found.state
    domain.leads_to, domain.expected = list(found.leads_to), list(found.expected)


def _proved(session: Session, domain: AgencyDomain, moment: datetime, taken: bool) -> None:
    domain.misses = 0
    domain.next_check_at = moment + DAILY
    if domain.is_verified:
        domain.found = "The record is in place."
        return
    if taken:
        domain.state = "failed"
        domain.found = (
            "The record is right, but another agency shows its site here. It ends by itself some"
            " hours after their record is gone; we look again every few hours."
        )
        return
    domain.state, domain.is_verified, domain.verified_at = "verified", True, moment
    domain.found = "The record is in place."
    _tell(session, domain, moment)


def _not_found(
    session: Session, domain: AgencyDomain, moment: datetime, texts: tuple[str, ...]
) -> None:
    name = record_of(domain)[0]
    domain.found = (
        f"There is a record at {name}, but with another value."
        if texts
        else f"There is no record at {name} yet."
    )
    if domain.is_verified:
        domain.misses += 1
        domain.next_check_at = moment + LATER
        domain.found = f"The record at {name} is gone. Put it back, or this address stops soon."
        if domain.misses >= LOST_AFTER:
            domain.state, domain.is_verified = "failed", False
            domain.found = f"The record at {name} is gone, so your site is not shown here any more."
            _tell(session, domain, moment)
    elif moment - domain.created_at > GIVE_UP:
        domain.state, domain.next_check_at = "failed", None
    else:
        domain.state = "pending"
        young = moment - domain.created_at < FIRST_DAY
        domain.next_check_at = moment + (SOON if young else LATER)


def _tell(session: Session, domain: AgencyDomain, moment: datetime) -> None:
    action = "storefront.domain_verified" if domain.is_verified else "storefront.domain_lost"
    audit.record(
        session,
        context.SYSTEM,
        action,
        f"domain:{domain.id}",
        agency_id=domain.agency_id,
        host=domain.host,
    )
    once = f"{domain.id}:{moment.isoformat()}"
    publish(
        session,
        DomainMoved(domain.agency_id, domain.id, domain.host, domain.is_verified, once),
    )


# --- who is at a host ---------------------------------------------------------------------------


def agency_at(session: Session, host: str) -> str | None:
    """The slug of the agency that has proved a host, or None. In public scope, which knows no
    agency that is not public."""
    return session.scalar(
        select(Agency.slug)
        .join(AgencyDomain, AgencyDomain.agency_id == Agency.id)
        .where(AgencyDomain.host == host, AgencyDomain.is_verified)
    )


def site_url(session: Session, agency: Agency, base_url: str) -> str:
    """The first address of an agency's site: its own verified one, else the platform's page."""
    host = session.scalar(
        select(AgencyDomain.host)
        .where(AgencyDomain.agency_id == agency.id, AgencyDomain.is_verified)
        .order_by(AgencyDomain.verified_at, AgencyDomain.id)
        .limit(1)
    )
    return f"{urlsplit(base_url).scheme}://{host}" if host else f"{base_url}/agencies/{agency.slug}"


def may_have_certificate(session: Session, name: str, base_url: str) -> bool:
    """May a proxy get a certificate for this host (public scope)? Only for the platform's own, and
    for hosts that show a public agency's site."""
    host = hostnames.without_port(name)
    ours = hostnames.without_port(urlsplit(base_url).netloc)
    if host == ours:
        return True
    slug = hostnames.agency_of(host, f"//{ours}")
    if slug is None:
        return agency_at(session, host) is not None
    asked = select(Agency.id).where(Agency.slug == slug, Agency.is_public)
    return session.scalar(asked) is not None
