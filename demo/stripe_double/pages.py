"""What the double's own pages share: their policy, and reading an intent by its secret."""

from flask import Response, abort, make_response

from demo.stripe_double.call import Call
from demo.stripe_double.objects import Json

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
)


def page(html: str, status: int = 200) -> Response:
    """A page that runs only the double's own files."""
    response = make_response(html, status)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def intent_with_secret(call: Call, intent_id: str, client_secret: str) -> Json:
    """The intent; a page for a wrong id and one for a wrong secret look the same."""
    intent = call.objects.find(intent_id)
    if intent is None or not client_secret or intent.get("client_secret") != client_secret:
        abort(404)
    return intent


def with_result(return_url: str, intent: Json) -> str:
    """The address a browser returns to, with the parameters Stripe adds."""
    separator = "&" if "?" in return_url else "?"
    kind = intent["object"]
    status = "succeeded" if intent["status"] == "succeeded" else "failed"
    return (
        f"{return_url}{separator}{kind}={intent['id']}"
        f"&{kind}_client_secret={intent['client_secret']}&redirect_status={status}"
    )
