"""Bodies of the storefront's jobs: DNS look-ups outside of transactions."""

from uuid import UUID

from marketplace.core.context import Scope
from marketplace.core.db import open_session
from marketplace.core.jobs import outside_handler
from marketplace.storefront import domains, resolver
from marketplace.storefront.models import AgencyDomain

AT_ONCE = 5  # of four seconds at most each: within the time of one job


@outside_handler(domains.TOPIC)
def check_domain(scope: Scope, domain_id: str) -> None:
    """Look one domain up now. Running it again is harmless."""
    _look_up(scope, UUID(domain_id))


@outside_handler("storefront.check_domains")
def check_domains(scope: Scope) -> None:
    """Look up the domains that are due, the longest waiting first."""
    with open_session(scope, readonly=True) as session:
        waiting = domains.due(session, AT_ONCE)
    for domain_id in waiting:
        _look_up(scope, domain_id)


def _look_up(scope: Scope, domain_id: UUID) -> None:
    with open_session(scope, readonly=True) as session:
        domain = session.get(AgencyDomain, domain_id)
        name = domains.record_of(domain)[0] if domain else ""
    if not name:
        return
    texts = resolver.texts(name)
    with open_session(scope) as session:
        domains.settle(session, domain_id, texts)
