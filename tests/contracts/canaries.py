"""A canary in every text of a house's rows, and the ids, names and tokens that are theirs alone.

`plant` writes a canary into every column of text, JSON or bytes of each row that a house owns,
except those whose value is a word of the machine. What is not planted is known by its own value:
ids, references, slugs, tokens, digests. `found` names every canary and every such value of a house
that a text holds. `PUBLIC` says what is meant for everybody: nothing else may leave a house.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote
from uuid import UUID

from sqlalchemy import JSON, LargeBinary, String, Table, Uuid

from marketplace.core.db import Base
from tests.contracts.tables import Row, State
from tests.support import database

# Words of the machine: enumerations, keys of lists, addresses, money, outside ids. Not planted.
MACHINE = frozenset(
    {
        *("state", "status", "kind", "type", "role", "event", "source", "target", "actor_kind"),
        *("action", "subject", "currency", "time_zone", "setting", "city", "country", "specialty"),
        *("level", "interaction", "share", "cause", "decision", "purpose", "frequency", "what"),
        *("slug", "npi", "key", "reference", "token", "seal", "digest", "sha256", "media_type"),
        *("dedupe_key", "effect_key", "source_key", "external_id", "intent_id", "setup_id"),
        *("payout_account", "destination", "customer_id", "payment_method", "form_key", "url"),
        *("next_url", "query", "topic", "scope", "token_hash", "wrapped_key", "password_hash"),
        *("decide_token_hash", "cancellation_preset", "cancellation", "account", "letter_state"),
        *("student_year", "usmle_step_1", "usmle_step_2_ck", "ecfmg", "entry_status", "reason"),
        *("card_brand", "card_last4", "card_exp", "decline_code", "blocked_by", "address"),
        *("languages", "checks", "ratings", "attested", "declared", "accepts", "activities"),
        *("inclusions", "required_exams", "required_documents", "settings", "result", "signed"),
        *("email", "person_email"),  # known by themselves, and one address stands in many tables
        *("measured", "weekly", "prices", "price_parts", "taken_down_reason", "points"),
    }
)
# `reason` is a word of a list in some tables and free text in these.
FREE = frozenset(
    {
        *(("blackout", "reason"), ("evidence", "reason"), ("verification_step", "reason")),
        *(("view_as", "reason"), ("rotation", "taken_down_reason"), ("sign_in", "address")),
    }
)
_EMPTY = frozenset({"reply", "taken_down_reason"})  # that there is none means something
_NULL = frozenset({"reason_note"})  # there may be none, and one changes nothing
# What everybody may read of a row that is published (of tables with a `public` column: only then).
PUBLIC: Mapping[str, frozenset[str]] = {
    "agency": frozenset({"slug", "name", "tagline", "settings", "id"}),
    "attending": frozenset({"slug", "npi", "display_name", "id"}),
    "attending_check": frozenset({"attending_id", "npi", "source", "words"}),
    "attending_week": frozenset({"attending_id"}),
    "rotation": frozenset(
        {
            *("id", "slug", "title", "summary", "week_plan", "letter_policy", "eligibility"),
            *("agency_id", "attending_id", "site_id"),
        }
    ),
    "block": frozenset({"id", "rotation_id", "agency_id"}),
    "offering": frozenset({"id", "rotation_id", "agency_id", "attending_id"}),
    "site": frozenset({"id", "slug", "name", "affiliation", "agency_id"}),
    "storefront_page": frozenset({"slug", "live_title", "live_text", "agency_id"}),
    "agency_domain": frozenset({"host", "agency_id"}),
    "review": frozenset({"id", "author", "text", "reply", "rotation_id"}),
}
_MARK = re.compile(r"zqx(alpha|beta)(\d+)([pq])")
_WORDS = re.compile(r"[a-z0-9][a-z0-9_-]{7,}")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EMAIL = re.compile(r"[\w.+-]+@[\w.-]+\w")
_SENTENCE = re.compile(r"[^\W\d_]{2,}\s+\S+")


@cache
def columns() -> list[tuple[str, str]]:
    """Every (table, column) that can hold text, JSON or bytes, in a fixed order."""
    return [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (String, JSON, LargeBinary))
        and not isinstance(column.type, Uuid)
    ]


def planted() -> list[tuple[str, str]]:
    """The columns that take a canary."""
    return [
        (table, column)
        for table, column in columns()
        if (table, column) in FREE
        or (
            column not in MACHINE
            and not Base.metadata.tables[table].columns[column].primary_key
            and not Base.metadata.tables[table].columns[column].foreign_keys
        )
    ]


def mark(house: str, table: str, column: str, *, public: bool = False) -> str:
    """The canary of a column in a house: another one where it is meant for everybody."""
    return f"zqx{house}{columns().index((table, column))}{'p' if public else 'q'}"


def house_of(owners: Mapping[UUID, str], table: str, row: Row) -> str | None:
    """Whose row it is: by its agency, else by its person. None: nobody's, or the platform's."""
    owned = _owned()[table]
    for name in ((owned.agency,) if owned.agency else ()) + owned.people:
        if (value := row[str(name)]) is not None:
            return owners.get(value)
    return None


@cache
def _owned() -> dict[str, Any]:
    return {str(m.local_table): m.class_.__owned__ for m in Base.registry.mappers}


# --- planting -----------------------------------------------------------------------------------


def plant(owners: Mapping[UUID, str], word: Callable[[str, str], str] | None = None) -> None:
    """A canary in every planted column of every row that a house owns; or another word instead of
    the text, chosen by table and column."""
    wanted: dict[str, list[str]] = {}
    for table, column in planted():
        wanted.setdefault(table, []).append(column)
    with database.untriggered() as connection:
        for name, names in wanted.items():
            table = Base.metadata.tables[name]
            key = list(table.primary_key.columns)
            for row in connection.execute(table.select()).mappings().all():
                if (house := house_of(owners, name, row)) is None:
                    continue
                values = {
                    c: _instead(row[c], word(name, c), c)
                    if word
                    else _with(row[c], mark(house, name, c, public=is_public(name, row, c)), c)
                    for c in names
                }
                where = [column == row[column.key] for column in key]
                connection.execute(table.update().where(*where).values(values))


def _with(value: Any, canary: str, column: str) -> Any:
    """The value with a canary in it, still a value of its kind."""
    if isinstance(value, bytes):
        return value + canary.encode()
    if value is None and column in _NULL:
        return canary
    if isinstance(value, dict):
        return {key: _with(one, canary, "") for key, one in value.items()}
    if isinstance(value, list):
        return [_with(one, canary, "") for one in value]
    if not isinstance(value, str) or (not value and column in _EMPTY):
        return value
    if column == "" and not _SENTENCE.search(value):  # inside JSON: only what people wrote
        return value
    return f"{value} {canary}".strip()


def takes(value: Any, column: str) -> bool:
    """Can this value carry a word?"""
    return bool(_with(value, "zq", column) != value)


def _instead(value: Any, word: str, column: str) -> Any:
    """The word in the place of a text, still a value of its kind."""
    if isinstance(value, dict):
        return {key: _instead(one, word, "") for key, one in value.items()}
    if isinstance(value, list):
        return [_instead(one, word, "") for one in value]
    if not isinstance(value, str) or (not value and column in _EMPTY):
        return value
    return word if column or _SENTENCE.search(value) else value


# --- finding ------------------------------------------------------------------------------------


@dataclass
class Canaries:
    """What is whose in a state of the tables."""

    owners: Mapping[UUID, str]
    state: State
    closed: frozenset[str] = frozenset()  # houses of which nothing is public any more
    _own: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read what stands in one house's rows only, and is not meant for everybody."""
        held: dict[str, dict[str, str]] = {"alpha": {}, "beta": {}}
        shared: set[str] = set()
        for table, rows in self.state.items():
            for row in rows.values():
                house = house_of(self.owners, table, row)
                for column, word in _words_of(row):
                    if house is None or is_public(table, row, column):
                        shared.add(word)
                    else:
                        held[house].setdefault(word, f"{table}.{column}")
        for house, other in (("alpha", "beta"), ("beta", "alpha")):
            self._own[house] = {
                word: where
                for word, where in held[house].items()
                if word not in shared and word not in held[other]
            }

    def found(self, house: str, said: str, asked: str = "") -> list[str]:
        """What of a house a text holds, as the columns it stands in; what was `asked` for by name
        may be echoed."""
        said, asked = said.lower(), unquote(asked).lower()
        own = self._own[house]
        words = {word for pattern in (_WORDS, _UUID, _EMAIL) for word in pattern.findall(said)}
        seen = {f"{own[word]} ({word})" for word in words if word in own and word not in asked}
        for other, number, kind in _MARK.findall(said):
            table, column = columns()[int(number)]
            shown = kind == "p" and (house not in self.closed or _owned()[table].public == "*")
            if other == house and not shown:
                seen.add(f"{table}.{column}")
        return sorted(seen)

    def foreign(self, house: str, after: State) -> list[str]:
        """The tables in which a row of a house was changed, added or removed."""
        moved = []
        for table, rows in after.items():
            before = self.state[table]
            if before == rows:
                continue
            for key in before.keys() | rows.keys():
                old, new = before.get(key), rows.get(key)
                if old != new and house in {
                    house_of(self.owners, table, row) for row in (old, new) if row is not None
                }:
                    moved.append(table)
        return sorted(set(moved))


def is_public(table: str, row: Row, column: str) -> bool:
    """Is this column of this row meant for everybody?"""
    flag = _owned()[table].public
    shown = flag == "*" or (flag is not None and bool(row[flag]))
    return shown and column in PUBLIC.get(table, frozenset())


def _words_of(row: Row) -> Iterator[tuple[str, str]]:
    """The words by which a row is known: ids, references, tokens, digests, addresses."""
    for column, value in row.items():
        if isinstance(value, UUID):
            yield column, str(value)
        elif isinstance(value, str) and _is_own(value):
            yield column, value.lower()


def _is_own(value: str) -> bool:
    """An address, or one word with a digit in it: not a word that others may use too."""
    if _EMAIL.fullmatch(value):
        return True
    one = _WORDS.fullmatch(value.lower()) and not _MARK.search(value.lower())
    named = value.startswith("RND-") or any(char.isdigit() for char in value)
    return bool(one) and named


def read(table: Table) -> str:
    """Every row of a table as text, for what the platform keeps for later (outbox, mail)."""
    with database.untriggered() as connection:
        return "\n".join(str(dict(row)) for row in connection.execute(table.select()).mappings())
