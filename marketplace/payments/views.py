"""What the payment provider sends us."""

import logging

from flask import request
from sqlalchemy.exc import IntegrityError

from marketplace.core import audit, context, jobs, web
from marketplace.core.context import SYSTEM
from marketplace.core.db import open_session
from marketplace.payments.gateway import BadEvent
from marketplace.payments.gateways import gateway
from marketplace.payments.jobs import receive_event

log = logging.getLogger("rounds.payments")

hooks = web.Room("payment_hooks", __name__, side="public")

Answer = tuple[dict[str, object], int]


@hooks.post("/webhooks/stripe")
@web.machine
def stripe_event() -> Answer:
    """Keep a signed event for the worker; the answer 200 means that it is stored.

    A body that the provider did not sign is refused and noted. An event that we have already is
    fine: the provider sends each at least once.
    """
    body = request.get_data(cache=False)
    try:
        event = gateway().parse_event(body, request.headers.get("Stripe-Signature", ""))
    except (BadEvent, UnicodeDecodeError) as error:
        _note_refusal(str(error), len(body))
        return {"error": "not a signed event"}, 400
    try:
        with open_session(context.system("receive webhook")) as session:
            new = receive_event(session, event.id, event.type, event.object_id)
    except IntegrityError:
        new = False
    if new:
        jobs.wake(web.config().redis_url)
    return {"received": event.id, "new": new}, 200


def _note_refusal(reason: str, size: int) -> None:
    log.warning("webhook refused", extra={"reason": reason})
    with open_session(context.system("refused webhook")) as session:
        audit.record(
            session,
            SYSTEM,
            "payments.webhook_refused",
            f"address:{request.remote_addr or 'unknown'}",
            reason=reason[:200],
            bytes=size,
        )
