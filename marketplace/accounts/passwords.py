"""Passwords: argon2id, long passphrases, nothing that everybody uses.

NIST SP 800-63B-4: length decides, not character classes; known and obvious passwords are refused;
all characters are allowed. The hash settings are OWASP's minimum for argon2id (19 MiB, 2 passes),
so that two web workers stay within their memory.
"""

import re
import unicodedata
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from marketplace.core import ids
from marketplace.core.reference import DATA

MIN_LENGTH = 12
MAX_LENGTH = 200  # an endless password would only keep the hash busy

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_LOOKALIKES = str.maketrans("0134578@$!", "oieastbasi")
_REST_AT_LEAST = 8  # characters beside the own name or address


def hashed(password: str) -> str:
    """The argon2id hash to store. The caller has checked it with `complaint`."""
    return _hasher.hash(_plain(password))


def matches(stored: str | None, password: str) -> bool:
    """Is this the password? Without a stored hash the same work is done, and the answer is no."""
    try:
        found = _hasher.verify(stored or _dummy(), _plain(password)[: MAX_LENGTH * 4])
    except (VerifyMismatchError, InvalidHashError):
        return False
    return found and stored is not None


def is_outdated(stored: str) -> bool:
    """Was this hash made with weaker settings than today's?"""
    return _hasher.check_needs_rehash(stored)


def complaint(password: str, *, email: str = "", name: str = "") -> str | None:
    """Why this password is refused, in words for the person; None when it is fine."""
    if len(password) < MIN_LENGTH:
        return f"Use at least {MIN_LENGTH} characters. A few words in a row are easy to remember."
    if len(password) > MAX_LENGTH:
        return f"Use at most {MAX_LENGTH} characters."
    folded = _plain(password).casefold()
    if _is_common(folded) or _is_pattern(folded):
        return "Too many people use a password like this one. Choose a few unrelated words."
    if _is_about(folded, email, name):
        return "Leave your name and your e-mail address out of the password."
    return None


def _plain(password: str) -> str:
    """One form for what looks the same on different keyboards."""
    return unicodedata.normalize("NFKC", password)


@cache
def _dummy() -> str:
    return _hasher.hash(ids.token())


@cache
def _common() -> frozenset[str]:
    lines = (DATA / "common_passwords.txt").read_text("utf-8").split()
    return frozenset(lines) | {line.translate(_LOOKALIKES) for line in lines}


def _is_common(folded: str) -> bool:
    """In the list, also with digits and signs around it or in place of letters."""
    joined = re.sub(r"[\s_.-]+", "", folded)
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", joined)
    forms = {folded, joined, core, joined.translate(_LOOKALIKES), core.translate(_LOOKALIKES)}
    return not forms.isdisjoint(_common())


def _is_pattern(folded: str) -> bool:
    """Few different characters, one piece repeated, or a run such as 34567890."""
    if len(set(folded)) < 5 or (folded + folded).find(folded, 1) < len(folded):
        return True
    steps = [ord(after) - ord(before) for before, after in pairwise(folded)]
    in_a_row = sum(step in (1, -1) for step in steps)
    return in_a_row >= 0.7 * len(steps)


def _is_about(folded: str, email: str, name: str) -> bool:
    """Little is left without the person's own name and address."""
    local, _, domain = email.casefold().partition("@")
    own = [local, domain.partition(".")[0], *re.split(r"[._+-]", local), *name.casefold().split()]
    rest = folded
    for piece in sorted({piece for piece in own if len(piece) >= 4}, key=len, reverse=True):
        rest = rest.replace(piece, "")
    return rest != folded and len(rest) < _REST_AT_LEAST
