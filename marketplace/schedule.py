"""Every periodic job, on one screen.

A tick only says "look now": each job selects the rows that are due and hands each to its own
narrow session, so a missed slot heals with the next one and two tickers are harmless.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Periodic:
    """A topic that is run every `seconds` of real time."""

    topic: str
    seconds: int


DAILY = 86_400

SCHEDULE: tuple[Periodic, ...] = (
    Periodic("bookings.expire_due", 5),
    Periodic("bookings.charge_deposits", 5),
    Periodic("bookings.remind", 60),
    Periodic("payments.charge_due", 5),
    Periodic("payments.settle_unknown", 15),
    Periodic("payments.send_refunds", 5),
    Periodic("payments.release_due", 10),
    Periodic("payments.send_transfers", 10),
    Periodic("payments.poll_events", 60),
    Periodic("payments.sum_up_refusals", 60),
    Periodic("placements.check_in_due", 30),
    Periodic("reviews.release_due", 15),
    Periodic("verification.expire_due", 60),
    Periodic("verification.check_due", 300),
    Periodic("listings.follow_checks", 60),
    Periodic("notifications.holds_running", 30),
    Periodic("notifications.installments_due", 60),
    Periodic("notifications.starts_soon", 60),
    Periodic("notifications.letters_due", 300),
    Periodic("listings.close_near", 300),
    Periodic("search.refresh_due", 300),
    Periodic("storefront.check_domains", 60),
    Periodic("saved.compare_due", 60),
    Periodic("saved.send_digests", 300),
    Periodic("numbers.flush_views", 60),
    Periodic("numbers.measure", 900),
    Periodic("archive.expire_due", 300),
    Periodic("imports.forget_due", DAILY),
    Periodic("core.seal_audit", 30),
    Periodic("core.clean", 3600),
    Periodic("core.sweep_files", DAILY),
    Periodic("accounts.end_view_as", 60),
    Periodic("accounts.clean", 3600),
)
