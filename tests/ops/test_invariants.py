"""`bin/marketplace check`: every invariant names its planted fault, and only that one does."""

import re
from collections.abc import Iterator
from contextlib import nullcontext

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from marketplace import cli, invariants
from marketplace.core import logs
from marketplace.core.db import ScopedSession
from tests.ops import planted
from tests.ops.faults import FAULTS, NOT_ON_SQLITE, UNOWNED, Plant
from tests.ops.planted import World
from tests.support import apps, database

HERE = [one for one in FAULTS if database.IS_POSTGRES or one[0] not in NOT_ON_SQLITE]
CODES = {check.promise: check.code for check in invariants.ALL}


@pytest.fixture(scope="module")
def app(migrated: None) -> Iterator[Flask]:
    database.wipe()
    with apps.core() as core:
        yield core


@pytest.fixture(scope="module")
def world(app: Flask) -> World:
    return planted.build()


@pytest.fixture(autouse=True)
def _of_this_process(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command in this process, on the world's app and clock."""
    monkeypatch.setattr(cli, "core_app", lambda: app)
    monkeypatch.setattr(logs, "configure", lambda *_: None)


def check(monkeypatch: pytest.MonkeyPatch, session: ScopedSession | None = None) -> Result:
    """Run it; on the session of a fault when there is one."""
    with monkeypatch.context() as patch:
        if session is not None:
            patch.setattr(cli, "open_session", lambda *_, **__: nullcontext(session))
        return CliRunner().invoke(cli.cli, ["check"])


def failed(result: Result) -> dict[str, str]:
    """Promise to code of every line that says FAIL."""
    lines = re.findall(r"^FAIL +\d+  (\S+) +(.+)$", result.output, re.MULTILINE)
    return {promise: code for code, promise in lines}


def test_a_world_without_faults_passes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    result = check(monkeypatch)
    assert (result.exit_code, failed(result)) == (0, {}), result.output
    assert f"{len(CODES)} of {len(CODES)} invariants hold" in result.output
    with planted.with_fault() as session:
        assert check(monkeypatch, session).output == result.output


def test_every_invariant_has_a_planted_fault() -> None:
    """A new check comes with the fault that it finds, here."""
    assert {promise for promise, *_ in FAULTS} | {UNOWNED[0]} == set(CODES)
    assert len(CODES) == len(invariants.ALL)
    assert set(CODES.values()) == {
        *("I1", "I2", "I3", "I4", "I5", "I6", "I8", "I10", "I11", "I12", "I13", "I14", "I15"),
        *("I16", "I17", "I19", "I21"),
        *("V1", "V2", "V3", "V4", "V5", "V6", "V7", "V8", "V9"),
        "core",
    }


@pytest.mark.parametrize(
    ("promise", "plant", "also"), [(one[0], *one[2:]) for one in HERE], ids=[one[1] for one in HERE]
)
def test_a_fault_is_named_by_its_invariant_alone(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    promise: str,
    plant: Plant,
    also: tuple[str, ...],
) -> None:
    with planted.with_fault(lambda: plant(world)) as session:
        result = check(monkeypatch, session)
    assert failed(result) == {text: CODES[text] for text in (promise, *also)}, result.output
    assert result.exit_code == 1


def test_a_table_that_says_not_who_owns_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    promise, model = UNOWNED
    with monkeypatch.context() as patch:
        patch.delattr(model, "__owned__")
        result = check(monkeypatch)
    assert (result.exit_code, failed(result)) == (1, {promise: CODES[promise]}), result.output


def test_a_fault_that_stays_is_named_by_the_command_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Committed, and asked by a session of the command's own."""
    promise, _, plant, _ = next(one for one in FAULTS if one[0].startswith("seats taken"))
    with database.untriggered() as connection:
        planted.plant_on(connection, lambda: plant(world))
    result = check(monkeypatch)
    assert (result.exit_code, failed(result)) == (1, {promise: "I3"})
    assert f"offering {world.market.offerings[0]}: taken 2, bookings 1" in result.output
    assert f"{len(CODES) - 1} of {len(CODES)} invariants hold" in result.output
