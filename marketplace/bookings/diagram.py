"""Draws the booking's states from the table that the code runs on."""

from marketplace.bookings import states


def mermaid() -> str:
    """The state diagram in Mermaid's notation."""
    lines = ["stateDiagram-v2", "  [*] --> held: hold"]
    lines += [f"  {m.source} --> {m.target}: {m.event}" for m in states.MOVES]
    lines += [f"  {state} --> [*]" for state in sorted(states.FINAL)]
    return "\n".join(lines)


def table() -> str:
    """The same table in Markdown: who may, what follows, and the deadline of each state."""
    head = ["| from | event | who | to | effect |", "|---|---|---|---|---|"]
    rows = [
        f"| {m.source} | {m.event} | {', '.join(sorted(m.actors))} | {m.target} | {m.effect} |"
        for m in states.MOVES
    ]
    limits = ["", "| state | lasts at most | holds a seat |", "|---|---|---|"]
    names = sorted({m.source for m in states.MOVES} | {m.target for m in states.MOVES})
    limits += [
        f"| {name} | {states.DEADLINE.get(name, '-')} | {'yes' if name in states.SEAT else 'no'} |"
        for name in names
    ]
    return "\n".join([*head, *rows, *limits])


def page() -> str:
    """The whole of docs/booking-states.md; `bin/marketplace states` writes it."""
    return (
        "# The life of a booking\n\n"
        "Drawn from `marketplace/bookings/states.py` by `bin/marketplace states`; a test fails"
        " when this page and the table differ.\n\n"
        f"```mermaid\n{mermaid()}\n```\n\n{table()}\n"
    )
