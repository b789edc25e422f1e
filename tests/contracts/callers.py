"""Who calls: twelve people and nobody, each with a cookie that no answer can change."""

from contextvars import Context
from dataclasses import dataclass
from typing import Any

from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from tests.contracts.world import ROLES, World

ORIGIN = "http://localhost"
_RAW_TOKEN = "5f" * 20


@dataclass(frozen=True)
class Actor:
    """Somebody, by what they are and in which house. `key` names their sign-in in the world."""

    key: str
    kind: str  # anonymous, candidate, attending, staff, admin
    house: str = ""
    role: str = ""


ANONYMOUS = Actor("anonymous", "anonymous")
ADMIN = Actor("admin", "admin")
ACTORS: tuple[Actor, ...] = (
    ANONYMOUS,
    *(Actor(f"candidate-{house}", "candidate", house) for house in ("alpha", "beta")),
    *(Actor(f"attending-{house}", "attending", house) for house in ("alpha", "beta")),
    *(Actor(f"{role}-alpha", "staff", "alpha", role) for role in ROLES),
    Actor("owner-beta", "staff", "beta", "owner"),
    ADMIN,
)
BY_KEY = {actor.key: actor for actor in ACTORS} | {
    f"{role}-beta": Actor(f"{role}-beta", "staff", "beta", role) for role in ROLES
}


class Caller:
    """Sends one request as somebody. Cookies are made here and never kept from an answer."""

    def __init__(self, app: Flask, world: World) -> None:
        self.app, self._world = app, world
        self._cookies: dict[str, str] = {}
        self.form_token = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps(
            _RAW_TOKEN
        )

    def cookie(self, actor: Actor) -> str:
        """The session cookie of a browser of this person, with a form token in it."""
        if actor.kind == "anonymous":
            return ""
        if actor.key not in self._cookies:
            signer = self.app.session_interface.get_signing_serializer(self.app)
            held = {
                "_user_id": self._world.tokens[actor.key],
                "_fresh": True,
                "csrf_token": _RAW_TOKEN,
                "_permanent": True,
            }
            name = self.app.config["SESSION_COOKIE_NAME"]
            self._cookies[actor.key] = f"{name}={signer.dumps(held)}"
        return self._cookies[actor.key]

    def forget(self, key: str) -> None:
        """Make the cookie anew from the world's token."""
        self._cookies.pop(key, None)

    def send(
        self,
        actor: Actor,
        method: str,
        path: str,
        *,
        data: Any = None,
        headers: dict[str, str] | None = None,
        origin: str | None = ORIGIN,
        token: bool = True,
    ) -> TestResponse:
        """One request. Unsafe ones carry an Origin and, for a signed-in person, the token."""
        sent = dict(headers or {})
        unsafe = method not in ("GET", "HEAD", "OPTIONS")
        if cookie := self.cookie(actor):
            sent["Cookie"] = cookie
            if unsafe and token:
                sent["X-CSRFToken"] = self.form_token
        if unsafe and origin:
            sent["Origin"] = origin
        client = self.app.test_client(use_cookies=False)
        # a context of its own: what a request leaves in context variables stays in it
        answer: TestResponse = Context().run(
            lambda: client.open(path, method=method, headers=sent, data=data)
        )
        return answer
