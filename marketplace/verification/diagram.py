"""Draws the states of evidence and of an agency's standing from the tables the code runs on."""

from marketplace.core import diagrams
from marketplace.verification import states


def page() -> str:
    """The whole of docs/verification-states.md."""
    reasoned = ", ".join(f"`{event}`" for event in sorted(states.NEEDS_REASON))
    return diagrams.page(
        "The life of a paper, and an agency's standing",
        "marketplace/verification/states.py",
        " verification",
        f"These steps need a reason, and the person who gives it: {reasoned}.",
        "## A paper of an agency, a site or an attending",
        diagrams.mermaid("draft", "upload", states.EVIDENCE),
        diagrams.steps(states.EVIDENCE),
        "## An agency\n\nIt is open while it is verified or limited and its required papers are in"
        " date (`verification/standing.py`).",
        diagrams.mermaid("new", "sign up", states.AGENCY),
        diagrams.steps(states.AGENCY),
    )
