"""DNS behind one door: the only module that knows a resolver library.

It asks the name servers of the settings (or of the machine) for TXT records and nothing else, so
that no name which somebody types makes this machine open a connection to the host behind it.
"""

import logging
from functools import lru_cache

import dns.exception
import dns.resolver

log = logging.getLogger("rounds.storefront")
SECONDS = 4.0  # for one question, all servers together
_MOST = 50  # records of one name that are looked at
_settings = {"servers": ""}


def configure(servers: str) -> None:
    """`address:port` of name servers, separated by commas; empty: those of the machine."""
    _settings["servers"] = servers
    _resolver.cache_clear()


def texts(name: str) -> tuple[str, ...] | None:
    """The TXT records of a name; none when there are none. None when DNS did not answer, which
    says nothing about the name."""
    try:
        answer = _resolver(_settings["servers"]).resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError, ValueError) as error:
        log.info("DNS did not answer", extra={"host": name, "error": str(error)[:300]})
        return None
    records = list(answer)[:_MOST]
    return tuple(b"".join(one.strings).decode("ascii", "replace") for one in records)


@lru_cache(maxsize=1)
def _resolver(servers: str) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=not servers)
    made.lifetime, made.timeout = SECONDS, SECONDS / 2
    if servers:
        pairs = [one.strip().rpartition(":") for one in servers.split(",")]
        made.nameservers = [
            dns.nameserver.Do53Nameserver(address, int(port)) for address, _, port in pairs
        ]
    return made
