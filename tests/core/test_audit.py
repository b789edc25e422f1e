"""The audit chain finds what was changed, removed or reordered."""

import pytest
from sqlalchemy import delete, select, update

from marketplace.core import audit, context
from marketplace.core.audit import AuditEntry
from marketplace.core.db import open_session

SYSTEM = context.system("test")


@pytest.fixture
def sealed(app) -> None:
    with open_session(SYSTEM) as session:
        for number in range(5):
            audit.record(session, context.SYSTEM, "test.act", f"thing:{number}", number=number)
    with open_session(SYSTEM) as session:
        assert audit.seal(session) == 5


def broken() -> list[str]:
    with open_session(SYSTEM, readonly=True) as session:
        return audit.broken_links(session)


def test_an_untouched_chain_holds(sealed) -> None:
    assert broken() == []


def test_sealing_again_adds_only_what_is_new(sealed) -> None:
    with open_session(SYSTEM) as session:
        audit.record(session, context.SYSTEM, "test.more", "thing:6")
    with open_session(SYSTEM) as session:
        assert audit.seal(session) == 1
    assert broken() == []


@pytest.mark.parametrize(
    "tamper",
    [
        update(AuditEntry).where(AuditEntry.seq == 3).values(action="test.other"),
        update(AuditEntry).where(AuditEntry.seq == 2).values(detail={"number": 99}),
        delete(AuditEntry).where(AuditEntry.seq == 2),
    ],
    ids=["changed", "detail", "removed"],
)
def test_tampering_is_found(sealed, tamper) -> None:
    with open_session(SYSTEM) as session:
        session.execute(tamper)
    assert broken()


def test_swapped_entries_are_found(sealed) -> None:
    with open_session(SYSTEM) as session:
        two, three = session.scalars(
            select(AuditEntry).where(AuditEntry.seq.in_((2, 3))).order_by(AuditEntry.seq)
        )
        two.seq, three.seq = None, None
        session.flush()
        two.seq, three.seq = 3, 2
    assert broken()
