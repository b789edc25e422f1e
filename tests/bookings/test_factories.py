"""Every state that the factories promise is reached through the real operations."""

import pytest

from tests import factories


@pytest.mark.parametrize("state", [s for s in factories._PATH if s != "terms"])
def test_every_state_is_reached(app, state):
    made = factories.booking(factories.market(), factories.candidate(), state)
    assert made.state == state


def test_accepted_terms_write_a_plan_and_keep_the_hold(app):
    made = factories.booking(factories.market(), factories.candidate(), "terms")
    assert made.state == "held"
    assert made.plan_id is not None
