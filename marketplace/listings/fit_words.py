"""A verdict of `eligibility.fit` in words: "Fits if ...", "Does not fit because ..."."""

from dataclasses import dataclass

from marketplace.listings.eligibility import Finding, Fit

_KINDS = {"fits": "yes", "fits_if": "if", "does_not_fit": "no", "ask": "ask"}
_ASKED = {
    "candidate.status": "your status",
    "candidate.student_year": "your year of medical school",
    "candidate.graduation_date": "your year of graduation",
    "candidate.years_since_graduation": "your year of graduation",
    "candidate.usmle_step_1": "your Step 1 result",
    "candidate.usmle_step_2_ck": "your Step 2 CK result",
    "candidate.home_school_vslo": "whether your school uses VSLO",
}


@dataclass(frozen=True)
class FitWords:
    """What a page says: `title` in one line, `text` with the whole reasons.

    kind: yes, if, no or ask (something has to be told first). `more` counts reasons that the
    title leaves out.
    """

    kind: str
    title: str
    text: str
    more: int = 0


def worded(fit: Fit) -> FitWords:
    """The verdict in words. Every reason of the verdict stands in `text`."""
    kind = _KINDS[fit.kind]
    text = " ".join(dict.fromkeys(reason.message for reason in fit.reasons))
    if kind == "yes":
        return FitWords(kind, "Fits you", "You meet every rule that we can check now.")
    if kind == "ask":
        asked = list(dict.fromkeys(_ASKED.get(fact, "more") for fact in _missing(fit.reasons)))
        listed = " and ".join(asked[:2])
        return FitWords(kind, f"Tell us {listed} to know if it fits", text, len(asked[2:]))
    because = list(dict.fromkeys(reason.because or reason.message for reason in fit.reasons))
    start = "Fits if" if kind == "if" else "Does not fit because"
    return FitWords(kind, f"{start} {because[0]}", text, len(because) - 1)


def _missing(reasons: tuple[Finding, ...]) -> list[str]:
    return [fact for reason in reasons for fact in sorted(reason.missing) if fact in _ASKED] or [""]
