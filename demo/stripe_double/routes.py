"""Every address of the API, who answers it, and the SDK type its parameters are checked with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from demo.stripe_double import (
    accounts,
    balance,
    checkout,
    customers,
    disputes,
    payment_intents,
    refunds,
    setup_intents,
    transfers,
)
from demo.stripe_double.call import Call
from demo.stripe_double.errors import ApiError
from demo.stripe_double.objects import Json

Handler = Callable[..., Json]


@dataclass(frozen=True)
class Route:
    """One address. `browser` routes also answer a publishable key."""

    method: str
    path: str
    handler: Handler
    params: str | None = None
    browser: bool = False


def read(kind: str) -> Handler:
    """Answer one object."""

    def handler(call: Call, params: Json, object_id: str) -> Json:
        return call.objects.get(object_id, kind)

    return handler


def listing(kind: str, *fields: str, per_account: bool = False) -> Handler:
    """Answer a page of objects, filtered by equality on `fields`."""

    def handler(call: Call, params: Json) -> Json:
        return call.objects.page(kind, call.account if per_account else "", fields, params)

    return handler


def read_payment_method(call: Call, params: Json, payment_method_id: str) -> Json:
    return customers.resolve(call, payment_method_id)


def list_cards(call: Call, params: Json, customer_id: str) -> Json:
    return call.objects.page(
        "payment_method", "", ("customer",), {**params, "customer": customer_id}
    )


ROUTES = (
    Route("POST", "customers", customers.create_customer, "CustomerCreateParams"),
    Route("GET", "customers", listing("customer", "email"), "CustomerListParams"),
    Route("GET", "customers/{}", read("customer")),
    Route("POST", "customers/{}", customers.update_customer, "CustomerUpdateParams"),
    Route("GET", "customers/{}/payment_methods", list_cards, "CustomerPaymentMethodListParams"),
    Route(
        "POST",
        "payment_methods",
        customers.create_payment_method,
        "PaymentMethodCreateParams",
        browser=True,
    ),
    Route(
        "GET", "payment_methods", listing("payment_method", "customer"), "PaymentMethodListParams"
    ),
    Route("GET", "payment_methods/{}", read_payment_method),
    Route("POST", "payment_methods/{}/attach", customers.attach, "PaymentMethodAttachParams"),
    Route("POST", "payment_methods/{}/detach", customers.detach, "PaymentMethodDetachParams"),
    Route("POST", "setup_intents", setup_intents.create, "SetupIntentCreateParams"),
    Route("GET", "setup_intents", listing("setup_intent", "customer"), "SetupIntentListParams"),
    Route("GET", "setup_intents/{}", read("setup_intent"), browser=True),
    Route(
        "POST",
        "setup_intents/{}/confirm",
        setup_intents.confirm,
        "SetupIntentConfirmParams",
        browser=True,
    ),
    Route("POST", "setup_intents/{}/cancel", setup_intents.cancel, "SetupIntentCancelParams"),
    Route("POST", "payment_intents", payment_intents.create, "PaymentIntentCreateParams"),
    Route(
        "GET", "payment_intents", listing("payment_intent", "customer"), "PaymentIntentListParams"
    ),
    Route("GET", "payment_intents/search", payment_intents.search, "PaymentIntentSearchParams"),
    Route("GET", "payment_intents/{}", read("payment_intent"), browser=True),
    Route("POST", "payment_intents/{}", payment_intents.update, "PaymentIntentUpdateParams"),
    Route(
        "POST",
        "payment_intents/{}/confirm",
        payment_intents.confirm,
        "PaymentIntentConfirmParams",
        browser=True,
    ),
    Route("POST", "payment_intents/{}/cancel", payment_intents.cancel, "PaymentIntentCancelParams"),
    Route(
        "GET",
        "charges",
        listing("charge", "customer", "payment_intent", "transfer_group"),
        "ChargeListParams",
    ),
    Route("GET", "charges/{}", read("charge")),
    Route("POST", "refunds", refunds.create, "RefundCreateParams"),
    Route("GET", "refunds", listing("refund", "charge", "payment_intent"), "RefundListParams"),
    Route("GET", "refunds/{}", read("refund")),
    Route("POST", "transfers", transfers.create, "TransferCreateParams"),
    Route(
        "GET",
        "transfers",
        listing("transfer", "destination", "transfer_group"),
        "TransferListParams",
    ),
    Route("GET", "transfers/{}", read("transfer")),
    Route("POST", "transfers/{}/reversals", transfers.reverse, "TransferReversalCreateParams"),
    Route("GET", "transfers/{}/reversals", transfers.list_reversals, "TransferReversalListParams"),
    Route("POST", "accounts", accounts.create, "AccountCreateParams"),
    Route("GET", "accounts", listing("account"), "AccountListParams"),
    Route("GET", "accounts/{}", read("account")),
    Route("POST", "account_links", accounts.create_link, "AccountLinkCreateParams"),
    Route("POST", "checkout/sessions", checkout.create, "checkout.SessionCreateParams"),
    Route("GET", "checkout/sessions/{}", checkout.retrieve),
    Route("GET", "balance", balance.retrieve),
    Route(
        "GET",
        "balance_transactions",
        listing("balance_transaction", "source", "type", per_account=True),
        "BalanceTransactionListParams",
    ),
    Route("GET", "balance_transactions/{}", read("balance_transaction")),
    Route("GET", "events", listing("event", "type"), "EventListParams"),
    Route("GET", "events/{}", read("event")),
    Route("GET", "disputes", listing("dispute", "charge", "payment_intent"), "DisputeListParams"),
    Route("GET", "disputes/{}", read("dispute")),
    Route("POST", "disputes/{}", disputes.update, "DisputeUpdateParams"),
    Route("POST", "disputes/{}/close", disputes.accept, "DisputeCloseParams"),
)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(path.replace("{}", "([^/]+)"))


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """The route of a request and the ids in its path; raises the API's 404."""
    for route in ROUTES:
        match = _pattern(route.path).fullmatch(path)
        if match and route.method == method:
            return route, match.groups()
    raise ApiError(
        404, "invalid_request_error", f"Unrecognized request URL ({method}: /v1/{path})."
    )
