"""kill -9 of the real processes, one after the other without a pause, while people book by HTTP.

A candidate asks for several seats, the agency approves, the attending accepts, and the months of
the installments pass. Meanwhile web, worker, clockwork and Valkey are killed at moments that
nobody chose, also in the middle of a request, and the queue is emptied. What somebody was told is
done stays done, each installment is charged once, and no invariant is violated.
"""

import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Event, Thread
from uuid import UUID

import pytest
import requests

from demo.stack import Place
from tests.contracts.pages import form_to
from tests.e2e.conftest import PATIENCE, House, until
from tests.e2e.visitor import Visitor, ticked
from tests.support.counts import count
from tests.support.processes import RunningStack

pytestmark = pytest.mark.browser  # the lane of the real processes; it needs no browser

AGENCY = "harborlight-rotations"
VICTIMS = ("web", "worker", "clockwork", "valkey", "queue")
SEATS = 3
KILLS = 10  # in each of the four stages; five times as many with --full


class Killer:
    """Kills one process after the other, in an order and at moments of chance, until it has killed
    enough and is asked to stop."""

    def __init__(self, stack: RunningStack, dice: random.Random) -> None:
        self.kills: Counter[str] = Counter()
        self._stack, self._dice = stack, dice
        self._over = Event()
        self._thread = Thread(target=self._rage)
        self.failed: BaseException | None = None

    def _rage(self) -> None:
        try:
            turns: list[str] = []
            while not self._over.wait(self._dice.uniform(0.05, 1.0)):
                turns = turns or self._dice.sample(VICTIMS, len(VICTIMS))
                self._kill(turns.pop())
        except BaseException as error:  # noqa: BLE001  (the test says what went wrong)
            self.failed = error

    def _kill(self, name: str) -> None:
        if name == "queue":
            self._stack.flush_valkey()
        else:
            self._stack.kill9(name)
            self._stack.restart(name)
        self.kills[name] += 1

    def has_killed(self, enough: int) -> bool:
        """Whether so many processes were killed; an emptied queue is not one of them."""
        return self.failed is not None or self.kills.total() - self.kills["queue"] >= enough

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._over.set()
        self._thread.join()
        if self.failed is not None:
            raise self.failed


@dataclass(frozen=True)
class Booking:
    """A seat that was asked for."""

    reference: str

    @property
    def mine(self) -> str:
        """Its address for the candidate."""
        return f"/me/bookings/{self.reference}"


def starts(house: House, doctor: str) -> Iterator[tuple[str, date]]:
    """Starts of this doctor's rotations, far enough from each other, from 100 days on."""
    query = {"q": doctor, "agency": AGENCY, "accepts": "graduate", "weeks": "4"}
    found = requests.get(f"{house.stack.url}/api/v1/rotations", params=query, timeout=10).json()
    earliest = house.now().date() + timedelta(days=100)
    free = sorted(
        (date.fromisoformat(first_day), hit["url"])
        for hit in found["hits"]
        for first_day, seats in hit["seats_left"].items()
        if seats
    )
    for first_day, address in free:
        if first_day >= earliest:
            yield address.rsplit("/", 1)[1], first_day
            earliest = first_day + timedelta(days=35)


def ask_for(candidate: Visitor, slug: str, first_day: date) -> Booking:
    """Hold the seat. The same form is sent until its answer arrives: it is one booking."""
    path = f"/me/request/{slug}?start={first_day}&weeks=4"
    form = form_to(candidate.get(path).text, "/me/requests")
    fields = form.sent() | {"weeks": "4"}
    end = time.monotonic() + PATIENCE
    while not (leads := candidate.post("/me/requests", fields)):
        assert time.monotonic() < end
        time.sleep(0.1)
    found = re.search(r"RND-[0-9A-Z]+", leads)
    assert found, leads
    return Booking(found[0])


def request(candidate: Visitor, house: House, slug: str, first_day: date) -> Booking:
    """From the free start to the sent request; one after the other, as a new hold ends an old."""
    booking = ask_for(candidate, slug, first_day)
    go_on(candidate, booking, house.stack.place)
    return booking


