"""Sends queued events to the product, signed like Stripe's, until they are accepted."""

import hashlib
import hmac
import logging
import sqlite3
import threading
import time
from dataclasses import dataclass

import urllib3

from demo.stripe_double.store import Store
from demo.stripe_double.switches import Switches

TIMEOUT_SECONDS = 10
POLL_SECONDS = 0.1
FIRST_RETRY_SECONDS = 1
LONGEST_RETRY_SECONDS = 60
MOST_ATTEMPTS = 20

logger = logging.getLogger(__name__)


def sign(body: bytes, secret: str, moment: int) -> str:
    """The `Stripe-Signature` header."""
    digest = hmac.new(secret.encode(), b"%d." % moment + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


@dataclass(frozen=True)
class Delivery:
    """One event on its way."""

    id: int
    body: bytes
    attempts: int


class Courier(threading.Thread):
    """One delivery at a time. The queue is in the store, so a restart goes on where it ended."""

    def __init__(self, store: Store, url: str, secret: str) -> None:
        super().__init__(name="courier", daemon=True)
        self._store = store
        self._url = url
        self._secret = secret
        self._stopping = threading.Event()
        self._http = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                idle = not self._deliver()
            except sqlite3.OperationalError as error:  # another process holds the file
                logger.warning("webhooks wait: %s", error)
                idle = True
            if idle:
                self._stopping.wait(POLL_SECONDS)

    def _deliver(self) -> bool:
        """Send what is next. Whether there was anything."""
        delivery = self._next()
        if delivery is not None:
            self._settle(delivery, self._send(delivery))
        return delivery is not None

    def _next(self) -> Delivery | None:
        with self._store.transaction() as connection:
            switches = Switches.load(connection)
            if switches.paused:
                return None
            order = "DESC" if switches.reorder else "ASC"
            row = connection.execute(
                "SELECT id, body, attempts FROM delivery WHERE state = 'pending' AND due <= ?"
                f" ORDER BY id {order} LIMIT 1",
                (time.time(),),
            ).fetchone()
        return Delivery(row[0], row[1].encode(), row[2]) if row else None

    def _send(self, delivery: Delivery) -> str:
        """Post the event; returns the status, or what went wrong."""
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (double)",
            "Stripe-Signature": sign(delivery.body, self._secret, int(time.time())),
        }
        try:
            answer = self._http.request(
                "POST", self._url, body=delivery.body, headers=headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            logger.info("webhook not delivered: %s", error)
            return type(error).__name__
        return str(answer.status)

    def _settle(self, delivery: Delivery, answer: str) -> None:
        attempts = delivery.attempts + 1
        wait = min(FIRST_RETRY_SECONDS * 2**delivery.attempts, LONGEST_RETRY_SECONDS)
        state = "pending"
        if answer.startswith("2"):
            state = "delivered"
        elif attempts >= MOST_ATTEMPTS:
            state = "given up"
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE delivery SET state = ?, attempts = ?, answer = ?, due = ? WHERE id = ?",
                (state, attempts, answer, time.time() + wait, delivery.id),
            )
