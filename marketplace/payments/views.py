"""What the payment provider sends us."""

from flask import request
from sqlalchemy.exc import IntegrityError

from marketplace.core import context, jobs, web
from marketplace.core.db import open_session
from marketplace.payments import refusals
from marketplace.payments.gateway import BadEvent
from marketplace.payments.gateways import gateway
from marketplace.payments.jobs import receive_event

hooks = web.Room("payment_hooks", __name__, side="public")

Answer = tuple[dict[str, object], int]


@hooks.post("/webhooks/stripe")
@web.machine
def stripe_event() -> Answer:
    """Keep a signed event for the worker; the answer 200 means that it is stored.

    A body that the provider did not sign is refused and noted, the first ones of each minute. An
    event that we have already is fine: the provider sends each at least once.
    """
    body = request.get_data(cache=False)
    try:
        event = gateway().parse_event(body, request.headers.get("Stripe-Signature", ""))
    except (BadEvent, UnicodeDecodeError) as error:
        refusals.note(request.remote_addr or "", str(error), len(body))
        return {"error": "not a signed event"}, 400
    try:
        with open_session(context.system("receive webhook")) as session:
            new = receive_event(session, event.id, event.type, event.object_id)
    except IntegrityError:
        new = False
    if new:
        jobs.wake(web.config().redis_url)
    return {"received": event.id, "new": new}, 200
