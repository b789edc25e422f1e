"""Tokens of sign-ins and links: 256 random bits, of which only a hash is stored."""

import hashlib


def token_hash(token: str) -> bytes:
    """What is stored. A fast hash is enough: nobody can guess 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).digest()
