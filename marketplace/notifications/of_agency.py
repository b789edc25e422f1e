"""Tells an agency's team what happened to the agency itself: its address, its export."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from marketplace.core import context, outbox
from marketplace.notifications.delivery import Readers, deliver
from marketplace.notifications.letters import Fact, compose
from marketplace.notifications.messages import messages_for
from marketplace.tenants.models import Agency

TOPIC = "notifications.tell"
OCCASIONS = frozenset({"site_address", "export_ready"})


def enqueue(
    session: Session, occasion: str, agency_id: UUID, *, variant: str, once: str, **slots: str
) -> None:
    """Have the team told in a job of its own. `slots` fill the words and are its facts; `once`
    tells this occasion from the next of its kind."""
    detail = slots | {"agency_id": str(agency_id), "variant": variant, "once": once}
    payload = {"occasion": occasion, "detail": detail, "ticket": ""}
    outbox.enqueue(session, TOPIC, payload, scope=context.system("notify"))


def tell_of_agency(session: Session, occasion: str, detail: Mapping[str, str]) -> None:
    """Tell everybody on the team whom the table names (system session)."""
    agency = session.get_one(Agency, UUID(detail["agency_id"]))
    kept = {k: v for k, v in detail.items() if k not in ("agency_id", "variant", "once")}
    facts = tuple(
        Fact(label.replace("_", " ").capitalize(), words) for label, words in kept.items()
    )
    for message in messages_for(occasion):
        slots = {"agency": agency.name} | kept
        places = {"agency": agency.slug}
        words = compose(message, slots, facts, places, variant=detail["variant"])
        key = f"{message.slug}:{agency.id}:{detail['once']}"
        deliver(session, message, words, Readers(agency_id=agency.id), key)
