"""Draws the booking's states from the table that the code runs on."""

from marketplace.bookings import states
from marketplace.core import diagrams


def page() -> str:
    """The whole of docs/booking-states.md."""
    names = sorted({m.source for m in states.MOVES} | {m.target for m in states.MOVES})
    limits = [
        (name, str(states.DEADLINE.get(name, "-")), "yes" if name in states.SEAT else "no")
        for name in names
    ]
    return diagrams.page(
        "The life of a booking",
        "marketplace/bookings/states.py",
        "",
        diagrams.mermaid("held", "hold", states.MOVES),
        diagrams.steps(states.MOVES),
        diagrams.table(("state", "lasts at most", "holds a seat"), limits),
    )