def go_on(candidate: Visitor, booking: Booking, place: Place) -> None:
    """Answer, agree and save a card, until the form of the card leads to the sent request."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        page = candidate.get(f"{booking.mine}/card")  # leads to the step that is next
        path = page.url.removeprefix(candidate.url).split("?")[0]
        if path == booking.mine:
            return  # the answer was lost, the request was sent
        if path.endswith("/card"):
            give_card(page.text, place)
        if candidate.post(path, ticked(page.text, path)) == booking.mine:
            return
    raise AssertionError(f"{booking.reference} was not requested")


def give_card(page: str, place: Place) -> None:
    """What the provider's script does in the browser."""
    given = dict(re.findall(r'data-(publishable-key|client-secret)="([^"]+)"', page))
    key, secret = given["publishable-key"], given["client-secret"]
    api = f"{place.double_url}/v1"
    number = {"number": "4242424242424242", "exp_month": "12", "exp_year": "2034", "cvc": "123"}
    card = {"key": key, "type": "card"} | {f"card[{name}]": text for name, text in number.items()}
    made = requests.post(f"{api}/payment_methods", data=card, timeout=10).json()
    answer = requests.post(
        f"{api}/setup_intents/{secret.split('_secret_')[0]}/confirm",
        data={"key": key, "client_secret": secret, "payment_method": made["id"]},
        timeout=10,
    )
    assert answer.status_code == 200, answer.text


def press(person: Visitor, path: str, action: str) -> None:
    """Press a button of a page until it is not there any more."""
    end = time.monotonic() + PATIENCE
    while f'action="{action}"' in person.get(path).text:
        assert time.monotonic() < end, action
        person.send(path, action)


def parts(house: House, bookings: list[Booking]) -> list[tuple[str, str]]:
    """The installments of these bookings: id as the provider knows it, and state."""
    wanted = [one.reference for one in bookings]
    with closing(sqlite3.connect(house.stack.var / "rounds.db")) as database:
        rows = database.execute(
            "SELECT i.id, i.state FROM installment i JOIN booking b ON b.plan_id = i.plan_id"
            f" WHERE b.reference IN ({', '.join('?' * len(wanted))})",
            wanted,
        ).fetchall()
    return [(str(UUID(key)), state) for key, state in rows]


def states(house: House, bookings: list[Booking]) -> Counter[str]:
    """How many installments are in which state."""
    return Counter(state for _, state in parts(house, bookings))


def succeeded(house: House) -> Counter[str]:
    """How often the provider charged each installment."""
    answer = requests.get(f"{house.stack.double_url}/_test/charges", timeout=10).json()
    return Counter(one["metadata"].get("installment_id", "") for one in answer["data"])


def says(person: Visitor, booking: Booking, words: str) -> bool:
    """Whether the candidate's page of a booking says so now."""
    return words in person.get(booking.mine).text


@contextmanager
def nobody_is_safe(house: House, killed: Counter[str]) -> Iterator[None]:
    """Processes die until the block has ended and enough of them have been killed; then calm."""
    killer = Killer(house.stack, random.Random(killed.total()))
    with killer:
        yield
        until(lambda: killer.has_killed(count(KILLS, 5 * KILLS)), "killed enough", 600)
    killed.update(killer.kills)


def test_nothing_is_lost_however_often_processes_are_killed(house: House) -> None:
    candidate, owner, attending = (Visitor(house, r) for r in ("candidate", "owner", "attending"))
    named = re.search(r'class="switch__name".*?<b>([^<]+)', attending.get("/attending").text, re.S)
    assert named
    doctor = named[1].split(",")[0].split()[-1]
    chosen = [start for start, _ in zip(starts(house, doctor), range(SEATS), strict=False)]
    assert len(chosen) == SEATS
    killed: Counter[str] = Counter()
    with nobody_is_safe(house, killed):
        bookings = [request(candidate, house, *start) for start in chosen]
    with nobody_is_safe(house, killed):
        for one in bookings:
            desk = f"/agency/{AGENCY}/bookings/{one.reference}"
            press(owner, desk, f"{desk}/approve")
        for one in bookings:
            seat = f"/attending/bookings/{one.reference}"
            press(attending, seat, f"{seat}/accept")
    with nobody_is_safe(house, killed):
        house.later(minutes=20)
    until(lambda: states(house, bookings)["paid"] == SEATS, "the deposits")
    with nobody_is_safe(house, killed):
        house.later(days=31)
    until(lambda: states(house, bookings)["paid"] > SEATS, "the next month")
    while states(house, bookings)["scheduled"]:
        before = states(house, bookings)["paid"]
        house.later(days=31)
        until(lambda before=before: states(house, bookings)["paid"] > before, "the next month")
    until(lambda: set(states(house, bookings)) == {"paid"}, "all is paid")
    assert set(killed) == set(VICTIMS)
    house.check()
    charged = succeeded(house)
    assert {charged[key] for key, _ in parts(house, bookings)} == {1}
    for one in bookings:
        assert says(candidate, one, "Your seat is confirmed"), one.reference
    print(dict(killed))
