"""A real name server on this machine: TXT records that a test sets, refusals, and silence."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


@dataclass
class NameServer:
    """`records`: texts by name; a name in `broken` answers SERVFAIL, with `silent` none does."""

    records: dict[str, list[str]] = field(default_factory=dict)
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
        elif name not in self.records:
            found.set_rcode(dns.rcode.NXDOMAIN)
        elif texts := self.records[name]:
            quoted = [f'"{text}"' for text in texts]
            found.answer.append(
                dns.rrset.from_text(query.question[0].name, 60, "IN", "TXT", *quoted)
            )
        return found.to_wire()


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
