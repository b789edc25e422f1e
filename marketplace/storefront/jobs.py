"""Bodies of the storefront's jobs: DNS look-ups outside of transactions."""

from collections.abc import Callable
from functools import cache
from uuid import UUID

from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.storefront import domains, pointing, resolver
from marketplace.storefront.models import AgencyDomain

AT_ONCE = 3  # of eight seconds at most each: within the time of one job


@outside_handler(domains.TOPIC)
def check_domain(scope: Scope, domain_id: str) -> None:
    """Look one domain up now. Running it again is harmless."""
    _look_up(scope, UUID(domain_id), pointing.our_addresses)


@outside_handler("storefront.check_domains")
def check_domains(scope: Scope) -> None:
    """Look up the domains that are due, the longest waiting first."""
    with open_session(scope, readonly=True) as session:
        waiting = domains.due(session, AT_ONCE)
    ours = cache(pointing.our_addresses)  # asked once, if at all
    for domain_id in waiting:
        _look_up(scope, domain_id, ours)


def _look_up(scope: Scope, domain_id: UUID, ours: Callable[[], pointing.Ours]) -> None:
    with open_session(scope, readonly=True) as session:
        domain = session.get(AgencyDomain, domain_id)
        name = domains.record_of(domain)[0] if domain else ""
    if not name:
        return
    texts = resolver.texts(name)
    with open_session(scope) as session:
        host = domains.settle(session, domain_id, texts)
    if host and texts is not None:
        found = pointing.look_up(host, ours())
        with open_session(scope) as session:
            domains.settle_pointing(session, domain_id, found)
