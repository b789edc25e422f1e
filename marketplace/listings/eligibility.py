"""Who may join which rotation, with reasons; and what keeps a listing from opening.

The rules are data (`eligibility_rules.csv`), the facts are named in `profile_fields.csv`. A fact
about the candidate that is not known is asked for; it neither passes nor fails. Anything else
that is not known keeps the door closed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from marketplace.listings.levels import scope_supports_hands_on
from marketplace.listings.rules import (
    SEVERITIES,
    Facts,
    Rule,
    Severity,
    Subject,
    all_rules,
    decide,
    known_facts,
)

Due = Literal["request", "day-one", "publish"]
Kind = Literal["fits", "fits_if", "does_not_fit", "ask"]

BLOCK: tuple[Severity, ...] = ("block",)
ALL_SEVERITIES: frozenset[Severity] = frozenset(SEVERITIES.values())
REQUEST_SUBJECTS: frozenset[Subject] = frozenset({"candidate", "booking"})

# These rules look at papers that are collected after the booking is confirmed and are due before
# the first day. A request is never refused for them; the start is.
DUE_BEFORE_DAY_ONE = frozenset(
    {
        "school-approval",
        "school-good-standing",
        "school-affiliation",
        "documents-before-start",
        "passport-valid-to-end",
        "passport-six-months",
        "insurance-encloses-dates",
        "immunizations-complete",
        "hipaa-training-required",
    }
)

# While somebody looks around, nobody has ticked the boxes of the request page or been screened:
# the state notice is not counted against a rotation, and the visa note is always shown.
BEFORE_CHECKOUT: Mapping[str, object] = {
    "candidate.read_advisory": True,
    "candidate.read_visa_facts": False,
}
NOT_SCREENED_YET: Mapping[str, object] = {"candidate.payment_screen": "clear"}
ADULT = 18
# Nobody is asked for a birth date before the request page, which then asks.
LOOKING_AROUND: Mapping[str, object] = {**NOT_SCREENED_YET, "candidate.age": ADULT}

CORE_SCOPE_RULE = "hands-on-needs-core-scope"


@dataclass(frozen=True)
class Finding:
    """One rule that failed, or, with `missing`, that could not be decided without these facts."""

    code: str
    subject: Subject
    severity: Severity
    message: str
    missing: frozenset[str] = frozenset()
    because: str = ""


@dataclass(frozen=True)
class Verdict:
    """Failed rules by severity, and those that could not be decided.

    `asks` wait for an answer of the candidate, `undecided` for other facts.
    """

    blocks: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    informs: tuple[Finding, ...] = ()
    asks: tuple[Finding, ...] = ()
    undecided: tuple[Finding, ...] = ()

    @property
    def allows(self) -> bool:
        """No block, and no blocking rule that is still open."""
        still_open = (*self.asks, *self.undecided)
        return not self.blocks and all(f.severity != "block" for f in still_open)


@dataclass(frozen=True)
class Fit:
    """How a rotation fits a candidate.

    `reasons` are what is in the way (`does_not_fit`), what we have to ask (`ask`: see `missing`)
    or what has to be done or thought of (`fits_if`). `notes` only inform.
    """

    kind: Kind
    reasons: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


def due(rule: Rule) -> Due:
    """When a rule has to hold: for publishing, for a request, or on day one."""
    if rule.subject == "listing":
        return "publish"
    return "day-one" if rule.code in DUE_BEFORE_DAY_ONE else "request"


def judge(
    facts: Mapping[str, object],
    subject: Subject | Collection[Subject],
    severities: Collection[Severity] = ALL_SEVERITIES,
    *,
    at: Due | None = None,
) -> Verdict:
    """Decide the rules about one or more subjects, all of them or those due `at` one time.

    Raises `KeyError` for a fact that does not exist, `ValueError` for a value of another type.
    """
    subjects = frozenset({subject} if isinstance(subject, str) else subject)
    return _judge(known_facts(facts), _rules_for(subjects, frozenset(severities), at))


def request_verdict(facts: Mapping[str, object]) -> Verdict:
    """May this candidate ask for this seat now? Papers due before day one are not looked at."""
    return judge(facts, REQUEST_SUBJECTS, at="request")


def day_one_verdict(facts: Mapping[str, object]) -> Verdict:
    """Is everything there that is due before the first day?"""
    return judge(facts, "candidate", at="day-one")


def publish_blockers(rotation_facts: Mapping[str, object]) -> tuple[Finding, ...]:
    """What keeps a listing from opening; empty when it may. A missing fact counts as a no."""
    verdict = judge(rotation_facts, "listing", BLOCK)
    found = [*verdict.blocks, *verdict.asks, *verdict.undecided]
    codes = {finding.code for finding in found}
    if CORE_SCOPE_RULE not in codes and _hands_off(rotation_facts):
        # The rule's number counts core tasks; its sentence also wants one at the patient.
        found.append(next(_finding(r) for r in all_rules() if r.code == CORE_SCOPE_RULE))
    return tuple(found)


def fit(
    candidate_facts: Mapping[str, object],
    rotation_facts: Mapping[str, object],
    booking_facts: Mapping[str, object] | None = None,
) -> Fit:
    """How a rotation fits a candidate who looks around, before any request.

    Without `booking_facts`, nothing about dates and seats is said. Raises as `judge` does.
    """
    facts = {
        **LOOKING_AROUND,
        **{name: told for name, told in candidate_facts.items() if told is not None},
        **BEFORE_CHECKOUT,
        **rotation_facts,
        **(booking_facts or {}),
    }
    known = known_facts(facts)
    now = _judge(known, _rules_for(REQUEST_SUBJECTS, ALL_SEVERITIES, "request"))
    later = _judge(known, _rules_for(REQUEST_SUBJECTS, ALL_SEVERITIES, "day-one"))
    notes = (*now.informs, *later.informs)
    if now.blocks:
        return Fit("does_not_fit", now.blocks, notes)
    asks = tuple(finding for finding in now.asks if finding.severity == "block")
    if asks:
        return Fit("ask", asks, notes)
    conditions = (*now.warnings, *later.blocks, *later.warnings)
    return Fit("fits_if" if conditions else "fits", conditions, notes)


@cache
def _rules_for(
    subjects: frozenset[Subject], severities: frozenset[Severity], at: Due | None
) -> tuple[Rule, ...]:
    return tuple(
        rule
        for rule in all_rules()
        if rule.subject in subjects and rule.severity in severities and at in (None, due(rule))
    )


def _judge(known: Facts, rules: Collection[Rule]) -> Verdict:
    failed: list[Finding] = []
    still_open: list[Finding] = []
    for rule in rules:
        outcome = decide(rule, known)
        if outcome.passes is False:
            failed.append(_finding(rule))
        elif outcome.passes is None:
            still_open.append(_finding(rule, outcome.missing))
    return Verdict(
        blocks=tuple(f for f in failed if f.severity == "block"),
        warnings=tuple(f for f in failed if f.severity == "warn"),
        informs=tuple(f for f in failed if f.severity == "inform"),
        asks=tuple(f for f in still_open if _only_candidate(f.missing)),
        undecided=tuple(f for f in still_open if not _only_candidate(f.missing)),
    )


def _hands_off(rotation_facts: Mapping[str, object]) -> bool:
    activities = known_facts(rotation_facts).get("rotation.scope_activities")
    hands_on = str(rotation_facts.get("rotation.level", "")).startswith("hands-on-")
    declared = activities if isinstance(activities, frozenset) else frozenset[str]()
    return hands_on and not scope_supports_hands_on(declared)


def _finding(rule: Rule, missing: frozenset[str] = frozenset()) -> Finding:
    return Finding(rule.code, rule.subject, rule.severity, rule.message, missing, rule.because)


def _only_candidate(missing: frozenset[str]) -> bool:
    return all(name.startswith("candidate.") for name in missing)
