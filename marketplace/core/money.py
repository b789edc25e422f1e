"""Money is an integer number of U.S. cents. Nothing here, or anywhere, uses floating point."""


def dollars(cents: int) -> str:
    """Text for people: `$1,650`, and `$1,650.50` when the amount is not whole dollars."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}${whole:,}.{rest:02d}" if rest else f"{sign}${whole:,}"


def split_evenly(cents: int, parts: int) -> tuple[int, ...]:
    """`cents` in `parts` amounts that sum to it exactly and differ by at most one cent.

    The first `cents % parts` amounts take the spare cents (installment rule `rounding-rest`).
    Raises `ValueError` for a negative amount or less than one part.
    """
    if cents < 0 or parts < 1:
        raise ValueError(f"cannot split {cents} cents into {parts} parts")
    each, spare = divmod(cents, parts)
    return (each + 1,) * spare + (each,) * (parts - spare)


def share_of(cents: int, part: int, whole: int) -> int:
    """`part / whole` of `cents`, half a cent rounded up.

    Half up is the rounding of deposits (installment rule `rounding-deposit`) and of refunds,
    where it favours the candidate. Raises `ValueError` for a negative number or no whole.
    """
    if cents < 0 or part < 0 or whole < 1:
        raise ValueError(f"cannot take {part}/{whole} of {cents} cents")
    return (2 * cents * part + whole) // (2 * whole)


def percent_of(cents: int, percent: int) -> int:
    """`percent` of `cents`, rounded as in `share_of`. Raises `ValueError` for negatives."""
    return share_of(cents, percent, 100)
