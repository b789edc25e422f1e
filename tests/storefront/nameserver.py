"""A real name server on this machine: records that a test sets, refusals, and silence."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass
class NameServer:
    """`records`: texts by name, `numbers`: addresses by name, `aliases`: another name by name; a
    name in `broken` answers SERVFAIL, with `silent` none does."""

    records: dict[str, list[str]] = field(default_factory=dict)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    silent: bool = False
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, packet: bytes) -> bytes | None:
        """The answer to one packet; None for silence."""
        query = dns.message.from_wire(packet)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append(name)
        if self.silent:
            return None
        found = dns.message.make_response(query)
        found.flags |= dns.flags.RA
        if name in self.broken:
            found.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self.records | self.numbers | self.aliases:
            found.set_rcode(dns.rcode.NXDOMAIN)
        else:
            self._fill(found, name)
        return found.to_wire()

    def _fill(self, found: dns.message.Message, name: str) -> None:
        kind = dns.rdatatype.to_text(found.question[0].rdtype)
        while kind != "TXT" and name in self.aliases:
            found.answer.append(
                dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{self.aliases[name]}.")
            )
            name = self.aliases[name]
        told = {
            "TXT": [f'"{text}"' for text in self.records.get(name, [])],
            "A": [one for one in self.numbers.get(name, []) if ":" not in one],
            "AAAA": [one for one in self.numbers.get(name, []) if ":" in one],
        }[kind]
        if told:
            found.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", kind, *told))


@contextlib.contextmanager
def name_server() -> Iterator[NameServer]:
    """The server, running."""
    found = NameServer()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.1)
        found.address = f"127.0.0.1:{listener.getsockname()[1]}"
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    packet, sender = listener.recvfrom(4096)
                    if answer := found.answer(packet):
                        listener.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join(timeout=2)
