"""DNS behind one door: the only module that knows a resolver library.

It asks the name servers of the settings (or of the machine) and nobody else: no name which
somebody types makes this machine open a connection to the host behind it.
"""

import logging
from dataclasses import dataclass
from functools import lru_cache

import dns.exception
import dns.resolver

log = logging.getLogger("rounds.storefront")
SECONDS = 4.0  # for one question, all servers together
ADDRESS_SECONDS = 2.0  # for each kind of address
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


@dataclass(frozen=True)
class Addresses:
    """Where a name leads: the other names on the way (CNAME), and the numbers at its end."""

    names: tuple[str, ...]
    numbers: tuple[str, ...]


def addresses(name: str) -> Addresses | None:
    """Where a name leads, both without anything when it leads nowhere. None when DNS did not
    answer; a server that answers for the old kind of address only is fine."""
    old = _addresses(name, "A")
    if old is None:
        return None
    new = _addresses(name, "AAAA") or Addresses((), ())
    return Addresses(
        tuple(dict.fromkeys(old.names + new.names)), tuple(dict.fromkeys(old.numbers + new.numbers))
    )


def _addresses(name: str, kind: str) -> Addresses | None:
    try:
        answer = _resolver(_settings["servers"]).resolve(
            name, kind, search=False, raise_on_no_answer=False, lifetime=ADDRESS_SECONDS
        )
    except dns.resolver.NXDOMAIN:
        return Addresses((), ())
    except (dns.exception.DNSException, OSError, ValueError) as error:
        log.info("DNS did not answer", extra={"host": name, "error": str(error)[:300]})
        return None
    aliases = [one for found in answer.chaining_result.cnames for one in found][:_MOST]
    return Addresses(
        tuple(one.target.to_text(omit_final_dot=True).lower() for one in aliases),
        tuple(one.address for one in list(answer.rrset or ())[:_MOST]),
    )


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
