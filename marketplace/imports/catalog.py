"""The kinds of file there are."""

from collections.abc import Mapping

from marketplace.core.errors import NotFound
from marketplace.imports.attendings import Attendings
from marketplace.imports.kinds import Kind
from marketplace.imports.listings import Listings
from marketplace.imports.offerings import Offerings
from marketplace.imports.planning import sheet_of
from marketplace.imports.sites import Sites

# in the order in which a new agency needs them
KINDS: Mapping[str, Kind] = {
    kind.slug: kind for kind in (Sites(), Attendings(), Listings(), Offerings())
}


def kind_of(slug: str) -> Kind:
    """The kind of that name; NotFound for another."""
    try:
        return KINDS[slug]
    except KeyError:
        raise NotFound from None


def template(kind: Kind) -> bytes:
    """A file with every column and one example row."""
    return sheet_of(kind, [{column.name: column.example for column in kind.columns}])
