"""Why somebody says no: pairs of slug and words. Slugs are stored, words are shown."""

from collections.abc import Mapping

from marketplace.core.errors import Invalid

AGENCY_DECLINE = (
    ("dates", "These dates are no longer free"),
    ("requirements", "The site's requirements are not met"),
    ("documents", "The papers cannot be ready in time"),
    ("site-closed", "The site cannot take trainees then"),
    ("other", "Another reason"),
)
ATTENDING_DECLINE = (
    ("away", "I am away"),
    ("full", "Too many trainees then"),
    ("fit", "Not the right background"),
    ("other", "Another reason"),
)
PROVIDER_CANCEL = (
    ("site-closed", "The site cannot take trainees"),
    ("attending-away", "The attending is not there"),
    ("agency-error", "A mistake of ours"),
    ("other", "Another reason"),
)
_LABELS: Mapping[str, str] = dict((*AGENCY_DECLINE, *ATTENDING_DECLINE, *PROVIDER_CANCEL))


def label(slug: str) -> str:
    """The words of a reason; the slug itself when it is not one of ours."""
    return _LABELS.get(slug, slug)


def chosen(reasons: tuple[tuple[str, str], ...], slug: str) -> str:
    """The slug if it is one of `reasons`; Invalid for the field `reason` otherwise."""
    if slug not in dict(reasons):
        raise Invalid({"reason": "Choose a reason."})
    return slug
