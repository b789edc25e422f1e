"""The double as a Flask app."""

from flask import Flask

from demo.stripe_double import api, browser, controls, hosted
from demo.stripe_double.clock import Clock
from demo.stripe_double.store import Store


def create_app(store: Store, clock: Clock) -> Flask:
    """Everything the double serves: API, Stripe.js stand-in, hosted pages and controls."""
    app = Flask(__name__, static_url_path="/v3/static")
    app.register_blueprint(api.blueprint(store, clock))
    app.register_blueprint(browser.blueprint(store, clock))
    app.register_blueprint(hosted.blueprint(store, clock))
    app.register_blueprint(controls.blueprint(store, clock))
    return app
