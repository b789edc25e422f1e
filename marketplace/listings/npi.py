"""National Provider Identifiers: ten digits, checked without asking anybody.

The last digit is a Luhn check digit over `80840` and the first nine. Numbers are issued with
first digit 1 or 2; a leading 9 belongs to nobody and is accepted for demo data only.
"""

import re

PREFIX = "80840"


def valid_npi(text: str, *, demo: bool = False) -> bool:
    """Is this text, exactly, a well-formed NPI? It says nothing about who holds it."""
    first_digits = "129" if demo else "12"
    return (
        re.fullmatch(r"[0-9]{10}", text) is not None
        and text[0] in first_digits
        and text[9] == check_digit(text[:9])
    )


def check_digit(nine: str) -> str:
    """The tenth digit for nine ASCII digits. Raises `ValueError` for anything else."""
    if not re.fullmatch(r"[0-9]{9}", nine):
        raise ValueError("an NPI has nine digits before its check digit")
    total = 0
    for place, char in enumerate(reversed(PREFIX + nine)):
        digit = int(char) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)
